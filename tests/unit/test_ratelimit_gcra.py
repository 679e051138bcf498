"""The law of the rate limiter, held against random histories and an independent token bucket in exact fractions."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from electrons.ratelimit.gcra import Decision, Hold, Policy, ServiceLimit, State, reserve, settle

START = 1_795_000_000_000
PER_HOUR = Policy("requests", 100, 3600)
TOKENS = Policy("tokens", 1_000_000, 60, unit="tokens")
REPEATABLE = settings(deadline=None, derandomize=True)


@dataclass
class Limiter:
    """A caller's stored states, as a Durable Object keeps them."""

    policies: Sequence[Policy]
    states: dict[str, State] = field(default_factory=dict)

    def reserve(self, costs: Mapping[str, int], *, now: int) -> Decision:
        decision = reserve(self.policies, self.states, costs=costs, now=now)
        self.states.update(decision.states)
        return decision

    def settle(self, reservation: Mapping[str, Hold], actual: Mapping[str, int], *, now: int) -> None:
        settlement = settle(self.policies, self.states, reservation=reservation, actual=actual, now=now)
        self.states.update(settlement.states)

    def limits(self, *, now: int) -> tuple[ServiceLimit, ...]:
        return reserve(self.policies, self.states, costs={}, now=now).limits

    def limit(self, *, now: int) -> ServiceLimit:
        return self.limits(now=now)[0]


def policies(name: str = "units") -> st.SearchStrategy[Policy]:
    sizes = st.integers(1, 5)
    return st.builds(Policy, st.just(name), sizes, st.integers(1, 3), st.none() | sizes, st.just(name))


# Few and small values, so that histories meet the borders: a queue just empty, a burst just used up.
PAUSES = st.sampled_from([0, 0, 0, 1, 333, 500, 999, 1000, 1000, 2000, 3000]) | st.integers(0, 4000)
COSTS = st.integers(0, 6)
POLICY_SETS = st.tuples(policies("a"), policies("b"), policies("c"))
# (pause before, kind, which open reservation, cost or actual cost; the greediest one where it is None)
HISTORIES = st.lists(
    st.tuples(PAUSES, st.sampled_from(["reserve", "reserve", "settle"]), st.integers(0, 2), st.none() | COSTS),
    max_size=30,
)


@dataclass
class Played:
    """The limiter after a history, when that ended, and what was really used: (time, units, was it an admission)."""

    limiter: Limiter
    now: int
    used: list[tuple[int, int, bool]]


def play(policy: Policy, history: Sequence[tuple[int, str, int, int | None]]) -> Played:
    limiter, now = Limiter([policy]), START
    used: list[tuple[int, int, bool]] = []
    open_reservations: list[tuple[int, Mapping[str, Hold], int]] = []
    for pause, kind, which, size in history:
        now += pause
        if kind == "reserve":
            units = limiter.limit(now=now).remaining if size is None else size
            decision = limiter.reserve({"units": units}, now=now)
            if decision.allowed:
                open_reservations.append((len(used), decision.reservation, units))
                used.append((now, units, True))
        elif open_reservations:
            units = size or 0
            index, reservation, reserved = open_reservations.pop(which % len(open_reservations))
            limiter.settle(reservation, {"units": units}, now=now)
            used[index] = (used[index][0], min(units, reserved), True)
            if units > reserved:
                used.append((now, units - reserved, False))
    return Played(limiter, now, used)


# The law


@settings(REPEATABLE, max_examples=1000)
@given(policies(), HISTORIES)
@example(  # the second refund comes when the first has pulled the queue forward
    policy=Policy("units", 1, 1, burst=2, unit="units"),
    history=[
        (0, "reserve", 0, 1),
        (0, "reserve", 0, 1),
        (0, "settle", 0, 0),
        (1000, "reserve", 0, 2),
        (0, "settle", 0, 0),
        (0, "reserve", 0, None),
    ],
)
def test_reserve_when_any_window_then_at_most_burst_plus_rate(policy: Policy, history: Any) -> None:
    used = play(policy, history).used
    for first, (start, _, _) in enumerate(used):
        total = 0
        for end, units, admission in used[first:]:
            total += units
            # A cost above its estimate is a debt: it may pass the limit, but then nothing is admitted until it is paid.
            if admission and units:
                window_ms = policy.window_seconds * 1000
                assert total * window_ms <= policy.capacity * window_ms + (end - start) * policy.quota


@REPEATABLE
@given(policies(), st.lists(st.tuples(PAUSES, COSTS), max_size=40))
def test_reserve_without_settling_then_matches_token_bucket(policy: Policy, steps: Any) -> None:
    limiter, now = Limiter([policy]), START
    bucket = Fraction(policy.capacity)
    for pause, cost in steps:
        now += pause
        bucket = min(bucket + Fraction(pause * policy.quota, policy.window_seconds * 1000), Fraction(policy.capacity))
        decision = limiter.reserve({"units": cost}, now=now)
        assert decision.allowed == (cost <= bucket)
        bucket -= cost if decision.allowed else 0
        assert decision.limits[0].remaining == bucket // 1


@REPEATABLE
@given(policies(), st.lists(st.tuples(st.integers(-9_000, 9_000), COSTS), max_size=40))
def test_reserve_when_clock_jumps_back_then_limit_still_holds(policy: Policy, steps: Any) -> None:
    limiter, now, times, total = Limiter([policy]), START, [START], 0
    for jump, cost in steps:
        now += jump
        times.append(now)
        total += cost if limiter.reserve({"units": cost}, now=now).allowed else 0
    window_ms = policy.window_seconds * 1000
    assert total * window_ms <= policy.capacity * window_ms + (max(times) - min(times)) * policy.quota


@REPEATABLE
@given(st.integers(1, 10**9), st.integers(1, 10**7))
def test_reserve_when_quota_used_then_restored_after_a_window(quota: int, seconds: int) -> None:
    limiter = Limiter([Policy("units", quota, seconds, unit="units")])
    assert limiter.reserve({"units": quota}, now=START).allowed
    assert limiter.limit(now=START + seconds * 1000 - 1).remaining < quota
    assert limiter.limit(now=START + seconds * 1000).remaining == quota


def test_reserve_when_500_callers_then_100_and_1_per_36_seconds() -> None:
    limiter = Limiter([PER_HOUR])
    assert sum(limiter.reserve({"requests": 1}, now=START).allowed for _ in range(500)) == 100
    for admitted in range(1, 4):
        moment = START + 36_000 * admitted
        assert not limiter.reserve({"requests": 1}, now=moment - 1).allowed
        assert limiter.reserve({"requests": 1}, now=moment).allowed
        assert not limiter.reserve({"requests": 1}, now=moment).allowed


# Several policies


@REPEATABLE
@given(POLICY_SETS, st.lists(st.tuples(PAUSES, COSTS, COSTS), max_size=20))
def test_reserve_when_one_policy_refuses_then_no_state_changes(several: Sequence[Policy], steps: Any) -> None:
    limiter, now = Limiter(several), START
    for pause, a, b in steps:
        now += pause
        before = limiter.limits(now=now)
        decision = limiter.reserve({"a": a, "b": b}, now=now)
        refusing = [limit.policy.name for limit, cost in zip(before, (a, b, 0), strict=True) if cost > limit.remaining]
        assert list(decision.violated) == refusing
        assert decision.allowed == (not refusing)
        charged = (a, b, 0) if decision.allowed else (0, 0, 0)
        assert [limit.remaining for limit in decision.limits] == [
            limit.remaining - cost for limit, cost in zip(before, charged, strict=True)
        ]
        if refusing:
            assert (decision.states, decision.reservation, decision.limits) == ({}, {}, before)


def test_reserve_when_policies_share_a_unit_then_both_charged() -> None:
    daily = Policy("daily", 5000, 86_400)
    decision = Limiter([PER_HOUR, daily]).reserve({"requests": 3}, now=START)
    assert [limit.remaining for limit in decision.limits] == [97, 4997]


def test_reserve_when_a_unit_has_no_policy_then_it_is_free() -> None:
    decision = Limiter([PER_HOUR]).reserve({"characters": 10**9}, now=START)
    assert decision.allowed
    assert not decision.states


def test_reserve_when_indebted_policy_has_no_cost_then_admitted() -> None:
    limiter = Limiter([PER_HOUR, TOKENS])
    limiter.settle({}, {"tokens": 2_000_000}, now=START)
    decision = limiter.reserve({"requests": 1}, now=START)
    assert decision.allowed
    assert [limit.remaining for limit in decision.limits] == [99, 0]


def test_reserve_when_policy_rate_changed_then_starts_afresh() -> None:
    limiter = Limiter([PER_HOUR])
    limiter.reserve({"requests": 100}, now=START)
    limiter.policies = [Policy("requests", 7, 3600)]
    assert limiter.limit(now=START).remaining == 7


# What a caller sees


@REPEATABLE
@given(policies(), HISTORIES, COSTS)
def test_retry_after_when_refused_then_first_admitting_second(policy: Policy, history: Any, cost: int) -> None:
    played = play(policy, history)
    refusal = reserve([policy], played.limiter.states, costs={"units": cost}, now=played.now)
    assume(not refusal.allowed)
    assert refusal.impossible == (cost > policy.capacity)
    if refusal.retry_after_seconds is not None:
        assert refusal.retry_after_seconds >= refusal.limits[0].effective_window_seconds
        admitted_at = played.now + refusal.retry_after_seconds * 1000
        assert not reserve([policy], played.limiter.states, costs={"units": cost}, now=admitted_at - 1000).allowed
        assert reserve([policy], played.limiter.states, costs={"units": cost}, now=admitted_at).allowed


def test_retry_after_when_several_policies_refuse_then_longest() -> None:
    limiter = Limiter([PER_HOUR, TOKENS])
    limiter.reserve({"requests": 100, "tokens": 1_000_000}, now=START)
    decision = limiter.reserve({"requests": 1, "tokens": 50_000}, now=START)
    assert decision.violated == ("requests", "tokens")
    assert decision.retry_after_seconds == 36


@pytest.mark.parametrize("order", [1, -1])
def test_retry_after_when_one_cost_exceeds_its_burst_then_none(order: int) -> None:
    limiter = Limiter([PER_HOUR, Policy("tokens", 1000, 60, burst=10, unit="tokens")][::order])
    limiter.reserve({"requests": 100}, now=START)
    decision = limiter.reserve({"requests": 1, "tokens": 11}, now=START)
    assert decision.retry_after_seconds is None
    assert decision.impossible


@REPEATABLE
@given(policies(), HISTORIES)
def test_remaining_then_admits_that_many_units_and_not_one_more(policy: Policy, history: Any) -> None:
    played = play(policy, history)
    remaining = played.limiter.limit(now=played.now).remaining
    assert reserve([policy], played.limiter.states, costs={"units": remaining}, now=played.now).allowed
    assert not reserve([policy], played.limiter.states, costs={"units": remaining + 1}, now=played.now).allowed


@REPEATABLE
@given(policies(), HISTORIES)
def test_effective_window_when_passed_then_one_more_unit(policy: Policy, history: Any) -> None:
    played = play(policy, history)
    limit = played.limiter.limit(now=played.now)
    assert limit.effective_window_seconds >= 1
    assume(limit.remaining < policy.capacity)
    end = played.now + limit.effective_window_seconds * 1000
    assert played.limiter.limit(now=end).remaining > limit.remaining
    assert played.limiter.limit(now=end - 1000).remaining == limit.remaining


@REPEATABLE
@given(policies(), HISTORIES)
def test_reset_when_passed_then_whole_burst_is_available(policy: Policy, history: Any) -> None:
    played = play(policy, history)
    seconds = played.limiter.limit(now=played.now).reset_seconds
    assert played.limiter.limit(now=played.now + seconds * 1000).remaining == policy.capacity
    if seconds:
        assert played.limiter.limit(now=played.now + (seconds - 1) * 1000).remaining < policy.capacity


@REPEATABLE
@given(policies(), HISTORIES, st.lists(PAUSES, max_size=10))
def test_limits_when_a_caller_rests_then_only_recover(policy: Policy, history: Any, pauses: Sequence[int]) -> None:
    played = play(policy, history)
    now, before = played.now, played.limiter.limit(now=played.now)
    for pause in pauses:
        now += pause
        after = played.limiter.limit(now=now)
        assert before.remaining <= after.remaining <= policy.capacity
        assert after.reset_seconds <= before.reset_seconds
        before = after


# Settling


@REPEATABLE
@given(policies(), HISTORIES, COSTS, PAUSES)
def test_settle_when_estimate_was_right_then_changes_nothing(
    policy: Policy, history: Any, cost: int, pause: int
) -> None:
    played = play(policy, history)
    reservation = played.limiter.reserve({"units": cost}, now=played.now).reservation
    units = reservation[policy.key].units if reservation else 0
    for actual in ({"units": units}, {}):
        settlement = settle(
            [policy], played.limiter.states, reservation=reservation, actual=actual, now=played.now + pause
        )
        assert settlement.states == {}


@REPEATABLE
@given(policies(), HISTORIES, COSTS, COSTS)
def test_settle_at_once_then_same_as_reserving_actual_cost(
    policy: Policy, history: Any, cost: int, actual: int
) -> None:
    played = play(policy, history)
    direct = reserve([policy], played.limiter.states, costs={"units": actual}, now=played.now)
    decision = played.limiter.reserve({"units": cost}, now=played.now)
    assume(decision.allowed and direct.allowed)
    played.limiter.settle(decision.reservation, {"units": actual}, now=played.now)
    assert played.limiter.limits(now=played.now) == direct.limits


def test_settle_when_reservation_pending_then_refunds_exactly() -> None:
    limiter = Limiter([TOKENS])
    limiter.reserve({"tokens": 900_000}, now=START)
    reservation = limiter.reserve({"tokens": 100_000}, now=START).reservation
    limiter.settle(reservation, {"tokens": 1}, now=START + 3_000)
    assert limiter.limit(now=START + 3_000).remaining == 50_000 + 99_999


def test_settle_after_other_refunds_then_still_refunds_exactly() -> None:
    limiter = Limiter([PER_HOUR])
    for _ in range(3):
        reservation = limiter.reserve({"requests": 60}, now=START).reservation
        limiter.settle(reservation, {"requests": 10}, now=START + 1)
    assert limiter.limit(now=START + 36_000).remaining == 71


def test_settle_when_units_were_restored_by_time_then_no_refund() -> None:
    limiter, later = Limiter([PER_HOUR]), START + 3_600_000
    first = limiter.reserve({"requests": 100}, now=START).reservation
    limiter.reserve({"requests": 100}, now=later)
    limiter.settle(first, {"requests": 0}, now=later)
    assert limiter.limit(now=later).remaining == 0


def test_settle_when_refund_advanced_queue_then_no_late_refund() -> None:
    limiter, hour = Limiter([Policy("requests", 100, 3600, burst=200)]), 3_600_000
    first = limiter.reserve({"requests": 100}, now=START).reservation
    second = limiter.reserve({"requests": 100}, now=START).reservation
    limiter.settle(first, {"requests": 0}, now=START)
    limiter.reserve({"requests": 200}, now=START + hour)
    limiter.settle(second, {"requests": 0}, now=START + hour)
    assert limiter.limit(now=START + hour).remaining == 0


def test_settle_when_estimate_too_small_then_debt_delays_others() -> None:
    limiter = Limiter([TOKENS])
    reservation = limiter.reserve({"tokens": 900_000}, now=START).reservation
    limiter.settle(reservation, {"tokens": 1_500_000}, now=START)
    refusal = limiter.reserve({"tokens": 1}, now=START)
    assert refusal.limits[0].remaining == 0
    assert refusal.limits[0].reset_seconds == 90
    assert refusal.retry_after_seconds == 31
    assert limiter.limit(now=START + 90_000).remaining == 1_000_000


def test_settle_when_unit_was_not_reserved_then_charges_it() -> None:
    limiter = Limiter([PER_HOUR, TOKENS])
    reservation = limiter.reserve({"requests": 1}, now=START).reservation
    limiter.settle(reservation, {"tokens": 812}, now=START)
    assert [limit.remaining for limit in limiter.limits(now=START)] == [99, 999_188]


def test_settle_when_policy_changed_meanwhile_then_no_refund() -> None:
    limiter = Limiter([PER_HOUR])
    reservation = limiter.reserve({"requests": 50}, now=START).reservation
    limiter.policies = [Policy("requests", 50, 3600)]
    limiter.reserve({"requests": 50}, now=START)
    limiter.settle(reservation, {"requests": 0}, now=START)
    assert limiter.limit(now=START).remaining == 0


# Values


def test_state_and_reservation_when_kept_as_json_then_unchanged() -> None:
    prime_rate = Policy("tokens", 999_999_937, 86_400, unit="tokens")
    decision = reserve([prime_rate], {}, costs={"tokens": 5}, now=START)
    state, hold = decision.states[prime_rate.key], decision.reservation[prime_rate.key]
    assert state.tat > 2**63
    assert State(**json.loads(json.dumps(asdict(state)))) == state
    assert Hold(**json.loads(json.dumps(asdict(hold)))) == hold


def test_reserve_and_settle_when_a_cost_is_negative_then_raise() -> None:
    with pytest.raises(ValueError, match="'tokens' is negative: -1"):
        reserve([TOKENS], {}, costs={"tokens": -1}, now=START)
    with pytest.raises(ValueError, match="'tokens' is negative: -1"):
        settle([TOKENS], {}, reservation={}, actual={"tokens": -1}, now=START)


@pytest.mark.parametrize("name", ["", "naïve", "a\nb"])
def test_policy_when_its_name_cannot_be_written_then_raises(name: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        Policy(name, 1, 1)


@pytest.mark.parametrize(
    ("quota", "window_seconds", "burst"), [(0, 1, 1), (1, 0, 1), (1, 1, 0), (10**15, 1, 1), (1, 10**15, 1)]
)
def test_policy_when_numbers_are_out_of_range_then_raises(quota: int, window_seconds: int, burst: int) -> None:
    with pytest.raises(ValueError, match="from 1 to 15 digits"):
        Policy("a", quota, window_seconds, burst)
