"""Subtitles from the times of characters: words, cues of one line each, and the two formats that players read.

SubRip has no standard; WebVTT: https://www.w3.org/TR/webvtt1/. Times are in seconds.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

LINE_CHARACTERS = 42
"""Of a subtitle's line, by broadcasters' convention."""

CUE_SECONDS = 7.0
"""After which a cue has been read by everybody."""

_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)\]]*$")  # noqa: RUF001  # full-width marks end sentences too
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})


@dataclass(frozen=True, slots=True)
class Span:
    """A word or a cue, from when to when it is spoken."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """When each character is spoken: three sequences of one length."""

    characters: Sequence[str]
    starts: Sequence[float]
    ends: Sequence[float]

    def __post_init__(self) -> None:
        if not len(self.characters) == len(self.starts) == len(self.ends):
            raise ValueError("an alignment must have a start and an end for each character")

    def words(self) -> list[Span]:
        """What stands between spaces; scripts without spaces have a word in each character."""
        return [self._span(first, last) for first, last in self._word_bounds()]

    def cues(self) -> list[Span]:
        """Words that are shown together: up to the end of a line or of a sentence."""
        cues: list[tuple[int, int]] = []
        for first, last in self._word_bounds():
            if cues and self._fits(cues[-1][0], cues[-1][1], last):
                cues[-1] = (cues[-1][0], last)
            else:
                cues.append((first, last))
        return [self._span(first, last) for first, last in cues]

    def _fits(self, first: int, last: int, new_last: int) -> bool:
        if _SENTENCE_END.search(self._text(first, last)):
            return False
        return new_last - first < LINE_CHARACTERS and self.ends[new_last] - self.starts[first] <= CUE_SECONDS

    def _word_bounds(self) -> list[tuple[int, int]]:
        """The first and the last character of each word."""
        bounds: list[tuple[int, int]] = []
        begun = False
        for index, character in enumerate(self.characters):
            if not character.strip():
                begun = False
                continue
            alone = _stands_alone(character)
            if begun and not alone:
                bounds[-1] = (bounds[-1][0], index)
            else:
                bounds.append((index, index))
            # Punctuation stays with the character before it.
            begun = True
        return bounds

    def _span(self, first: int, last: int) -> Span:
        return Span(self._text(first, last), self.starts[first], self.ends[last])

    def _text(self, first: int, last: int) -> str:
        return " ".join("".join(self.characters[first : last + 1]).split())


def to_srt(cues: Sequence[Span]) -> str:
    """SubRip."""
    blocks = [
        f"{number}\n{_time(cue.start, ',')} --> {_time(cue.end, ',')}\n{cue.text}\n"
        for number, cue in enumerate(cues, start=1)
    ]
    return "\n".join(blocks)


def to_vtt(cues: Sequence[Span]) -> str:
    """WebVTT."""
    blocks = [f"{_time(cue.start, '.')} --> {_time(cue.end, '.')}\n{cue.text.translate(_ESCAPES)}\n" for cue in cues]
    return "\n".join(["WEBVTT\n", *blocks])


def _stands_alone(character: str) -> bool:
    """Whether it is an ideograph or a kana: wide, and a letter."""
    return unicodedata.east_asian_width(character[0]) == "W" and unicodedata.category(character[0]) == "Lo"


def _time(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, milliseconds = divmod(milliseconds, 1000)
    return f"{hours:02d}:{minutes:02d}:{whole:02d}{point}{milliseconds:03d}"
