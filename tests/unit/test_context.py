"""What a request carries."""

import asyncio

from electrons.app import App
from electrons.testing import TestClient
from electrons.usage import Usage


def test_new_context_has_no_caller_and_no_usage() -> None:
    context = TestClient(App("worker")).create_context("GET", "/")

    assert context.principal.id == "unknown"
    assert context.usage is None
    assert context.deferred == []
    assert context.elapsed_ms() >= 0


def test_contexts_when_two_then_they_share_nothing() -> None:
    client = TestClient(App("worker"))
    one, other = client.create_context("GET", "/"), client.create_context("GET", "/")

    one.headers.append(("X-One", "1"))
    one.labels.project_id = "one"

    assert (other.headers, other.labels.project_id) == ([], None)


def test_usage_when_summed_then_input_and_output() -> None:
    assert Usage(provider="openai", model="gpt-6-luna", input_units=3, output_units=4).total_units == 7


async def test_caller_who_leaves_late_cancels_no_deferred_work() -> None:
    context = TestClient(App("worker")).create_context("GET", "/")
    begun, go_on, done = asyncio.Event(), asyncio.Event(), []

    async def write(name: str) -> None:
        begun.set()
        await go_on.wait()
        done.append(name)

    context.defer(lambda: write("row"))
    context.defer(lambda: write("settlement"))
    finishing = asyncio.create_task(context.finish())
    await begun.wait()
    finishing.cancel()
    await asyncio.sleep(0)
    go_on.set()
    await finishing

    assert done == ["row", "settlement"]
    assert context.deferred == []


async def test_deferred_work_that_is_cancelled_stops_no_other() -> None:
    context = TestClient(App("worker")).create_context("GET", "/")
    done = []

    async def cancelled() -> None:
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    async def write() -> None:
        await asyncio.sleep(0)
        done.append("row")

    context.defer(cancelled)
    context.defer(write)
    await context.finish()

    assert done == ["row"]
