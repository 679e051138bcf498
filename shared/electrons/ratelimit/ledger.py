"""What the Durable Object `RateLimiter` does with one caller, over its SQLite; `runtime/rate_limiter.py` is its shell.

Nothing here awaits, so a reservation is atomic however many requests are in flight, and every change is in the database
before the response, so an eviction loses nothing. Calls take and return JSON, because one string is the cheapest thing
to pass between workers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, Protocol

from electrons.ratelimit.gcra import Hold, Policy, State, reserve, room_for_debt, settle
from electrons.ratelimit.headers import parse_policies, rate_limit_headers

RESERVATION_LIFE_MS = 60 * 60 * 1000
"""A reservation that is not settled within an hour stays charged as it was reserved."""

_SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS states (
      policy TEXT PRIMARY KEY, tat TEXT NOT NULL, refunded TEXT NOT NULL, rested_ms INTEGER NOT NULL
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS reservations (id TEXT PRIMARY KEY, holds TEXT NOT NULL, created_ms INTEGER NOT NULL)
    """,
)

_policies = lru_cache(maxsize=64)(parse_policies)


class Sql(Protocol):
    """A synchronous SQLite database."""

    def execute(self, statement: str, *parameters: str | int) -> list[tuple[Any, ...]]:
        """Return all rows of one statement."""


class Ledger:
    """One caller's states and open reservations. `clock()` is in milliseconds since the epoch."""

    def __init__(self, sql: Sql, clock: Callable[[], int]) -> None:
        self._sql = sql
        self._clock = clock
        for statement in _SCHEMA:
            sql.execute(statement)
        rows = sql.execute("SELECT policy, tat, refunded FROM states")
        self._states = {policy: State(int(tat), int(refunded)) for policy, tat, refunded in rows}

    def reserve(self, message: str) -> str:
        """Reserve `{"policy", "costs": {unit: n}, "id", "settlements"}`.

        Returns `{"allowed", "headers", "violated", "impossible"}`.

        The id may be null, for costs that are final. `settlements` are done first.
        """
        request = json.loads(message)
        for settlement in request["settlements"]:
            self._settle(settlement)
        now = self._clock()
        policies = _policies(request["policy"])
        decision = reserve(policies, self._states, costs=request["costs"], now=now)
        self._store(policies, decision.states)
        if decision.allowed and request["id"]:
            holds = {policy: [hold.units, str(hold.position)] for policy, hold in decision.reservation.items()}
            self._sql.execute(
                "INSERT OR REPLACE INTO reservations (id, holds, created_ms) VALUES (?, ?, ?)",
                request["id"],
                json.dumps(holds),
                now,
            )
        return json.dumps(
            {
                "allowed": decision.allowed,
                "headers": rate_limit_headers(decision.limits, retry_after_seconds=decision.retry_after_seconds),
                "violated": decision.violated,
                "impossible": decision.impossible,
            }
        )

    def settle(self, message: str) -> None:
        """Settle `{"settlements": [{"policy", "id", "actual": {unit: n}}]}`."""
        for settlement in json.loads(message)["settlements"]:
            self._settle(settlement)

    def is_idle(self) -> bool:
        """Return whether the whole ledger can be deleted: nothing is reserved, and every burst is whole again."""
        now = self._clock()
        self._sql.execute("DELETE FROM reservations WHERE created_ms < ?", now - RESERVATION_LIFE_MS)
        if self._sql.execute("SELECT 1 FROM reservations LIMIT 1"):
            return False
        return not self._sql.execute("SELECT 1 FROM states WHERE rested_ms > ? LIMIT 1", now)

    def _settle(self, settlement: dict[str, Any]) -> None:
        """Settle one reservation; an id that is unknown, settled or expired changes nothing.

        The actual cost is what a provider has reported, so only a debt of one burst is charged for it.
        """
        rows = self._sql.execute("DELETE FROM reservations WHERE id = ? RETURNING holds", settlement["id"])
        if not rows:
            return
        holds = {policy: Hold(units, int(position)) for policy, (units, position) in json.loads(rows[0][0]).items()}
        policies, now = _policies(settlement["policy"]), self._clock()
        changed: dict[str, State] = {}
        for policy in policies:
            reserved = holds[policy.key].units if policy.key in holds else 0
            ceiling = reserved + room_for_debt(policy, self._states, now=now)
            actual = {unit: min(units, ceiling) for unit, units in settlement["actual"].items()}
            changed |= settle([policy], self._states, reservation=holds, actual=actual, now=now).states
        self._store(policies, changed)

    def _store(self, policies: tuple[Policy, ...], states: Mapping[str, State]) -> None:
        changed = [policy for policy in policies if policy.key in states]
        if not changed:
            return
        self._states.update(states)
        values: list[str | int] = []
        for policy in changed:
            state = states[policy.key]
            values += [policy.key, str(state.tat), str(state.refunded), -(-state.tat // policy.ticks_per_ms)]
        places = ", ".join(["(?, ?, ?, ?)"] * len(changed))
        self._sql.execute(
            f"INSERT OR REPLACE INTO states (policy, tat, refunded, rested_ms) VALUES {places}",  # noqa: S608  # only placeholders
            *values,
        )
