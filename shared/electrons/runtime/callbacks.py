"""Streams whose pieces come, or are asked for, by a callback of the runtime.

A loop in Python would wait for a promise for each piece, which takes a future and two proxies: more than most pieces.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

from pyodide.ffi import create_once_callable, create_proxy, to_js

from electrons.runtime.convert import js_constant, new_promise, to_js_object
from electrons.runtime.js_globals import js
from electrons.upstream.relay import Watcher

BYOB = '{"mode":"byob"}'
"""What a reader is asked for that fills buffers of ours."""

_OUTBOX_BYTES = 16 * 1024

_AHEAD_BYTES = 16 * 1024
_PIPED_BYTES = 4096
"""The most that the runtime reads at once in `pipeTo`."""
_PAUSE_MS = 3


class ReadAhead:
    """A body that is read before it is needed, so that pieces which have come together are one piece of `branch`.

    Without that, the runtime gives each piece by itself, as it was sent.
    """

    def __init__(self, body: Any) -> None:
        ahead, self.branch = body.tee()
        # A pending read of the branch itself would keep the body open after it was aborted.
        taken = ahead.pipeThrough(js.IdentityTransformStream.new())
        self._reader = taken.getReader(js_constant(BYOB))
        self._lead = 0
        self._read()

    def note(self, size: int) -> None:
        """Take note that so many bytes of `branch` have been read. Nothing is read ahead until it has caught up."""
        self._lead -= size
        if self._lead <= 0 and not self._is_reading:
            self._read()

    def _read(self) -> None:
        self._is_reading = True
        reading = self._reader.readAtLeast(_AHEAD_BYTES, js.Uint8Array.new(_AHEAD_BYTES))
        reading.add_done_callback(self._take)

    def _take(self, reading: asyncio.Future[Any]) -> None:
        self._is_reading = False
        # Why a body broke, `branch` tells as well.
        if reading.exception() is None and not reading.result().done:
            self.note(-_AHEAD_BYTES)


class EditedStream:
    """A `TransformStream`: `first`, then what is written to `writable`, comes out of `readable`, edited by the watcher.

    Pieces that come within `_PAUSE_MS` of each other are edited together, after the first two. When `writable` is
    closed, what the watcher has for the end goes out, and `has_ended` is set.
    """

    def __init__(self, watcher: Watcher, *, first: bytes) -> None:
        self.has_ended = False
        self._watcher: Watcher | None = watcher
        self._ahead: ReadAhead | None = None
        self._on_piece: Callable[[], None] = _do_nothing
        self._on_over: Callable[[], None] = _do_nothing
        self._came_at = time.monotonic()
        self._was_full = False
        self._transform_callback = create_proxy(self._transform)
        self._flush_callback = create_once_callable(self._flush)
        callbacks = {"transform": self._transform_callback, "flush": self._flush_callback}
        if first:
            callbacks["start"] = create_once_callable(lambda controller: controller.enqueue(to_js(first)))
        stream = js.TransformStream.new(_to_js_callbacks(**callbacks))
        self.readable, self.writable = stream.readable, stream.writable

    @property
    def is_over(self) -> bool:
        """Whether the watcher needs no more."""
        return self._watcher is not None and self._watcher.is_over

    def read_ahead(self, body: Any, *, on_piece: Callable[[], None], on_over: Callable[[], None]) -> Any:
        """Return the body to be written to `writable`.

        `on_piece()` is called for each piece, and `on_over()` once the watcher needs no more.
        """
        self._on_piece, self._on_over = on_piece, on_over
        self._ahead = ReadAhead(body)
        return self._ahead.branch

    def stop(self) -> None:
        """Pass on what follows as it is."""
        self._watcher = None

    def destroy(self) -> None:
        """Release the callbacks, once nothing is written anymore."""
        self._transform_callback.destroy()
        if not self.has_ended:
            self._flush_callback.destroy()

    def _transform(self, chunk: Any, controller: Any) -> Any:
        """Return a promise if the next piece has to wait for it, else None."""
        watcher = self._watcher
        if watcher is None:
            controller.enqueue(chunk)
            return None
        now, piece = time.monotonic(), chunk.to_bytes()
        is_full = len(piece) == _PIPED_BYTES
        # After a full buffer comes what else was there; after the rest, what has to be waited for.
        pauses = not is_full and not self._was_full and now - self._came_at < _PAUSE_MS / 1000
        self._came_at, self._was_full = now, is_full
        self._on_piece()
        if self._ahead is not None:
            self._ahead.note(len(piece))
        edited = watcher.edit(piece)
        if edited is piece:
            controller.enqueue(chunk)
        elif edited:
            controller.enqueue(to_js(edited))
        if watcher.is_over:
            self._on_over()
        elif pauses:
            self._came_at += _PAUSE_MS / 1000
            return _wait(_PAUSE_MS)
        return None

    def _flush(self, controller: Any) -> None:
        self.has_ended = True
        if self._watcher is not None and (rest := self._watcher.end(None)):
            controller.enqueue(to_js(rest))


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
        self._pulled = new_promise()
        return self._pulled.promise


def _wait(milliseconds: int) -> Any:
    """Return a promise that is resolved after so long."""
    waiting = new_promise()
    js.setTimeout(waiting.resolve, milliseconds)
    return waiting.promise


def _do_nothing() -> None: ...


def _to_js_callbacks(**callbacks: Any) -> Any:
    found = js.Object.new()
    for name, callback in callbacks.items():
        setattr(found, name, callback)
    return found
