"""Copy what the caller gets of a response, while it goes out."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Protocol

from electrons.errors import ProviderError
from electrons.http import Response
from electrons.upstream.relay import Relay, Watcher


class Store(Protocol):
    """Where the parts of a long body go, so that it is not in memory as a whole."""

    part_bytes: int

    def add(self, part: bytes) -> bool:
        """Take the next part of a body, cut anywhere. False: all of it is of no use any more."""


class Recording:
    """A copy of a response's body, streams included, of `limit` bytes at most.

    A stream that is handed on is watched for it, next to what watches it already (`upstream.relay.Watcher`).
    """

    def __init__(self, response: Response, *, limit: int, store: Store | None = None) -> None:
        self._limit = limit
        self._store = store
        self._size = 0
        self._content: bytearray | None = bytearray()
        self._is_whole = False
        self._inner: Watcher | None = None
        body = response.body
        if isinstance(body, str | bytes):
            self._add(body.encode() if isinstance(body, str) else body)
            self._is_whole = True
        elif isinstance(body, Relay):
            self._add(body.first)
            self._inner, body.watcher = body.watcher, self
        elif isinstance(body, AsyncGenerator):
            response.body = self._copy(body)
        else:
            self._is_whole = body is None

    @property
    def content(self) -> bytes | None:
        """Return the whole body, or what the store has not taken of it.

        None before its end, and where it broke, was left by the caller or is too large.
        """
        return bytes(self._content) if self._is_whole and self._content is not None else None

    @property
    def reads(self) -> bool:
        """See `Watcher.reads`."""
        return True

    @property
    def edits(self) -> bool:
        """See `Watcher.edits`."""
        return self._watcher.edits

    @property
    def is_over(self) -> bool:
        """See `Watcher.is_over`."""
        return self._watcher.is_over

    def feed(self, piece: bytes) -> None:
        """See `Watcher.feed`."""
        self._watcher.feed(piece)
        self._add(piece)

    def edit(self, piece: bytes) -> bytes:
        """See `Watcher.edit`."""
        edited = self._watcher.edit(piece)
        self._add(edited)
        return edited

    def end(self, error: ProviderError | None) -> bytes | None:
        """See `Watcher.end`."""
        rest = self._watcher.end(error)
        if error is None and rest is not None:
            self._add(rest)
            self._is_whole = True
        return rest

    def leave(self) -> None:
        """See `Watcher.leave`."""
        self._watcher.leave()

    @property
    def _watcher(self) -> Watcher:
        if self._inner is None:
            raise RuntimeError("not a relay")
        return self._inner

    async def _copy(self, frames: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
        async with aclosing(frames):
            async for frame in frames:
                self._add(frame.encode())
                yield frame
        self._is_whole = True

    def _add(self, piece: bytes) -> None:
        if self._content is None:
            return
        self._size += len(piece)
        if self._size > self._limit:
            self._content = None
            return
        self._content += piece
        if (store := self._store) is None:
            return
        while len(self._content) > store.part_bytes:
            part = bytes(self._content[: store.part_bytes])
            del self._content[: store.part_bytes]
            if not store.add(part):
                self._content = None
                return
