"""The requests an emulator received, for tests to look at: what a client really sent, and what became of it."""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

_KEPT_REQUESTS = 100
_KEPT_BODY_BYTES = 64 * 1024
_CREDENTIALS = {b"authorization", b"x-api-key", b"api-key", b"xi-api-key", b"proxy-authorization", b"cookie"}


@dataclass(slots=True)
class Exchange:
    """One received request and how its answer went.

    `aborted` means that the client went away before the answer's end; `finished` that nothing more will be sent.
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
        """Whether the needle stands in any text of the request's body, or in its query as decoded."""
        return mentions(self.body, needle) or needle in unquote_plus(self.query)

    def describe(self) -> dict[str, Any]:
        """The JSON form. Credentials are masked, bodies above 64 KiB or that are not JSON only have their size."""
        return {
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "headers": {
                name.decode("latin-1"): "***" if name in _CREDENTIALS else value.decode("latin-1")
                for name, value in self.headers
            },
            "body": _parse(self.body) if len(self.body) <= _KEPT_BODY_BYTES else None,
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
        self._exchanges: deque[Exchange] = deque(maxlen=_KEPT_REQUESTS)

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._exchanges)

    def add(self, exchange: Exchange) -> None:
        self._exchanges.append(exchange)

    def clear(self) -> None:
        self._exchanges.clear()


def mentions(body: bytes, needle: str) -> bool:
    """Whether any string of a JSON body, or else the body as text, contains the needle."""
    parsed = _parse(body)
    return (
        needle in body.decode("utf-8", "replace") if parsed is None else any(needle in text for text in _texts(parsed))
    )


def _parse(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for item in value:
                yield from _texts(item)
        case dict():
            for item in value.values():
                yield from _texts(item)
