"""The settings of this worker."""

from __future__ import annotations

from dataclasses import dataclass

from electrons.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSettings(Settings):
    """The shared settings and those of text-gen."""

    default_model: str = "anthropic:claude-sonnet-4-6"
    providers: str = ""
