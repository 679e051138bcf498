"""The client of the rate limiter: reserve before the work, settle after it.

Requests of one caller that wait at the same moment share one message to the object. Far from the limit, `admit` needs
no message at all (`leases.py`).
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypedDict

from electrons.batch import Batch
from electrons.http import HeaderPairs
from electrons.ratelimit.leases import GRACE_MS, Demand, Lease

SETTLEMENT_INTERVAL_SECONDS = 0.05
"""Between two messages with settlements of a caller. One that comes sooner waits for a reservation that carries it."""

LARGEST_MESSAGE = 250
"""Requests that share one message at most, so that the object's other callers are not held up."""

REMEMBERED_CALLERS = 1000
"""From so many callers on, an isolate forgets those that are quiet."""

_FIRST_PAUSE_SECONDS, _LAST_PAUSE_SECONDS = 0.005, 0.16
"""How long a request waits before it looks for its answer, which another one's message brings; doubled each time."""

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
    """Whether a request is allowed, and its header fields. `impossible`: the request is larger than a whole burst.

    With a `lease`, the request's own message has brought one: `give_back` it once the response is out.
    """

    allowed: bool
    headers: HeaderPairs
    violated: tuple[str, ...] = ()
    impossible: bool = False
    lease: Lease | None = None


@dataclass(slots=True, eq=False)
class _Asked:
    """A request that waits for the object's answer."""

    costs: Mapping[str, int]
    reservation_id: str | None
    answer: Verdict | LimiterUnreachableError | None = None


@dataclass(slots=True, eq=False)
class _Caller:
    """What an isolate knows of one caller under one policy."""

    lease: Lease | None = None
    demand: Demand = field(default_factory=Demand)
    waiting: list[_Asked] = field(default_factory=list)
    is_asking: bool = False


class RateLimiter:
    """The shared rate limiter, one object per `key`; `ledger.py` is the other end.

    `policy` is in the syntax of the RateLimit-Policy header, costs are units by name. `clock()` is in seconds; it only
    measures how long leases last. `sleep(seconds)` waits for their end.
    """

    def __init__(
        self,
        call: Call,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._call = call
        self._clock = clock
        self._sleep = sleep
        self._callers: dict[tuple[str, str], _Caller] = {}
        self._settlements: defaultdict[str, Batch[dict[str, Any]]] = defaultdict(
            lambda: Batch(interval_seconds=SETTLEMENT_INTERVAL_SECONDS)
        )

    def admit(
        self, key: str, *, policy: str, costs: Mapping[str, int], reservation_id: str | None, lease_seconds: float
    ) -> Verdict | None:
        """Charge the costs to this isolate's lease, if it has one with room for them; else None: `reserve` them.

        `lease_seconds` is how long a lease lasts; 0 is never.
        """
        if not lease_seconds:
            return None
        now = self._clock()
        caller = self._find_caller(key, policy, now=now, lease_seconds=lease_seconds)
        caller.demand.note(costs, now=now, seconds=lease_seconds)
        return self._take_from_lease(caller, costs, reservation_id)

    async def reserve(
        self,
        key: str,
        *,
        policy: str,
        costs: Mapping[str, int],
        reservation_id: str | None,
        lease_seconds: float = 0,
        timeout_seconds: float = 0,
    ) -> Verdict:
        """Have the object charge the costs to all policies or to none; with an id, they can be settled later.

        Raises `LimiterUnreachableError`, and TimeoutError (0 is no timeout).
        """
        deadline = self._clock() + (timeout_seconds or float("inf"))
        caller = self._find_caller(key, policy, now=self._clock(), lease_seconds=lease_seconds)
        asked, lease, pause = _Asked(costs, reservation_id), None, _FIRST_PAUSE_SECONDS
        caller.waiting.append(asked)
        try:
            while asked.answer is None:
                if not caller.is_asking:
                    async with asyncio.timeout(timeout_seconds or None):
                        lease = await self._ask(key, policy, caller, lease_seconds=lease_seconds)
                    continue
                # Not earlier: in a busy isolate the answer may have come while this request waited for its turn.
                if self._clock() >= deadline:
                    raise TimeoutError
                # In a Worker no request can be woken by another one.
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LAST_PAUSE_SECONDS)
                if asked.answer is None and asked in caller.waiting:
                    asked.answer = self._take_from_lease(caller, costs, reservation_id)
        finally:
            if asked in caller.waiting:
                caller.waiting.remove(asked)
        if isinstance(asked.answer, LimiterUnreachableError):
            raise asked.answer
        return replace(asked.answer, lease=lease) if lease else asked.answer

    async def give_back(self, key: str, *, policy: str, lease: Lease) -> None:
        """Wait for the end of a lease, and return it unless a later message has done that. Raises as `reserve` does.

        Within half the grace, the next request of a busy caller does it.
        """
        await self._sleep(max(lease.ends_at - self._clock(), 0) + GRACE_MS / 2000)
        caller = self._callers.get((key, policy))
        if caller is not None and caller.lease is lease:
            caller.lease = None
            settlements = [*self._take(key), *lease.to_return(policy)]
            await self._call(key, "settle", json.dumps({"settlements": settlements}))

    def settle_in_lease(self, key: str, *, policy: str, reservation_id: str, actual: Mapping[str, int]) -> bool:
        """Leave a settlement to this isolate's lease, as `settle` does; return False if there is none."""
        caller = self._callers.get((key, policy))
        if caller is None or caller.lease is None:
            return False
        caller.lease.settle({"policy": policy, "id": reservation_id, "actual": actual})
        return True

    async def settle(self, key: str, *, policy: str, reservation_id: str, actual: Mapping[str, int]) -> None:
        """Replace the reserved cost by the real one, once per id. Raises `LimiterUnreachableError`.

        What is never settled, because the object could not be reached, stays charged as it was reserved.
        """
        settlement = {"policy": policy, "id": reservation_id, "actual": actual}
        settlements = await self._settlements[key].add(settlement)
        if settlements:
            self._settlements.pop(key, None)
            await self._call(key, "settle", json.dumps({"settlements": settlements}))

    async def budget(self, holder: str, message: Mapping[str, Any]) -> dict[str, Any]:
        """Tell the holder of a budget what to do (`budget.py`). Raises `LimiterUnreachableError`."""
        answer: dict[str, Any] = json.loads(await self._call(f"budget:{holder}", "budget", json.dumps(message)))
        return answer

    async def circuit(self, name: str, operation: Operation, *, limit: int, open_ms: int) -> CircuitState:
        """Tell a circuit what happened, or ask about it (`circuit.py`). Raises `LimiterUnreachableError`."""
        message = {"do": operation, "limit": limit, "open_ms": open_ms}
        state: CircuitState = json.loads(await self._call(f"circuit:{name}", "circuit", json.dumps(message)))
        return state

    async def _ask(self, key: str, policy: str, caller: _Caller, *, lease_seconds: float) -> Lease | None:
        """Send the requests that wait, and note their answers; return the lease that came with them."""
        batch, caller.waiting = caller.waiting[:LARGEST_MESSAGE], caller.waiting[LARGEST_MESSAGE:]
        started, settlements = self._clock(), self._take(key)
        if caller.lease is not None:
            settlements += caller.lease.to_return(policy)
            caller.lease = None
        wish = {"id": str(uuid.uuid4()), "ms": round(lease_seconds * 1000), "units": self._wanted(caller, batch)}
        message = {
            "policy": policy,
            "requests": [[asked.costs, asked.reservation_id] for asked in batch],
            "settlements": settlements,
            "lease": wish if lease_seconds and wish["units"] else None,
        }
        caller.is_asking = True
        try:
            answer = json.loads(await self._call(key, "reserve", json.dumps(message)))
        except LimiterUnreachableError as error:
            for asked in batch:
                asked.answer = error
            return None
        except BaseException:  # the caller who asks for all has left
            caller.waiting[:0] = batch
            raise
        finally:
            caller.is_asking = False
        for asked, verdict in zip(batch, answer["verdicts"], strict=True):
            headers = [(name, value) for name, value in verdict["headers"]]
            asked.answer = Verdict(
                allowed=verdict["allowed"],
                headers=headers,
                violated=tuple(verdict["violated"]),
                impossible=verdict["impossible"],
            )
        if answer["lease"] is not None:
            header = dict(headers)["RateLimit-Policy"]
            ends_at = started + lease_seconds
            caller.lease = Lease(str(wish["id"]), answer["lease"], ends_at=ends_at, policy_header=header)
        return caller.lease

    def _wanted(self, caller: _Caller, batch: list[_Asked]) -> dict[str, int]:
        asking: Counter[str] = Counter()
        for asked in batch:
            asking.update(asked.costs)
        return caller.demand.wanted(asking)

    def _take_from_lease(self, caller: _Caller, costs: Mapping[str, int], reservation_id: str | None) -> Verdict | None:
        if caller.lease is None:
            return None
        headers = caller.lease.take(costs, reservation_id=reservation_id, now=self._clock())
        return Verdict(allowed=True, headers=headers) if headers is not None else None

    def _find_caller(self, key: str, policy: str, *, now: float, lease_seconds: float) -> _Caller:
        caller = self._callers.get((key, policy))
        if caller is None:
            if len(self._callers) >= REMEMBERED_CALLERS:
                self._callers = {
                    name: known
                    for name, known in self._callers.items()
                    if known.is_asking or known.waiting or not known.demand.is_quiet(now=now, seconds=lease_seconds)
                }
            caller = self._callers[key, policy] = _Caller()
        return caller

    def _take(self, key: str) -> list[dict[str, Any]]:
        batch = self._settlements.pop(key, None)
        return batch.take() if batch else []
