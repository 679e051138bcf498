"""Edit a stream on its way, by a callback that the runtime calls for each piece.

A loop in Python would wait for two promises a piece, and each of them takes a future and two proxies.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import js
from pyodide.ffi import create_proxy, to_js


class EditedStream:
    """A `TransformStream`: what is written to `writable` comes out of `readable` as `edit` returns it.

    `touched` is when the last piece has come, by the monotonic clock.
    """

    def __init__(self, edit: Callable[[bytes], bytes]) -> None:
        self.touched = time.monotonic()
        self._edit: Callable[[bytes], bytes] | None = edit
        self._callback = create_proxy(self._transform)
        stream = js.TransformStream.new(to_js({"transform": self._callback}, dict_converter=js.Object.fromEntries))
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
        elif edited := self._edit(chunk.to_bytes()):
            controller.enqueue(to_js(edited))
