"""Tasks that start at once."""

import asyncio

import pytest

from electrons.tasks import start_task


async def test_start_task_when_it_ends_then_its_result() -> None:
    async def work() -> int:
        await asyncio.sleep(0)
        return 7

    assert await start_task(work()) == 7


async def test_start_task_when_it_fails_then_awaiting_it_raises() -> None:
    async def work() -> None:
        raise OSError("no")

    task = start_task(work())
    with pytest.raises(OSError, match="no"):
        await task


async def test_start_task_when_cancelled_then_the_work_is() -> None:
    async def work() -> None:
        await asyncio.Event().wait()

    task = start_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
