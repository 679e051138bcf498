"""Batches of the small work of many requests."""

import asyncio
import time

import pytest

from electrons.batch import Batch


async def test_add_when_several_at_once_then_the_first_gets_them_all() -> None:
    batch = Batch[int](interval_seconds=0.2)

    assert await asyncio.gather(*(batch.add(item) for item in range(3))) == [[0, 1, 2], [], []]
    assert await batch.add(3) == [3]


async def test_take_leaves_nothing_for_the_caller_that_waits() -> None:
    batch = Batch[int](interval_seconds=0.2)
    first = asyncio.create_task(batch.add(1))
    await asyncio.sleep(0)

    assert batch.take() == [1]
    assert await first == []


async def test_add_when_first_was_cancelled_then_next_takes_its_items() -> None:
    batch = Batch[int](interval_seconds=0.2)
    first = asyncio.create_task(batch.add(1))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first

    await asyncio.sleep(0.25)

    assert await batch.add(2) == [1, 2]


async def test_add_when_time_is_up_then_nobody_waits_for_the_caller_that_is_late() -> None:
    batch = Batch[int](interval_seconds=0.2)
    first = asyncio.create_task(batch.add(1))
    await asyncio.sleep(0)
    time.sleep(0.25)  # the first caller's timer can only be late  # noqa: ASYNC251

    assert await batch.add(2) == [1, 2]
    assert await first == []


async def test_add_after_a_quiet_time_then_at_once() -> None:
    batch = Batch[int](interval_seconds=0.2)
    await asyncio.sleep(0.25)

    later = asyncio.create_task(batch.add(1))
    await asyncio.sleep(0)

    assert later.done()
    assert await later == [1]
    assert await batch.add(2) == [2]
