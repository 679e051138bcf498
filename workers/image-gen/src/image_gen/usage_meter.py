"""Read the tokens of OpenAI's images from a response that passes by, which may be too large to be kept."""

from __future__ import annotations

import json
import re

from electrons.capabilities.images import ImageProvider
from electrons.usage import Units, Usage

_USAGE = re.compile(rb'"usage"\s*:\s*')
_LONGEST = 2048
"""Bytes of a `usage`, more than any has."""

_DECODER = json.JSONDecoder()


class UsageMeter:
    """Adds up each `usage` of a JSON document or a stream of events: a stream has one in the last event of each image.

    At the end of the response they become the `tokens` of `used`, which stays as it is where there are none.
    """

    def __init__(self, provider: ImageProvider, used: Usage) -> None:
        self._provider = provider
        self._used = used
        self._tokens: Units | None = None
        self._held = b""

    def feed(self, piece: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        text = self._held + piece
        done = 0
        # A quotation mark within a string is escaped, so this can only be a member of the JSON itself.
        while (at := text.find(b'"usage"', done)) >= 0:
            size = self._read(text[at : at + _LONGEST])
            if not size and len(text) - at < _LONGEST:
                self._held = text[at:]
                return
            done = at + max(size, 1)
        self._held = text[max(done, len(text) - len(b'"usage"') + 1) :]

    def end(self) -> None:
        """Take note that the response is whole."""
        if self._tokens is not None:
            self._used.tokens = self._tokens

    def _read(self, text: bytes) -> int:
        """Count the usage with which the text begins, and return its size; 0 if it is not whole, or none."""
        found = _USAGE.match(text)
        if found is None:
            return 0
        try:
            value, size = _DECODER.raw_decode(text[found.end() :].decode("utf-8", "replace"))
        except (ValueError, RecursionError):
            return 0
        if (tokens := self._provider.parse_tokens({"usage": value})) is not None:
            known = self._tokens or Units(0, 0)
            self._tokens = Units(known.input + tokens.input, known.output + tokens.output)
        return found.end() + size
