"""The threads in which slow handlers run.

They are more than asyncio's own, because a handler may wait for another one: a deployed Worker that calls a provider.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_Result = TypeVar("_Result")
_threads = ThreadPoolExecutor(max_workers=100, thread_name_prefix="handler")


async def run_in_thread(function: Callable[[], _Result]) -> _Result:
    """Return the result of a function that blocks."""
    return await asyncio.get_running_loop().run_in_executor(_threads, function)


def start_in_thread(function: Callable[[], None]) -> None:
    """Run a function that may block, without waiting for it."""
    _threads.submit(function)
