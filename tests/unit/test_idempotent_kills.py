"""`Idempotency-Key` of a request whose end is not known: done again only if it has certainly spent nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import httpx2
import pytest

from electrons.bindings import Bindings, Row, Value
from electrons.context import Context
from electrons.errors import DatabaseError
from electrons.http import Response
from electrons.logs import timestamp
from electrons.middleware import idempotent_work
from electrons.middleware.idempotency import RUNNING_SECONDS, SILENT_SECONDS
from electrons.providers.openai.provider import OpenAIProvider
from electrons.settings import Secret, Settings
from electrons.storage.idempotency import UNSPENT_SECONDS, IdempotentAnswers, Slot
from electrons.testing import MemoryDatabase, TestResponse
from electrons.upstream.client import call_provider
from electrons.upstream.provider import ProviderRequest
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


async def spend(context: Context) -> Response:
    await context.begin_spending()
    return Response.json({})


async def test_a_killed_request_that_reported_is_unknown_a_minute_later() -> None:
    stack = Stack(spend)
    await stack.post()
    await stack.database.execute("UPDATE idempotent_answers SET ended = 0, status = NULL")
    assert (await stack.post()).json()["error_code"] == "IDEMPOTENCY_IN_PROGRESS"
    seen_at = timestamp(seconds_ago=SILENT_SECONDS + 1)
    await stack.database.execute("UPDATE idempotent_answers SET seen_at = ?", seen_at)
    assert (await stack.post()).json()["error_code"] == "IDEMPOTENCY_OUTCOME_UNKNOWN"
    assert stack.calls == 1


class ReportsDatabase(MemoryDatabase):
    """A database that is away for so many reports, and then notes that there has been one."""

    def __init__(self, missed: int) -> None:
        super().__init__()
        self.missed = missed
        self.reported = asyncio.Event()

    async def query(self, statement: str, *parameters: Value) -> list[Row]:
        if not statement.startswith("UPDATE idempotent_answers SET seen_at"):
            return await super().query(statement, *parameters)
        self.missed -= 1
        if self.missed >= 0:
            raise DatabaseError("D1 is away")
        rows = await super().query(statement, *parameters)
        self.reported.set()
        return rows


@pytest.mark.parametrize("missed", [0, 2])
async def test_a_request_at_work_reports_until_its_end(monkeypatch: pytest.MonkeyPatch, missed: int) -> None:
    monkeypatch.setattr(idempotent_work, "REPORT_SECONDS", 0.001)
    old = timestamp(seconds_ago=2 * RUNNING_SECONDS)

    async def work(context: Context) -> Response:
        await context.begin_spending()
        await database.execute("UPDATE idempotent_answers SET created_at = ?, seen_at = ?", old, old)
        await database.reported.wait()
        assert (await stack.post()).json()["error_code"] == "IDEMPOTENCY_IN_PROGRESS"
        return Response.json({})

    stack, database = Stack(work), ReportsDatabase(missed)
    stack.client.bindings = Bindings(DB=database, RATE_LIMITER=stack.client.bindings.rate_limiter)
    before = asyncio.all_tasks()

    assert (await stack.post()).status == 200

    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
    assert (await stack.post()).headers.get("Idempotent-Replayed") == "true"


async def test_what_has_ended_takes_no_more_reports() -> None:
    answers, slot = IdempotentAnswers(MemoryDatabase()), Slot("a", "r", "k")
    claim = await answers.take(slot, "h")
    assert claim
    assert await answers.report(slot, claim)
    await answers.end(slot, claim)
    assert not await answers.report(slot, claim)


async def test_work_that_outlives_its_request_does_not_report() -> None:
    stack = Stack(spend, work_id_field="work_id")
    await stack.post()
    assert await stack.seen_at() is None


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


@pytest.mark.parametrize(("first", "second"), [(httpx2.ReadError("lost"), 409), (httpx2.Response(500, json={}), 429)])
async def test_attempt_that_was_lost_may_have_been_paid(first: httpx2.Response | Exception, second: int) -> None:
    gateway = Gateway(first, httpx2.Response(429, headers={"Retry-After": "99"}, json={}), max_retries=1)
    body = {"prompt": "Hello", "model": "openai:gpt-4o-mini"}
    assert (await gateway.send("/generate", body, KEY)).status == 429
    assert len(gateway.requests) == 2
    assert (await gateway.send("/generate", body, KEY)).status == second


async def test_retry_that_was_not_made_leaves_the_key_free() -> None:
    """The circuit opens with the first failure, which cost nothing, so the second attempt reaches no provider."""
    failure = httpx2.Response(500, headers={"Retry-After": "0"}, json={})
    gateway = Gateway(failure, max_retries=1, circuit_failures=1)
    body = {"prompt": "Hello", "model": "openai:gpt-4o-mini"}
    answers = [await gateway.send("/generate", body, KEY) for _ in range(2)]
    assert [answer.json()["error_code"] for answer in answers] == ["PROVIDER_UNREACHABLE"] * 2
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(
    ("failure", "error_code"),
    [
        (httpx2.Response(502, text="Bad gateway"), "IDEMPOTENCY_OUTCOME_UNKNOWN"),
        (httpx2.Response(503, headers={"Retry-After": "99"}, json={}), "PROVIDER_ERROR"),
        (httpx2.Response(429, headers={"Retry-After": "99"}, json={}), "PROVIDER_RATE_LIMIT"),
    ],
)
async def test_work_that_is_not_repeated_keeps_its_key(failure: httpx2.Response, error_code: str) -> None:
    """A gateway can answer for a provider that is doing the work: a retry must not pay for it again."""

    async def work(context: Context) -> Response:
        request = ProviderRequest.json("/images", {}, headers=[], repeatable=False)
        await call_provider(context, OpenAIProvider(), request, dict)
        raise AssertionError("it succeeds")

    stack = Stack(work)
    stack.client.settings = Settings(auth_mode="open", declared={"OPENAI_API_KEY": Secret("test-key-0001")})
    stack.client.http = httpx2.MockTransport(lambda _: failure)
    first, second = await stack.post(), await stack.post()
    assert first.status in {502, 429}
    assert second.json()["error_code"] == error_code
