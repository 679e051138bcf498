"""Sending a response step by step: frames, pauses, and the abrupt end of a connection."""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from .journal import Exchange
from .threads import run_in_thread, start_in_thread
from .vendor import LiveBody, Response

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Signal(Enum):
    """An action without data."""

    HEAD = "send the status line and the headers"
    CUT = "close the connection at once, like a server that crashes"


@dataclass(frozen=True, slots=True)
class Pause:
    """A wait; with `None` it lasts until the client disconnects."""

    seconds: float | None


Action = bytes | Pause | Signal
Delivery = Sequence[Action]


def plain_delivery(response: Response) -> Delivery:
    """Return the actions that send the response without a fault."""
    return [Signal.HEAD, *response.frames]


async def deliver(
    response: Response,
    delivery: Delivery,
    *,
    exchange: Exchange,
    transport: asyncio.Transport,
    receive: Receive,
    send: Send,
) -> None:
    """Perform the actions on the connection and record in the exchange how much was sent."""
    try:
        for action in delivery:
            if isinstance(action, bytes):
                if transport.is_closing():
                    exchange.aborted = True
                    return
                await send({"type": "http.response.body", "body": action, "more_body": True})
                exchange.frames_sent += 1
                exchange.bytes_sent += len(action)
            elif action is Signal.HEAD:
                exchange.status = response.status
                await send({"type": "http.response.start", "status": response.status, "headers": _headers(response)})
            elif action is Signal.CUT:
                transport.abort()
                await _wait_for_disconnect(receive)
                return
            elif isinstance(action, Pause) and await _disconnects_within(action.seconds, receive):
                exchange.aborted = True
                return
        if response.rest and not await _deliver_rest(response.rest, exchange, receive=receive, send=send):
            exchange.aborted = True
            transport.abort()
            return
        exchange.aborted = transport.is_closing()
        await send({"type": "http.response.body", "body": b"", "more_body": False})
    finally:
        exchange.finished = True
        if response.rest:
            start_in_thread(response.rest.close)


async def _deliver_rest(rest: LiveBody, exchange: Exchange, *, receive: Receive, send: Send) -> bool:
    """Send what comes until its end; return whether both sides are still there."""
    leaving = asyncio.ensure_future(_wait_for_disconnect(receive))
    try:
        while True:
            reading = asyncio.ensure_future(run_in_thread(rest.read))
            await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                start_in_thread(rest.close)
                await asyncio.wait({reading})
                return False
            frame = await reading
            if not frame:
                return True
            await send({"type": "http.response.body", "body": frame, "more_body": True})
            exchange.frames_sent += 1
            exchange.bytes_sent += len(frame)
    except OSError:
        return False
    finally:
        leaving.cancel()


def _headers(response: Response) -> list[tuple[bytes, bytes]]:
    if response.streamed:
        return response.headers
    return [*response.headers, (b"content-length", b"%d" % sum(map(len, response.frames)))]


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _disconnects_within(seconds: float | None, receive: Receive) -> bool:
    try:
        await asyncio.wait_for(_wait_for_disconnect(receive), seconds)
    except TimeoutError:
        return False
    return True
