"""GCRA, the generic cell rate algorithm: the law of the rate limiter, pure and exact.

GCRA was written down for ATM networks (ITU-T Recommendation I.371, "virtual scheduling algorithm") and carried
over to HTTP by the Go library `throttled` and Brandur Leach, "Rate Limiting, Cells, and GCRA"
(https://brandur.org/rate-limiting). Picture a queue that is served at the policy's rate. Each unit adds its
serving time to the queue's end, the *theoretical arrival time* (TAT), and a request is admitted when the queue
then is no longer than the burst:

    max(TAT, now) + cost * window / quota  <=  now + burst * window / quota

So in every stretch of time L at most `burst + L * quota / window` units are admitted, an idle caller regains
its burst, and nothing happens at window borders, because there are none.

**Reserve, then settle.** The cost of a call to a provider is known only afterwards. `reserve` charges an
estimate and `settle` puts the real cost in its place. The law holds for the *real* units: a refund takes back
only what still waits in the queue. What was served meanwhile has become room for others already, and giving it
back too would hand the same room out twice. An estimate that was too small is charged in full, past the limit
where need be: a debt, which later requests wait for.

**Numbers.** Times are integer milliseconds since the epoch; inside, they are *ticks*, and a policy's tick is
the largest part of a millisecond in which both a millisecond and one unit last whole numbers of ticks. Hence
every rate is exact and nothing drifts: under 100 per hour a millisecond is 1 tick and a unit 36,000; under
1,000,000 per minute they are 50 and 3. Ticks have no upper bound: a millisecond is up to `quota` of them, so a
TAT passes 2**53 (what a JavaScript number holds) from a quota of some thousands on, and 2**63 (an SQLite
INTEGER) from some millions on, where quota and window share few factors. Keep ticks as decimal TEXT, or inside
a JSON string that only Python reads.

Nothing here reads a clock, does I/O or is random. A clock that steps back only makes callers wait for longer.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import gcd

_LARGEST_FIELD_INTEGER = 999_999_999_999_999  # RFC 9651, section 3.3.1; the numbers go out in header fields


@dataclass(frozen=True, slots=True)
class Policy:
    """`quota` units per `window_seconds`, of which at most `burst` (default: the whole quota) may be used at once.

    `unit` says which cost is counted, e.g. "tokens" or "characters"; as in the header field it is "requests"
    by default. Several policies may count the same one: `Policy("requests", 100, 60)` beside
    `Policy("daily", 5000, 86400)`. Raises `ValueError` for what could never be enforced or written into a field.
    """

    name: str
    quota: int
    window_seconds: int
    burst: int | None = None
    unit: str = "requests"

    def __post_init__(self) -> None:
        for text in (self.name, self.unit):
            if not (text and text.isascii() and text.isprintable()):
                raise ValueError(f"a policy's name and unit are printable ASCII, not {text!r}")
        for number in (self.quota, self.window_seconds, self.capacity):
            if not 1 <= number <= _LARGEST_FIELD_INTEGER:
                raise ValueError(f"quota, window and burst of {self.name!r} are from 1 to 15 digits, not {number}")

    @property
    def capacity(self) -> int:
        """The most units that can be admitted at once."""
        return self.quota if self.burst is None else self.burst

    @property
    def key(self) -> str:
        """The name to keep the state under: it has the rate in it, for ticks of one rate mean nothing at another."""
        return f"{self.name};q={self.quota};w={self.window_seconds}"

    @property
    def ticks_per_ms(self) -> int:
        """How long a millisecond is."""
        return self.quota // gcd(self.quota, self.window_seconds * 1000)

    @property
    def ticks_per_unit(self) -> int:
        """How long one unit takes to become available again."""
        return self.window_seconds * 1000 // gcd(self.quota, self.window_seconds * 1000)


@dataclass(frozen=True, slots=True)
class State:
    """The state of a caller under one policy: one to be stored per caller and `Policy.key`; a missing one is `State()`.

    `tat` is the theoretical arrival time, `refunded` all that was ever given back, both in ticks. It may be
    forgotten once `ServiceLimit.reset_seconds` have passed and no reservation is open any more.
    """

    tat: int = 0
    refunded: int = 0


@dataclass(frozen=True, slots=True)
class Hold:
    """What a reservation took from one policy: `units`, the last of which waits at `position` in the queue (in ticks).

    Refunds pull the queue forward, so the position is counted as if there had never been any: less
    `State.refunded` of a later moment it is the earliest place where those units can be then.
    """

    units: int
    position: int


@dataclass(frozen=True, slots=True)
class ServiceLimit:
    """What a caller may still do under one policy, in the terms of draft-ietf-httpapi-ratelimit-headers-11.

    `remaining` units would be admitted now. `effective_window_seconds` is the time within which no more than
    those can be used, that is until one more is there. After `reset_seconds` of rest the whole burst is (0: it
    is now).
    """

    policy: Policy
    remaining: int
    effective_window_seconds: int
    reset_seconds: int


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer to one request under all its policies.

    `limits` are in the order of the policies, after the charge if there was one. `states` are only those that
    changed, by `Policy.key`, to be stored; `reservation`, also by `Policy.key`, is for `settle`. Both are empty
    when the request is refused. `retry_after_seconds` is set when it is refused: the least number of whole
    seconds after which it would be admitted without other requests. `violated` then names the policies that
    refused.
    """

    allowed: bool
    limits: tuple[ServiceLimit, ...]
    states: Mapping[str, State]
    reservation: Mapping[str, Hold]
    retry_after_seconds: int | None = None
    violated: tuple[str, ...] = ()

    @property
    def impossible(self) -> bool:
        """Whether the request costs more than a policy ever admits at once, so that waiting does not help."""
        return not self.allowed and self.retry_after_seconds is None


@dataclass(frozen=True, slots=True)
class Settlement:
    """The states that changed, to be stored by `Policy.key`, and the limits after it, in the order of the policies."""

    limits: tuple[ServiceLimit, ...]
    states: Mapping[str, State]


def reserve(policies: Sequence[Policy], states: Mapping[str, State], *, costs: Mapping[str, int], now: int) -> Decision:
    """Charge `costs` (units by `Policy.unit`) to every policy, or to none if one refuses.

    A policy whose unit is not in `costs`, or costs 0, never refuses and is only reported: `costs={}` is a look
    without a charge. `now` is in milliseconds. Raises `ValueError` for a negative cost.
    """
    _check(costs)
    violated: list[str] = []
    waits: list[int] = []
    impossible = False
    for policy in policies:
        cost = costs.get(policy.unit, 0)
        missing = cost * policy.ticks_per_unit - _spare(policy, states, now)
        if cost and missing > 0:
            violated.append(policy.name)
            waits.append(_seconds(policy, missing))
            impossible = impossible or cost > policy.capacity
    if violated:
        return Decision(
            allowed=False,
            limits=_limits(policies, states, now),
            states={},
            reservation={},
            retry_after_seconds=None if impossible else max(waits),
            violated=tuple(violated),
        )

    changed: dict[str, State] = {}
    reservation: dict[str, Hold] = {}
    for policy in policies:
        if cost := costs.get(policy.unit, 0):
            state = _charge(policy, states, cost, now)
            changed[policy.key] = state
            reservation[policy.key] = Hold(cost, state.tat + state.refunded)
    return Decision(
        allowed=True, limits=_limits(policies, {**states, **changed}, now), states=changed, reservation=reservation
    )


def settle(
    policies: Sequence[Policy],
    states: Mapping[str, State],
    *,
    reservation: Mapping[str, Hold],
    actual: Mapping[str, int],
    now: int,
) -> Settlement:
    """Put the `actual` cost (units by `Policy.unit`) in the place of what was reserved.

    A unit that `actual` does not name keeps what was reserved for it, so a call that failed is given back whole
    only with explicit zeros. What was reserved under a policy that has gone since, or has another rate now, is
    let be.

    Settling the same reservation twice charges or refunds twice: the caller removes each reservation
    once, in the same transaction. Raises `ValueError` for a negative cost.
    """
    _check(actual)
    changed: dict[str, State] = {}
    for policy in policies:
        hold = reservation.get(policy.key, Hold(0, 0))
        difference = actual.get(policy.unit, hold.units) - hold.units
        if difference > 0:
            changed[policy.key] = _charge(policy, states, difference, now)
        elif difference < 0:
            state = states.get(policy.key, State())
            still_waiting = hold.position - state.refunded - now * policy.ticks_per_ms
            refund = min(-difference * policy.ticks_per_unit, still_waiting)
            if refund > 0:
                changed[policy.key] = State(state.tat - refund, state.refunded + refund)
    return Settlement(_limits(policies, {**states, **changed}, now), changed)


def room_for_debt(policy: Policy, states: Mapping[str, State], *, now: int) -> int:
    """Return how many units can still be charged past the limit: a debt is one burst at most, by this rule.

    `settle` charges whatever it is given. Who takes the numbers from others bounds them with this, so that no number
    makes a caller wait for longer than it takes to serve two bursts.
    """
    return max(2 * policy.capacity - -(-_queue(policy, states, now) // policy.ticks_per_unit), 0)


def _check(costs: Mapping[str, int]) -> None:
    for unit, cost in costs.items():
        if cost < 0:
            raise ValueError(f"the cost in {unit!r} is negative: {cost}")


def _queue(policy: Policy, states: Mapping[str, State], now: int) -> int:
    """How much waits to be served, in ticks."""
    return max(states.get(policy.key, State()).tat - now * policy.ticks_per_ms, 0)


def _spare(policy: Policy, states: Mapping[str, State], now: int) -> int:
    """How much more the queue may hold, in ticks; negative in debt."""
    return policy.capacity * policy.ticks_per_unit - _queue(policy, states, now)


def _charge(policy: Policy, states: Mapping[str, State], units: int, now: int) -> State:
    state = states.get(policy.key, State())
    return State(max(state.tat, now * policy.ticks_per_ms) + units * policy.ticks_per_unit, state.refunded)


def _limits(policies: Sequence[Policy], states: Mapping[str, State], now: int) -> tuple[ServiceLimit, ...]:
    return tuple(_limit(policy, states, now) for policy in policies)


def _limit(policy: Policy, states: Mapping[str, State], now: int) -> ServiceLimit:
    spare = _spare(policy, states, now)
    remaining = max(spare // policy.ticks_per_unit, 0)
    until_one_more = (remaining + 1) * policy.ticks_per_unit - spare
    return ServiceLimit(
        policy=policy,
        remaining=remaining,
        effective_window_seconds=_seconds(policy, until_one_more),
        reset_seconds=_seconds(policy, _queue(policy, states, now)),
    )


def _seconds(policy: Policy, ticks: int) -> int:
    """Whole seconds, rounded up, so that a caller who waits them out is not early."""
    return -(-ticks // (policy.ticks_per_ms * 1000))
