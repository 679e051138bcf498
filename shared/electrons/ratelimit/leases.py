"""Leases: an allowance that an isolate takes ahead from the Durable Object, and spends without asking it.

While a caller is far from its limits, a request that asks the object may bring back a lease: units of each limit that
this isolate alone may admit for a moment. Its size follows what the isolate has admitted lately, and `Ledger` grants
none near the limit. What a lease has left, the isolate returns with its next message or when the lease ends.

An isolate counts the time of a lease from before it asked for it, and the object from after, so the isolate's ends
first, however long the message took and whatever the two clocks say.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, TypedDict

from electrons.http import HeaderPairs

GRACE_MS = 1000
"""How much longer than the isolate the object keeps a lease, for a clock of an isolate that stands still in between."""


class LimitLeft(TypedDict):
    """What the object has left of one limit after a grant: `name` is quoted, `window` in seconds."""

    name: str
    unit: str
    remaining: int
    window: int


class Grant(TypedDict):
    """The object's answer to a wish: units by name, 0 for those that are limited and not granted."""

    units: dict[str, int]
    limits: list[LimitLeft]


class Lease:
    """What one isolate may admit without asking, until `ends_at` of its own clock in seconds."""

    def __init__(self, lease_id: str, grant: Grant, *, ends_at: float, policy_header: str) -> None:
        self.id = lease_id
        self.ends_at = ends_at
        self._left = dict(grant["units"])
        self._limits = grant["limits"]
        self._policy_header = policy_header
        self._spent: Counter[str] = Counter()
        self._open: dict[str, dict[str, int]] = {}
        self._carried: list[dict[str, Any]] = []

    def take(self, costs: Mapping[str, int], *, reservation_id: str | None, now: float) -> HeaderPairs | None:
        """Admit a request that fits, and return its header fields; None if the object has to be asked.

        With an id the costs can be settled.
        """
        left = self._left
        charged = {unit: cost for unit, cost in costs.items() if unit in left}
        if now >= self.ends_at or [unit for unit, cost in charged.items() if cost > left[unit]]:
            return None
        for unit, cost in charged.items():
            left[unit] -= cost
        if reservation_id is None:
            self._spent.update(charged)
        else:
            self._open[reservation_id] = charged
        limits = [
            f"{limit['name']};r={max(limit['remaining'] + left[limit['unit']], 0)};t={limit['window']}"
            for limit in self._limits
        ]
        return [("RateLimit-Policy", self._policy_header), ("RateLimit", ", ".join(limits))]

    def settle(self, settlement: dict[str, Any]) -> None:
        """Put the actual cost in the place of the reserved one.

        What was reserved too much from this lease can be spent again. What was used beyond it is owed: the lease has
        less left, below zero where need be. A reservation of before the lease is settled when the lease is returned.
        """
        reserved = self._open.pop(settlement["id"], None)
        if reserved is None:
            self._carried.append(settlement)
            return
        for unit, cost in reserved.items():
            used = settlement["actual"].get(unit, cost)
            self._spent[unit] += used
            self._left[unit] += cost - used

    def to_return(self, policy: str) -> list[dict[str, Any]]:
        """Return the settlements that give the lease back, with the reservations that the object has to carry on."""
        spent = {unit: self._spent[unit] for unit in self._left}
        return [*self._carried, {"policy": policy, "id": self.id, "actual": spent, "open": self._open}]


class Demand:
    """What a caller has asked of this isolate lately, which says how large a lease is worth taking."""

    def __init__(self) -> None:
        self._since = 0.0
        self._before: Counter[str] = Counter()
        self._current: Counter[str] = Counter()

    def note(self, costs: Mapping[str, int], *, now: float, seconds: float) -> None:
        """Take note of a request. `seconds` is the length of a lease."""
        age = now - self._since
        if age >= seconds:
            self._before = self._current if age < 2 * seconds else Counter()
            self._current = Counter()
            self._since = now
        for unit, cost in costs.items():
            self._current[unit] += cost

    def wanted(self, asking: Counter[str]) -> dict[str, int]:
        """Return the units to ask for: twice what came in one lease's time besides the requests that are `asking`.

        So the only request of a quiet caller takes no lease.
        """
        units = {unit: 2 * max(self._before[unit], self._current[unit] - asking[unit]) for unit in self._current}
        return {unit: wanted for unit, wanted in units.items() if wanted > 0}

    def is_quiet(self, *, now: float, seconds: float) -> bool:
        """Return whether there has been no request for two leases' time."""
        return now - self._since >= 3 * seconds
