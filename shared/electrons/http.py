"""Requests and responses without runtime types, so that everything above `runtime/` runs on plain CPython.

A body is read once and whole (`Request.read`), or written as bytes, a string, an async iterator, or a `Passthrough`
that only the runtime understands (media that Python never touches).
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv6Address, ip_address
from typing import Any, Protocol
from urllib.parse import parse_qsl

import httpx2
from pydantic_core import to_json

from electrons.errors import RequestError

HeaderPairs = list[tuple[str, str]]

_ORIGIN = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>\[[0-9a-f:.]{2,45}\]|[a-z0-9._~-]{1,255})(?::\d{0,5})?(?=[/?#]|$)",
    re.ASCII | re.IGNORECASE,
)


class Headers:
    """Header fields as pairs, looked up case-insensitively; repeated fields are joined by `, ` (RFC 9110, 5.3)."""

    __slots__ = ("_pairs", "_values")

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        self._pairs = [(name.lower(), value) for name, value in pairs]
        self._values = join_fields(self._pairs)

    def get(self, name: str) -> str | None:
        """Return the value of a field, None if it is absent."""
        return self._values.get(name.lower())

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._pairs)


def join_fields(pairs: HeaderPairs) -> dict[str, str]:
    """Return header fields with one value for each name: those of repeated ones joined by `, ` (RFC 9110, 5.3)."""
    fields = dict(pairs)
    if len(fields) == len(pairs):  # nearly always
        return fields
    values: dict[str, list[str]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: ", ".join(found) for name, found in values.items()}


class TextHeaders(httpx2.Headers):
    """Header fields of a call to the outside: `pairs`, with names as they are written. They are not changed.

    httpx2 keeps fields as bytes. To encode each and to decode it again costs as much as all the rest of its request
    and response, so here it is done when something reads them as httpx2 has them.
    """

    def __init__(self, pairs: HeaderPairs) -> None:
        self.pairs = pairs
        self._encoding = "latin-1"  # JavaScript has each byte of a value as one character

    @classmethod
    def of(cls, headers: httpx2.Headers) -> TextHeaders:
        """Return any headers as these."""
        if isinstance(headers, TextHeaders):
            return headers
        return cls([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers.raw])

    def __getattr__(self, name: str) -> Any:
        if name != "_list":
            raise AttributeError(name)
        pairs = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in self.pairs]
        self._list = [(name, name.lower(), value) for name, value in pairs]
        return self._list

    def __contains__(self, key: Any) -> bool:
        return key.lower() in [name.lower() for name, _ in self.pairs]


class Passthrough(Protocol):
    """A body that the runtime streams by itself."""

    @property
    def size(self) -> int | None:
        """Return the number of bytes, None if it is unknown."""


Body = bytes | str | AsyncGenerator[str, None] | Passthrough | None


Reader = Callable[[int | None, int], Awaitable[bytes]]
"""Reads a body, given the length that it is said to have, and the limit past which it raises `PayloadTooLargeError`."""


async def _no_body(_length: int | None, _limit: int) -> bytes:
    return b""


@dataclass(frozen=True, slots=True)
class Origin:
    """The beginning of a URL: its scheme, and its host in lower case and without brackets."""

    scheme: str
    host: str


def parse_origin(url: str) -> Origin | None:
    """Return the origin of an absolute URL, None where there is no well-formed host (RFC 3986, 3.2.2)."""
    found = _ORIGIN.match(url)
    if found is None:
        return None
    host = found["host"].lower()
    if host.startswith("["):
        host = host[1:-1]
        try:
            IPv6Address(host)
        except ValueError:
            return None
    return Origin(found["scheme"].lower(), host)


def is_loopback(host: str) -> bool:
    """Return whether a host, as in `Origin`, always is this machine (RFC 6761, 6.3; RFC 4291, 2.5.3)."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(slots=True)
class Request:
    """One incoming request.

    `content_length` is the length that the body is said to have, None where nothing is said. The `reader` has no
    reference to the request, or both would stay in memory until a garbage collection.
    The path and the query are read without regard to the host, which is what the caller has sent.
    """

    method: str
    url: str
    headers: Headers = field(default_factory=Headers)
    reader: Reader = _no_body
    path: str = field(init=False)
    query: dict[str, str] = field(init=False)
    content_length: int | None = field(init=False)

    def __post_init__(self) -> None:
        target, _, _ = self.url.partition("#")
        target, _, query = target.partition("?")
        _, separator, after_scheme = target.partition("://")
        _, slash, path = after_scheme.partition("/")
        self.path = f"{slash}{path}" if separator else target
        self.query = dict(parse_qsl(query, keep_blank_values=True)) if query else {}
        length = self.headers.get("Content-Length") or ""
        self.content_length = int(length) if length.isascii() and length.isdigit() else None

    async def read(self, limit: int) -> bytes:
        """Return the whole body. Raises `PayloadTooLargeError` past `limit`."""
        return await self.reader(self.content_length, limit)

    @property
    def host(self) -> str:
        """Return the host of the URL, which is that of the `Host` header. Raises `RequestError` for a malformed one."""
        found = parse_origin(self.url)
        if found is None:
            raise RequestError("The `Host` header is not a host name or an address")
        return found.host


@dataclass(slots=True)
class Response:
    """One response. Headers are pairs, because a dict loses repeated fields."""

    status: int = 200
    headers: HeaderPairs = field(default_factory=list)
    body: Body = None

    @classmethod
    def json(cls, content: str | bytes | dict[str, Any], *, status: int = 200) -> Response:
        """Return an `application/json` response with a dict, or with a document that is already serialized."""
        body = json.dumps(content, ensure_ascii=False, separators=(",", ":")) if isinstance(content, dict) else content
        return cls(status=status, headers=[("Content-Type", "application/json")], body=body)

    @classmethod
    def event_stream(cls, frames: AsyncGenerator[str, None] | Passthrough) -> Response:
        """Return a response of server-sent events (WHATWG HTML, 9.2). Each item is one or more whole frames."""
        headers = [("Content-Type", "text/event-stream; charset=utf-8"), ("Cache-Control", "no-cache, no-transform")]
        return cls(headers=headers, body=frames)


def data_frame(document: dict[str, Any]) -> str:
    """Return one server-sent event whose data is a JSON document, its empty line included."""
    return f"data: {to_json(document).decode()}\n\n"
