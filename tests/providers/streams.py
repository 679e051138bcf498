"""A stream of text as lists of its pieces, for the tests of providers."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing

from electrons.capabilities.text import TextCall, TextProvider, TextResult, TextStream, open_text_stream
from electrons.context import Context
from electrons.errors import ProviderError


async def stream_text(
    context: Context, provider: TextProvider, call: TextCall, *, result: TextResult
) -> AsyncGenerator[list[str], None]:
    """Iterate over the pieces of text, those that come together in one list. Raises why the text is not whole."""
    relay = await open_text_stream(context, provider, call, result=result, watch=_Pieces)
    async with aclosing(relay.iterate()) as groups:
        async for group in groups:
            yield json.loads(group)


class _Pieces:
    """Writes pieces as JSON (`upstream.relay.Watcher`)."""

    reads = edits = True

    def __init__(self, text: TextStream) -> None:
        self.is_over = False
        self._text = text

    def feed(self, piece: bytes) -> None:
        """See `Watcher.feed`."""

    def edit(self, piece: bytes) -> bytes:
        """See `Watcher.edit`."""
        pieces = self._text.feed(piece)
        self.is_over = self._text.is_over
        return json.dumps(pieces).encode() if pieces else b""

    def end(self, error: ProviderError | None) -> bytes:
        """See `Watcher.end`."""
        rest = self._text.finish(error)
        return json.dumps([rest]).encode() if rest else b""

    def leave(self) -> None:
        """See `Watcher.leave`."""
        self._text.leave()
