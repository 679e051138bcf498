"""How many bytes of large request bodies an isolate works on at once.

An isolate has 128 MB (https://developers.cloudflare.com/workers/platform/limits/#memory), and one that needs more is
ended with all its requests. A body takes several times its size until its response is out: as bytes, as strings, and
once more as the request to the provider. So large bodies wait for each other, unread, while small ones pass.
"""

from __future__ import annotations

import asyncio

from electrons.errors import UnavailableError

TOTAL_BYTES = 8 * 1024 * 1024
"""Bytes of large bodies at once; a single body may have more."""

LARGE_BYTES = 256 * 1024
"""What counts as fewer bytes never waits."""

_PAUSE_SECONDS = 0.02


class BodyBudget:
    """The bytes that are taken, and who waits for some, first come, first served."""

    def __init__(self, total_bytes: int = TOTAL_BYTES) -> None:
        self._total = total_bytes
        self._taken = 0
        self._waiting: list[object] = []

    async def take(self, size: int, *, timeout_seconds: float) -> int:
        """Wait until a body of this size may be read, and return what to give back.

        Raises `UnavailableError` when it takes too long. 0 is no timeout.
        """
        if size < LARGE_BYTES:
            return 0
        place = object()
        self._waiting.append(place)
        try:
            async with asyncio.timeout(timeout_seconds or None):
                # In a Worker no request can be woken by another one.
                while self._waiting[0] is not place or not self._has_room(size):  # noqa: ASYNC110
                    await asyncio.sleep(_PAUSE_SECONDS)
        except TimeoutError as error:
            raise _busy() from error
        finally:
            self._waiting.remove(place)
        self._taken += size
        return size

    def give_back(self, size: int) -> None:
        """Free what was taken."""
        self._taken -= size

    def _has_room(self, size: int) -> bool:
        return self._taken == 0 or self._taken + size <= self._total


def _busy() -> UnavailableError:
    error = UnavailableError("Other large requests are being worked on; send this one again in a few seconds")
    error.headers.append(("Retry-After", "5"))
    return error
