"""The requests that an emulator received, for tests to inspect: what a client sent, and how the response went."""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

_MAX_EXCHANGES = 100
_MAX_BODY_BYTES = 64 * 1024
_CREDENTIALS = {b"authorization", b"x-api-key", b"api-key", b"xi-api-key", b"proxy-authorization", b"cookie"}


@dataclass(slots=True)
class Exchange:
    """One received request and the progress of its response.

    `aborted` means that the client disconnected before the end of the response; `finished`, that nothing more will be
    sent.
    """

    method: str
    path: str
    query: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    fault: str | None = None
    status: int | None = None
    frames_sent: int = 0
    bytes_sent: int = 0
    aborted: bool = False
    finished: bool = False

    def mentions(self, needle: str) -> bool:
        """Return whether the needle appears in a string of the request's body or in its decoded query."""
        return mentions(self.body, needle) or needle in unquote_plus(self.query)

    def describe(self) -> dict[str, Any]:
        """Return the JSON form: credentials masked, without bodies that are above 64 KiB or not JSON."""
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": {
                name.decode("latin-1"): "***" if name in _CREDENTIALS else value.decode("latin-1")
                for name, value in self.headers
            },
            "body": _parse(self.body) if len(self.body) <= _MAX_BODY_BYTES else None,
            "body_bytes": len(self.body),
            "fault": self.fault,
            "status": self.status,
            "frames_sent": self.frames_sent,
            "bytes_sent": self.bytes_sent,
            "aborted": self.aborted,
            "finished": self.finished,
        }


class Journal:
    """The last hundred exchanges, oldest first."""

    def __init__(self) -> None:
        self._exchanges: deque[Exchange] = deque(maxlen=_MAX_EXCHANGES)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._exchanges)

    def add(self, exchange: Exchange) -> None:
        """Record an exchange, and forget the oldest one if there are too many."""
        self._exchanges.append(exchange)

    def clear(self) -> None:
        """Forget all exchanges."""
        self._exchanges.clear()


def mentions(body: bytes, needle: str) -> bool:
    """Return whether a string in a JSON body, or else the body as text, contains the needle."""
    parsed = _parse(body)
    if parsed is None:
        return needle in body.decode("utf-8", "replace")
    return any(needle in string for string in _strings(parsed))


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _strings(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _strings(item)
        case dict():
            for item in value.values():
                yield from _strings(item)
