"""What the Durable Object `RateLimiter` does with one caller, over its SQLite; `runtime/rate_limiter.py` is its shell.

Nothing here awaits, so a reservation is atomic however many requests are in flight, and every change is in the database
before the response, so an eviction loses nothing. Calls take and return JSON, because one string is the cheapest thing
to pass between workers; one message brings the requests of many callers, and is one write.

**Leases** (`leases.py`) are units that an isolate may admit without asking. They are not charged when they are granted:
they are held, that is left out of what others may use, and what was used of them is charged when they are returned, as
if it had come in then. So the queue of what is charged and held is never shorter than that of the real requests,
whenever in a lease they came, and what is admitted never passes the limit. A lease that is not returned in time counts
as used; if it is returned after all, the rest is refunded like that of any reservation.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Protocol

from electrons.ratelimit.gcra import Decision, Hold, Policy, State, reserve, room_for_debt, settle
from electrons.ratelimit.headers import parse_policies, quote, rate_limit_headers
from electrons.ratelimit.leases import GRACE_MS, Grant, LimitLeft

RESERVATION_LIFE_MS = 60 * 60 * 1000
"""A reservation that is not settled within an hour stays charged as it was reserved."""

KEPT_SHARE = 2
"""Leases are granted while more than one part in so many of a burst is left: nearer to the limit every request asks."""

LEASE_SHARE = 4
"""A lease gets at most one part in so many of what is left above that, for there may be many isolates."""

LONGEST_LEASE_MS = 60_000

_SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS states (
      policy TEXT PRIMARY KEY, tat TEXT NOT NULL, refunded TEXT NOT NULL, rested_ms INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS reservations (id TEXT PRIMARY KEY, holds TEXT NOT NULL, created_ms INTEGER NOT NULL)
    """,
    """
    CREATE TABLE IF NOT EXISTS leases (
      id TEXT PRIMARY KEY, policy TEXT NOT NULL, units TEXT NOT NULL, expires_ms INTEGER NOT NULL
    )
    """,
)

_policies = lru_cache(maxsize=64)(parse_policies)

Holds = Mapping[str, Hold]


class Sql(Protocol):
    """A synchronous SQLite database."""

    def execute(self, statement: str, *parameters: str | int) -> list[tuple[Any, ...]]:
        """Return all rows of one statement."""


@dataclass(frozen=True, slots=True)
class _Lease:
    """Units by name that an isolate may admit under a policy."""

    policy: str
    units: Mapping[str, int]
    expires_ms: int

    @property
    def held(self) -> dict[str, int]:
        """Return the units by `Policy.key`."""
        return {policy.key: self.units.get(policy.unit, 0) for policy in _policies(self.policy)}


class Ledger:
    """One caller's states, leases and open reservations. `clock()` is in milliseconds since the epoch."""

    def __init__(self, sql: Sql, clock: Callable[[], int]) -> None:
        self._sql = sql
        self._clock = clock
        for statement in _SCHEMA:
            sql.execute(statement)
        rows = sql.execute("SELECT policy, tat, refunded FROM states")
        self._states = {policy: State(int(tat), int(refunded)) for policy, tat, refunded in rows}
        self._changed: dict[str, Policy] = {}
        self._leases = {
            lease_id: _Lease(policy, json.loads(units), int(expires_ms))
            for lease_id, policy, units, expires_ms in sql.execute("SELECT id, policy, units, expires_ms FROM leases")
        }
        self._held: Counter[str] = Counter()
        for lease in self._leases.values():
            self._held.update(lease.held)

    def reserve(self, message: str) -> str:
        """Reserve `{"policy", "requests": [[{unit: n}, id]], "settlements", "lease": {"id", "ms", "units"} | null}`.

        Returns `{"verdicts": [{"allowed", "headers", "violated", "impossible"}], "lease": Grant | null}`.

        The requests are decided in their order. An id may be null, for costs that are final. `settlements` are done
        first. The wish for a lease of so many units and milliseconds is decided last.
        """
        request, now = json.loads(message), self._clock()
        self._expire_leases(now)
        self._settle(request["settlements"], now)
        policies, verdicts = _policies(request["policy"]), []
        opened: dict[str, Holds] = {}
        for costs, reservation_id in request["requests"]:
            decision = self._decide(policies, costs, now)
            if decision.allowed and reservation_id:
                opened[reservation_id] = decision.reservation
            verdicts.append(
                {
                    "allowed": decision.allowed,
                    "headers": rate_limit_headers(decision.limits, retry_after_seconds=decision.retry_after_seconds),
                    "violated": decision.violated,
                    "impossible": decision.impossible,
                }
            )
        self._open(opened, now)
        wish, grant = request["lease"], None
        if wish:
            grant = self._grant(request["policy"], wish, costs=request["requests"][-1][0], now=now)
        self._store()
        return json.dumps({"verdicts": verdicts, "lease": grant})

    def settle(self, message: str) -> None:
        """Settle `{"settlements": [{"policy", "id", "actual": {unit: n}}]}`.

        The id is a reservation's or a lease's; with a lease come its `open` reservations, `{id: {unit: n}}`, which from
        now on are like any other.
        """
        now = self._clock()
        self._expire_leases(now)
        self._settle(json.loads(message)["settlements"], now)
        self._store()

    def is_idle(self) -> bool:
        """Return whether the whole ledger can be deleted: nothing is reserved, and every burst is whole again."""
        now = self._clock()
        self._expire_leases(now)
        self._store()
        self._sql.execute("DELETE FROM reservations WHERE created_ms < ?", now - RESERVATION_LIFE_MS)
        if self._leases or self._sql.execute("SELECT 1 FROM reservations LIMIT 1"):
            return False
        return not self._sql.execute("SELECT 1 FROM states WHERE rested_ms > ? LIMIT 1", now)

    def _decide(self, policies: tuple[Policy, ...], costs: Mapping[str, int], now: int) -> Decision:
        """Decide with what is held in the queue, and charge without it."""
        states = self._states
        if any(self._held[policy.key] for policy in policies):
            states = {policy.key: self._with_held(policy, now) for policy in policies}
        decision = reserve(policies, states, costs=costs, now=now)
        if not decision.allowed:
            return decision
        charged = decision if states is self._states else reserve(policies, self._states, costs=costs, now=now)
        self._update(policies, charged.states)
        return Decision(allowed=True, limits=decision.limits, states=charged.states, reservation=charged.reservation)

    def _with_held(self, policy: Policy, now: int) -> State:
        state = self._states.get(policy.key, State())
        held = self._held[policy.key] * policy.ticks_per_unit
        return State(max(state.tat, now * policy.ticks_per_ms) + held, state.refunded)

    def _grant(self, policy: str, wish: dict[str, Any], *, costs: Mapping[str, int], now: int) -> Grant | None:
        """Grant a lease that is enough for one more request of these costs, or None."""
        policies = _policies(policy)
        states = {each.key: self._with_held(each, now) for each in policies}
        limits = reserve(policies, states, costs={}, now=now).limits
        units = {each.unit: int(wish["units"].get(each.unit, 0)) for each in policies}
        for limit in limits:
            each = limit.policy
            room = (limit.remaining - each.capacity // KEPT_SHARE) // LEASE_SHARE
            units[each.unit] = max(min(units[each.unit], room), 0)
        if not any(units.values()) or any(units.get(unit, cost) < cost for unit, cost in costs.items()):
            return None
        lease = _Lease(policy, units, now + min(int(wish["ms"]), LONGEST_LEASE_MS) + GRACE_MS)
        self._leases[wish["id"]] = lease
        self._held.update(lease.held)
        self._sql.execute(
            "INSERT INTO leases (id, policy, units, expires_ms) VALUES (?, ?, ?, ?)",
            wish["id"],
            policy,
            json.dumps(units),
            lease.expires_ms,
        )
        left = [
            LimitLeft(
                name=quote(limit.policy.name),
                unit=limit.policy.unit,
                remaining=limit.remaining - units[limit.policy.unit],
                window=limit.effective_window_seconds,
            )
            for limit in limits
        ]
        return Grant(units=units, limits=left)

    def _charge_lease(self, lease_id: str, now: int) -> Holds:
        """Charge all of a lease, which ends it, and return what is to be settled."""
        lease = self._leases.pop(lease_id)
        self._held.subtract(lease.held)
        policies = _policies(lease.policy)
        self._update(policies, settle(policies, self._states, reservation={}, actual=lease.units, now=now).states)
        return {
            policy.key: Hold(units, self._states[policy.key].tat + self._states[policy.key].refunded)
            for policy in policies
            if (units := lease.units.get(policy.unit, 0))
        }

    def _expire_leases(self, now: int) -> None:
        expired = [(lease.expires_ms, lease_id) for lease_id, lease in self._leases.items() if lease.expires_ms <= now]
        if expired:
            self._open({lease_id: self._charge_lease(lease_id, expiry) for expiry, lease_id in sorted(expired)}, now)
            self._forget_leases(lease_id for _, lease_id in expired)

    def _forget_leases(self, lease_ids: Iterable[str]) -> None:
        self._sql.execute(
            "DELETE FROM leases WHERE id IN (SELECT value FROM json_each(?))", json.dumps(list(lease_ids))
        )

    def _open(self, reservations: Mapping[str, Holds], now: int) -> None:
        if not reservations:
            return
        rows = [
            [
                reservation_id,
                json.dumps({policy: [hold.units, str(hold.position)] for policy, hold in holds.items()}),
            ]
            for reservation_id, holds in reservations.items()
        ]
        self._sql.execute(
            "INSERT OR REPLACE INTO reservations (id, holds, created_ms) "
            "SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), ? FROM json_each(?)",
            now,
            json.dumps(rows),
        )

    def _settle(self, settlements: list[dict[str, Any]], now: int) -> None:
        """Settle reservations and leases; an id that is unknown, settled or expired changes nothing."""
        if not settlements:
            return
        ids = [settlement["id"] for settlement in settlements]
        returned = [lease_id for lease_id in ids if lease_id in self._leases]
        if returned:
            self._forget_leases(returned)
        rows = self._sql.execute(
            "DELETE FROM reservations WHERE id IN (SELECT value FROM json_each(?)) RETURNING id, holds", json.dumps(ids)
        )
        stored = {reservation_id: json.loads(holds) for reservation_id, holds in rows}
        opened: dict[str, Holds] = {}
        for settlement in settlements:
            if settlement["id"] in self._leases:
                holds = self._charge_lease(settlement["id"], now)
            elif settlement["id"] in stored:
                found = stored.pop(settlement["id"])
                holds = {policy: Hold(units, int(position)) for policy, (units, position) in found.items()}
            elif settlement["id"] in opened:
                holds = opened.pop(settlement["id"])
            else:
                continue
            opened |= self._settle_one(settlement, holds, now)
        self._open(opened, now)

    def _settle_one(self, settlement: dict[str, Any], holds: Holds, now: int) -> dict[str, Holds]:
        """Settle one reservation or lease, and return the reservations that the lease leaves open.

        The actual cost is what a provider has reported, so only a debt of one burst is charged for it.
        """
        policies, still_open = _policies(settlement["policy"]), settlement.get("open", {})
        total = Counter(settlement["actual"])
        for costs in still_open.values():
            total.update(costs)
        for policy in policies:
            reserved = holds[policy.key].units if policy.key in holds else 0
            ceiling = reserved + room_for_debt(policy, self._states, now=now)
            actual = {unit: min(units, ceiling) for unit, units in total.items()}
            changed = settle([policy], self._states, reservation=holds, actual=actual, now=now).states
            self._update([policy], changed)
        return {
            reservation_id: {
                policy.key: Hold(costs[policy.unit], holds[policy.key].position)
                for policy in policies
                if policy.key in holds and policy.unit in costs
            }
            for reservation_id, costs in still_open.items()
        }

    def _update(self, policies: Iterable[Policy], states: Mapping[str, State]) -> None:
        self._states.update(states)
        self._changed.update({policy.key: policy for policy in policies if policy.key in states})

    def _store(self) -> None:
        """Write the states that have changed, with one statement."""
        if not self._changed:
            return
        values: list[str | int] = []
        for policy in self._changed.values():
            state = self._states[policy.key]
            values += [policy.key, str(state.tat), str(state.refunded), -(-state.tat // policy.ticks_per_ms)]
        places = ", ".join(["(?, ?, ?, ?)"] * len(self._changed))
        self._changed = {}
        self._sql.execute(
            f"INSERT OR REPLACE INTO states (policy, tat, refunded, rested_ms) VALUES {places}",  # noqa: S608  # only placeholders
            *values,
        )
