"""The messages of a worker to the rate limiter's Durable Object."""

import asyncio
import json
from typing import Any

import pytest

from electrons.ratelimit.limiter import LimiterUnreachableError, RateLimiter, Verdict

POLICY = '"requests";q=10;w=60'
VERDICT = {"allowed": True, "headers": [["RateLimit", "x"]], "violated": [], "impossible": False}


class Calls:
    """A Durable Object that allows everything and records its messages."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, Any]] = []

    async def __call__(self, key: str, method: str, message: str) -> str:
        self.seen.append((key, method, json.loads(message)))
        requests = self.seen[-1][2].get("requests", [])
        return json.dumps({"verdicts": [VERDICT for _ in requests], "lease": None})


async def test_reserve_when_allowed_then_a_verdict_with_header_pairs() -> None:
    calls = Calls()

    verdict = await RateLimiter(calls).reserve("w:a", policy=POLICY, costs={"requests": 1}, reservation_id=None)

    assert verdict.allowed
    assert verdict.headers == [("RateLimit", "x")]
    expected: Any = {"policy": POLICY, "requests": [[{"requests": 1}, None]], "settlements": [], "lease": None}
    assert calls.seen == [("w:a", "reserve", expected)]


async def test_settle_when_reservation_follows_then_sent_with_it() -> None:
    calls = Calls()
    limiter = RateLimiter(calls)

    settling = asyncio.create_task(limiter.settle("w:a", policy=POLICY, reservation_id="1", actual={"tokens": 5}))
    await asyncio.sleep(0)
    await limiter.reserve("w:a", policy=POLICY, costs={}, reservation_id=None)
    await settling

    ((_, method, message),) = calls.seen
    assert method == "reserve"
    assert message["settlements"] == [{"policy": POLICY, "id": "1", "actual": {"tokens": 5}}]


async def test_settle_when_nothing_follows_then_batched_per_caller() -> None:
    calls = Calls()
    limiter = RateLimiter(calls)

    await asyncio.gather(
        *(
            limiter.settle(key, policy=POLICY, reservation_id=number, actual={"tokens": 1})
            for key, number in (("w:a", "1"), ("w:a", "2"), ("w:b", "3"))
        )
    )

    sent = {key: [x["id"] for x in message["settlements"]] for key, _, message in calls.seen}
    assert sent == {"w:a": ["1", "2"], "w:b": ["3"]}
    assert len(calls.seen) == 2


async def test_reserve_when_unreachable_then_error_reaches_caller() -> None:
    async def call(_key: str, _method: str, _message: str) -> str:
        raise LimiterUnreachableError("gone")

    with pytest.raises(LimiterUnreachableError):
        await RateLimiter(call).reserve("w:a", policy=POLICY, costs={}, reservation_id=None)


class SlowCalls(Calls):
    """One that answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.may_answer = asyncio.Event()
        self.is_called = asyncio.Event()

    async def __call__(self, key: str, method: str, message: str) -> str:
        answer = await super().__call__(key, method, message)
        self.is_called.set()
        await self.may_answer.wait()
        return answer


def reserve_many(limiter: RateLimiter, count: int) -> list[asyncio.Task[Verdict]]:
    return [
        asyncio.create_task(limiter.reserve("w:a", policy=POLICY, costs={"requests": 1}, reservation_id=str(number)))
        for number in range(count)
    ]


async def test_reserve_when_requests_wait_together_then_one_message() -> None:
    calls = SlowCalls()

    tasks = reserve_many(RateLimiter(calls), 20)
    await asyncio.sleep(0)
    calls.may_answer.set()
    verdicts = await asyncio.gather(*tasks)

    assert all(verdict.allowed for verdict in verdicts)
    sent = [[reservation_id for _, reservation_id in message["requests"]] for _, _, message in calls.seen]
    assert sent == [["0"], [str(number) for number in range(1, 20)]]


async def test_reserve_when_the_one_who_asks_leaves_then_asked_again() -> None:
    calls = SlowCalls()
    first, second, third = reserve_many(RateLimiter(calls), 3)
    await asyncio.sleep(0)
    calls.may_answer.set()
    await first
    calls.may_answer.clear()
    calls.is_called.clear()
    await calls.is_called.wait()

    second.cancel()
    await asyncio.wait([second])
    calls.may_answer.set()

    assert (await third).allowed
    sent = [[reservation_id for _, reservation_id in message["requests"]] for _, _, message in calls.seen]
    assert sent == [["0"], ["1", "2"], ["2"]]


async def test_reserve_when_unreachable_then_all_who_wait_are_told() -> None:
    may_fail = asyncio.Event()

    async def call(_key: str, _method: str, _message: str) -> str:
        await may_fail.wait()
        raise LimiterUnreachableError("gone")

    tasks = reserve_many(RateLimiter(call), 5)
    await asyncio.sleep(0)
    may_fail.set()

    errors = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(error) for error in errors] == [LimiterUnreachableError] * 5


async def test_reserve_when_caller_leaves_while_waiting_then_not_asked() -> None:
    calls = SlowCalls()
    first, second = reserve_many(RateLimiter(calls), 2)
    await asyncio.sleep(0)

    second.cancel()
    await asyncio.wait([second])
    calls.may_answer.set()
    await first

    assert len(calls.seen) == 1


async def test_reserve_when_object_is_silent_then_all_time_out() -> None:
    limiter = RateLimiter(SlowCalls())

    errors = await asyncio.gather(
        *(limiter.reserve("w:a", policy=POLICY, costs={}, reservation_id=None, timeout_seconds=0.01) for _ in range(3)),
        return_exceptions=True,
    )

    assert [type(error) for error in errors] == [TimeoutError] * 3
