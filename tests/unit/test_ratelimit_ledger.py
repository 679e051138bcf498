"""What the Durable Object does with one caller, over SQLite."""

import json
from typing import Any

import pytest

from electrons.ratelimit.ledger import RESERVATION_LIFE_MS, Ledger
from electrons.testing import MemorySql

POLICY = '"tokens";q=1000;qu="tokens";w=100'  # ten a second
NOON = 1_800_000_000_000


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> int:
        return self.now


def reserve(ledger: Ledger, tokens: int, *, reservation_id: str | None = None, settlements: Any = ()) -> dict[str, Any]:
    (verdict,) = ask(ledger, [{"tokens": tokens}, reservation_id], settlements=settlements)["verdicts"]
    assert isinstance(verdict, dict)
    return verdict


def ask(
    ledger: Ledger, *requests: Any, policy: str = POLICY, settlements: Any = (), lease: Any = None
) -> dict[str, Any]:
    message = {"policy": policy, "requests": requests, "settlements": list(settlements), "lease": lease}
    answer: dict[str, Any] = json.loads(ledger.reserve(json.dumps(message)))
    return answer


def settlement(reservation_id: str, tokens: int) -> dict[str, Any]:
    return {"policy": POLICY, "id": reservation_id, "actual": {"tokens": tokens}}


def settle(ledger: Ledger, reservation_id: str, tokens: int) -> None:
    ledger.settle(json.dumps({"settlements": [settlement(reservation_id, tokens)]}))


def remaining(answer: dict[str, Any]) -> int:
    return int(dict(answer["headers"])["RateLimit"].partition("r=")[2].partition(";")[0])


def left(ledger: Ledger) -> int:
    return remaining(reserve(ledger, 0))


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sql() -> MemorySql:
    return MemorySql()


@pytest.fixture
def ledger(sql: MemorySql, clock: Clock) -> Ledger:
    return Ledger(sql, clock)


def test_reserve_when_it_fits_then_charged(ledger: Ledger) -> None:
    answer = reserve(ledger, 600)

    assert (answer["allowed"], answer["violated"], answer["impossible"]) == (True, [], False)
    assert remaining(answer) == 400


def test_reserve_when_it_does_not_fit_then_refused_at_no_cost(ledger: Ledger) -> None:
    reserve(ledger, 600)

    answer = reserve(ledger, 500)

    assert (answer["allowed"], answer["violated"]) == (False, ["tokens"])
    assert dict(answer["headers"])["Retry-After"] == "10"
    assert left(ledger) == 400


def test_reserve_when_larger_than_the_burst_then_impossible(ledger: Ledger) -> None:
    assert reserve(ledger, 1001)["impossible"] is True


def test_settle_when_less_was_used_then_the_rest_is_back(ledger: Ledger) -> None:
    reserve(ledger, 600, reservation_id="a")

    settle(ledger, "a", 100)

    assert left(ledger) == 900


def test_settle_when_more_was_used_then_charged_past_the_limit(ledger: Ledger, clock: Clock) -> None:
    reserve(ledger, 600, reservation_id="a")

    settle(ledger, "a", 1200)

    assert left(ledger) == 0
    clock.now += 20_000
    assert left(ledger) == 0
    clock.now += 100
    assert left(ledger) == 1


def test_settle_when_repeated_or_unknown_then_only_first_counts(ledger: Ledger) -> None:
    reserve(ledger, 600, reservation_id="a")

    for reservation_id in ("a", "a", "never"):
        settle(ledger, reservation_id, 0)

    assert left(ledger) == 1000


def test_settle_when_request_was_refused_then_nothing_to_settle(ledger: Ledger) -> None:
    reserve(ledger, 1000)
    reserve(ledger, 1, reservation_id="refused")

    settle(ledger, "refused", 0)

    assert left(ledger) == 0


def test_reserve_when_settlements_included_then_settled_first(ledger: Ledger) -> None:
    reserve(ledger, 1000, reservation_id="a")

    answer = reserve(ledger, 900, settlements=[settlement("a", 100)])

    assert (answer["allowed"], remaining(answer)) == (True, 0)


def test_settle_after_a_change_of_the_policy_changes_nothing(ledger: Ledger) -> None:
    reserve(ledger, 600, reservation_id="a")
    other = '"tokens";q=500;qu="tokens";w=100'

    message = {"settlements": [{"policy": other, "id": "a", "actual": {"tokens": 0}}]}
    ledger.settle(json.dumps(message))

    assert left(ledger) == 400


def test_ledger_opened_again_on_its_database_has_lost_nothing(sql: MemorySql, clock: Clock) -> None:
    reserve(Ledger(sql, clock), 600, reservation_id="a")

    assert left(Ledger(sql, clock)) == 400
    settle(Ledger(sql, clock), "a", 100)
    assert left(Ledger(sql, clock)) == 900


def test_is_idle_when_burst_full_and_nothing_reserved_then_true(ledger: Ledger, clock: Clock) -> None:
    assert ledger.is_idle()
    reserve(ledger, 10)
    assert not ledger.is_idle()
    clock.now += 1000
    assert ledger.is_idle()


def test_is_idle_when_reservation_open_then_false_until_expiry(ledger: Ledger, clock: Clock) -> None:
    reserve(ledger, 10, reservation_id="a")

    clock.now += RESERVATION_LIFE_MS
    assert not ledger.is_idle()
    clock.now += 1
    assert ledger.is_idle()
    settle(ledger, "a", 1000)
    assert left(ledger) == 1000


@pytest.mark.parametrize("used", [10**9, 10**15])
def test_settle_with_an_absurd_number_makes_a_debt_of_one_burst(ledger: Ledger, clock: Clock, used: int) -> None:
    for name in ("a", "b", "c"):
        reserve(ledger, 100, reservation_id=name)
    for name in ("a", "b", "c"):
        settle(ledger, name, used)

    refusal = reserve(ledger, 1)
    assert dict(refusal["headers"])["Retry-After"] == "101"
    clock.now += 200_000
    assert left(ledger) == 1000


def test_settle_when_usage_is_absurd_then_each_policy_bounds_it(sql: MemorySql, clock: Clock) -> None:
    policy = f'{POLICY}, "daily";q=5000;qu="tokens";w=86400'
    ledger = Ledger(sql, clock)
    ask(ledger, [{"tokens": 10}, "a"], policy=policy)

    ledger.settle(json.dumps({"settlements": [{"policy": policy, "id": "a", "actual": {"tokens": 1500}}]}))

    answer = ask(ledger, [{}, None], policy=policy)["verdicts"][0]
    assert 'r=0;t=51, "daily";r=3500' in dict(answer["headers"])["RateLimit"]
