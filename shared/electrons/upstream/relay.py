"""Hand a provider's stream on to the caller while something else watches it.

On workerd the bytes go from stream to stream inside the runtime (`runtime/entrypoint.py`): Python sees a copy of them
later, many frames at once. Where the stream has to be edited, and on CPython, `Relay.iterate` moves them.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from typing import Protocol

import httpx2

from electrons.errors import ProviderError
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


class Relay:
    """A body that is a provider's open response; `scope` closes it."""

    size: int | None = None

    def __init__(
        self, provider: Provider, response: httpx2.Response, *, scope: AsyncExitStack, watcher: Watcher
    ) -> None:
        self.provider = provider
        self.response = response
        self.scope = scope
        self.watcher = watcher

    async def iterate(self) -> AsyncGenerator[bytes, None]:
        """Iterate over what the caller gets, to the end."""
        watcher, error = self.watcher, None
        try:
            async with self.scope:
                async for piece in iterate_body(self.provider, self.response, max_bytes=float("inf")):
                    if not watcher.edits:
                        watcher.feed(piece)
                        yield piece
                    elif edited := watcher.edit(piece):
                        yield edited
        except ProviderError as failure:
            error = failure
        except BaseException:
            watcher.leave()
            raise
        if rest := watcher.end(error):
            yield rest
