"""The limits of a deployment, with the real ledger."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import replace

import pytest

from electrons.app import App
from electrons.bindings import Bindings
from electrons.context import Context
from electrons.errors import ProviderError
from electrons.http import Response
from electrons.middleware.rate_limit import SMALL_BODY_BYTES
from electrons.models import RequestModel
from electrons.ratelimit.limiter import Call, LimiterUnreachableError, RateLimiter
from electrons.settings import Settings
from electrons.testing import MemoryDatabase, TestClient, create_key, create_memory_rate_limiter
from electrons.usage import Usage

SETTINGS = Settings(
    auth_mode="open",
    rate_limit_policy='"requests";q=3;w=60, "tokens";q=1000;qu="tokens";w=60',
    rate_limit_lease_seconds=0,
)


class Work(RequestModel):
    reserved: int
    used: int | None = None


def estimate(body: Work) -> Mapping[str, int]:
    return {"tokens": body.reserved}


def create_client(settings: Settings = SETTINGS, limiter: RateLimiter | None = None) -> TestClient:
    app = App("worker")

    @app.post("/work", estimate=estimate)
    async def work(context: Context, body: Work) -> Response:
        if body.used is None:
            raise ProviderError("Down", provider="openai")
        context.usage = Usage(provider="openai", model="m", input_units=body.used)
        return Response.json({})

    limiter = limiter or create_memory_rate_limiter(clock=lambda: 1_700_000_000.0)
    return TestClient(app, settings=settings, bindings=Bindings(RATE_LIMITER=limiter))


def remaining(header: str | None) -> list[int]:
    return [int(number) for number in re.findall(r"r=(\d+)", header or "")]


async def test_rate_limit_when_under_it_then_headers_show_remaining() -> None:
    answer = await create_client().request("POST", "/work", json={"reserved": 400, "used": 400})

    assert answer.status == 200
    assert answer.headers.get("RateLimit-Policy") == SETTINGS.rate_limit_policy
    assert remaining(answer.headers.get("RateLimit")) == [2, 600]


async def test_rate_limit_when_less_used_than_reserved_then_refunded() -> None:
    client = create_client()

    await client.request("POST", "/work", json={"reserved": 900, "used": 100})
    answer = await client.request("POST", "/work", json={"reserved": 900, "used": 0})

    assert remaining(answer.headers.get("RateLimit")) == [1, 0]


async def test_rate_limit_when_provider_failed_then_all_is_refunded() -> None:
    client = create_client()

    await client.request("POST", "/work", json={"reserved": 1000})
    answer = await client.request("POST", "/work", json={"reserved": 1000, "used": 0})

    assert answer.status == 200


async def test_rate_limit_when_over_it_then_429_says_which_and_when() -> None:
    client = create_client()
    for _ in range(3):
        await client.request("POST", "/work", json={"reserved": 0, "used": 0})

    answer = await client.request("POST", "/work", json={"reserved": 0, "used": 0})

    assert (answer.status, answer.json()["error_code"]) == (429, "RATE_LIMITED")
    assert answer.json()["details"] == {"limits": ["requests"]}
    assert answer.headers.get("Retry-After") == "20"
    assert remaining(answer.headers.get("RateLimit")) == [0, 1000]


async def test_rate_limit_when_request_too_large_then_no_retry_after() -> None:
    answer = await create_client().request("POST", "/work", json={"reserved": 1001, "used": 0})

    assert answer.status == 429
    assert answer.headers.get("Retry-After") is None
    assert "make it smaller" in answer.json()["error"]


async def test_rate_limit_when_route_is_public_then_not_counted() -> None:
    answer = await create_client().request("GET", "/health")

    assert answer.headers.get("RateLimit") is None


async def test_rate_limit_when_callers_differ_then_each_has_its_own() -> None:
    client = create_client()

    for address in ("203.0.113.1", "203.0.113.2"):
        answer = await client.request(
            "POST", "/work", json={"reserved": 1000, "used": 1000}, headers={"CF-Connecting-IP": address}
        )
        assert answer.status == 200


def create_client_with_keys(settings: Settings) -> TestClient:
    client = create_client(replace(settings, auth_mode="required"))
    client.bindings = replace(client.bindings, DB=MemoryDatabase())
    return client


async def test_rate_limit_when_key_has_own_policy_then_it_overrides() -> None:
    client, own = create_client_with_keys(SETTINGS), '"requests";q=7;w=60'
    keys = [await create_key(client.bindings.database, rate_limit_policy=policy) for policy in (own, None)]

    answers = [
        await client.request("POST", "/work", json={"reserved": 10, "used": 10}, headers={"X-API-Key": key})
        for key in keys
    ]

    assert [answer.headers.get("RateLimit-Policy") for answer in answers] == [own, SETTINGS.rate_limit_policy]
    assert remaining(answers[0].headers.get("RateLimit")) == [6]


async def test_rate_limit_when_key_policy_is_none_then_never_refused() -> None:
    client = create_client_with_keys(SETTINGS)
    key = await create_key(client.bindings.database, rate_limit_policy="none")

    for _ in range(5):
        answer = await client.request("POST", "/work", json={"reserved": 9000, "used": 0}, headers={"X-API-Key": key})
        assert answer.status == 200
        assert answer.headers.get("RateLimit") is None


async def test_rate_limit_when_only_key_has_policy_then_enforced() -> None:
    client = create_client_with_keys(replace(SETTINGS, rate_limit_policy="none"))
    key = await create_key(client.bindings.database, rate_limit_policy='"requests";q=1;w=60')

    statuses = [
        (await client.request("POST", "/work", json={"reserved": 1, "used": 1}, headers={"X-API-Key": key})).status
        for _ in range(2)
    ]

    assert statuses == [200, 429]


async def test_rate_limit_when_keys_differ_then_counted_per_key() -> None:
    client = create_client_with_keys(SETTINGS)

    for _ in range(2):
        key = await create_key(client.bindings.database)
        for address in ("203.0.113.1", "203.0.113.2"):
            headers = {"X-API-Key": key, "CF-Connecting-IP": address}
            answer = await client.request("POST", "/work", json={"reserved": 0, "used": 0}, headers=headers)
        assert remaining(answer.headers.get("RateLimit"))[0] == 1


async def unreachable(_key: str, _method: str, _message: str) -> str:
    raise LimiterUnreachableError("Error: the object was reset")


async def silent(_key: str, _method: str, _message: str) -> str:
    await asyncio.Event().wait()
    return ""


LIMITERS = pytest.mark.parametrize("call", [unreachable, silent])
IMPATIENT = replace(SETTINGS, rate_limit_timeout_seconds=0.001)


@LIMITERS
async def test_rate_limit_when_limiter_fails_open_then_200(
    call: Call,
) -> None:
    answer = await create_client(IMPATIENT, RateLimiter(call)).request("POST", "/work", json={"reserved": 1, "used": 1})

    assert answer.status == 200
    assert answer.log[0]["event"] == "rate_limiter_unreachable"


@LIMITERS
async def test_rate_limit_when_limiter_fails_closed_then_503(call: Call) -> None:
    settings = replace(IMPATIENT, rate_limit_failure="closed")

    answer = await create_client(settings, RateLimiter(call)).request("POST", "/work", json={"reserved": 1, "used": 1})

    assert (answer.status, answer.json()["error_code"]) == (503, "RATE_LIMITER_UNAVAILABLE")


ONE_REQUEST = replace(SETTINGS, rate_limit_policy='"requests";q=1;w=60')


def count_calls(limiter: RateLimiter) -> tuple[RateLimiter, list[str]]:
    """Return the limiter and a list that gets the method of each call to it."""
    calls: list[str] = []
    inner = limiter._call  # noqa: SLF001  # there is no other way to see its calls

    async def call(key: str, method: str, message: str) -> str:
        calls.append(method)
        return await inner(key, method, message)

    return RateLimiter(call), calls


@pytest.mark.parametrize("content", [b"{}", b"no", b'{"reserved": "5"}'])
async def test_wrong_body_costs_one_request_and_no_units(content: bytes) -> None:
    client = create_client()

    answer = await client.request("POST", "/work", content=content)

    assert answer.status == 400
    assert remaining(answer.headers.get("RateLimit")) == [2, 1000]


async def test_wrong_body_over_the_limit_is_refused_for_that() -> None:
    client = create_client(ONE_REQUEST)

    statuses = [(await client.request("POST", "/work", content=b"{}")).status for _ in range(2)]

    assert statuses == [400, 429]


@pytest.mark.parametrize("headers", [{}, {"Content-Length": ""}], ids=["large", "of unknown length"])
async def test_body_is_not_read_when_the_request_is_over_the_limit(headers: dict[str, str]) -> None:
    client = create_client(ONE_REQUEST)
    await client.request("POST", "/work", json={"reserved": 1, "used": 1})

    answer = await client.request("POST", "/work", content=b"[" * (SMALL_BODY_BYTES + 1), headers=headers)

    assert answer.status == 429


async def test_large_body_is_charged_as_a_request_and_for_its_units() -> None:
    client = create_client()

    answer = await client.request("POST", "/work", json={"reserved": 400, "used": 300, "x": "x" * SMALL_BODY_BYTES})

    assert answer.status == 200
    assert [name for name, _ in answer.headers].count("ratelimit") == 1
    assert remaining(answer.headers.get("RateLimit")) == [2, 600]
    after = await client.request("POST", "/work", json={"reserved": 0, "used": 0})
    assert remaining(after.headers.get("RateLimit")) == [1, 700]


async def test_small_body_needs_one_call_to_the_limiter() -> None:
    limiter, calls = count_calls(create_memory_rate_limiter())

    await create_client(limiter=limiter).request("POST", "/work", json={"reserved": 400, "used": 300})

    assert calls == ["reserve", "settle"]


async def test_rate_limit_when_reported_usage_is_absurd_then_bounded() -> None:
    now = 1_700_000_000.0
    client = create_client(limiter=create_memory_rate_limiter(clock=lambda: now))

    await client.request("POST", "/work", json={"reserved": 10, "used": 10**15})
    refused = await client.request("POST", "/work", json={"reserved": 10, "used": 10})
    now += 121

    assert refused.headers.get("Retry-After") == "61"
    assert (await client.request("POST", "/work", json={"reserved": 10, "used": 10})).status == 200
