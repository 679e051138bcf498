"""`Idempotency-Key` of a request whose end is not known: done again only if it has certainly spent nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx2
import pytest

from electrons.context import Context
from electrons.http import Response
from electrons.middleware.idempotency import RUNNING_SECONDS
from electrons.storage.idempotency import UNSPENT_SECONDS
from electrons.testing import TestResponse
from tests.unit.gateway import Gateway
from tests.unit.idempotent_stack import KEY, Stack


async def test_a_killed_request_is_reported_as_unknown() -> None:
    stack = Stack()
    await stack.post()
    await stack.database.execute("UPDATE idempotent_answers SET ended = 0, status = NULL, spending = 1")
    assert (await stack.post()).json()["error_code"] == "IDEMPOTENCY_IN_PROGRESS"
    await stack.age(UNSPENT_SECONDS + 1)
    assert (await stack.post()).json()["error_code"] == "IDEMPOTENCY_IN_PROGRESS"
    await stack.age(RUNNING_SECONDS + 1)
    assert (await stack.post()).json()["error_code"] == "IDEMPOTENCY_OUTCOME_UNKNOWN"
    assert stack.calls == 1


async def test_a_request_killed_before_it_spent_is_redone() -> None:
    stack = Stack()
    await stack.post()
    await stack.database.execute("UPDATE idempotent_answers SET ended = 0, status = NULL")
    assert (await stack.post()).json()["error_code"] == "IDEMPOTENCY_IN_PROGRESS"
    await stack.age(UNSPENT_SECONDS + 1)
    assert (await stack.post({"name": "other"})).json()["error_code"] == "IDEMPOTENCY_KEY_REUSED"
    assert (await stack.post()).json() == {"call": 2}
    assert (await stack.post()).headers.get("Idempotent-Replayed") == "true"


async def test_a_request_whose_key_was_taken_over_cannot_spend() -> None:
    going_on: list[Callable[[], Awaitable[TestResponse]]] = []

    async def work(context: Context) -> Response:
        if going_on:
            await stack.age(UNSPENT_SECONDS + 1)
            assert (await going_on.pop()()).status == 200
            await context.begin_spending()
            raise AssertionError("it spends")
        await context.begin_spending()
        return Response.json({})

    stack = Stack(work)
    going_on.append(stack.post)
    late = await stack.post()
    assert (late.status, late.json()["error_code"]) == (409, "IDEMPOTENCY_IN_PROGRESS")
    assert late.headers.get("x-should-retry") == "true"
    assert (await stack.post()).headers.get("Idempotent-Replayed") == "true"


@pytest.mark.parametrize(
    ("failure", "status"), [(httpx2.ReadTimeout("slow"), 409), (httpx2.Response(500, json={}), 502)]
)
async def test_model_that_failed_first_may_have_been_paid(failure: httpx2.Response | Exception, status: int) -> None:
    gateway = Gateway(failure, httpx2.Response(500, json={}))
    body = {"prompt": "Hello", "model": "openai:gpt-4o-mini", "fallbacks": ["openai:gpt-4o"]}
    assert (await gateway.send("/generate", body, KEY)).status == 502
    assert (await gateway.send("/generate", body, KEY)).status == status
