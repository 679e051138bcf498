"""Hand a provider's file on to the caller, byte for byte."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack

from electrons.context import Context
from electrons.errors import ProviderError, ProviderTimeoutError
from electrons.http import Response
from electrons.middleware.errors import describe
from electrons.upstream.client import open_response
from electrons.upstream.provider import Provider, ProviderRequest
from electrons.upstream.relay import Relay

END_BYTES = 2048
"""Bytes at the end of a response that are looked at."""


async def pass_file(
    context: Context,
    provider: Provider,
    request: ProviderRequest,
    *,
    charge: Callable[[], None],
    read_end: Callable[[bytes], None] | None = None,
) -> Response:
    """Return the provider's response as it is. Raises `ProviderError` and what derives from it.

    `read_end` gets the last `END_BYTES` of a whole response, which may tell what it cost.

    `charge()` counts the call: when it was answered, took too long, or the caller left; the provider charges it then.
    If the provider interrupts the file, the caller's connection breaks too: a file cannot say that it is not whole.
    """
    async with AsyncExitStack() as stack:
        try:
            response = await stack.enter_async_context(open_response(context, provider, request))
        except (asyncio.CancelledError, ProviderTimeoutError):
            charge()
            raise
        charge()
        relay = Relay(provider, response, scope=stack.pop_all(), watcher=_FileWatcher(context, read_end))
    content_type = response.headers.get("content-type") or "application/octet-stream"
    return Response(headers=[("Content-Type", content_type)], body=relay)


class _FileWatcher:
    """Takes note of an interruption (`upstream.relay.Watcher`)."""

    edits = False

    def __init__(self, context: Context, read_end: Callable[[bytes], None] | None) -> None:
        self._context = context
        self._read_end = read_end
        self._end = b""

    @property
    def reads(self) -> bool:
        """See `Watcher.reads`."""
        return self._read_end is not None

    def feed(self, piece: bytes) -> None:
        """See `Watcher.feed`."""
        self._end = (self._end + piece[-END_BYTES:])[-END_BYTES:]

    def edit(self, piece: bytes) -> bytes:
        """See `Watcher.edit`."""
        return piece

    def end(self, error: ProviderError | None) -> bytes | None:
        """See `Watcher.end`."""
        if error is None:
            if self._read_end is not None:
                self._read_end(self._end)
            return b""
        describe(error, self._context)
        return None

    def leave(self) -> None:
        """See `Watcher.leave`."""
