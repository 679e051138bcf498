"""The filter graph of one ffmpeg run under construction, and the files that it reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .assets import Media
from .timeline import TimelineError


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files of an edit by URL: audio and video, images and subtitles; and a directory for drawn pictures."""

    media: Mapping[str, Media]
    files: Mapping[str, Path]
    directory: Path


@dataclass(slots=True)
class Graph:
    """The inputs so far, the chains of filters, and the labels of audio: spoken, other, and the soundtrack's."""

    inputs: list[str] = field(default_factory=list)
    chains: list[str] = field(default_factory=list)
    voices: list[str] = field(default_factory=list)
    sounds: list[str] = field(default_factory=list)
    soundtrack: str = ""
    count: int = 0

    def add_input(self, *arguments: str | Path) -> int:
        """Add an input with its options, and return its number."""
        self.inputs += map(str, arguments)
        self.count += 1
        return self.count - 1


def source_of(asset: Mapping[str, Any]) -> str:
    """Return the asset's URL. Raises `TimelineError` for one with a prompt instead."""
    if "src" not in asset:
        raise TimelineError("The emulator does not generate assets from a prompt: give the asset a `src`")
    return str(asset["src"])
