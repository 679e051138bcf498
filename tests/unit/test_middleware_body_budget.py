"""Large bodies wait for each other, small ones do not."""

import asyncio
import json

import pytest

from electrons.errors import UnavailableError
from electrons.middleware.body_budget import LARGE_BYTES, BodyBudget
from electrons.testing import TestClient
from text_gen.routes import app

SIZE = LARGE_BYTES


async def test_small_body_when_the_budget_is_taken_then_no_wait() -> None:
    budget = BodyBudget(SIZE)
    await budget.take(SIZE, timeout_seconds=0)

    assert await budget.take(SIZE - 1, timeout_seconds=0.001) == 0


async def test_large_bodies_that_fit_together_then_no_wait() -> None:
    budget = BodyBudget(2 * SIZE)

    assert [await budget.take(SIZE, timeout_seconds=0.001) for _ in range(2)] == [SIZE, SIZE]


async def test_body_larger_than_the_budget_then_taken_alone() -> None:
    budget = BodyBudget(SIZE)

    assert await budget.take(3 * SIZE, timeout_seconds=0.001) == 3 * SIZE
    with pytest.raises(UnavailableError):
        await budget.take(SIZE, timeout_seconds=0.001)


async def test_large_body_when_room_is_given_back_then_taken_in_turn() -> None:
    budget, order = BodyBudget(SIZE), []

    async def work(name: str) -> None:
        taken = await budget.take(SIZE, timeout_seconds=5)
        order.append(name)
        await asyncio.sleep(0)
        budget.give_back(taken)

    await asyncio.gather(*(work(name) for name in "abc"))

    assert order == ["a", "b", "c"]


async def test_large_body_when_its_caller_leaves_then_place_is_free() -> None:
    budget = BodyBudget(SIZE)
    taken = await budget.take(SIZE, timeout_seconds=0)
    waiting = asyncio.ensure_future(budget.take(SIZE, timeout_seconds=0))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    budget.give_back(taken)

    assert await budget.take(SIZE, timeout_seconds=0.001) == SIZE


async def test_large_body_when_it_waits_too_long_then_503_with_a_pause() -> None:
    budget = BodyBudget(SIZE)
    await budget.take(SIZE, timeout_seconds=0)

    with pytest.raises(UnavailableError) as caught:
        await budget.take(SIZE, timeout_seconds=0.001)

    assert caught.value.status == 503
    assert ("Retry-After", "5") in caught.value.headers


@pytest.mark.parametrize("body", [{"prompt": 5, "unknown": "x" * SIZE}, {"prompt": ["x" * SIZE]}])
async def test_refused_large_body_gives_its_room_back(body: dict[str, object]) -> None:
    client = TestClient(app)

    responses = [await client.request("POST", "/generate", json=body) for _ in range(40)]

    assert {response.status for response in responses} == {400}


async def test_context_when_finished_then_it_has_no_body() -> None:
    client = TestClient(app)
    context = client.create_context("POST", "/generate", content=json.dumps({"prompt": "Hello"}).encode())

    await app.handle(context)
    await context.finish()

    assert context.body is None
    assert context.deferred == []
