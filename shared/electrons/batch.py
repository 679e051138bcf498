"""Doing the small work of many requests at once."""

from __future__ import annotations

import asyncio
import time
from typing import Generic, TypeVar

T = TypeVar("T")


class Batch(Generic[T]):
    """Items that wait a moment for others. Whoever adds the first gets them all; the others have nothing left to do.

    Only plain data may be added: on workerd, what does I/O belongs to one request.
    """

    def __init__(self, *, linger_seconds: float) -> None:
        self._linger_seconds = linger_seconds
        self._items: list[T] = []
        self._awaited_until = 0.0

    async def add(self, item: T) -> list[T]:
        """The items that the caller now has to deal with, none when somebody else does."""
        self._items.append(item)
        now = time.monotonic()
        if now < self._awaited_until:
            return []
        # A request that was to come back for the items can be ended meanwhile; then the next one does it.
        self._awaited_until = now + 2 * self._linger_seconds
        await asyncio.sleep(self._linger_seconds)
        return self.take()

    def take(self) -> list[T]:
        """All items there are, at once."""
        items, self._items = self._items, []
        self._awaited_until = 0.0
        return items
