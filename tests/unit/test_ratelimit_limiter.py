"""The messages of a worker to the rate limiter's Durable Object."""

import asyncio
import json
from typing import Any

import pytest

from electrons.ratelimit.limiter import LimiterUnreachableError, RateLimiter

POLICY = '"requests";q=10;w=60'
ANSWER = json.dumps({"allowed": True, "headers": [["RateLimit", "x"]], "violated": [], "impossible": False})


class Calls:
    """A Durable Object that allows everything and records its messages."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, Any]] = []

    async def __call__(self, key: str, method: str, message: str) -> str:
        self.seen.append((key, method, json.loads(message)))
        return ANSWER


async def test_reserve_when_allowed_then_a_verdict_with_header_pairs() -> None:
    calls = Calls()

    verdict = await RateLimiter(calls).reserve("w:a", policy=POLICY, costs={"requests": 1}, reservation_id=None)

    assert verdict.allowed
    assert verdict.headers == [("RateLimit", "x")]
    expected: Any = {"policy": POLICY, "costs": {"requests": 1}, "id": None, "settlements": []}
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
