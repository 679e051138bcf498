"""Leases: sizes, ends and returns, and many isolates in virtual time."""

import json
from dataclasses import replace
from typing import Any

import pytest

from electrons.ratelimit.leases import GRACE_MS
from electrons.ratelimit.ledger import Ledger
from electrons.ratelimit.limiter import LimiterUnreachableError, RateLimiter, Verdict
from electrons.testing import MemorySql
from tests.unit.ratelimit_simulation import SCENARIOS, Scenario, simulate

POLICY = '"requests";q=100;w=100, "tokens";q=10000;qu="tokens";w=100'  # one a second, and a hundred tokens
SECONDS = 1.0
NOON = 1_800_000_000.0


class Stack:
    """One object, and isolates that reach it at once; `now` is in seconds."""

    def __init__(self) -> None:
        self.now = NOON
        self.sql = MemorySql()
        self.calls: list[dict[str, Any]] = []
        self.fails = False
        self.restart()

    def restart(self) -> None:
        """Lose what the object has in memory."""
        self.ledger = Ledger(self.sql, lambda: int(self.now * 1000))

    def isolate(self) -> RateLimiter:
        """Return the limiter of a new isolate."""

        async def call(_key: str, method: str, message: str) -> str:
            self.calls.append({"method": method, **json.loads(message)})
            answer = getattr(self.ledger, method)(message)
            if self.fails:
                raise LimiterUnreachableError("the answer is lost")
            return answer or ""

        return RateLimiter(call, clock=lambda: self.now, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        """Let the time pass."""
        self.now += seconds

    def left(self) -> tuple[int, int]:
        """Return the requests and tokens that any isolate could reserve now."""
        message: dict[str, Any] = {"policy": POLICY, "requests": [[{}, None]], "settlements": [], "lease": None}
        return remaining(dict(json.loads(self.ledger.reserve(json.dumps(message)))["verdicts"][0]["headers"]))


def remaining(headers: dict[str, str]) -> tuple[int, int]:
    first, second = (int(part.partition("r=")[2].partition(";")[0]) for part in headers["RateLimit"].split(", "))
    return first, second


async def request(
    limiter: RateLimiter, *, tokens: int = 10, reservation_id: str | None = None, policy: str = POLICY
) -> Verdict:
    costs = {"requests": 1, "tokens": tokens}
    verdict = limiter.admit("k", policy=policy, costs=costs, reservation_id=reservation_id, lease_seconds=SECONDS)
    return verdict or await limiter.reserve(
        "k", policy=policy, costs=costs, reservation_id=reservation_id, lease_seconds=SECONDS
    )


async def take_lease(limiter: RateLimiter, *, requests: int = 4) -> Verdict:
    """Make requests until one brings a lease, and return its verdict."""
    for _ in range(requests):
        verdict = await request(limiter)
        if verdict.lease is not None:
            return verdict
    raise AssertionError("no lease")


@pytest.fixture
def stack() -> Stack:
    return Stack()


async def test_request_when_caller_is_quiet_then_no_lease(stack: Stack) -> None:
    limiter = stack.isolate()

    for _ in range(3):
        assert (await request(limiter)).lease is None
        stack.now += 2 * SECONDS

    assert [call["lease"] for call in stack.calls] == [None] * 3


async def test_requests_when_leased_then_admitted_without_a_call(stack: Stack) -> None:
    limiter = stack.isolate()
    await take_lease(limiter)
    calls = len(stack.calls)

    verdict = await request(limiter)

    assert verdict.allowed
    assert len(stack.calls) == calls


async def test_headers_when_one_isolate_then_fall_one_by_one(stack: Stack) -> None:
    limiter = stack.isolate()

    seen = [remaining(dict((await request(limiter)).headers)) for _ in range(20)]

    assert seen == [(100 - number, 10000 - 10 * number) for number in range(1, 21)]
    assert len(stack.calls) < 10


async def test_header_under_a_lease_has_the_policy_and_window(stack: Stack) -> None:
    limiter = stack.isolate()
    await take_lease(limiter)

    headers = dict((await request(limiter)).headers)

    assert headers["RateLimit-Policy"] == POLICY
    assert headers["RateLimit"] == '"requests";r=97;t=1, "tokens";r=9970;t=1'


async def test_lease_when_its_time_is_over_then_object_is_asked(stack: Stack) -> None:
    limiter = stack.isolate()
    await take_lease(limiter)
    calls = len(stack.calls)

    stack.now += SECONDS
    await request(limiter)

    assert len(stack.calls) == calls + 1
    (returned,) = stack.calls[-1]["settlements"]
    assert returned["actual"] == {"requests": 0, "tokens": 0}


async def test_lease_when_near_the_limit_then_none(stack: Stack) -> None:
    one, other = stack.isolate(), stack.isolate()
    admitted = [await request(one) for _ in range(48)]

    nearer = [await request(limiter) for limiter in (one, other) * 26]

    assert all(verdict.allowed for verdict in [*admitted, *nearer[:52]])
    assert [verdict.lease for verdict in nearer[4:]] == [None] * 48
    assert not (await request(other)).allowed
    assert stack.left() == (0, 9000)


async def test_lease_when_reservation_is_large_then_object_is_asked(stack: Stack) -> None:
    limiter = stack.isolate()
    await take_lease(limiter)
    calls = len(stack.calls)

    verdict = await request(limiter, tokens=5000)

    assert verdict.allowed
    assert len(stack.calls) == calls + 1
    assert stack.left() == (97, 10000 - 5020)


async def test_lease_when_given_back_then_nothing_is_held(stack: Stack) -> None:
    limiter = stack.isolate()
    verdict = await take_lease(limiter)
    assert verdict.lease is not None
    await request(limiter)
    held = stack.left()

    await limiter.give_back("k", policy=POLICY, lease=verdict.lease)

    assert held == (96, 9960)
    assert stack.left() == (98, 9990)  # the two of before have been served for a second and a half


async def test_lease_when_renewed_before_then_not_given_back(stack: Stack) -> None:
    limiter = stack.isolate()
    verdict = await take_lease(limiter)
    assert verdict.lease is not None
    await request(limiter, tokens=5000)
    calls = len(stack.calls)

    await limiter.give_back("k", policy=POLICY, lease=verdict.lease)

    assert len(stack.calls) == calls


async def test_lease_when_isolate_is_gone_then_charged_in_full(stack: Stack) -> None:
    await take_lease(stack.isolate())
    assert stack.left() == (96, 9960)

    stack.now += SECONDS + GRACE_MS / 1000 - 0.001
    assert stack.left() == (97, 9980)  # what was asked for is almost served, what is held is not
    stack.now += 10
    assert stack.left() == (100, 10000)
    assert stack.ledger.is_idle() is False  # for an hour it can still come back
    stack.now += 3601
    assert stack.ledger.is_idle() is True


async def test_lease_when_returned_late_then_the_rest_is_refunded(stack: Stack) -> None:
    limiter = stack.isolate()
    for _ in range(7):  # the last two from a lease of eight
        await request(limiter)
    stack.now += SECONDS + GRACE_MS / 1000
    assert stack.left()[0] == 100 - 5 + 2 - 8

    await request(limiter)

    assert stack.left()[0] == 100 - 8 + 2


async def test_lease_when_object_restarts_then_still_held(stack: Stack) -> None:
    limiter = stack.isolate()
    verdict = await take_lease(limiter)
    before = stack.left()

    stack.restart()

    assert stack.left() == before
    assert verdict.lease is not None
    await limiter.give_back("k", policy=POLICY, lease=verdict.lease)
    stack.restart()
    assert stack.left() == (99, 10000)


async def test_settle_when_in_lease_then_can_be_spent_again(stack: Stack) -> None:
    limiter = stack.isolate()
    await take_lease(limiter)
    calls = len(stack.calls)

    for number in range(2):
        verdict = await request(limiter, tokens=20, reservation_id=str(number))
        assert verdict.allowed
        assert limiter.settle_in_lease("k", policy=POLICY, reservation_id=str(number), actual={"tokens": 0})

    assert len(stack.calls) == calls


async def test_settle_when_more_was_used_than_leased_then_owed(stack: Stack) -> None:
    limiter = stack.isolate()
    verdict = await take_lease(limiter)
    await request(limiter, reservation_id="a")

    limiter.settle_in_lease("k", policy=POLICY, reservation_id="a", actual={"tokens": 500})

    assert verdict.lease is not None
    await limiter.give_back("k", policy=POLICY, lease=verdict.lease)
    assert stack.left() == (98, 10000 - 500)  # the 20 of before have been served


async def test_settle_after_its_lease_then_the_object_does_it(stack: Stack) -> None:
    limiter = stack.isolate()
    verdict = await take_lease(limiter)
    await request(limiter, tokens=20, reservation_id="a")
    assert verdict.lease is not None
    await limiter.give_back("k", policy=POLICY, lease=verdict.lease)
    reserved = stack.left()[1]

    assert not limiter.settle_in_lease("k", policy=POLICY, reservation_id="a", actual={"tokens": 5})
    await limiter.settle("k", policy=POLICY, reservation_id="a", actual={"tokens": 5})

    assert stack.left()[1] == reserved + 15


async def test_settle_of_an_earlier_reservation_goes_with_the_lease(stack: Stack) -> None:
    limiter = stack.isolate()
    await request(limiter, tokens=1000, reservation_id="a")
    verdict = await take_lease(limiter)
    calls = len(stack.calls)

    assert limiter.settle_in_lease("k", policy=POLICY, reservation_id="a", actual={"tokens": 0})

    assert len(stack.calls) == calls
    assert verdict.lease is not None
    await limiter.give_back("k", policy=POLICY, lease=verdict.lease)
    assert stack.left()[1] == 9990  # the request after it


async def test_answer_when_lost_then_its_lease_is_forgiven(stack: Stack) -> None:
    limiter = stack.isolate()
    await request(limiter)
    stack.fails = True
    with pytest.raises(LimiterUnreachableError):
        await request(limiter)
    stack.fails = False

    assert stack.left()[0] == 96
    stack.now += SECONDS + GRACE_MS / 1000 + 4
    assert stack.left()[0] == 100


async def test_callers_when_many_then_the_quiet_ones_are_forgotten(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("electrons.ratelimit.limiter.REMEMBERED_CALLERS", 10)
    limiter = stack.isolate()
    for number in range(50):
        await request(limiter, policy=f'"{number}";q=100;w=60')
        stack.now += SECONDS

    assert len(limiter._callers) <= 10  # noqa: SLF001  # the bound of the memory is what is tested


SHORT = [replace(scenario, seconds=2, isolates=min(scenario.isolates, 100)) for scenario in SCENARIOS]


@pytest.mark.parametrize("scenario", SHORT, ids=lambda scenario: scenario.name)
def test_simulation_is_never_over_and_exact_soon_after(scenario: Scenario) -> None:
    result = simulate(scenario, seed=1)

    assert max(result.over.values()) < 0.05, result  # the object counts in milliseconds
    assert result.under <= 300 / 2, result
    assert result.exact_after_seconds is not None
    assert result.exact_after_seconds <= scenario.lease_seconds + GRACE_MS / 1000 + 300 / 500
    if scenario.lease_seconds == 0:
        assert result.refused_with_room == 0
    if scenario.isolates < 10:
        assert result.calls < result.requests / 5
