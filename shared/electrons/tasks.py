"""Start asyncio tasks cheaply, and repeat what failed."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

T = TypeVar("T")


def start_task(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """Start a task that has already run up to where it first waits.

    On workerd each turn of the event loop is a timer of JavaScript, so work that never waits should not need one.
    CPython has eager tasks from 3.12 on; before, this is an ordinary task.
    """
    if sys.version_info >= (3, 12):
        return asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=True)
    return asyncio.ensure_future(work)


async def repeat(work: Callable[[], Awaitable[T]], *, after: Sequence[float], on: type[Exception]) -> T:
    """Return the result of `work()`, which is repeated after each of these pauses in seconds while it raises `on`.

    Raises the last exception, and any other at once.
    """
    for pause in after:
        try:
            return await work()
        except on:
            await asyncio.sleep(pause)
    return await work()
