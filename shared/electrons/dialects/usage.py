"""Read what a call used from a vendor's response: from its document, or from the two ends of a stream.

Both vendors report it under `usage`: chat completions in the last chunk, Responses in the last event, messages in the
first event and again in the last but one. What is between is not parsed, so a stream costs the same however long it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from json import JSONDecodeError, JSONDecoder
from typing import Any

from electrons.capabilities.text import CHARACTERS_PER_TOKEN
from electrons.upstream.reading import as_integer, as_object
from electrons.usage import Usage

_HEAD_BYTES = 16 * 1024
_TAIL_BYTES = 32 * 1024
_SAMPLE_BYTES = 256 * 1024
_RECENT_BYTES = 32 * 1024

# A quotation mark within a string is escaped, so these can only be members of the JSON itself.
_USAGE = re.compile(rb'"usage"\s*:\s*(?=\{)')
_TEXT = re.compile(
    rb'"(?:content|text|partial_json|arguments|thinking|delta|refusal|reasoning_content)"\s*:\s*"((?:[^"\\]|\\.)*)"'
)
# The last frame of each kind of stream: chat completions, messages, Responses.
_ENDED = re.compile(rb'data:\s*\[DONE\]|"type"\s*:\s*"(?:message_stop|response\.(?:completed|incomplete|cancelled))"')
_FAILED = re.compile(
    rb'^(?:event:\s*error\b|data:\s*\{\s*"error"\s*:\s*[{"]|data:.{0,200}"type"\s*:\s*"(?:error|response\.failed)")',
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Tokens of a call; 0 is what was not reported. Those of the prompt cache are contained in `input_tokens`."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    cache_write_1h_tokens: int = 0

    def note(self, usage: Usage) -> None:
        """Write them into the usage of the request."""
        usage.input_units, usage.output_units = self.input_tokens, self.output_tokens
        usage.cache_read_units, usage.cache_write_units = self.cache_read_tokens, self.cache_write_tokens
        usage.cache_write_1h_units = self.cache_write_1h_tokens


def read_counts(usage: Mapping[str, Any]) -> Counts:
    """Return the counts in a `usage` of either vendor. Only Anthropic's input is without the cache."""
    read = as_integer(usage.get("cache_read_input_tokens")) or 0
    write = as_integer(usage.get("cache_creation_input_tokens")) or 0
    whole = (as_integer(usage.get("prompt_tokens")) or as_integer(usage.get("input_tokens")) or 0) + read + write
    for_an_hour = as_integer(as_object(usage.get("cache_creation")).get("ephemeral_1h_input_tokens")) or 0
    details = as_object(usage.get("prompt_tokens_details")) or as_object(usage.get("input_tokens_details"))
    return Counts(
        input_tokens=whole,
        output_tokens=as_integer(usage.get("completion_tokens")) or as_integer(usage.get("output_tokens")) or 0,
        cache_read_tokens=read or min(as_integer(details.get("cached_tokens")) or 0, whole),
        cache_write_tokens=write,
        cache_write_1h_tokens=min(for_an_hour, write),
    )


class StreamMeter:
    """What is known of a stream of server-sent events: its two ends, and its size."""

    def __init__(self) -> None:
        self._sample = bytearray()
        self._tail = b""
        self._size = 0
        self._recent = bytearray()
        self._known_frame: bytes | None = None

    def feed(self, piece: bytes) -> None:
        """Take the next bytes, cut anywhere."""
        self._recent += piece
        if len(self._recent) > _RECENT_BYTES:
            self._collect()

    @property
    def has_ended(self) -> bool:
        """Whether the stream came to the end that its protocol requires, or reported why it did not."""
        frame = self._last_frame()
        return bool(_ENDED.search(frame) or _FAILED.search(frame)) or self._is_end_of_responses(frame)

    @property
    def has_failed(self) -> bool:
        """Whether the vendor ended the stream with an error."""
        return bool(_FAILED.search(self._last_frame()))

    def counts(self) -> Counts:
        """Return what the vendor reported, the later number of each; what it did not report is 0."""
        self._collect()
        head = bytes(self._sample[:_HEAD_BYTES])
        first, last = _find_usage(head, first=True), _find_usage(self._tail, first=False)
        return read_counts({**first, **{name: value for name, value in last.items() if value is not None}})

    def note(self, usage: Usage, *, is_whole: bool, input_estimate: int) -> None:
        """Write what the stream used into the usage of the request; what was not reported is estimated."""
        counts = self.counts()
        output_tokens = counts.output_tokens
        if not is_whole or not output_tokens:
            output_tokens = max(output_tokens, self.estimate_output())
        input_tokens = counts.input_tokens or (input_estimate if is_whole or output_tokens else 0)
        replace(counts, input_tokens=input_tokens, output_tokens=output_tokens).note(usage)
        if self.has_failed:
            usage.end_call(is_unknown=False)  # beyond what came, as the vendor says

    def estimate_output(self) -> int:
        """Return about how many tokens the text has that came, for a stream that was interrupted."""
        self._collect()
        sample = bytes(self._sample)
        characters = sum(len(text.decode("utf-8", "ignore")) for text in _TEXT.findall(sample))
        whole = characters * max(self._size, 1) // max(len(sample), 1)
        return -(-whole // CHARACTERS_PER_TOKEN)

    def _collect(self) -> None:
        """Add what has come since the last time to both ends."""
        if not self._recent:
            return
        recent, self._recent = bytes(self._recent), bytearray()
        self._size += len(recent)
        if len(self._sample) < _SAMPLE_BYTES:
            self._sample += recent
        self._tail = (self._tail + recent)[-_TAIL_BYTES:]
        self._known_frame = None

    def _last_frame(self) -> bytes:
        """Return the last frame that has any data, or the end of it where it is long."""
        self._collect()
        if self._known_frame is None:
            self._known_frame = self._tail.replace(b"\r\n", b"\n").rstrip().rpartition(b"\n\n")[2]
        return self._known_frame

    def _is_end_of_responses(self, frame: bytes) -> bool:
        """Whether the last frame is so long that only its end is known: only that of Responses has a usage there."""
        return len(frame) > _TAIL_BYTES // 2 and bool(_USAGE.search(frame)) and self._tail.endswith(b"\n\n")


def _find_usage(text: bytes, *, first: bool) -> dict[str, Any]:
    found = [match.end() for match in _USAGE.finditer(text)]
    if not found:
        return {}
    try:
        value, _ = _DECODER.raw_decode(text[found[0 if first else -1] :].decode("utf-8", "ignore"))
    except (JSONDecodeError, RecursionError):
        return {}
    return as_object(value)


_DECODER = JSONDecoder()
