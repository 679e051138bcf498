"""Models and accounts that are not called for a while: after failures, without credit, with several keys."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from electrons.bindings import Bindings
from electrons.context import Context
from electrons.errors import ProviderError, ProviderQuotaError, ProviderRateLimitError, ProviderUnreachableError
from electrons.providers.openai.provider import OpenAIProvider
from electrons.settings import Secret
from electrons.testing.bindings import create_memory_bindings
from electrons.upstream import circuits
from electrons.upstream.client import call_provider
from electrons.upstream.provider import ProviderRequest
from tests.providers.cases import create_context

PROVIDER = OpenAIProvider()
KEYS: dict[str, Any] = {"OPENAI_API_KEY": Secret("key-1, key-2")}
Answer = httpx2.Response | Exception


class Clock:
    """The time of the isolates and of the shared object, which only the tests let pass: a busy machine is slow."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def monotonic(self) -> float:
        """Stand in for `time.monotonic` and `time.time`."""
        return self.now


CLOCK = Clock()


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuits, "time", CLOCK)


def failing(status: int, code: str = "any", **headers: str) -> httpx2.Response:
    return httpx2.Response(status, headers=headers, json={"error": {"message": "No", "code": code}})


class Isolate:
    """Calls of one isolate to a provider that answers by `answer(key)`; `calls` are the keys."""

    def __init__(self, answer: Callable[[str], Answer], *, bindings: Bindings | None = None, **settings: Any) -> None:
        self.answer = answer
        self.bindings = bindings or create_memory_bindings(clock=CLOCK.monotonic)
        self.settings = {"max_retries": 0, "circuit_failures": 3, "circuit_open_seconds": 60, **settings}
        self.calls: list[str] = []

    def other(self) -> "Isolate":
        """Return another isolate of the same deployment."""
        return Isolate(self.answer, bindings=replace(self.bindings), **self.settings)

    def respond(self, request: httpx2.Request) -> httpx2.Response:
        key = request.headers["Authorization"].removeprefix("Bearer ")
        self.calls.append(key)
        answer = self.answer(key)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def call(self) -> type[Exception] | None:
        """Call once, with the deferred work; return the kind of error."""
        context: Context = create_context(PROVIDER, self.respond, **self.settings)
        context.bindings = self.bindings
        try:
            await call_provider(context, PROVIDER, ProviderRequest.json("/work", {}, headers=[]), dict)
        except ProviderError as error:
            return type(error)
        else:
            return None
        finally:
            await context.finish()


def ok(_key: str) -> httpx2.Response:
    return httpx2.Response(200, json={"a": 1})


@pytest.mark.parametrize("answer", [failing(500), failing(529), httpx2.ReadTimeout("slow"), httpx2.ConnectError("no")])
async def test_failures_in_a_row_pause_the_calls(answer: Answer) -> None:
    isolate = Isolate(lambda _: answer)

    for _ in range(3):
        await isolate.call()
    refused = await isolate.call()

    assert refused is ProviderUnreachableError
    assert len(isolate.calls) == 3


@pytest.mark.parametrize("answer", [failing(429), failing(400), failing(401)])
async def test_what_is_not_a_failure_pauses_nothing(answer: Answer) -> None:
    isolate = Isolate(lambda _: answer)

    for _ in range(5):
        await isolate.call()

    assert len(isolate.calls) == 5


async def test_success_after_the_pause_lets_all_call_again() -> None:
    isolate = Isolate(lambda _: failing(500))
    for _ in range(4):
        await isolate.call()

    isolate.answer = ok
    CLOCK.now += 61

    assert [await isolate.call() for _ in range(3)] == [None] * 3
    assert len(isolate.calls) == 6


async def test_failed_probe_pauses_again() -> None:
    isolate = Isolate(lambda _: failing(500))
    for _ in range(3):
        await isolate.call()
    CLOCK.now += 61

    for _ in range(3):
        await isolate.call()

    assert len(isolate.calls) == 4


async def test_another_isolate_learns_it_from_its_first_failure() -> None:
    isolate = Isolate(lambda _: failing(500))
    for _ in range(3):
        await isolate.call()
    other = isolate.other()

    for _ in range(3):
        await other.call()

    assert len(other.calls) == 1


async def test_another_isolate_reads_it_while_it_calls() -> None:
    other = Isolate(ok)
    await other.call()
    isolate = other.other()
    isolate.answer = lambda _: failing(500)
    for _ in range(3):
        await isolate.call()

    CLOCK.now += circuits.REFRESH_SECONDS + 1
    assert await other.call() is None  # reads it afterwards
    assert await other.call() is ProviderUnreachableError


async def test_zero_failures_switch_it_off() -> None:
    isolate = Isolate(lambda _: failing(500), circuit_failures=0)

    for _ in range(5):
        await isolate.call()

    assert len(isolate.calls) == 5


async def test_limiter_that_is_missing_leaves_each_isolate_alone() -> None:
    isolate = Isolate(lambda _: failing(500), bindings=Bindings())

    for _ in range(5):
        await isolate.call()

    assert len(isolate.calls) == 3


async def test_account_without_credit_is_not_called() -> None:
    isolate = Isolate(lambda _: failing(429, "insufficient_quota"))

    errors = [await isolate.call() for _ in range(3)]

    assert errors == [ProviderQuotaError] * 3
    assert len(isolate.calls) == 1


async def test_account_without_credit_is_called_after_its_reset() -> None:
    reply = failing(429, "insufficient_quota", **{"Retry-After": "30"})
    isolate = Isolate(lambda _: reply)
    await isolate.call()
    isolate.answer = ok

    CLOCK.now += 31

    assert await isolate.call() is None


async def test_call_beyond_the_plan_does_not_close_the_account() -> None:
    isolate = Isolate(lambda _: failing(402, "paid_plan_required"))

    for _ in range(3):
        await isolate.call()

    assert len(isolate.calls) == 3


async def test_calls_are_spread_over_the_keys() -> None:
    isolate = Isolate(ok, **KEYS)

    for _ in range(40):
        await isolate.call()

    assert set(isolate.calls) == {"key-1", "key-2"}


@pytest.mark.parametrize(
    "answer", [failing(429, "insufficient_quota"), failing(401), failing(429, **{"Retry-After": "30"})]
)
async def test_key_that_is_exhausted_is_skipped(answer: httpx2.Response) -> None:
    isolate = Isolate(lambda key: answer if key == "key-1" else ok(key), **KEYS)

    errors = [await isolate.call() for _ in range(20)]

    assert errors == [None] * 20
    assert isolate.calls.count("key-1") <= 1


async def test_all_keys_exhausted_is_the_error_of_the_last() -> None:
    isolate = Isolate(lambda _: failing(429, "insufficient_quota"), **KEYS)

    assert await isolate.call() is ProviderQuotaError
    assert sorted(isolate.calls) == ["key-1", "key-2"]


async def test_all_keys_at_their_limit_is_a_rate_limit() -> None:
    isolate = Isolate(lambda _: failing(429), **KEYS)

    assert await isolate.call() is ProviderRateLimitError
    assert sorted(isolate.calls) == ["key-1", "key-2"]


async def test_healthy_circuit_costs_no_time() -> None:
    isolate = Isolate(ok)
    started = time.perf_counter()

    for _ in range(20):
        await isolate.call()

    assert time.perf_counter() - started < 2
