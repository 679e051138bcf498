"""The body of a response that `fetch` has opened.

It is read piece by piece here, or handed on inside the runtime, or from `readable` by what takes a stream.
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

from electrons.runtime.convert import describe_js_error, js_constant
from electrons.runtime.js_globals import js

_READ_WHOLE = 64 * 1024
"""Bytes up to which a body of known length is read in one crossing."""

_BYOB = '{"mode":"byob"}'
_PIECE_BYTES = 16 * 1024

_PAUSE_MS = 3
"""What comes within so long of each other is read together. A piece costs about the same whatever its length."""

_PIPE = '{"preventClose":true,"preventAbort":true}'
_COPY_SECONDS = 1.0


class FetchStream(httpx2.AsyncByteStream):
    """A response body, which is read either here, or from `readable` without Python.

    `size` is in bytes, None where the server does not state it, or `fetch` has decoded the body.
    """

    def __init__(
        self, response: Any, controller: Any, watchdog: Watchdog, *, headers: httpx2.Headers, idle_timeout: float
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
        ahead, came_at = _ReadAhead(self.readable), time.monotonic()
        while piece := _to_bytes(await self._wait(_read(ahead.reader, 1))):
            ahead.note(len(piece))
            yield piece
            if ahead.is_exhausted:
                break
            if not ahead.has_ended and time.monotonic() - came_at < _PAUSE_MS / 1000:
                await js.scheduler.wait(_PAUSE_MS)
            came_at = time.monotonic()
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

    async def _pipe(
        self,
        body: Any,
        writable: Any,
        follow: Callable[[asyncio.Future[Any]], Awaitable[None]] | None = None,
    ) -> None:
        """Pipe a branch of the body to its end, while something may `follow`."""
        piped = body.pipeTo(writable, js_constant(_PIPE))
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
        self._watchdog.start(self._idle_timeout)
        try:
            return await promise
        except JsException as error:
            # Its frames have the promise, and that has the error.
            raise self._describe_failure(error) from error.with_traceback(None)
        finally:
            self._watchdog.stop()

    def _abort(self) -> None:
        self._controller.abort()

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


class _Copy:
    """The second branch of a stream, which buffers what has not been read yet."""

    def __init__(self, branch: Any, feed: Callable[[bytes], None]) -> None:
        self._reader = branch.getReader(js_constant(_BYOB))
        self._feed = feed

    async def read_some(self) -> bool:
        """Read what has come since the last time, at least a byte; return False at the end."""
        while size := await self._read(1):
            if size < _PIECE_BYTES:
                return True
        return False

    async def read_rest(self, *, is_whole: bool) -> None:
        """Read to the end of a stream that has ended, or else what has come of it."""
        with suppress(JsException):
            # What breaks in the middle of a read takes with it what was read.
            least = _PIECE_BYTES if is_whole else 1
            while await self._read(least) >= least:
                pass

    async def _read(self, least: int) -> int:
        """Return how many bytes were read; less than `least` only at the end."""
        if piece := _to_bytes(await _read(self._reader, least)):
            self._feed(piece)
        return len(piece)


class _ReadAhead:
    """A body that is read before it is needed, so that what has come together can be read from `reader` together.

    Without that, the runtime gives each piece by itself, as it was sent. `has_ended` means that all of it has come, and
    `is_exhausted` that all of it has been read.
    """

    def __init__(self, body: Any) -> None:
        branches = body.tee()
        self.reader = branches[0].getReader(js_constant(_BYOB))
        self.has_ended = False
        # A pending read of the branch itself would keep the body open after it was aborted.
        taken = branches[1].pipeThrough(js.IdentityTransformStream.new())
        self._taker = taken.getReader(js_constant(_BYOB))
        self._lead = 0
        self._take()

    @property
    def is_exhausted(self) -> bool:
        """See the class."""
        return self.has_ended and self._lead <= 0

    def note(self, size: int) -> None:
        """Take note that so many bytes have been read. Nothing is taken ahead until that has caught up."""
        self._lead -= size
        if self._lead <= 0 and not self._is_taking and not self.has_ended:
            self._take()

    def _take(self) -> None:
        self._is_taking = True
        _read(self._taker, _PIECE_BYTES).add_done_callback(self._note_taken)

    def _note_taken(self, taking: asyncio.Future[Any]) -> None:
        self._is_taking = False
        if taking.exception() is not None:  # why a body broke, `reader` tells as well
            return
        value = taking.result().value
        size = value.byteLength if value else 0
        self.has_ended = size < _PIECE_BYTES
        self.note(-size)


def _read(reader: Any, least: int) -> Any:
    """Return the promise of so many bytes at least, fewer at the end."""
    return reader.readAtLeast(least, js.Uint8Array.new(_PIECE_BYTES))


def _to_bytes(result: Any) -> bytes:
    value = result.value
    content: bytes = value.to_bytes() if value else b""
    return content


class Watchdog:
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
