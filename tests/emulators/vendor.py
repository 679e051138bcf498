"""The parts of an emulated vendor: the calls that it receives, the responses that it sends, its routes and errors.

A vendor is a package in `vendors/` with a module-level `vendor = Vendor(...)`; `app.py` finds it by globbing. Its
handlers are synchronous (`Call` in, `Response` out, or `raise Refusal(response)`): `app.py` reads the body, injects
faults and latency and records the request, in the same way for every vendor.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic_core import to_json
from starlette.routing import compile_path

Headers = list[tuple[bytes, bytes]]
Body = dict[str, Any]
_Entry = TypeVar("_Entry")


@dataclass(frozen=True, slots=True)
class Call:
    """One received API request. Header names are lower case; `params` has the path parameters of the matched route.

    `target` is the path and the query below the vendor's name as they were sent, still percent-encoded.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, list[str]]
    body: bytes
    params: Mapping[str, str] = field(default_factory=dict)
    target: str = ""

    def query_value(self, name: str, default: str = "") -> str:
        """Return the last value of a query parameter."""
        return self.query.get(name, [default])[-1]

    def query_number(self, name: str, default: int) -> int:
        """Return a query parameter as a number from 0; anything else counts as absent."""
        value = self.query_value(name)
        return int(value) if value.isdecimal() else default

    def url_of(self, path: str) -> str:
        """Return the absolute URL of a path on this server, as the caller reaches it."""
        return f"http://{self.headers.get('host', '127.0.0.1')}{path}"


class LiveBody(Protocol):
    """The part of a body that is not there yet when the response begins."""

    def read(self) -> bytes:
        """Wait for the next frame and return it, or nothing at the end. Raises `OSError` if the sender has gone."""

    def close(self) -> None:
        """Stop, because the caller has left; safe at any time and from another thread."""


@dataclass(frozen=True, slots=True)
class Response:
    """One response: a plain body is one frame sent with Content-Length, a stream is many frames sent chunked.

    `rest` comes after the frames of a stream.
    """

    status: int
    headers: Headers
    frames: Sequence[bytes]
    streamed: bool = False
    rest: LiveBody | None = None


class Refusal(Exception):  # noqa: N818 - a response that ends the handler early, not a failure of the emulator
    """A response that a handler raises to end early, such as the vendor's 400."""

    def __init__(self, response: Response) -> None:
        super().__init__(response.status)
        self.response = response


Handler = Callable[[Call], Response]
# Returns the JSON body of an error for a status, a message and a code.
DescribeError = Callable[[int, str | None, str | None], Body]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path (`/v1/models/{id}`; Starlette's path syntax) with its handler.

    The handler of a `slow` route runs in a thread, so that other requests do not wait for it.
    """

    method: str
    path: str
    handler: Handler
    slow: bool = False

    def match(self, path: str) -> Mapping[str, str] | None:
        """Return the parameters in the path, or `None` if it is not a path of this route."""
        found = _compile_path(self.path).match(path)
        return found.groupdict() if found else None


class ErrorBuilder(Protocol):
    """A function that builds the vendor's error response for an HTTP status.

    Without `message` and `code` it uses the vendor's usual ones for the status; `retry_after` is in seconds.
    """

    def __call__(
        self,
        status: int,
        message: str | None = None,
        *,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> Response:
        """Return the error response."""


class ErrorFrameBuilder(Protocol):
    """A function that builds the frame with which the vendor reports a failure after the 200 has been sent."""

    def __call__(self, status: int, message: str | None = None, *, code: str | None = None) -> bytes:
        """Return the frame."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One emulated vendor, mounted at `/<name>`.

    `authenticate` runs before every route and raises `Refusal`; `unknown_route` answers a path that no route has, and
    a path with the wrong method. A body above `max_body_bytes` gets `error(413)`. `base_path` is the part of the path
    that the vendor's own base URL contains (OpenAI's `/v1`). With `merge_slashes`, `//` counts as `/` and a trailing
    `/` is ignored. `start` runs once, before the first request, with the vendor's own folder for its data on disk,
    which may contain the data of an earlier run.
    """

    name: str
    routes: Sequence[Route]
    authenticate: Callable[[Call], None]
    error: ErrorBuilder
    error_frame: ErrorFrameBuilder
    unknown_route: Handler
    max_body_bytes: int
    base_path: str = ""
    merge_slashes: bool = False
    start: Callable[[Path], None] | None = None

    def has_path(self, path: str) -> bool:
        """Return whether a route has exactly this path, whatever its method."""
        return any(route.path == path for route in self.routes)


def json_response(body: object, *, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()) -> Response:
    """Return a plain JSON response in raw UTF-8, as the vendors send it."""
    return Response(status, [(b"content-type", b"application/json"), *headers], [to_json(body)])


def stream_response(frames: Sequence[bytes], *, headers: Iterable[tuple[bytes, bytes]] = ()) -> Response:
    """Return a stream of server-sent events."""
    content_type = (b"content-type", b"text/event-stream; charset=utf-8")
    return Response(200, [content_type, (b"cache-control", b"no-cache"), *headers], frames, streamed=True)


def event_frame(data: object, *, event: str | None = None) -> bytes:
    """Return one server-sent event with a JSON payload (WHATWG HTML, 9.2.5)."""
    name = f"event: {event}\n".encode() if event else b""
    return name + b"data: " + to_json(data) + b"\n\n"


def line_frame(data: object) -> bytes:
    """Return one line of JSON."""
    return to_json(data) + b"\n"


def retry_header(seconds: float) -> Headers:
    """Return `Retry-After`."""
    return [(b"retry-after", f"{seconds:g}".encode())]


def by_status(entries: Mapping[int, _Entry], status: int) -> _Entry:
    """Return the entry of an error status, or else the one of 400 or 500."""
    found = entries.get(status)
    return entries[400 if status < 500 else 500] if found is None else found


def no_headers(_: Body) -> Headers:
    """Return nothing: the headers of an error with the usual ones only."""
    return []


def build_errors(
    describe: DescribeError,
    *,
    headers: Callable[[Body], Headers] = no_headers,
    frame: Callable[[Body], bytes] = event_frame,
    retry_headers: Callable[[float], Headers] = retry_header,
) -> tuple[ErrorBuilder, ErrorFrameBuilder]:
    """Return both error builders of a vendor whose errors are a status and a JSON body.

    `headers` returns the other headers of an error with that body, `frame` encodes the body within a stream.
    """

    def error(
        status: int, message: str | None = None, *, code: str | None = None, retry_after: float | None = None
    ) -> Response:
        body = describe(status, message, code)
        retry = [] if retry_after is None else retry_headers(retry_after)
        return json_response(body, status=status, headers=[*headers(body), *retry])

    def error_frame(status: int, message: str | None = None, *, code: str | None = None) -> bytes:
        return frame(describe(status, message, code))

    return error, error_frame


@cache
def _compile_path(path: str) -> re.Pattern[str]:
    return compile_path(path)[0]
