"""Faults on demand: what can go wrong between a vendor and its client, one class per kind.

`POST /<vendor>/_emulator/faults` queues a fault; the next `times` API requests that match consume it. A frame is one
server-sent event; a plain response breaks in the middle of its body for every `after` above 0.

| kind              | fields (default)                                        | what the client receives |
|-------------------|---------------------------------------------------------|------|
| `status`          | `status`, `message`, `error_code`, `retry_after` (null) | the vendor's own error for that status |
| `slow_first_byte` | `seconds`                                               | nothing for so long, then the response |
| `stall`           | `after` (1), `seconds` (null: until it disconnects)     | headers, `after` frames, then nothing |
| `cut`             | `after` (1); 0: before any byte                         | a connection that closes after them |
| `truncate`        | `after` (1)                                             | a response with a proper but early end |
| `broken_json`     | `after` (1)                                             | 200 with incomplete JSON (one frame) |
| `split_utf8`      |                                                         | characters and frames split by TCP |
| `chunked`         | `padding_bytes` (0)                                     | a body without Content-Length |
| `error_event`     | `after` (1), `status` (500), `message`, `error_code`    | the vendor's error ends the stream |
| `empty`           |                                                         | 200 without a body |
| `html`            | `status` (502)                                          | a proxy's HTML error page |
| `redirect`        | `location` (the same URL), `status` (307)               | a redirect |

Every kind takes `times` (1) and `match` (`{"prompt_contains": "...", "method": "POST", "path_contains": "/_files/"}`),
which limits a fault to the requests of one test or to one step.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from .delivery import Delivery, Pause, Signal, plain_delivery
from .journal import Exchange
from .vendor import Response, Vendor

FaultyResponse = tuple[Response, Delivery]
ErrorStatus = Annotated[int, Field(ge=400, le=599)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]

# After the first byte of every multi-byte character, and between the two line feeds that end a frame.
_SPLIT_POINTS = re.compile(rb"(?<=[\xc2-\xf4])|(?<=\n)(?=\n)")
_CHUNK_BYTES = 256 * 1024
_HTML_PAGE = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


class Match(BaseModel):
    """The conditions on the request that a fault applies to; without conditions, any request matches."""

    model_config = ConfigDict(extra="forbid")
    prompt_contains: str | None = None
    method: str | None = None
    path_contains: str = ""

    def accepts(self, exchange: Exchange) -> bool:
        """Return whether the request fulfils all conditions."""
        return (
            self.method in {None, exchange.method}
            and self.path_contains in exchange.path
            and (self.prompt_contains is None or exchange.mentions(self.prompt_contains))
        )


class _Fault(BaseModel, ABC):
    model_config = ConfigDict(extra="forbid")
    times: int = Field(default=1, ge=1)
    match: Match = Match()

    def apply(self, vendor: Vendor, exchange: Exchange, respond: Callable[[], Response]) -> FaultyResponse:
        """Return the response and how to send it; `respond()` returns the one of the API."""
        faulty = self._apply(vendor, exchange, respond)
        return (faulty, plain_delivery(faulty)) if isinstance(faulty, Response) else faulty

    @abstractmethod
    def _apply(
        self, vendor: Vendor, exchange: Exchange, respond: Callable[[], Response]
    ) -> Response | FaultyResponse: ...


class Status(_Fault):
    """The vendor's own error for a status."""

    kind: Literal["status"]
    status: ErrorStatus
    message: str | None = None
    error_code: str | None = None
    retry_after: Seconds | None = None

    def _apply(self, vendor: Vendor, exchange: Exchange, respond: Callable[[], Response]) -> Response:
        return vendor.error(self.status, self.message, code=self.error_code, retry_after=self.retry_after)


class SlowFirstByte(_Fault):
    """A response that starts late."""

    kind: Literal["slow_first_byte"]
    seconds: Seconds

    def _apply(self, vendor: Vendor, exchange: Exchange, respond: Callable[[], Response]) -> FaultyResponse:
        response = respond()
        return response, [Pause(self.seconds), *plain_delivery(response)]


class Stall(_Fault):
    """A response that pauses after some frames."""

    kind: Literal["stall"]
    after: Count = 1
    seconds: Seconds | None = None

    def _apply(self, vendor: Vendor, exchange: Exchange, respond: Callable[[], Response]) -> FaultyResponse:
        response = respond()
        before, after = _split_frames(response, self.after)
        return response, [Signal.HEAD, *before, Pause(self.seconds), *after]


class Cut(_Fault):
    """A connection that closes after some frames."""

    kind: Literal["cut"]
    after: Count = 1

    def _apply(self, vendor: Vendor, exchange: Exchange, respond: Callable[[], Response]) -> FaultyResponse:
        response = respond()
        head = [Signal.HEAD] if self.after else []
        return response, [*head, *_split_frames(response, self.after)[0], Signal.CUT]


class Truncate(_Fault):
    """A response that ends early but properly."""

    kind: Literal["truncate"]
    after: Count = 1

    def _apply(self, vendor: Vendor, exchange: Exchange, respond: Callable[[], Response]) -> Response:
        response = respond()
        return Response(
            response.status, response.headers, _split_frames(response, self.after)[0], streamed=response.streamed
        )


class BrokenJson(_Fault):
    """A response with incomplete JSON in one frame."""

    kind: Literal["broken_json"]
    after: Count = 1

    def _apply(self, vendor: Vendor, exchange: Exchange, respond: Callable[[], Response]) -> Response:
        response = respond()
        frames = list(response.frames)
        at = min(self.after, len(frames) - 1) if response.streamed else 0
        # The JSON breaks between characters, because invalid UTF-8 would be another fault.
        broken = frames[at][: len(frames[at]) * 2 // 3].decode("utf-8", "ignore").encode()
        frames[at] = broken + b"\n\n" if response.streamed else broken
        return Response(response.status, response.headers, frames, streamed=response.streamed)


class SplitUtf8(_Fault):
    """A response whose characters and frames are split over several TCP segments."""

    kind: Literal["split_utf8"]

    def _apply(self, vendor: Vendor, exchange: Exchange, respond: Callable[[], Response]) -> FaultyResponse:
        response = respond()
        first, *rest = _SPLIT_POINTS.split(b"".join(response.frames))
        # The pauses let TCP send each part as a segment of its own.
        paused = [step for part in rest for step in (Pause(0.001), part)]
        return response, [Signal.HEAD, first, *paused]


class Chunked(_Fault):
    """A response without Content-Length, with zero bytes appended to its body."""

    kind: Literal["chunked"]
    padding_bytes: int = Field(default=0, ge=0)

    def _apply(self, vendor: Vendor, exchange: Exchange, respond: Callable[[], Response]) -> Response:
        response = respond()
        headers = [(name, value) for name, value in response.headers if name.lower() != b"content-length"]
        whole = b"".join(response.frames) + bytes(self.padding_bytes)
        chunks = [whole[at : at + _CHUNK_BYTES] for at in range(0, len(whole), _CHUNK_BYTES)]
        return Response(response.status, headers, chunks, streamed=True)


class ErrorEvent(_Fault):
    """A stream that ends with the vendor's error."""

    kind: Literal["error_event"]
    after: Count = 1
    status: ErrorStatus = 500
    message: str | None = None
    error_code: str | None = None

    def _apply(self, vendor: Vendor, exchange: Exchange, respond: Callable[[], Response]) -> Response | FaultyResponse:
        response = respond()
        if not response.streamed:
            return vendor.error(self.status, self.message, code=self.error_code)
        frame = vendor.error_frame(self.status, self.message, code=self.error_code)
        return response, [Signal.HEAD, *response.frames[: self.after], frame]


class Empty(_Fault):
    """A 200 without a body."""

    kind: Literal["empty"]

    def _apply(self, vendor: Vendor, exchange: Exchange, respond: Callable[[], Response]) -> Response:
        return Response(200, [(b"content-type", b"application/json")], [])


class Html(_Fault):
    """The HTML error page of a proxy."""

    kind: Literal["html"]
    status: ErrorStatus = 502

    def _apply(self, vendor: Vendor, exchange: Exchange, respond: Callable[[], Response]) -> Response:
        return Response(self.status, [(b"content-type", b"text/html; charset=utf-8")], [_HTML_PAGE])


class Redirect(_Fault):
    """A redirect to another URL or to the same one."""

    kind: Literal["redirect"]
    location: str | None = None
    status: Literal[301, 302, 303, 307, 308] = 307

    def _apply(self, vendor: Vendor, exchange: Exchange, respond: Callable[[], Response]) -> Response:
        query = f"?{exchange.query}" if exchange.query else ""
        location = self.location or f"/{vendor.name}{exchange.path}{query}"
        return Response(self.status, [(b"location", location.encode())], [])


Fault = Annotated[
    Status
    | SlowFirstByte
    | Stall
    | Cut
    | Truncate
    | BrokenJson
    | SplitUtf8
    | Chunked
    | ErrorEvent
    | Empty
    | Html
    | Redirect,
    Field(discriminator="kind"),
]


class FaultQueue:
    """The queued faults, oldest first."""

    def __init__(self) -> None:
        self._queue: list[Fault] = []

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._queue)

    def add(self, fault: Fault) -> None:
        """Queue a fault."""
        self._queue.append(fault)

    def clear(self) -> None:
        """Remove all faults."""
        self._queue.clear()

    def take(self, exchange: Exchange) -> Fault | None:
        """Return the first fault that matches this request, and count it down; `None` if none does."""
        for fault in self._queue:
            if fault.match.accepts(exchange):
                fault.times -= 1
                if not fault.times:
                    self._queue.remove(fault)
                return fault
        return None


def _split_frames(response: Response, after: int) -> tuple[Sequence[bytes], Sequence[bytes]]:
    """Return the frames before and after the point where the response breaks."""
    if response.streamed:
        return response.frames[:after], response.frames[after:]
    if not after:
        return [], response.frames
    body = b"".join(response.frames)
    middle = len(body) // 2
    return [body[:middle]], [body[middle:]]
