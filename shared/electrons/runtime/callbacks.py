"""Streams whose pieces come by a callback of the runtime.

A loop in Python would wait for a promise for each piece, which takes a future and two proxies: more than most pieces.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from pyodide.ffi import create_once_callable, create_proxy, to_js

from electrons.runtime.convert import to_js_object
from electrons.runtime.js_globals import js

_INBOX_BYTES = 64 * 1024
_OUTBOX_BYTES = 16 * 1024


class EditedStream:
    """A `TransformStream`: what is written to `writable` comes out of `readable` as `edit` returns it.

    `touched` is when the last piece has come, by the monotonic clock.
    """

    def __init__(self, edit: Callable[[bytes], bytes]) -> None:
        self.touched = time.monotonic()
        self._edit: Callable[[bytes], bytes] | None = edit
        self._callback = create_proxy(self._transform)
        stream = js.TransformStream.new(_to_js_callbacks(transform=self._callback))
        self.readable, self.writable = stream.readable, stream.writable

    def stop(self) -> None:
        """Pass on what follows as it is."""
        self._edit = None

    def destroy(self) -> None:
        """Release the callback, once nothing is written anymore."""
        self._callback.destroy()

    def _transform(self, chunk: Any, controller: Any) -> None:
        self.touched = time.monotonic()
        if self._edit is None:
            controller.enqueue(chunk)
            return
        piece = chunk.to_bytes()
        edited = self._edit(piece)
        if edited is piece:
            controller.enqueue(chunk)
        elif edited:
            controller.enqueue(to_js(edited))


class Inbox:
    """What is written to `writable`: the pieces that come together are taken together.

    Who writes waits while more than `_INBOX_BYTES` have not been taken.
    """

    def __init__(self) -> None:
        self._pieces = bytearray()
        self._is_closed = False
        self._waiting: asyncio.Future[None] | None = None
        self._room: Any = None
        self._callback = create_proxy(self._put)
        self.writable = js.WritableStream.new(_to_js_callbacks(write=self._callback))

    async def take(self) -> bytes:
        """Return what has come; wait for it if there is nothing. Empty after the end."""
        if not self._pieces and not self._is_closed:
            self._waiting = asyncio.get_running_loop().create_future()
            await self._waiting
        pieces, self._pieces = bytes(self._pieces), bytearray()
        if self._room is not None:
            self._room.resolve()
            self._room = None
        return pieces

    def close(self) -> None:
        """End the stream, once nothing is written anymore."""
        self._is_closed = True
        self._callback.destroy()
        self._wake()

    def _put(self, chunk: Any, _controller: Any) -> Any:
        self._pieces += chunk.to_bytes()
        self._wake()
        if len(self._pieces) < _INBOX_BYTES:
            return None
        self._room = js.Promise.withResolvers()
        return self._room.promise

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_result(None)


class Outbox:
    """What comes out of `readable`, for a reader that may be slow."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[None] | None = None
        self._source: Any = None
        self._pulled: Any = None
        self._pull = create_proxy(self._make_room)
        strategy = js.ByteLengthQueuingStrategy.new(to_js_object({"highWaterMark": _OUTBOX_BYTES}))
        callbacks = _to_js_callbacks(start=create_once_callable(self._start), pull=self._pull)
        self.readable = js.ReadableStream.new(callbacks, strategy)

    async def put(self, content: bytes) -> None:
        """Add bytes; wait while more than `_OUTBOX_BYTES` have not been read. Raises `JsException` without a reader."""
        self._source.enqueue(to_js(content))
        if self._source.desiredSize <= 0:
            self._waiting = asyncio.get_running_loop().create_future()
            if self._pulled is not None:
                self._pulled.resolve()
            await self._waiting

    def close(self) -> None:
        """End the stream after what was put. Raises `JsException` without a reader."""
        self._source.close()

    def fail(self, reason: str) -> None:
        """Break the stream."""
        self._source.error(reason)

    def destroy(self) -> None:
        """Release the callback, after the end."""
        self._pull.destroy()

    def _start(self, source: Any) -> None:
        self._source = source

    def _make_room(self, _source: Any) -> Any:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
        # Until it is resolved, nobody is told that there is room: most streams have it all the time.
        self._pulled = js.Promise.withResolvers()
        return self._pulled.promise


def _to_js_callbacks(**callbacks: Any) -> Any:
    return to_js(callbacks, dict_converter=js.Object.fromEntries)
