"""Sending an answer step by step: frames, pauses, and the abrupt end of a connection."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .journal import Exchange
from .vendor import Answer

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Mark(Enum):
    """Steps that carry no data."""

    HEAD = "send the status line and the headers"
    CUT = "close the connection at once, as a crashed server does"


@dataclass(frozen=True, slots=True)
class Pause:
    """Wait; `None` waits until the client leaves."""

    seconds: float | None


Step = bytes | Pause | Mark
Script = Sequence[Step]


def plain_script(answer: Answer) -> Script:
    """The answer as the vendor sends it on a good day."""
    return [Mark.HEAD, *answer.frames]


async def deliver(
    answer: Answer,
    script: Script,
    *,
    exchange: Exchange,
    transport: asyncio.Transport,
    receive: Receive,
    send: Send,
) -> None:
    """Perform the script on the connection and record in the exchange how far it came."""
    try:
        for step in script:
            if isinstance(step, bytes):
                if transport.is_closing():
                    exchange.aborted = True
                    return
                await send({"type": "http.response.body", "body": step, "more_body": True})
                exchange.frames_sent += 1
                exchange.bytes_sent += len(step)
            elif step is Mark.HEAD:
                exchange.status = answer.status
                await send({"type": "http.response.start", "status": answer.status, "headers": _headers(answer)})
            elif step is Mark.CUT:
                transport.abort()
                await _client_leaves(receive)
                return
            elif isinstance(step, Pause) and await _left_within(step.seconds, receive):
                exchange.aborted = True
                return
        exchange.aborted = transport.is_closing()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        exchange.finished = True


def _headers(answer: Answer) -> list[tuple[bytes, bytes]]:
    if answer.streamed:
        return answer.headers
    return [*answer.headers, (b"content-length", b"%d" % sum(map(len, answer.frames)))]


async def _client_leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _left_within(seconds: float | None, receive: Receive) -> bool:
    try:
        await asyncio.wait_for(_client_leaves(receive), seconds)
    except TimeoutError:
        return False
    return True
