"""Subtitles from the times of characters: words, cues of one line each, and the two formats that players read.

SubRip has no standard; WebVTT: https://www.w3.org/TR/webvtt1/. Times are in seconds, and whole milliseconds, because
both formats have no smaller unit.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from electrons.media.timing import spread_times

LINE_CHARACTERS = 42
"""The longest line of a subtitle, by broadcasters' convention."""

CUE_SECONDS = 7.0
"""The longest cue: everyone has read it by then."""

_SENTENCE_END = re.compile(r"[.!?…。！？][\"'”’»)\]]*$")  # noqa: RUF001  # full-width marks end sentences too
_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})

# Directions to the voice: `[laughs]`, `<break time="1s"/>`. `[1]` and `[t]he` are spoken, and so is `a < b > c`.
_DIRECTION = re.compile(
    r"""\[[^\W\d_][^\[\]\n]{2,79}\]"""
    r"""|</?[A-Za-z][\w:.-]*(?:\s+[\w:.-]+\s*=\s*(?:"[^"<>]{0,200}"|'[^'<>]{0,200}'))*\s*/?>"""
)


@dataclass(frozen=True, slots=True)
class Span:
    """A word or a cue, and when it is spoken."""

    text: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Alignment:
    """When each character is spoken: three sequences of one length.

    The times are the provider's: they may be out of order, of no length, or past the end of the audio.
    """

    characters: Sequence[str]
    starts: Sequence[float]
    ends: Sequence[float]

    def __post_init__(self) -> None:
        if not len(self.characters) == len(self.starts) == len(self.ends):
            raise ValueError("an alignment must have a start and an end for each character")

    def words(self, *, duration: float | None = None) -> list[Span]:
        """Return what is between spaces; in a script without spaces, each character is a word.

        Each word has a length, starts after the end of the one before it, and ends within the `duration` of the audio,
        if that is given. Directions to the voice are not words. There are none if the audio is too short for them.
        """
        return [word.to_span() for word in self._timed_words(duration)]

    def cues(self, *, duration: float | None = None) -> list[Span]:
        """Return the words that are shown together, up to the end of a line or of a sentence; times as in `words`."""
        cues: list[_Words] = []
        for word in self._timed_words(duration):
            if cues and cues[-1].takes(word):
                cues[-1] = cues[-1].joined_with(word)
            else:
                cues.append(word)
        return [cue.to_span() for cue in cues]

    def _timed_words(self, duration: float | None) -> list[_Words]:
        spoken = _blank_directions(self.characters)
        bounds = _find_words(spoken)
        times = spread_times(
            [(self.starts[first], self.ends[last]) for first, last in bounds],
            weights=[last - first + 1 for first, last in bounds],
            duration=duration,
        )
        if times is None:
            return []
        return [
            _Words(spoken, first, last, start, end) for (first, last), (start, end) in zip(bounds, times, strict=True)
        ]


@dataclass(frozen=True, slots=True)
class _Words:
    """The characters from `first` to `last`; times are in milliseconds."""

    characters: Sequence[str]
    first: int
    last: int
    start: int
    end: int

    @property
    def text(self) -> str:
        return " ".join("".join(self.characters[self.first : self.last + 1]).split())

    def takes(self, word: _Words) -> bool:
        """Return whether a cue of these words has room for another."""
        joined = self.joined_with(word)
        is_short = len(joined.text) <= LINE_CHARACTERS and joined.end - joined.start <= CUE_SECONDS * 1000
        return is_short and not _SENTENCE_END.search(self.text)

    def joined_with(self, word: _Words) -> _Words:
        return _Words(self.characters, self.first, word.last, self.start, word.end)

    def to_span(self) -> Span:
        return Span(self.text, self.start / 1000, self.end / 1000)


def to_srt(cues: Sequence[Span]) -> str:
    """Return the cues as SubRip."""
    blocks = [
        f"{number}\n{_format_time(cue.start, ',')} --> {_format_time(cue.end, ',')}\n{cue.text}\n"
        for number, cue in enumerate(cues, start=1)
    ]
    return "\n".join(blocks)


def to_vtt(cues: Sequence[Span]) -> str:
    """Return the cues as WebVTT."""
    blocks = [
        f"{_format_time(cue.start, '.')} --> {_format_time(cue.end, '.')}\n{cue.text.translate(_ESCAPES)}\n"
        for cue in cues
    ]
    return "\n".join(["WEBVTT\n", *blocks])


def _blank_directions(characters: Sequence[str]) -> list[str]:
    """Return the characters without the directions to the voice.

    A direction leaves spaces, so that the words around it stay apart; a pair of tags around words leaves nothing.
    """
    spoken = list(characters)
    text = "".join(spoken)
    # An item is a character as the provider counts them: it may be several of Python's.
    owners = [index for index, character in enumerate(spoken) for _ in character]
    for found in _DIRECTION.finditer(text):
        is_pair = found[0].startswith("<") and not found[0].endswith("/>")
        for index in owners[found.start() : found.end()]:
            spoken[index] = "" if is_pair else " "
    return spoken


def _find_words(characters: Sequence[str]) -> list[tuple[int, int]]:
    """Return the first and the last character of each word."""
    bounds: list[tuple[int, int]] = []
    begun = False
    for index, character in enumerate(characters):
        if not character:
            continue
        if character.isspace():
            begun = False
            continue
        if begun and not _stands_alone(character):
            bounds[-1] = (bounds[-1][0], index)
        else:
            bounds.append((index, index))
        # Punctuation belongs to the character before it.
        begun = True
    return bounds


def _stands_alone(character: str) -> bool:
    """Return whether it is an ideograph or a kana: wide, and a letter."""
    return unicodedata.east_asian_width(character[0]) == "W" and unicodedata.category(character[0]) == "Lo"


def _format_time(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    whole, milliseconds = divmod(milliseconds, 1000)
    return f"{hours:02d}:{minutes:02d}:{whole:02d}{point}{milliseconds:03d}"
