"""Hand a provider's file on to the caller, byte for byte."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Protocol

from electrons.context import Context
from electrons.errors import ProviderError
from electrons.http import Response
from electrons.middleware.errors import describe
from electrons.upstream.client import open_response
from electrons.upstream.provider import Provider, ProviderRequest
from electrons.upstream.relay import Relay


class Meter(Protocol):
    """What reads from a file what it cost."""

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the file, cut anywhere."""

    def end(self) -> None:
        """Take note that the file is whole."""


async def pass_file(
    context: Context,
    provider: Provider,
    request: ProviderRequest,
    *,
    charge: Callable[[], None],
    meter: Meter | None = None,
) -> Response:
    """Return the provider's response as it is. Raises `ProviderError` and what derives from it.

    `charge()` counts the call once it is answered: the provider charges it then.
    If the provider interrupts the file, the caller's connection breaks too: a file cannot say that it is not whole.
    """
    async with AsyncExitStack() as stack:
        response = await stack.enter_async_context(open_response(context, provider, request))
        charge()
        relay = Relay(provider, response, scope=stack.pop_all(), watcher=_FileWatcher(context, meter))
    content_type = response.headers.get("content-type") or "application/octet-stream"
    return Response(headers=[("Content-Type", content_type)], body=relay)


class _FileWatcher:
    """Takes note of an interruption, and hands the rest to the meter (`upstream.relay.Watcher`)."""

    edits = False
    is_over = False

    def __init__(self, context: Context, meter: Meter | None) -> None:
        self._context = context
        self._meter = meter

    @property
    def reads(self) -> bool:
        """See `Watcher.reads`."""
        return self._meter is not None

    def feed(self, piece: bytes) -> None:
        """See `Watcher.feed`."""
        if self._meter is not None:
            self._meter.feed(piece)

    def edit(self, piece: bytes) -> bytes:
        """See `Watcher.edit`."""
        return piece

    def end(self, error: ProviderError | None) -> bytes | None:
        """See `Watcher.end`."""
        if error is None:
            if self._meter is not None:
                self._meter.end()
            return b""
        describe(error, self._context)
        return None

    def leave(self) -> None:
        """See `Watcher.leave`."""
