"""Responses as the runtime takes them, and what writes their bodies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import Any

from pyodide.ffi import JsException, to_js

from electrons.errors import ElectronsError
from electrons.http import Response, join_fields
from electrons.runtime.convert import new_promise, to_js_body, to_js_object
from electrons.runtime.fetch_stream import FetchStream
from electrons.runtime.js_globals import js
from electrons.runtime.r2 import R2Body
from electrons.tracebacks import release_frames
from electrons.upstream.failures import reading
from electrons.upstream.relay import Outcome, Relay

_INTERRUPTED = "the response was interrupted"


class Answer:
    """The response to one request, as the runtime takes it: itself if it is there at once, else a promise.

    A promise of JavaScript's own: one of a Python future or coroutine costs several turns of the event loop.
    """

    def __init__(self) -> None:
        self.is_given = False
        self._response: Any = None
        self._promised: Any = None

    def give(self, response: Any) -> None:
        """Hand out a `Response` of JavaScript's."""
        self.is_given = True
        if self._promised is None:
            self._response = response
        else:
            self._promised.resolve(response)

    async def leave(self) -> None:
        """Let a response that was promised go out: it does so only when the runtime has its turn.

        What is done after it then keeps nobody waiting.
        """
        if self._promised is not None:
            with suppress(asyncio.CancelledError):  # who leaves now has been answered
                await js.scheduler.wait(0)

    def take(self) -> Any:
        """Return the response, or a promise of it."""
        if self.is_given:
            return self._response
        self._promised = new_promise()
        return self._promised.promise


async def send(response: Response, answer: Answer) -> None:
    """Hand out a response, and write its body to the end if it is a stream. Raises CancelledError without a reader."""
    body = response.body
    if isinstance(body, Relay):
        await (_write(body.iterate(), response, answer) if body.watcher.edits else _hand_on(body, response, answer))
    elif not isinstance(body, (str, bytes)) and isinstance(body, AsyncGenerator):  # the latter takes time to find out
        await _write(body, response, answer)
    else:
        answer.give(to_js_response(response))
        await answer.leave()


async def _write(
    chunks: AsyncGenerator[str, None] | AsyncGenerator[bytes, None], response: Response, answer: Answer
) -> None:
    """Write what Python makes, one piece ahead of the reader."""
    stream = js.IdentityTransformStream.new()
    writer, writing = stream.writable.getWriter(), None
    answer.give(to_js_response(response, stream.readable))
    try:
        async with aclosing(chunks) as source:
            async for chunk in source:
                if writing is not None:
                    await writing
                writing = writer.write(to_js(chunk.encode() if isinstance(chunk, str) else chunk))
        await writer.close()
    except JsException as error:  # the reader is gone
        raise asyncio.CancelledError from error
    except ElectronsError as error:  # known to who has raised it, and nothing can be said in the format
        writer.abort(_INTERRUPTED)
        release_frames(error)
    except BaseException:
        # Without this the caller would wait for the rest forever.
        writer.abort(_INTERRUPTED)
        raise


async def _hand_on(relay: Relay, response: Response, answer: Answer) -> None:
    """Have the runtime write the provider's bytes, and what the watcher adds at the end."""
    source, watcher = relay.response.stream, relay.watcher
    if not isinstance(source, FetchStream):
        raise TypeError(f"not a stream of the runtime: {source!r}")
    stream = js.IdentityTransformStream.new()
    answer.give(to_js_response(response, stream.readable))
    with Outcome(watcher) as outcome:
        async with relay.scope:
            with reading(relay.provider):
                await source.hand_on(stream.writable, watcher.feed if watcher.reads else None)
    writer = stream.writable.getWriter()
    if not isinstance(writer.desiredSize, int):  # null: the reader is gone, and that is why the pipe broke
        watcher.leave()
        raise asyncio.CancelledError
    rest = watcher.end(outcome.error)
    if rest is None:
        writer.abort(_INTERRUPTED)
        return
    try:
        if rest:
            await writer.write(to_js(rest))
        await writer.close()
    except JsException as gone:
        raise asyncio.CancelledError from gone


def to_js_response(response: Response, stream: Any = None) -> Any:
    """Return a `Response` of JavaScript's, with the body of `response` or a `ReadableStream`."""
    body = stream
    if isinstance(response.body, str):
        body = response.body
    elif isinstance(response.body, bytes):
        body = to_js_body(response.body)
    elif isinstance(response.body, R2Body):
        body = response.body.readable
    headers = join_fields(response.headers)
    options: dict[str, Any] = {"status": response.status, "headers": headers}
    if "Content-Encoding" in headers:
        options["encodeBody"] = "manual"  # the body is already encoded
    return js.Response.new(body, to_js_object(options))
