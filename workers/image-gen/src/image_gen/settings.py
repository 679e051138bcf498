"""The settings of this worker."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from electrons.capabilities.images import ImageProvider
from electrons.context import Context
from electrons.registry import check_default
from electrons.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings(Settings):
    """The shared settings and those of image-gen."""

    default_image_model: str = "ideogram:v3"
    max_image_bytes: int = 20_971_520


def find_default(context: Context, providers: Sequence[ImageProvider]) -> str:
    """Return the deployment's default model. Raises `ConfigurationError` for one of an unknown provider."""
    return check_default("DEFAULT_IMAGE_MODEL", context.settings_as(ImageSettings).default_image_model, providers)
