"""An httpx2 transport over the runtime's `fetch`.

httpx2's own transport for Emscripten fails on empty bodies and drops `User-Agent`, repeated headers and the abort.

Timeouts, in seconds, are in the request's `timeout` extension; None or 0 is no limit:

- `connect` and `first_byte`: `fetch` does not report when it has a connection, so the head of the response must arrive
  within the sum of the two (`httpx2.ReadTimeout`);
- `read`: the longest silence between two pieces of the body (`httpx2.ReadTimeout`).

The total is the caller's, by `asyncio.timeout` around the whole exchange; a cancelled exchange aborts the fetch.
Redirects are not followed, so that credentials never leave the host they are for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import cached_property
from typing import Any

import httpx2
from pyodide.ffi import JsException

from electrons.http import TextHeaders, join_fields
from electrons.runtime.callbacks import BYOB, EditedStream
from electrons.runtime.convert import (
    describe_js_error,
    from_js_headers,
    js_constant,
    to_js_body,
    to_js_object,
)
from electrons.runtime.js_globals import js

# `fetch` has already decoded the body, so these do not describe the bytes that are read.
_DROPPED_WHEN_DECODED = {"content-encoding", "content-length"}

# Bytes up to which a body of known length is read in one crossing.
_READ_WHOLE = 64 * 1024

_PIPE = '{"preventClose":true,"preventAbort":true}'
_PIPE_AND_CLOSE = '{"preventAbort":true}'

_COPY_SECONDS = 1.0
_COPY_BYTES = 16 * 1024

# Set by `fetch` itself.
_DROPPED_FROM_REQUESTS = {"host", "content-length", "connection", "transfer-encoding"}


class FetchTransport(httpx2.AsyncBaseTransport):
    """Transport over `fetch`. Raises `httpx2.ReadTimeout`, `httpx2.ConnectError` and `httpx2.ReadError`."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request and return the response with its body unread; closing it cancels the exchange."""
        timeouts = request.extensions.get("timeout", {})
        controller = js.AbortController.new()
        sent = TextHeaders.of(request.headers).pairs
        headers = [(name, value) for name, value in sent if name.lower() not in _DROPPED_FROM_REQUESTS]
        options = to_js_object({"method": request.method, "headers": join_fields(headers), "redirect": "manual"})
        options.signal = controller.signal
        if not isinstance(request.stream, httpx2.SyncByteStream):
            raise TypeError(f"not a body in memory: {request.stream!r}")
        if content := b"".join(request.stream):
            options.body = to_js_body(content)
        head_timeout = (timeouts.get("connect") or 0) + (timeouts.get("first_byte") or 0)
        idle_timeout = timeouts.get("read") or 0
        watchdog = _Watchdog(controller, seconds=min(filter(None, (head_timeout, idle_timeout)), default=0))
        watchdog.start(head_timeout)
        try:
            response = await js.fetch(str(request.url), options)
        except JsException as error:
            watchdog.close()
            if watchdog.has_barked:
                raise httpx2.ReadTimeout("no response in time", request=request) from error
            raise httpx2.ConnectError(describe_js_error(error), request=request) from error
        except BaseException:
            watchdog.close()
            controller.abort()
            raise
        watchdog.stop()
        received = _read_headers(response.headers)
        stream = FetchStream(response, controller, watchdog, headers=received, idle_timeout=idle_timeout)
        answer = httpx2.Response(response.status, stream=stream, request=request)
        answer.headers = received
        return answer


class _ReceivedHeaders(TextHeaders):
    """The fields of a response. Most are never asked for, so only what asks for all of them has them read."""

    def __init__(self, headers: Any) -> None:
        self._headers = headers
        self._encoding = "latin-1"

    def __getattr__(self, name: str) -> Any:
        if name != "pairs":
            return super().__getattr__(name)
        self.pairs = from_js_headers(self._headers)
        return self.pairs

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a field."""
        value = self._headers.get(key)
        return value if isinstance(value, str) else default

    def __contains__(self, key: Any) -> bool:
        found: bool = self._headers.has(key)
        return found


def _read_headers(headers: Any) -> httpx2.Headers:
    received = _ReceivedHeaders(headers)
    if "content-encoding" not in received:
        return received
    return TextHeaders([(name, value) for name, value in received.pairs if name not in _DROPPED_WHEN_DECODED])


class _Copy:
    """The second branch of a stream, which buffers what has not been read yet."""

    def __init__(self, branch: Any, feed: Callable[[bytes], None]) -> None:
        self._reader = branch.getReader(js_constant(BYOB))
        self._feed = feed

    async def read_some(self) -> bool:
        """Read what has come since the last time, at least a byte; return False at the end."""
        while size := await self._read(1):
            if size < _COPY_BYTES:
                return True
        return False

    async def read_rest(self, *, is_whole: bool) -> None:
        """Read to the end of a stream that has ended, or else what has come of it."""
        with suppress(JsException):
            # What breaks in the middle of a read takes with it what was read.
            least = _COPY_BYTES if is_whole else 1
            while await self._read(least) >= least:
                pass

    async def _read(self, least: int) -> int:
        """Return how many bytes were read; less than `least` only at the end."""
        value = (await self._reader.readAtLeast(least, js.Uint8Array.new(_COPY_BYTES))).value
        size: int = value.byteLength if value else 0
        if size:
            self._feed(value.to_bytes())
        return size


class _Watchdog:
    """Aborts an exchange when a wait takes longer than it may.

    One timer looks after so many `seconds`, the shortest time that a wait may take, how long the present one has taken;
    a timer of its own for each wait would cost more than what is waited for. 0 is no limit.
    """

    def __init__(self, controller: Any, *, seconds: float) -> None:
        self.has_barked = False
        self._controller = controller
        self._seconds = seconds
        self._until: float | None = None
        self._timer: asyncio.Handle | None = None

    def start(self, seconds: float) -> None:
        """Begin a wait of at most so many seconds."""
        if not seconds:
            return
        self._until = time.monotonic() + seconds
        if self._timer is None:
            self._look_in(min(seconds, self._seconds))

    def stop(self) -> None:
        """End the wait."""
        self._until = None

    def close(self) -> None:
        """Remove the timer."""
        self.stop()
        if self._timer is not None:
            self._timer.cancel()

    def _look_in(self, seconds: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._until is None:
            return
        left = self._until - time.monotonic()
        if left > 0:
            self._look_in(min(left, self._seconds))
        else:
            self.has_barked = True
            self._controller.abort()


class FetchStream(httpx2.AsyncByteStream):
    """A response body, which is read either here, or from `readable` without Python.

    `size` is in bytes, None where the server does not state it, or `fetch` has decoded the body.
    """

    def __init__(
        self, response: Any, controller: Any, watchdog: _Watchdog, *, headers: httpx2.Headers, idle_timeout: float
    ) -> None:
        length = headers.get("content-length")
        self.size = int(length) if length is not None else None
        self._response = response
        self._controller = controller
        self._watchdog = watchdog
        self._idle_timeout = idle_timeout
        self._ended = not self.size and self.readable is None

    @cached_property
    def readable(self) -> Any:
        """The body as a JavaScript `ReadableStream` of bytes, None where the status allows no body."""
        return self._response.body or None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._ended:
            return
        if 0 < (self.size or 0) <= _READ_WHOLE:
            buffer = await self._wait(self._response.arrayBuffer())
            self._ended = True
            yield buffer.to_bytes()
            return
        while True:
            # Between two pieces nobody holds the body, so that `hand_on` can have the rest.
            reader = self.readable.getReader()
            chunk = await self._wait(reader.read())
            reader.releaseLock()
            if chunk.done:
                break
            yield chunk.value.to_bytes()
        self._ended = True

    async def hand_on(self, writable: Any, feed: Callable[[bytes], None] | None) -> None:
        """Pipe the body into a `WritableStream`, which stays open, and give `feed` a copy of it in large pieces.

        The runtime pipes; Python wakes up once in `_COPY_SECONDS` and at the end, so that no more than what comes in
        that time is in memory. Raises `httpx2.ReadError` for a body that breaks, and `httpx2.ReadTimeout` for one that
        stalls, as far as it is read. A caller who leaves cancels this; `feed` then still gets what has come.
        """
        if self._ended:  # it was read before
            return
        if feed is None:
            await self._pipe(self.readable, writable)
            return
        ours, body = self.readable.tee()
        copy = _Copy(ours, feed)

        async def follow(piped: asyncio.Future[Any]) -> None:
            while not (await asyncio.wait({piped}, timeout=_COPY_SECONDS))[0]:
                if not await self._wait(copy.read_some()):
                    break

        is_whole = False
        try:
            await self._pipe(body, writable, follow)
            is_whole = True
        finally:
            await copy.read_rest(is_whole=is_whole)

    async def hand_on_edited(self, edited: EditedStream) -> None:
        """Pipe the body into what edits it until the body has ended, which ends `edited`, or that is over.

        Raises like `hand_on`.
        """
        if self._ended or edited.is_over:
            return
        self._touch()
        body = edited.read_ahead(self.readable, on_piece=self._touch, on_over=self._abort)
        try:
            await self._pipe(body, edited.writable, closes=True)
        except httpx2.TransportError:
            if not edited.is_over:
                raise

    async def _pipe(
        self,
        body: Any,
        writable: Any,
        follow: Callable[[asyncio.Future[Any]], Awaitable[None]] | None = None,
        *,
        closes: bool = False,
    ) -> None:
        """Pipe a branch of the body to its end, while something may `follow`. `closes` the writable after it."""
        piped = body.pipeTo(writable, js_constant(_PIPE_AND_CLOSE if closes else _PIPE))
        try:
            if follow is not None:
                await follow(piped)
            if not piped.done():
                await asyncio.wait({piped})
        finally:
            self._ended = True
            if not piped.done():
                self._abort()
                await asyncio.wait({piped})  # it holds the writable until it has noticed
            error = piped.exception()
        if error is not None:
            raise self._describe_failure(error) from error

    async def _wait(self, promise: Any) -> Any:
        self._touch()
        try:
            return await promise
        except JsException as error:
            raise self._describe_failure(error) from error
        finally:
            self._watchdog.stop()

    def _abort(self) -> None:
        self._controller.abort()

    def _touch(self) -> None:
        """Begin to wait for the next piece."""
        self._watchdog.start(self._idle_timeout)

    def _describe_failure(self, error: JsException) -> httpx2.TransportError:
        if self._watchdog.has_barked:
            return httpx2.ReadTimeout("the body stalled")
        return httpx2.ReadError(describe_js_error(error))

    async def aclose(self) -> None:
        """Cancel the exchange if it has not ended."""
        self._watchdog.close()
        if not self._ended:
            self._ended = True
            self._abort()
