"""What the parts of a render plan add to: ffmpeg's inputs and filters, and the files that they are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .assets import Media
from .timeline import TimelineError


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The files of an edit by URL: what plays, images and subtitles; and a directory for pictures that are drawn."""

    media: Mapping[str, Media]
    others: Mapping[str, Path]
    directory: Path


@dataclass(slots=True)
class Graph:
    """The arguments so far: inputs, chains of filters, and the labels of what sounds."""

    inputs: list[str] = field(default_factory=list)
    chains: list[str] = field(default_factory=list)
    sounds: list[str] = field(default_factory=list)
    count: int = 0

    def add_input(self, *arguments: str | Path) -> int:
        """Add an input with its options, and return its number."""
        self.inputs += map(str, arguments)
        self.count += 1
        return self.count - 1


def source_of(asset: Mapping[str, Any]) -> str:
    """The asset's URL. Raises `TimelineError` for one that is to be generated."""
    if "src" not in asset:
        raise TimelineError("The emulator does not generate assets from a prompt")
    return str(asset["src"])
