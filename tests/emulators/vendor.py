"""What a vendor's emulator is made of: calls that come in, answers that go out, and the vendor that maps them.

A vendor is a package in `vendors/` with a module-level `vendor = Vendor(...)`; `app.py` finds it by globbing. Its
handlers are synchronous (`Call` in, `Answer` out, or `raise Refusal(answer)`): reading the body, faults, latency and
the request log happen outside them, the same way for every vendor.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from pydantic_core import to_json

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Call:
    """One received API request. Header names are lower case; `params` are the path parameters of the matched route.

    `target` is path and query below the vendor's name as they were sent, still percent-encoded.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, list[str]]
    body: bytes
    params: Mapping[str, str] = field(default_factory=dict)
    target: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """One response: a plain body is one frame sent with Content-Length, a stream is many frames sent chunked."""

    status: int
    headers: Headers
    frames: Sequence[bytes]
    streamed: bool = False


class Refusal(Exception):  # noqa: N818 - an answer that ends the handling early, not a failure of the emulator
    """Raised by a handler to answer at once, e.g. with the vendor's 400."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


Handler = Callable[[Call], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path (`/v1/models/{id}`; Starlette's path syntax) with the handler that answers it.

    The handler of a `slow` route runs in a thread, so that no other request waits for it.
    """

    method: str
    path: str
    handler: Handler
    slow: bool = False


class ErrorBuilder(Protocol):
    """Builds the vendor's own error answer for an HTTP status; `None` means the vendor's usual text and code."""

    def __call__(
        self,
        status: int,
        message: str | None = None,
        *,
        code: str | None = None,
        retry_after: float | None = None,
    ) -> Answer: ...


class ErrorFrameBuilder(Protocol):
    """Builds the SSE frame with which the vendor reports a failure after the 200 has gone out."""

    def __call__(self, status: int, message: str | None = None, *, code: str | None = None) -> bytes: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Vendor:
    """One emulated vendor, mounted at `/<name>`.

    `authenticate` runs before every route and raises `Refusal`; `unknown_route` answers a path that no route has, and
    a path with the wrong method. Bodies above `max_body_bytes` are answered with `error(413)`. `base_path` is the part
    of the path that the vendor's own base URL has (OpenAI's `/v1`). With `merge_slashes`, `//` counts as `/`, and a
    `/` at the end as nothing. `start` runs once, before the first request, with a folder of the vendor's own for what
    it keeps on disk; the folder may hold what an earlier run has left.
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


def json_answer(body: object, *, status: int = 200, headers: Iterable[tuple[bytes, bytes]] = ()) -> Answer:
    """A plain JSON answer; text stays raw UTF-8, as both vendors send it."""
    return Answer(status, [(b"content-type", b"application/json"), *headers], [to_json(body)])


def stream_answer(frames: Sequence[bytes], *, headers: Iterable[tuple[bytes, bytes]] = ()) -> Answer:
    """A stream of server-sent events."""
    content_type = (b"content-type", b"text/event-stream; charset=utf-8")
    return Answer(200, [content_type, (b"cache-control", b"no-cache"), *headers], frames, streamed=True)


def event_frame(data: object, *, event: str | None = None) -> bytes:
    """One server-sent event with a JSON payload (WHATWG HTML, 9.2.5)."""
    name = f"event: {event}\n".encode() if event else b""
    return name + b"data: " + to_json(data) + b"\n\n"


def json_errors(describe: Callable[[int, str | None], object]) -> tuple[ErrorBuilder, ErrorFrameBuilder]:
    """Both builders of a vendor whose errors are a status and a JSON body, `describe(status, message)`."""

    def error(
        status: int, message: str | None = None, *, code: str | None = None, retry_after: float | None = None
    ) -> Answer:
        headers = [] if retry_after is None else [(b"retry-after", f"{retry_after:g}".encode())]
        return json_answer(describe(status, message), status=status, headers=headers)

    def error_frame(status: int, message: str | None = None, *, code: str | None = None) -> bytes:
        return event_frame(describe(status, message))

    return error, error_frame
