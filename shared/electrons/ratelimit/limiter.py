"""The client of the rate limiter: reserve before the work, settle after it."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypedDict

from electrons.batch import Batch
from electrons.http import HeaderPairs

LINGER_SECONDS = 0.05
"""How long a settlement waits for the caller's next reservation, which carries it."""

Call = Callable[[str, str, str], Awaitable[str]]
"""`call(key, method, message)` of the Durable Object `key`; raises `LimiterUnreachableError`."""


Operation = Literal["fail", "succeed", "probe", "read"]
"""What a circuit is told or asked."""


class CircuitState(TypedDict):
    """What a circuit answers: failures in a row, for how long it is open, and whether the caller may probe."""

    failures: int
    open_for_ms: int
    may_probe: bool


class LimiterUnreachableError(Exception):
    """The Durable Object did not answer; `RATE_LIMIT_FAILURE` decides what that means for the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a request is allowed, and its header fields. `impossible`: the request is larger than a whole burst."""

    allowed: bool
    headers: HeaderPairs
    violated: tuple[str, ...] = ()
    impossible: bool = False


class RateLimiter:
    """The shared rate limiter, one object per `key`; `ledger.py` is the other end.

    `policy` is in the syntax of the RateLimit-Policy header, costs are units by name.
    """

    def __init__(self, call: Call) -> None:
        self._call = call
        self._settlements: defaultdict[str, Batch[dict[str, Any]]] = defaultdict(
            lambda: Batch(linger_seconds=LINGER_SECONDS)
        )

    async def reserve(self, key: str, *, policy: str, costs: Mapping[str, int], reservation_id: str | None) -> Verdict:
        """Charge the costs to all policies or to none; with an id, they can be settled later.

        Raises `LimiterUnreachableError`.
        """
        settlements = self._take(key)
        message = {"policy": policy, "costs": costs, "id": reservation_id, "settlements": settlements}
        verdict = json.loads(await self._call(key, "reserve", json.dumps(message)))
        return Verdict(
            allowed=verdict["allowed"],
            headers=[(name, value) for name, value in verdict["headers"]],
            violated=tuple(verdict["violated"]),
            impossible=verdict["impossible"],
        )

    async def settle(self, key: str, *, policy: str, reservation_id: str, actual: Mapping[str, int]) -> None:
        """Replace the reserved cost by the real one, once per id. Raises `LimiterUnreachableError`.

        What is never settled, because the object could not be reached, stays charged as it was reserved.
        """
        settlement = {"policy": policy, "id": reservation_id, "actual": actual}
        settlements = await self._settlements[key].add(settlement)
        if settlements:
            self._settlements.pop(key, None)
            await self._call(key, "settle", json.dumps({"settlements": settlements}))

    async def circuit(self, name: str, operation: Operation, *, limit: int, open_ms: int) -> CircuitState:
        """Tell a circuit what happened, or ask about it (`circuit.py`). Raises `LimiterUnreachableError`."""
        message = {"do": operation, "limit": limit, "open_ms": open_ms}
        state: CircuitState = json.loads(await self._call(f"circuit:{name}", "circuit", json.dumps(message)))
        return state

    def _take(self, key: str) -> list[dict[str, Any]]:
        batch = self._settlements.pop(key, None)
        return batch.take() if batch else []
