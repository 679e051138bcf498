"""Do the small work of many requests at once."""

from __future__ import annotations

import asyncio
import time
from typing import Generic, TypeVar

T = TypeVar("T")


class Batch(Generic[T]):
    """Items that wait a moment for others. The caller that adds the first one gets them all.

    Only plain data may be added: on workerd, what does I/O belongs to one request.
    """

    def __init__(self, *, linger_seconds: float) -> None:
        self._linger_seconds = linger_seconds
        self._items: list[T] = []
        self._collected_until = 0.0

    async def add(self, item: T) -> list[T]:
        """Add an item, and return the items that this caller has to process: all, or none if another caller does it."""
        self._items.append(item)
        now = time.monotonic()
        if now < self._collected_until:
            return []
        # The request that waits to collect the items can be ended meanwhile; then the next one collects them.
        self._collected_until = now + 2 * self._linger_seconds
        await asyncio.sleep(self._linger_seconds)
        return self.take()

    def take(self) -> list[T]:
        """Remove and return all items, without waiting."""
        items, self._items = self._items, []
        self._collected_until = 0.0
        return items
