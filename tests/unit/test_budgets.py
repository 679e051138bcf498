"""Budgets of keys, deployments and providers, kept right before a provider is called."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import Any

import httpx2
import pytest

from electrons.bindings import Bindings
from electrons.context import Context
from electrons.dialects.requests import VendorRequest
from electrons.money import parse_usd
from electrons.ratelimit.limiter import LimiterUnreachableError, RateLimiter
from electrons.testing import MemoryDatabase, TestClient, TestResponse, create_key, create_memory_rate_limiter
from electrons.upstream.budgets import USUAL_OUTPUT_TOKENS
from tests.unit.gateway import CHAT, HELLO, MESSAGES, RESPONSES, SETTINGS, Gateway, streamed
from text_gen.routes import app

NOON = datetime.fromisoformat("2026-11-26T12:00:00+00:00").timestamp()
PRICE = 2.5 * 30 + 10 * 100
"""Millionths of a dollar: what gpt-4o takes for the usage of `COMPLETION`."""

COMPLETION = {
    "model": "gpt-4o-2024-08-06",
    "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 30, "completion_tokens": 100},
}
CALL = {"prompt": "Hello", "model": "openai:gpt-4o", "options": {"max_tokens": 100}}
CHAT_CALL = {"model": "gpt-4o", "messages": HELLO, "max_tokens": 100}
MESSAGES_CALL = {"model": "claude-sonnet-4-6", "max_tokens": 100, "messages": HELLO}

MOST = 2 * 2 * 2.5 + 10 * 100
"""Millionths of a dollar: what `CALL` reserves, for twice its two tokens and all the output that it may ask for."""


class BrokenBody(httpx2.AsyncByteStream):
    """The beginning of a response whose connection is lost."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield b'{"choices": ['
        raise httpx2.ReadError("lost")


class Deployment:
    """text-gen with keys, budgets and one provider, which gives these responses in turn, the last one forever."""

    def __init__(
        self, *responses: httpx2.Response | Exception, limiter: RateLimiter | None = None, **settings: Any
    ) -> None:
        self.called: list[httpx2.Request] = []
        self.now = NOON
        self._responses = list(responses) or [httpx2.Response(200, json=COMPLETION)]
        self.limiter = limiter or create_memory_rate_limiter(clock=lambda: self.now)
        self.database = MemoryDatabase()
        self.client = TestClient(
            app,
            settings=replace(SETTINGS, auth_mode="required", **settings),
            bindings=Bindings(DB=self.database, RATE_LIMITER=self.limiter),
            http=httpx2.MockTransport(self._respond),
        )

    def _respond(self, request: httpx2.Request) -> httpx2.Response:
        self.called.append(request)
        response = self._responses.pop(0) if len(self._responses) > 1 else self._responses[0]
        if isinstance(response, Exception):
            raise response
        return response

    async def call(self, path: str = "/generate", body: Any = None, key: str = "", **headers: str) -> TestResponse:
        key = key or await self.key()
        return await self.client.request("POST", path, json=body or CALL, headers={"X-API-Key": key, **headers})

    async def key(self, budget: str | None = None, models: str | None = None) -> str:
        return await create_key(self.database, "text", budget=budget, models=models)

    async def costs(self) -> list[Any]:
        """Return what the rows of the usage ledger cost."""
        rows = await self.database.query("SELECT estimated_cost_microusd AS cost FROM usage ORDER BY id")
        return [row["cost"] for row in rows]

    def watch_reservations(self) -> list[int]:
        """Return a list to which each amount is added that is reserved from now on."""
        amounts: list[int] = []
        limiter = self.limiter

        async def call(key: str, method: str, message: str) -> str:
            if method == "budget" and (asked := json.loads(message))["do"] == "reserve":
                amounts.append(asked["amount"])
            return await limiter._call(key, method, message)  # noqa: SLF001  # what the runtime gives it

        self.client.bindings = replace(self.client.bindings, RATE_LIMITER=RateLimiter(call))
        return amounts

    async def state(self, holder: str, period: str = "day") -> tuple[int, int]:
        """Return what a holder has spent and reserved."""
        state = (await self.limiter.budget(holder, {"do": "read"}))["periods"][period]
        return state["spent"], state["reserved"]


def id_of(key: str) -> str:
    return key.split("_")[2]


async def test_call_within_the_budget_is_settled_with_its_price() -> None:
    deployment = Deployment()
    key = await deployment.key(budget="1/day")

    answer = await deployment.call(key=key)

    assert answer.status == 200
    assert answer.headers.get("X-Estimated-Cost-USD") == "0.001075"
    assert await deployment.state(f"key:{id_of(key)}") == (PRICE, 0)
    assert await deployment.state(f"key:{id_of(key)}", "month") == (PRICE, 0)


async def test_call_over_the_budget_is_refused_before_the_provider() -> None:
    deployment = Deployment()
    key = await deployment.key(budget="0.0003/day, 5/month")

    answer = await deployment.call(key=key)

    assert (answer.status, deployment.called) == (402, [])
    body = answer.json()
    assert body["error_code"] == "BUDGET_EXCEEDED"
    assert body["details"] == {
        "budget": "key",
        "period": "day",
        "limit_usd": 0.0003,
        "left_usd": 0.0003,
        "needed_usd": 0.00101,
        "renews_at": "2026-11-27T00:00:00Z",
    }
    assert "$0.0003 left" in body["error"]
    (row,) = await deployment.database.query("SELECT status, error_code, estimated_cost_microusd FROM usage")
    assert (row["status"], row["error_code"], row["estimated_cost_microusd"]) == (402, "BUDGET_EXCEEDED", 0)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"budget_per_day": "0.0005"}, "deployment"),
        ({"budget_per_month": "0.0005"}, "deployment"),
        ({"provider_budgets": "anthropic=5/day, openai=0.0005/day"}, "provider:openai"),
    ],
)
async def test_refusal_gives_back_what_was_reserved_before(settings: dict[str, Any], named: str) -> None:
    deployment = Deployment(**settings)
    key = await deployment.key(budget="1/day")

    answer = await deployment.call(key=key)

    assert (answer.status, answer.json()["details"]["budget"]) == (402, named)
    assert await deployment.state(f"key:{id_of(key)}") == (0, 0)
    assert await deployment.state("deployment") == await deployment.state("provider:openai") == (0, 0)


async def test_budgets_are_asked_in_one_order_and_settled() -> None:
    asked: list[tuple[str, str]] = []
    memory = create_memory_rate_limiter(clock=lambda: NOON)

    async def call(key: str, method: str, message: str) -> str:
        if method == "budget":
            asked.append((key.split(":")[1], json.loads(message)["do"]))
        return await memory._call(key, method, message)  # noqa: SLF001  # what the runtime gives it

    deployment = Deployment(limiter=RateLimiter(call), budget_per_day="1", provider_budgets="openai=1/day")

    await deployment.call(key=await deployment.key(budget="1/day"))

    assert asked[:3] == [("key", "reserve"), ("deployment", "reserve"), ("provider", "reserve")]
    assert sorted(asked[3:]) == [("deployment", "settle"), ("key", "settle"), ("provider", "settle")]


async def test_rotated_keys_spend_one_budget() -> None:
    deployment = Deployment()
    old, new = await deployment.key(budget="0.0015/day"), await deployment.key(budget="0.0015/day")
    await deployment.database.execute("UPDATE api_keys SET first_id = ? WHERE id = ?", id_of(old), id_of(new))

    assert (await deployment.call(key=old)).status == 200
    assert (await deployment.call(key=new)).status == 402


async def test_calls_at_once_get_no_more_than_the_budget() -> None:
    released, called = asyncio.Event(), []

    async def wait(request: httpx2.Request) -> httpx2.Response:
        called.append(request)
        await released.wait()
        return httpx2.Response(200, json=COMPLETION)

    deployment = Deployment(rate_limit_policy="none")
    deployment.client.http = httpx2.MockTransport(wait)
    key = await deployment.key(budget="0.0051/day")  # each may cost 0.00101
    calls = [asyncio.create_task(deployment.call(key=key)) for _ in range(20)]
    for refused in islice(asyncio.as_completed(calls), 15):
        assert (await refused).status == 402
    released.set()

    answers = await asyncio.gather(*calls)

    assert sorted(answer.status for answer in answers) == [200] * 5 + [402] * 15
    assert len(called) == 5


async def test_new_day_renews_the_budget() -> None:
    deployment = Deployment()
    key = await deployment.key(budget="0.0015/day")

    assert [(await deployment.call(key=key)).status for _ in range(2)] == [200, 402]
    deployment.now += 12 * 60 * 60
    assert (await deployment.call(key=key)).status == 200


@pytest.mark.parametrize(
    "failure",
    [
        *map(httpx2.Response, (400, 401, 402, 403, 429, 500, 503, 521, 529)),
        httpx2.Response(503, headers={"Retry-After": "60"}),
        httpx2.Response(200, json={"error": {"message": "No", "code": "server_error"}}),
    ],
)
@pytest.mark.parametrize(("path", "body"), [("/generate", CALL), (CHAT, CHAT_CALL)])
async def test_call_that_fails_costs_nothing(failure: httpx2.Response, path: str, body: Any) -> None:
    deployment = Deployment(failure, max_retries=0)
    key = await deployment.key(budget="1/day")

    assert (await deployment.call(path, body, key)).status >= 400
    assert await deployment.state(f"key:{id_of(key)}") == (0, 0)
    assert await deployment.costs() == [0]


@pytest.mark.parametrize(
    "failure",
    [
        httpx2.ReadTimeout("slow"),
        httpx2.ConnectError("lost"),
        httpx2.Response(200, content=b'{"choices": ['),
        httpx2.Response(200, json=[]),
        httpx2.Response(200, stream=BrokenBody()),
    ],
    ids=["slow", "lost", "cut short", "unreadable", "interrupted"],
)
@pytest.mark.parametrize(("path", "body"), [("/generate", CALL), (CHAT, CHAT_CALL), (MESSAGES, MESSAGES_CALL)])
async def test_call_of_unknown_outcome_costs_what_was_reserved(
    failure: httpx2.Response | Exception, path: str, body: Any
) -> None:
    deployment = Deployment(failure, max_retries=0, budget_per_day="5")
    reserved = deployment.watch_reservations()

    assert (await deployment.call(path, body)).status >= 500
    assert len(reserved) == 1
    assert await deployment.state("deployment") == (reserved[0], 0)
    assert await deployment.costs() == reserved


async def test_lost_attempt_is_paid_besides_the_retry_that_succeeds() -> None:
    deployment = Deployment(
        httpx2.ConnectError("lost"), httpx2.Response(200, json=COMPLETION), max_retries=1, budget_per_day="5"
    )
    reserved = deployment.watch_reservations()

    answer = await deployment.call()

    assert answer.status == 200
    assert reserved == [MOST, MOST]
    assert await deployment.state("deployment") == (MOST + PRICE, 0)
    assert await deployment.costs() == [MOST + PRICE]


async def test_retry_after_a_lost_attempt_is_held_to_the_budget() -> None:
    deployment = Deployment(httpx2.ConnectError("lost"), max_retries=1, budget_per_day=f"{1.5 * MOST / 1e6:.6f}")

    answer = await deployment.call()

    assert (answer.status, answer.json()["error_code"], len(deployment.called)) == (402, "BUDGET_EXCEEDED", 1)
    assert await deployment.state("deployment") == (MOST, 0)
    assert await deployment.costs() == [MOST]


async def test_call_of_unknown_outcome_is_paid_besides_its_fallback() -> None:
    deployment = Deployment(httpx2.ReadTimeout("slow"), httpx2.Response(200, json=COMPLETION), budget_per_day="5")

    answer = await deployment.call(body={**CALL, "fallbacks": ["openai:gpt-4o-2024-08-06"]})

    assert answer.status == 200
    assert await deployment.state("deployment") == (MOST + PRICE, 0)
    assert sorted(await deployment.costs()) == sorted([MOST, PRICE])


async def test_fallback_is_held_to_the_budget_of_its_own() -> None:
    deployment = Deployment(httpx2.Response(500), httpx2.Response(200, json=COMPLETION), max_retries=0)
    key = await deployment.key(budget="1/day")

    answer = await deployment.call(key=key, body={**CALL, "fallbacks": ["openai:gpt-4o-mini"]})

    assert answer.status == 200
    # The vendor says that gpt-4o answered, so that is its price.
    assert await deployment.state(f"key:{id_of(key)}") == (PRICE, 0)


async def test_fallback_that_the_budget_forbids_is_not_called() -> None:
    deployment = Deployment(httpx2.Response(500), max_retries=0, provider_budgets="anthropic=0/day")

    answer = await deployment.call(body={**CALL, "fallbacks": ["anthropic:claude-sonnet-4-6"]})

    assert (answer.status, len(deployment.called)) == (502, 1)


async def test_unpriced_model_is_refused_where_a_budget_applies() -> None:
    deployment = Deployment(budget_per_month="5")

    answer = await deployment.call(body={**CALL, "model": "openai:gpt-next"})

    assert (answer.status, answer.json()["error_code"], deployment.called) == (400, "PRICE_UNKNOWN", [])
    assert "gpt-next" in answer.json()["error"]


async def test_unpriced_model_without_a_budget_has_no_cost() -> None:
    deployment = Deployment(httpx2.Response(200, json={**COMPLETION, "model": "gpt-next"}))

    answer = await deployment.call(body={**CALL, "model": "openai:gpt-next"})

    assert (answer.status, answer.headers.get("X-Estimated-Cost-USD")) == (200, None)
    (line,) = [line for line in answer.log if line["event"] == "price_unknown"]
    assert (line["level"], line["model"]) == ("warning", "gpt-next")
    assert answer.json()["metadata"]["warnings"] == [
        "No price is known for `openai:gpt-next`, so this call has no estimated cost"
    ]


async def test_stream_of_an_unpriced_model_ends_with_the_warning() -> None:
    piece = b'data: {"model": "gpt-next", "choices": [{"delta": {"content": "Hi"}, "finish_reason": "stop"}]}\n\n'
    deployment = Deployment(streamed(piece, b"data: [DONE]\n\n"))

    answer = await deployment.call("/generate/stream", body={**CALL, "model": "openai:gpt-next"})

    last = json.loads(answer.body.decode().strip().split("\n\n")[-1].removeprefix("data: "))
    assert "No price is known for `openai:gpt-next`" in " ".join(last["metadata"]["warnings"])


async def test_price_of_the_deployment_lets_its_model_be_called() -> None:
    prices = '{"openai:gpt-next": {"input_tokens": 1, "output_tokens": 2}}'
    deployment = Deployment(httpx2.Response(200, json={**COMPLETION, "model": "gpt-next"}), prices=prices)
    key = await deployment.key(budget="1/day")

    answer = await deployment.call(key=key, body={**CALL, "model": "openai:gpt-next"})

    assert answer.headers.get("X-Estimated-Cost-USD") == "0.000230"
    assert await deployment.state(f"key:{id_of(key)}") == (30 + 200, 0)
    (row,) = await deployment.database.query("SELECT estimated_cost_microusd, price_date FROM usage")
    assert (row["estimated_cost_microusd"], row["price_date"]) == (230, "PRICES")


@pytest.mark.parametrize(
    ("models", "status"),
    [
        ("openai:gpt-4o", 200),
        ("openai:gpt-4o-mini anthropic:*", 403),
        ("openai:*", 200),
        ("openai:gpt-4*", 200),
        ("anthropic:gpt-4o", 403),
    ],
)
async def test_key_is_held_to_its_models(models: str, status: int) -> None:
    deployment = Deployment()
    key = await deployment.key(models=models)

    answers = [await deployment.call(key=key), await deployment.call(CHAT, CHAT_CALL, key=key)]

    assert [answer.status for answer in answers] == [status, status]
    assert len(deployment.called) == (2 if status == 200 else 0)
    if status == 403:
        body = answers[0].json()
        assert (body["error_code"], body["details"]["model"]) == ("FORBIDDEN", "openai:gpt-4o")


@pytest.mark.parametrize("problem", [LimiterUnreachableError("down"), TimeoutError()])
async def test_budget_that_cannot_be_asked_refuses(problem: Exception) -> None:
    async def call(_key: str, method: str, _message: str) -> str:
        if method == "budget":
            raise problem
        return json.dumps({"allowed": True, "headers": [], "violated": [], "impossible": False})

    deployment = Deployment(limiter=RateLimiter(call), budget_per_day="5", rate_limit_policy="none")

    answer = await deployment.call()

    assert (answer.status, answer.json()["error_code"], deployment.called) == (503, "BUDGET_UNAVAILABLE", [])


async def test_settlement_that_fails_is_repeated() -> None:
    failures = [LimiterUnreachableError("down")]
    memory = create_memory_rate_limiter(clock=lambda: NOON)

    async def call(key: str, method: str, message: str) -> str:
        if method == "budget" and json.loads(message)["do"] == "settle" and failures:
            raise failures.pop()
        return await memory._call(key, method, message)  # noqa: SLF001

    deployment = Deployment(limiter=RateLimiter(call), budget_per_day="5", rate_limit_policy="none")

    await deployment.call()

    assert await deployment.state("deployment") == (PRICE, 0)


@pytest.mark.parametrize(
    ("path", "body", "shape"),
    [
        (CHAT, CHAT_CALL, ("insufficient_quota", "invalid_request_error")),
        (RESPONSES, {"model": "gpt-4o", "input": "Hello"}, ("insufficient_quota", "invalid_request_error")),
        (
            "/v1/embeddings",
            {"model": "text-embedding-3-small", "input": "Hello" * 1000},
            ("insufficient_quota", "invalid_request_error"),
        ),
        (
            MESSAGES,
            {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": HELLO},
            (None, "billing_error"),
        ),
    ],
)
async def test_vendors_route_has_the_vendors_error(path: str, body: Any, shape: tuple[str | None, str]) -> None:
    deployment = Deployment(budget_per_day="0.000001")

    answer = await deployment.call(path, body)

    error = answer.json()["error"]
    assert answer.status == 402
    assert (error.get("code"), error["type"]) == shape
    assert answer.headers.get("x-should-retry") == "false"
    assert deployment.called == []


@pytest.mark.parametrize(("path", "body"), [(CHAT, CHAT_CALL), ("/generate", CALL)])
async def test_response_from_the_cache_costs_nothing(path: str, body: Any) -> None:
    deployment = Deployment(budget_per_day="0.0018")
    deployment.client.bindings = Bindings(
        DB=deployment.database, RATE_LIMITER=deployment.limiter, CACHE=Gateway(httpx2.Response(500)).bindings.cache
    )
    key = await deployment.key()

    answers = [await deployment.call(path, body, key, **{"X-DE-Cache-TTL": "600"}) for _ in range(3)]

    assert [answer.status for answer in answers] == [200, 200, 200]
    assert len(deployment.called) == 1
    assert await deployment.state("deployment") == (PRICE, 0)


async def test_shared_response_is_not_for_keys_of_other_models() -> None:
    deployment = Deployment()
    deployment.client.bindings = Bindings(
        DB=deployment.database, RATE_LIMITER=deployment.limiter, CACHE=Gateway(httpx2.Response(500)).bindings.cache
    )
    shared = {"X-DE-Cache-TTL": "600", "X-DE-Cache-Scope": "deployment"}
    keys = [await deployment.key(), await deployment.key(), await deployment.key(models="anthropic:*")]

    answers = [await deployment.call(CHAT, CHAT_CALL, key, **shared) for key in keys]

    assert [answer.status for answer in answers] == [200, 200, 403]
    assert len(deployment.called) == 1


async def test_stream_that_is_cut_costs_what_came() -> None:
    chunk = {"model": "gpt-4o", "choices": [{"delta": {"content": "x" * 400}}]}
    deployment = Deployment(streamed(b"data: %s\n\n" % json.dumps(chunk).encode()), budget_per_day="5")

    answer = await deployment.call(CHAT, {**CHAT_CALL, "max_tokens": 100_000, "stream": True})

    assert b'"error"' in answer.body
    spent, reserved = await deployment.state("deployment")
    assert reserved == 0
    assert 100 * 10 <= spent < 130 * 10  # a hundred tokens came


async def test_stream_that_is_cut_before_any_text_costs_what_was_reserved() -> None:
    chunk = b'data: {"model": "gpt-4o", "choices": [{"delta": {"role": "assistant"}}]}\n\n'
    for path, body in ((CHAT, {**CHAT_CALL, "stream": True}), ("/generate/stream", CALL)):
        deployment = Deployment(streamed(chunk), budget_per_day="5")
        reserved = deployment.watch_reservations()

        await deployment.call(path, body)

        assert len(reserved) == 1
        assert await deployment.state("deployment") == (reserved[0], 0)
        assert await deployment.costs() == reserved


async def test_stream_that_its_vendor_ends_with_an_error_costs_what_came() -> None:
    start = b'data: {"model": "gpt-4o", "choices": [{"delta": {"role": "assistant"}}]}\n\n'
    error = b'data: {"error": {"message": "Down", "code": "server_error"}}\n\n'
    with_id = b'data: {"id": "x", "error": {"message": "Down", "code": "server_error"}}\n\n'
    translated = {**MESSAGES_CALL, "model": "openai:gpt-4o", "stream": True}
    for path, body, frames in (
        (CHAT, {**CHAT_CALL, "stream": True}, (start, error)),
        ("/generate/stream", CALL, (start, error)),
        (MESSAGES, translated, (start, with_id)),
        (MESSAGES, translated, (error,)),
    ):
        deployment = Deployment(streamed(*frames), budget_per_day="5")

        await deployment.call(path, body)

        assert await deployment.state("deployment") == (0, 0)
        assert await deployment.costs() == [0]


async def test_stream_that_is_cut_after_its_usage_costs_that() -> None:
    start = {"message": {"model": "claude-sonnet-4-6", "usage": {"input_tokens": 30, "output_tokens": 1}}}
    frame = b"event: message_start\ndata: %s\n\n" % json.dumps({"type": "message_start", **start}).encode()
    deployment = Deployment(streamed(frame), budget_per_day="5")

    await deployment.call(MESSAGES, {**MESSAGES_CALL, "stream": True})

    assert await deployment.state("deployment") == (30 * 3 + 15, 0)
    assert await deployment.costs() == [30 * 3 + 15]


async def test_stream_that_is_whole_costs_its_usage() -> None:
    frames = [
        {"model": "gpt-4o", "choices": [{"delta": {"content": "Hi"}}]},
        {"choices": [{"delta": {}, "finish_reason": "stop"}]},
        {"choices": [], "usage": {"prompt_tokens": 30, "completion_tokens": 100}},
    ]
    pieces = [b"data: %s\n\n" % json.dumps(frame).encode() for frame in frames]
    deployment = Deployment(streamed(*pieces, b"data: [DONE]\n\n"), budget_per_day="5")

    await deployment.call(CHAT, {**CHAT_CALL, "stream": True})

    assert await deployment.state("deployment") == (PRICE, 0)


@pytest.mark.parametrize(("path", "body"), [("/generate", CALL), (CHAT, CHAT_CALL), ("/generate/stream", CALL)])
async def test_caller_who_leaves_before_the_answer_pays_what_was_reserved(path: str, body: Any) -> None:
    reached = asyncio.Event()

    async def never(_request: httpx2.Request) -> httpx2.Response:
        reached.set()
        await asyncio.Event().wait()
        raise AssertionError

    deployment = Deployment(budget_per_day="5")
    deployment.client.http = httpx2.MockTransport(never)
    call = asyncio.create_task(_handle(deployment, await deployment.key(), path, body))
    await reached.wait()
    _, reserved = await deployment.state("deployment")
    assert reserved > 1000
    call.cancel()
    context = (await asyncio.gather(call, return_exceptions=True))[0]

    assert isinstance(context, Context)
    await context.finish()
    assert await deployment.state("deployment") == (reserved, 0)
    assert await deployment.costs() == [reserved]


async def _handle(deployment: Deployment, key: str, path: str, body: Any) -> Context:
    context = deployment.client.create_context(
        "POST", path, content=json.dumps(body).encode(), headers={"X-API-Key": key}
    )
    try:
        response = await app.handle(context)
        if isinstance(response.body, AsyncGenerator):
            async for _ in response.body:
                pass
    except asyncio.CancelledError:
        return context
    raise AssertionError("the call has ended")


async def test_free_calls_are_not_charged() -> None:
    deployment = Deployment(httpx2.Response(200, json={"input_tokens": 5}), budget_per_day="0")
    body = {"model": "claude-sonnet-4-6", "messages": HELLO}

    answer = await deployment.call("/v1/messages/count_tokens", body)

    assert (answer.status, len(deployment.called)) == (200, 1)


@pytest.mark.parametrize(
    ("fields", "output"),
    [
        ({}, USUAL_OUTPUT_TOKENS),
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 8, "max_tokens": None}, 8),
        ({"max_output_tokens": 9}, 9),
        ({"n": 3, "max_tokens": 7}, 21),
        ({"n": 2}, 2 * USUAL_OUTPUT_TOKENS),
    ],
)
def test_most_units_are_the_limit_of_the_output(fields: dict[str, Any], output: int) -> None:
    document = {"model": "gpt-4o", "messages": HELLO, **fields}
    body = VendorRequest(model="gpt-4o")
    body.attach(json.dumps(document).encode(), document)

    assert body.most_units().output == output
    assert body.most_units().input == 2 * body.estimate_input()
    assert body.most_units(has_output=False).output == 0


def test_budget_is_exact() -> None:
    assert parse_usd("0.1") + parse_usd("0.2") == parse_usd("0.3")
