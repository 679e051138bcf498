"""`Idempotency-Key`: the work is done once, and a retry gets the first answer or learns why there is none."""

from __future__ import annotations

import asyncio

import pytest

from electrons.bindings import Bindings, Value
from electrons.context import Context
from electrons.errors import (
    ConflictError,
    DatabaseError,
    ElectronsError,
    ProviderError,
    ProviderRateLimitError,
    ProviderRejectedError,
    ProviderTimeoutError,
    RequestError,
)
from electrons.http import Response
from electrons.middleware import idempotent_work
from electrons.routing import Dialect
from electrons.storage.idempotency import (
    DELETED_AT_ONCE,
    KEPT_SECONDS,
    Answer,
    IdempotentAnswers,
    Slot,
)
from electrons.storage.ledger import record_usage
from electrons.testing import MemoryDatabase
from electrons.usage import Usage
from tests.unit.idempotent_stack import KEY, Stack, Work


def failing(error: Exception, *, attempts: int = 0, tokens: int = 0) -> Work:
    async def work(context: Context) -> Response:
        context.attempts = attempts
        if tokens:
            context.usage = Usage(provider="openai", model="m")
            context.usage.note_input(tokens)
        raise error

    return work


async def test_a_retry_gets_the_first_answer() -> None:
    stack = Stack()
    first, second = await stack.post(), await stack.post()
    assert stack.calls == 1
    assert (second.status, second.body) == (first.status, first.body) == (201, b'{"call":1}')
    assert second.headers.get("Location") == "/x"
    assert second.headers.get("Content-Type") == "application/json"
    assert first.headers.get("Idempotent-Replayed") is None
    assert second.headers.get("Idempotent-Replayed") == "true"


async def test_headers_of_the_first_request_alone_stay_there() -> None:
    stack = Stack()
    first, second = await stack.post(), await stack.post()
    assert second.headers.get("Set-Cookie") is None
    assert second.headers.get("X-Request-ID") not in (None, first.headers.get("X-Request-ID"))
    assert "," not in (second.headers.get("X-Request-ID") or "")


async def test_headers_of_the_first_call_are_repeated() -> None:
    async def work(context: Context) -> Response:
        record_usage(context, Usage(provider="openai", model="gpt-4o", input_units=1000))
        context.attempts = 2
        context.headers += [("X-DE-Cache", "miss"), ("X-Estimated-Cost-USD", "0.002500")]
        response = Response.json({})
        response.headers.append(("X-DE-Warnings", "w"))
        return response

    stack = Stack(work)
    first, second = await stack.post(), await stack.post()
    assert second.headers.get("X-DE-Overhead-Ms")
    for name in ("Provider", "Model", "Attempts", "Cost", "Cache", "Warnings"):
        assert first.headers.get(f"X-DE-{name}")
        assert second.headers.get(f"X-DE-{name}") == first.headers.get(f"X-DE-{name}")
    assert second.headers.get("X-Estimated-Cost-USD") == "0.002500"
    (row,) = await stack.database.query("SELECT estimated_cost_microusd FROM usage")
    assert row == {"estimated_cost_microusd": 2500}


async def test_requests_without_a_key_are_all_done() -> None:
    stack = Stack()
    await stack.post(headers={})
    await stack.post(headers={})
    assert stack.calls == 2
    assert await stack.database.query("SELECT * FROM idempotent_answers") == []


async def test_another_body_is_refused() -> None:
    stack = Stack()
    await stack.post({"name": "a"})
    refused = await stack.post({"name": "b"})
    assert (refused.status, refused.json()["error_code"], stack.calls) == (422, "IDEMPOTENCY_KEY_REUSED", 1)


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb"])
async def test_a_malformed_key_is_refused(key: str) -> None:
    stack = Stack()
    assert (await stack.post(headers={"Idempotency-Key": key})).status == 400
    assert stack.calls == 0


@pytest.mark.parametrize("dialect", [None, "openai", "anthropic"])
async def test_of_two_at_once_one_is_done(dialect: Dialect | None) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work(_context: Context) -> Response:
        begun.set()
        await go_on.wait()
        return Response.json({})

    stack = Stack(work, dialect=dialect)
    first = asyncio.create_task(stack.post())
    await begun.wait()
    second = await stack.post()
    go_on.set()
    assert (await first).status == 200
    assert (second.status, stack.calls) == (409, 1)
    assert (second.headers.get("x-should-retry"), second.headers.get("Retry-After")) == ("true", "1")
    assert (await stack.post()).headers.get("Idempotent-Replayed") == "true"


async def test_the_work_goes_on_when_the_caller_leaves() -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def work(_context: Context) -> Response:
        begun.set()
        await go_on.wait()
        return Response.json({})

    stack = Stack(work)
    context = stack.client.create_context("POST", "/work", content=b"{}", headers=KEY)
    first = asyncio.create_task(stack.client.app.handle(context))
    await begun.wait()
    first.cancel()
    await asyncio.wait([first])
    go_on.set()
    await context.finish()
    assert (await stack.post()).headers.get("Idempotent-Replayed") == "true"
    assert stack.calls == 1


@pytest.mark.parametrize(
    "error", [RequestError("no"), ProviderRejectedError("no", provider="openai", upstream_status=400)]
)
async def test_final_refusals_are_kept(error: ElectronsError) -> None:
    stack = Stack(failing(error, attempts=1))
    first, second = await stack.post(), await stack.post()
    assert (second.status, second.body, stack.calls) == (first.status, first.body, 1)


FREEING = [
    failing(ConflictError("no"), attempts=1),
    failing(ProviderRateLimitError("no", provider="openai", upstream_status=429), attempts=1),
    failing(ProviderError("no", provider="openai", upstream_status=500), attempts=3),
    failing(DatabaseError("no")),
    failing(ValueError("no")),
]


@pytest.mark.parametrize("work", FREEING)
async def test_failures_that_cost_nothing_free_the_key(work: Work) -> None:
    stack = Stack(work)
    first, second = await stack.post(), await stack.post()
    assert (second.status, stack.calls) == (first.status, 2)


TAKEN = [
    failing(ProviderTimeoutError("no", provider="openai"), attempts=1),
    failing(ProviderError("no", provider="openai", upstream_status=200), attempts=1),
    failing(ProviderError("no", provider="openai", upstream_status=500), attempts=2, tokens=5),
    failing(ValueError("no"), attempts=1),
]


@pytest.mark.parametrize("work", TAKEN)
async def test_failures_that_may_have_cost_keep_the_key(work: Work) -> None:
    stack = Stack(work)
    await stack.post()
    second = await stack.post()
    assert (second.status, second.json()["error_code"]) == (409, "IDEMPOTENCY_OUTCOME_UNKNOWN")
    assert (second.headers.get("x-should-retry"), stack.calls) == ("false", 1)


async def test_an_answer_expires_after_a_day() -> None:
    stack = Stack()
    await stack.post()
    await stack.age(KEPT_SECONDS + 1)
    assert (await stack.post({"name": "other"})).json() == {"call": 2}
    assert (await stack.post({"name": "other"})).headers.get("Idempotent-Replayed") == "true"


async def test_callers_and_routes_have_keys_of_their_own() -> None:
    answers = IdempotentAnswers(MemoryDatabase())
    slots = [Slot("a", "r", "k"), Slot("b", "r", "k"), Slot("a", "s", "k"), Slot("a", "r", "l")]
    assert all([await answers.take(slot, "h") for slot in slots])
    assert not any([await answers.take(slot, "h") for slot in slots])


async def test_a_lost_claim_changes_nothing() -> None:
    answers, slot = IdempotentAnswers(MemoryDatabase()), Slot("a", "r", "k")
    await answers.take(slot, "h")
    await answers.keep(slot, "another", Answer(status=200, headers=[], body=""))
    assert not await answers.begin_spending(slot, "another", reports=True)
    assert not await answers.report(slot, "another")
    await answers.end(slot, "another")
    await answers.free(slot, "another")
    found = await answers.find(slot)
    assert found
    assert (found.answer, found.ended) == (None, False)


async def test_expired_rows_are_deleted_in_small_numbers() -> None:
    stack = Stack()
    answers = IdempotentAnswers(stack.database)
    for number in range(DELETED_AT_ONCE + 5):
        await answers.take(Slot("a", "r", str(number)), "h")
    await stack.age(KEPT_SECONDS + 1)
    await stack.post()
    assert len(await stack.database.query("SELECT 1 FROM idempotent_answers")) == 6


class BrokenWrites(MemoryDatabase):
    """A database that takes the key, and then fails so many times."""

    def __init__(self, failures: int) -> None:
        super().__init__()
        self.failures = failures

    async def execute(self, statement: str, *parameters: Value) -> None:
        if "idempotent_answers SET" in statement or "DELETE FROM idempotent_answers WHERE caller" in statement:
            self.failures -= 1
            if self.failures >= 0:
                raise DatabaseError("gone")
        await super().execute(statement, *parameters)


def breaking(work: Work | None, *, failures: int, monkeypatch: pytest.MonkeyPatch) -> Stack:
    monkeypatch.setattr(idempotent_work, "SETTLE_PAUSES_SECONDS", (0.0, 0.0, 0.0))
    stack = Stack(work)
    stack.client.bindings = Bindings(DB=BrokenWrites(failures), RATE_LIMITER=stack.client.bindings.rate_limiter)
    return stack


async def test_an_answer_that_cannot_be_written_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = breaking(None, failures=99, monkeypatch=monkeypatch)
    assert (await stack.post()).status == 201
    assert (await stack.post()).json()["error_code"] == "IDEMPOTENCY_IN_PROGRESS"
    assert stack.calls == 1


async def test_an_answer_is_written_when_the_database_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = breaking(None, failures=4, monkeypatch=monkeypatch)
    assert (await stack.post()).status == 201
    assert (await stack.post()).headers.get("Idempotent-Replayed") == "true"
    assert stack.calls == 1


async def test_a_key_is_freed_when_the_database_is_back(monkeypatch: pytest.MonkeyPatch) -> None:
    stack = breaking(failing(ConflictError("no")), failures=2, monkeypatch=monkeypatch)
    assert [(await stack.post()).json()["error_code"] for _ in range(2)] == ["CONFLICT"] * 2
    assert stack.calls == 2
