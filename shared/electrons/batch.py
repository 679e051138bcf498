"""Do the small work of many requests at once."""

from __future__ import annotations

import asyncio
import time
from typing import Generic, TypeVar

T = TypeVar("T")


class Batch(Generic[T]):
    """Items that are processed together, once in an interval at most. An item that comes after a quiet time waits for
    nothing; in an interval that has begun, which a new batch does, the first one waits for its end.

    Only plain data may be added: on workerd, what does I/O belongs to one request.
    """

    def __init__(self, *, interval_seconds: float) -> None:
        self._interval_seconds = interval_seconds
        self._items: list[T] = []
        self._due_at = time.monotonic() + interval_seconds

    async def add(self, item: T) -> list[T]:
        """Add an item, and return the items that this caller has to process: all, or none if another caller does it."""
        self._items.append(item)
        wait = self._due_at - time.monotonic()
        # The request that waits can be late, or be ended meanwhile; then the next one that comes gets its items.
        if wait > 0:
            if len(self._items) > 1:
                return []
            await asyncio.sleep(wait)
        return self.take()

    def take(self) -> list[T]:
        """Remove and return all items, without waiting."""
        items, self._items = self._items, []
        self._due_at = time.monotonic() + self._interval_seconds
        return items
