"""Requests and responses without runtime types, so that everything above `runtime/` runs on plain CPython.

A body is read once and whole (`Request.reader`), or written as bytes, text, an async iterator, or a `Passthrough` that
only the runtime understands (media that Python never touches).
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlsplit

HeaderPairs = list[tuple[str, str]]


class Headers:
    """Header fields as pairs, looked up without regard to case; repeated fields are joined by `, ` (RFC 9110, 5.3)."""

    __slots__ = ("_pairs",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = [(name.lower(), value) for name, value in pairs]

    def get(self, name: str) -> str | None:
        """The value of a field, None when it is absent."""
        wanted = name.lower()
        values = [value for field_name, value in self._pairs if field_name == wanted]
        return ", ".join(values) if values else None

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)


class Passthrough(Protocol):
    """A body that the runtime streams by itself."""

    @property
    def size(self) -> int | None:
        """Bytes, where it is known."""


Body = bytes | str | AsyncGenerator[str, None] | Passthrough | None


async def _no_body(_limit: int) -> bytes:
    return b""


@dataclass(slots=True)
class Request:
    """One incoming request. `reader(limit)` gives the whole body or raises `PayloadTooLargeError` past `limit`."""

    method: str
    url: str
    headers: Headers = field(default_factory=Headers)
    reader: Callable[[int], Awaitable[bytes]] = _no_body
    path: str = field(init=False)
    query: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        self.path = parts.path
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True)) if parts.query else {}

    @property
    def client_address(self) -> str:
        """The caller's address as Cloudflare saw it; local runs have no such header."""
        return self.headers.get("CF-Connecting-IP") or "local"


@dataclass(slots=True)
class Response:
    """One answer. Headers are pairs, because a dict loses repeated fields."""

    status: int = 200
    headers: HeaderPairs = field(default_factory=list)
    body: Body = None

    @classmethod
    def json(cls, content: str | bytes | dict[str, Any], *, status: int = 200) -> Response:
        """An `application/json` answer from a document that is serialized already, or from a dict."""
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")) if isinstance(content, dict) else content
        return cls(status=status, headers=[("Content-Type", "application/json")], body=body)

    @classmethod
    def event_stream(cls, frames: AsyncGenerator[str, None]) -> Response:
        """Server-sent events (WHATWG HTML, 9.2); each item is one whole frame, its empty line included."""
        headers = [("Content-Type", "text/event-stream; charset=utf-8"), ("Cache-Control", "no-cache, no-transform")]
        return cls(headers=headers, body=frames)


def data_frame(document: dict[str, Any]) -> str:
    """One server-sent event whose data is a JSON document, its empty line included."""
    return f"data: {json.dumps(document, ensure_ascii=False, separators=(',', ':'))}\n\n"
