"""Start asyncio tasks cheaply."""

import asyncio
import sys
from collections.abc import Coroutine
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
