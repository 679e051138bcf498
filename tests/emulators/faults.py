"""Faults on demand: what can go wrong between a vendor and its client, one class per kind.

`POST /<vendor>/_emulator/faults` queues one; the next API request that matches consumes it, `times` requests in all.
A frame is one server-sent event; a plain answer breaks in the middle of its body, whatever `after` says above 0.

| kind              | members (default)                                       | what the client sees |
|-------------------|---------------------------------------------------------|------|
| `status`          | `status`, `message`, `error_code`, `retry_after` (null) | the vendor's own error for that status |
| `slow_first_byte` | `seconds`                                               | nothing for that long, then the answer |
| `stall`           | `after` (1), `seconds` (null: until the client leaves)  | headers, `after` frames, then silence |
| `cut`             | `after` (1); 0: before any byte                         | a connection that closes after them |
| `truncate`        | `after` (1)                                             | an answer with a proper but early end |
| `broken_json`     | `after` (1)                                             | 200 with a JSON cut short (one frame) |
| `split_utf8`      |                                                         | characters, frames torn apart in TCP |
| `chunked`         | `padding_bytes` (0)                                     | a body that does not tell its length |
| `error_event`     | `after` (1), `status` (500), `message`, `error_code`    | the vendor's error ends the stream |
| `empty`           |                                                         | 200 without a body |
| `html`            | `status` (502)                                          | a proxy's HTML error page |
| `redirect`        | `location` (the same URL), `status` (307)               | a redirect |

Every kind takes `times` (1) and `match` (`{"prompt_contains": "...", "method": "POST", "path_contains": "/_files/"}`):
so parallel tests keep to their own faults, and a fault to the step that it is meant for.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from .delivery import Mark, Pause, Script, plain_script
from .journal import Exchange
from .vendor import Answer, Vendor

Performance = tuple[Answer, Script]
ErrorStatus = Annotated[int, Field(ge=400, le=599)]
Count = Annotated[int, Field(ge=0)]
Seconds = Annotated[float, Field(ge=0)]

# Behind the first byte of every multi-byte character, and between the two line feeds that end a frame.
_AWKWARD_PLACES = re.compile(rb"(?<=[\xc2-\xf4])|(?<=\n)(?=\n)")
_PIECE = 256 * 1024
_HTML_PAGE = b"<!DOCTYPE html><html><head><title>502 Bad Gateway</title></head><body><h1>Bad Gateway</h1></body></html>"


class Match(BaseModel):
    """Which requests a fault is meant for; without conditions, any."""

    model_config = ConfigDict(extra="forbid")
    prompt_contains: str | None = None
    method: str | None = None
    path_contains: str = ""

    def accepts(self, exchange: Exchange) -> bool:
        return (
            self.method in {None, exchange.method}
            and self.path_contains in exchange.path
            and (self.prompt_contains is None or exchange.mentions(self.prompt_contains))
        )


class _Fault(BaseModel, ABC):
    model_config = ConfigDict(extra="forbid")
    times: int = Field(default=1, ge=1)
    match: Match = Match()

    @abstractmethod
    def perform(self, vendor: Vendor, exchange: Exchange, answer: Callable[[], Answer]) -> Performance:
        """The answer to send and how to send it. `answer()` is what the API would have said."""


class Status(_Fault):
    kind: Literal["status"]
    status: ErrorStatus
    message: str | None = None
    error_code: str | None = None
    retry_after: Seconds | None = None

    def perform(self, vendor: Vendor, exchange: Exchange, answer: Callable[[], Answer]) -> Performance:
        error = vendor.error(self.status, self.message, code=self.error_code, retry_after=self.retry_after)
        return error, plain_script(error)


class SlowFirstByte(_Fault):
    kind: Literal["slow_first_byte"]
    seconds: Seconds

    def perform(self, vendor: Vendor, exchange: Exchange, answer: Callable[[], Answer]) -> Performance:
        said = answer()
        return said, [Pause(self.seconds), *plain_script(said)]


class Stall(_Fault):
    kind: Literal["stall"]
    after: Count = 1
    seconds: Seconds | None = None

    def perform(self, vendor: Vendor, exchange: Exchange, answer: Callable[[], Answer]) -> Performance:
        said = answer()
        before, behind = _broken_off(said, self.after)
        return said, [Mark.HEAD, *before, Pause(self.seconds), *behind]


class Cut(_Fault):
    kind: Literal["cut"]
    after: Count = 1

    def perform(self, vendor: Vendor, exchange: Exchange, answer: Callable[[], Answer]) -> Performance:
        said = answer()
        head = [Mark.HEAD] if self.after else []
        return said, [*head, *_broken_off(said, self.after)[0], Mark.CUT]


class Truncate(_Fault):
    kind: Literal["truncate"]
    after: Count = 1

    def perform(self, vendor: Vendor, exchange: Exchange, answer: Callable[[], Answer]) -> Performance:
        said = answer()
        shorter = Answer(said.status, said.headers, _broken_off(said, self.after)[0], streamed=said.streamed)
        return shorter, plain_script(shorter)


class BrokenJson(_Fault):
    kind: Literal["broken_json"]
    after: Count = 1

    def perform(self, vendor: Vendor, exchange: Exchange, answer: Callable[[], Answer]) -> Performance:
        said = answer()
        frames = list(said.frames)
        at = min(self.after, len(frames) - 1) if said.streamed else 0
        # Broken JSON, but whole characters: bad UTF-8 would be another fault.
        broken = frames[at][: len(frames[at]) * 2 // 3].decode("utf-8", "ignore").encode()
        frames[at] = broken + b"\n\n" if said.streamed else broken
        damaged = Answer(said.status, said.headers, frames, streamed=said.streamed)
        return damaged, plain_script(damaged)


class SplitUtf8(_Fault):
    kind: Literal["split_utf8"]

    def perform(self, vendor: Vendor, exchange: Exchange, answer: Callable[[], Answer]) -> Performance:
        said = answer()
        first, *others = _AWKWARD_PLACES.split(b"".join(said.frames))
        # The pauses let each write leave, and be read, on its own.
        paused = [step for piece in others for step in (Pause(0.001), piece)]
        return said, [Mark.HEAD, first, *paused]


class Chunked(_Fault):
    kind: Literal["chunked"]
    padding_bytes: int = Field(default=0, ge=0)

    def perform(self, vendor: Vendor, exchange: Exchange, answer: Callable[[], Answer]) -> Performance:
        said = answer()
        headers = [(name, value) for name, value in said.headers if name.lower() != b"content-length"]
        whole = b"".join(said.frames) + bytes(self.padding_bytes)
        pieces = [whole[at : at + _PIECE] for at in range(0, len(whole), _PIECE)]
        longer = Answer(said.status, headers, pieces, streamed=True)
        return longer, plain_script(longer)


class ErrorEvent(_Fault):
    kind: Literal["error_event"]
    after: Count = 1
    status: ErrorStatus = 500
    message: str | None = None
    error_code: str | None = None

    def perform(self, vendor: Vendor, exchange: Exchange, answer: Callable[[], Answer]) -> Performance:
        said = answer()
        if not said.streamed:
            error = vendor.error(self.status, self.message, code=self.error_code)
            return error, plain_script(error)
        frame = vendor.error_frame(self.status, self.message, code=self.error_code)
        return said, [Mark.HEAD, *said.frames[: self.after], frame]


class Empty(_Fault):
    kind: Literal["empty"]

    def perform(self, vendor: Vendor, exchange: Exchange, answer: Callable[[], Answer]) -> Performance:
        nothing = Answer(200, [(b"content-type", b"application/json")], [])
        return nothing, plain_script(nothing)


class Html(_Fault):
    kind: Literal["html"]
    status: ErrorStatus = 502

    def perform(self, vendor: Vendor, exchange: Exchange, answer: Callable[[], Answer]) -> Performance:
        page = Answer(self.status, [(b"content-type", b"text/html; charset=utf-8")], [_HTML_PAGE])
        return page, plain_script(page)


class Redirect(_Fault):
    kind: Literal["redirect"]
    location: str | None = None
    status: Literal[301, 302, 303, 307, 308] = 307

    def perform(self, vendor: Vendor, exchange: Exchange, answer: Callable[[], Answer]) -> Performance:
        query = f"?{exchange.query}" if exchange.query else ""
        location = self.location or f"/{vendor.name}{exchange.path}{query}"
        away = Answer(self.status, [(b"location", location.encode())], [])
        return away, plain_script(away)


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
    """Faults in the order in which they were asked for."""

    def __init__(self) -> None:
        self._queue: list[Fault] = []

    def __iter__(self) -> Iterator[Fault]:
        return iter(self._queue)

    def add(self, fault: Fault) -> None:
        self._queue.append(fault)

    def clear(self) -> None:
        self._queue.clear()

    def take(self, exchange: Exchange) -> Fault | None:
        """The first fault meant for this request, counted down; `None` on a good day."""
        for fault in self._queue:
            if fault.match.accepts(exchange):
                fault.times -= 1
                if not fault.times:
                    self._queue.remove(fault)
                return fault
        return None


def _broken_off(answer: Answer, after: int) -> tuple[Sequence[bytes], Sequence[bytes]]:
    if answer.streamed:
        return answer.frames[:after], answer.frames[after:]
    if not after:
        return [], answer.frames
    body = b"".join(answer.frames)
    middle = len(body) // 2
    return [body[:middle]], [body[middle:]]
