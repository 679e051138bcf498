"""Hand a provider's stream on to the caller while something else watches it.

On workerd the bytes go from stream to stream inside the runtime (`runtime/responses.py`): Python sees a copy of them
later, many frames at once. `Relay.iterate` moves them where the stream has to be edited, and on CPython.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing
from typing import Protocol

import httpx2

from electrons.errors import ProviderError
from electrons.tracebacks import release_frames
from electrons.upstream.client import iterate_body
from electrons.upstream.provider import Provider


class Watcher(Protocol):
    """What watches a stream: each piece goes to `edit` if it `edits`, else to `feed` if it `reads`.

    Exactly one of `end` and `leave` is called, once, after the last piece.
    """

    @property
    def reads(self) -> bool:
        """Whether it wants to know the stream's bytes."""

    @property
    def edits(self) -> bool:
        """Whether the caller gets what `edit` returns."""

    @property
    def is_over(self) -> bool:
        """Whether it needs no more pieces: the stream is ended, even if it goes on."""

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the stream, cut anywhere."""

    def edit(self, piece: bytes) -> bytes:
        """Take the next bytes, cut anywhere, and return what the caller gets now: often the same, perhaps nothing."""

    def end(self, error: ProviderError | None) -> bytes | None:
        """Take note of the stream's end, and why it was interrupted, and return what the caller gets after it.

        None breaks the connection, where nothing in the format can say that the body is not whole.
        """

    def leave(self) -> None:
        """Take note that the caller has left."""


class Outcome:
    """A block that takes pieces of a stream to their end: `error` is why the provider has broken it off, if it has.

    Whatever else ends the block means that the caller has left, which the watcher is told.
    """

    def __init__(self, watcher: Watcher) -> None:
        self.error: ProviderError | None = None
        self._watcher = watcher

    def __enter__(self) -> Outcome:
        return self

    def __exit__(self, _kind: object, error: BaseException | None, _traceback: object) -> bool:
        if isinstance(error, ProviderError):
            release_frames(error)
            self.error = error
            return True
        if error is not None:
            self._watcher.leave()
        return False


class Relay:
    """A body that is a provider's open response; `scope` closes it.

    `first` is what there is for the caller already: from `begin`, or from who has read the first of the `pieces`, which
    are those that Python reads.
    """

    size: int | None = None

    def __init__(
        self,
        provider: Provider,
        response: httpx2.Response,
        *,
        scope: AsyncExitStack,
        watcher: Watcher,
        first: bytes = b"",
        pieces: AsyncGenerator[bytes, None] | None = None,
    ) -> None:
        self.provider = provider
        self.response = response
        self.scope = scope
        self.watcher = watcher
        self.first = first
        self.pieces = pieces or iterate_body(provider, response, max_bytes=float("inf"))

    async def begin(self) -> None:
        """Have pieces edited until there is something for the caller, or nothing more comes. Raises `ProviderError`."""
        async for piece in self.pieces:
            self.first = self.watcher.edit(piece)
            if self.first or self.watcher.is_over:
                return

    async def iterate(self) -> AsyncGenerator[bytes, None]:
        """Iterate over what the caller gets, to the end. Raises `ProviderError` where the connection has to break."""
        watcher = self.watcher
        with Outcome(watcher) as outcome:
            async with self.scope, aclosing(self.pieces) as pieces:
                if self.first:
                    yield self.first
                while not watcher.is_over and (piece := await anext(pieces, None)) is not None:
                    if not watcher.edits:
                        watcher.feed(piece)
                        yield piece
                    elif edited := watcher.edit(piece):
                        yield edited
        rest = watcher.end(outcome.error)
        if rest is None and outcome.error is not None:
            raise outcome.error
        if rest:
            yield rest
