"""The settings of this worker."""

from __future__ import annotations

from dataclasses import dataclass

from electrons.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSettings(Settings):
    """The shared settings and those of image-gen."""

    default_image_model: str = "ideogram:v3"
    max_image_bytes: int = 20_971_520
