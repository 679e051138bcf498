"""The ledger of one holder of a budget, on real SQLite with a clock of the test."""

import json
import random
from datetime import UTC, datetime
from typing import Any

import pytest

from electrons.ratelimit.budget import KEPT_MS, LIFE_MS, BudgetLedger
from electrons.testing.bindings import MemorySql

HOUR_MS = 60 * 60 * 1000


class Holder:
    """A ledger and its clock."""

    def __init__(self, begin: str = "2026-11-26T12:00:00+00:00") -> None:
        self.now = int(datetime.fromisoformat(begin).timestamp() * 1000)
        self.sql = MemorySql()
        self.ledger = BudgetLedger(self.sql, lambda: self.now)

    def restart(self) -> None:
        self.ledger = BudgetLedger(self.sql, lambda: self.now)

    def reserve(self, name: str, amount: int, **limits: int) -> Any:
        return self._call(do="reserve", id=name, amount=amount, limits=limits or {"day": 100})

    def settle(self, name: str, actual: int) -> Any:
        return self._call(do="settle", settlements=[{"id": name, "actual": actual}])

    def read(self, period: str = "day") -> tuple[int, int]:
        state = self._call(do="read")["periods"][period]
        return state["spent"], state["reserved"]

    def renews(self, period: str) -> str:
        moment = self._call(do="read")["periods"][period]["renews_ms"]
        return datetime.fromtimestamp(moment / 1000, UTC).isoformat()

    def _call(self, **message: Any) -> Any:
        return json.loads(self.ledger.handle(json.dumps(message)))


def test_reserve_when_it_fits_exactly_then_allowed() -> None:
    holder = Holder()

    assert holder.reserve("a", 60)["allowed"]
    assert holder.reserve("b", 40)["allowed"]
    assert holder.read() == (0, 100)


def test_reserve_when_over_the_limit_then_nothing_is_reserved() -> None:
    holder = Holder()
    holder.reserve("a", 60)

    refusal = holder.reserve("b", 41)

    assert (refusal["allowed"], refusal["refused_by"]) == (False, "day")
    assert holder.read() == (0, 60)


@pytest.mark.parametrize(("limits", "period"), [({"day": 9, "month": 90}, "day"), ({"day": 90, "month": 9}, "month")])
def test_reserve_when_refused_then_the_period_is_named(limits: dict[str, int], period: str) -> None:
    assert Holder().reserve("a", 10, **limits)["refused_by"] == period


def test_settle_replaces_the_reservation_by_what_was_spent() -> None:
    holder = Holder()
    holder.reserve("a", 60)
    holder.settle("a", 10)

    assert holder.read("day") == holder.read("month") == (10, 0)
    assert holder.reserve("b", 90)["allowed"]


def test_settle_with_nothing_gives_it_all_back() -> None:
    holder = Holder()
    holder.reserve("a", 60)
    holder.settle("a", 0)

    assert holder.read() == (0, 0)


def test_settle_when_repeated_then_counted_once() -> None:
    holder = Holder()
    holder.reserve("a", 60)
    holder.settle("a", 50)
    holder.settle("a", 50)
    holder.settle("unknown", 50)

    assert holder.read() == (50, 0)


def test_reserve_when_repeated_then_reserved_once() -> None:
    holder = Holder()

    assert holder.reserve("a", 60)["allowed"]
    assert holder.reserve("a", 60)["allowed"]
    assert holder.read() == (0, 60)


def test_settle_over_the_estimate_counts_in_full() -> None:
    holder = Holder()
    holder.reserve("a", 60)
    holder.settle("a", 150)

    assert holder.read() == (150, 0)
    assert not holder.reserve("b", 1)["allowed"]


def test_abandoned_reservation_comes_back_after_its_life() -> None:
    holder = Holder()
    holder.reserve("a", 100)

    holder.now += LIFE_MS - 1
    assert not holder.reserve("b", 1)["allowed"]
    holder.now += 1
    assert holder.reserve("b", 100)["allowed"]


def test_late_settlement_still_counts() -> None:
    holder = Holder()
    holder.reserve("a", 100)
    holder.now += 2 * LIFE_MS
    holder.settle("a", 70)

    assert holder.read() == (70, 0)


def test_day_and_month_end_at_midnight_utc() -> None:
    holder = Holder("2026-11-30T23:59:59+00:00")
    holder.reserve("a", 60)
    holder.settle("a", 60)

    assert (holder.renews("day"), holder.renews("month")) == ("2026-12-01T00:00:00+00:00",) * 2
    holder.now += 1000
    assert holder.read("day") == holder.read("month") == (0, 0)
    assert holder.renews("day") == "2026-12-02T00:00:00+00:00"
    assert holder.renews("month") == "2027-01-01T00:00:00+00:00"


def test_new_day_has_the_money_of_the_month_only() -> None:
    holder = Holder("2026-11-26T23:00:00+00:00")
    holder.reserve("a", 60, day=100, month=100)
    holder.settle("a", 60)
    holder.now += HOUR_MS

    assert (holder.read("day"), holder.read("month")) == ((0, 0), (60, 0))
    assert holder.reserve("b", 41, day=100, month=100)["refused_by"] == "month"


def test_call_over_midnight_counts_where_it_was_reserved() -> None:
    holder = Holder("2026-11-26T23:59:00+00:00")
    holder.reserve("a", 60)
    holder.now += 2 * 60 * 1000

    assert (holder.read("day"), holder.read("month")) == ((0, 0), (0, 60))
    holder.settle("a", 50)
    assert (holder.read("day"), holder.read("month")) == ((0, 0), (50, 0))


def test_clock_that_goes_back_opens_no_window_again() -> None:
    holder = Holder("2026-12-01T00:00:00+00:00")
    holder.reserve("a", 100)
    holder.settle("a", 100)
    holder.now -= 1000

    assert not holder.reserve("b", 1)["allowed"]


def test_everything_survives_a_restart() -> None:
    holder = Holder()
    holder.reserve("a", 60)
    holder.reserve("b", 30)
    holder.settle("a", 40)
    holder.restart()

    assert holder.read() == (40, 30)


def test_is_idle_only_without_reservations_and_spending() -> None:
    holder = Holder()
    assert holder.ledger.is_idle()
    holder.reserve("a", 60)
    assert not holder.ledger.is_idle()
    holder.settle("a", 10)
    holder.now += 24 * HOUR_MS
    assert not holder.ledger.is_idle()  # it is the same month
    holder.now += 31 * 24 * HOUR_MS
    assert holder.ledger.is_idle()


def test_is_idle_when_a_reservation_was_never_settled_then_forgotten() -> None:
    holder = Holder()
    holder.reserve("a", 60)
    holder.now += LIFE_MS + KEPT_MS + 1

    assert holder.ledger.is_idle()


@pytest.mark.parametrize("seed", range(5))
def test_never_over_the_budget_whatever_happens(seed: int) -> None:
    """Calls cost at most their estimate; some die and are never settled, the others are within their life."""
    chance = random.Random(seed)  # noqa: S311
    holder = Holder()
    calls: dict[str, tuple[int, int]] = {}
    for step in range(1500):
        holder.now += chance.randrange(20 * 60 * 1000)
        calls = {name: call for name, call in calls.items() if holder.now - call[1] < LIFE_MS}
        if chance.random() < 0.6:
            amount = chance.randrange(1, 30)
            if holder.reserve(str(step), amount, day=100, month=1000)["allowed"]:
                calls[str(step)] = (amount, holder.now)
        elif calls:
            name = chance.choice(list(calls))
            amount, _ = calls.pop(name)
            if chance.random() < 0.8:
                holder.settle(name, chance.randrange(amount + 1))
        assert sum(holder.read("day")) <= 100
        assert sum(holder.read("month")) <= 1000
