"""W3C Trace Context (https://www.w3.org/TR/trace-context/): which trace a request belongs to.

A well-formed inbound `traceparent` is continued, with a span id of this platform's own; otherwise a trace begins here.
The header goes on to providers and callbacks, and into the Workflow of a render.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from electrons.randomness import take_bytes

_TRACEPARENT = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.ASCII)
_INVALID_VERSION = "ff"
_VERSION = "00"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A place in a trace: 32 and 16 hex digits, and the flags (`01`: the caller records the trace)."""

    trace_id: str
    span_id: str
    flags: str = "01"

    @classmethod
    def start(cls) -> Trace:
        """Begin a trace."""
        digits = take_bytes(24).hex()
        return cls(trace_id=digits[:32], span_id=digits[32:])

    @classmethod
    def parse(cls, header: str | None) -> Trace | None:
        """Return what a header says, None if it is not valid (section 3.2.2). A later version may have more fields."""
        match = _TRACEPARENT.fullmatch(header or "")
        if match is None or match[1] == _INVALID_VERSION or (match[1] == _VERSION and match[5]):
            return None
        if not (int(match[2], 16) and int(match[3], 16)):
            return None
        return cls(trace_id=match[2], span_id=match[3], flags=f"{int(match[4], 16) & 1:02x}")

    def child(self) -> Trace:
        """Return a new span of the same trace."""
        return Trace(trace_id=self.trace_id, span_id=take_bytes(8).hex(), flags=self.flags)

    @property
    def header(self) -> str:
        """Return the value of the header `traceparent`."""
        return f"{_VERSION}-{self.trace_id}-{self.span_id}-{self.flags}"


NOT_TRACED = Trace(trace_id="0" * 32, span_id="0" * 16, flags="00")
"""What a context has before its request is read."""


def continue_trace(header: str | None) -> Trace:
    """Return this platform's span of the trace that a request names, or of a new one."""
    parent = Trace.parse(header)
    return parent.child() if parent else Trace.start()
