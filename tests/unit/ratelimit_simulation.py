"""Simulate one caller of many isolates in virtual time, with the shipped limiter and ledger.

    PYTHONPATH=shared python -m tests.unit.ratelimit_simulation [SEED]

prints a table. Isolates have clocks of their own, messages take their time or get lost, isolates and the object are
killed. What was really used is counted apart, exactly, and compared with the limits:

- *over*: units that passed a limit, at any moment. There must be none.
- *under*: units that were refused although the limit had room, at worst, in hundredths of the burst.
- *exact after*: seconds after the last request until the object's count is the real one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import sys
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from electrons.ratelimit.gcra import Policy
from electrons.ratelimit.headers import parse_policies
from electrons.ratelimit.ledger import Ledger
from electrons.ratelimit.limiter import LimiterUnreachableError, RateLimiter
from electrons.testing import MemorySql
from tests.unit import virtual_time

POLICY = '"requests";q=30000;w=60;de-burst=300, "tokens";q=3000000;qu="tokens";w=60;de-burst=30000'
KEY = "text-gen:caller"
START_MS = 1_800_000_000_000
PATIENCE_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """`load` is in parts of the rate of requests; kills and losses are probabilities, of an isolate a second and of an
    answer. A request reserves `tokens` and uses a part of them, at times a little more.
    """

    name: str
    load: float
    isolates: int = 200
    seconds: float = 6.0
    lease_seconds: float = 1.0
    tokens: int = 20
    kills: float = 0.0
    losses: float = 0.0
    restarts: bool = False


SCENARIOS = (
    Scenario(name="far from the limit", load=0.7, isolates=4),
    Scenario(name="far, hundreds of isolates", load=0.7),
    Scenario(name="at the limit", load=1.2),
    Scenario(name="far over the limit", load=4),
    Scenario(name="far over, one isolate", load=4, isolates=1),
    Scenario(name="tokens run out first", load=0.8, tokens=400),
    Scenario(name="kills, losses, restarts", load=1.2, kills=0.3, losses=0.02, restarts=True),
    Scenario(name="leases of ten seconds", load=1.2, lease_seconds=10, kills=0.05),
    Scenario(name="without leases", load=1.2, lease_seconds=0),
)


@dataclass(slots=True)
class RealQueue:
    """What was really used under one policy, as a queue in units that is served at the policy's rate."""

    policy: Policy
    used: list[tuple[float, int]] = field(default_factory=list)

    def longest(self) -> float:
        """Return how long the queue ever was, in units."""
        return max((length for _, length in self._play(())), default=0)

    def lengths(self, moments_ms: Iterable[float]) -> list[float]:
        """Return how long the queue was at each moment, earliest first, in units."""
        return [length for is_moment, length in self._play(moments_ms) if is_moment]

    def _play(self, moments_ms: Iterable[float]) -> Iterator[tuple[bool, float]]:
        rate, length, last = self.policy.quota / self.policy.window_seconds / 1000, 0.0, 0.0
        moments = [(moment, 1, 0) for moment in moments_ms]
        for at, is_moment, units in sorted([*((at, 0, units) for at, units in self.used), *moments]):
            length, last = max(length - (at - last) * rate, 0) + units, at
            yield bool(is_moment), length


@dataclass
class Result:
    """What came of a scenario; `over` and `under` are in units, at worst. `over` is by the name of the policy."""

    requests: int = 0
    admitted: int = 0
    refused: int = 0
    unknown: int = 0
    calls: int = 0
    over: dict[str, float] = field(default_factory=dict)
    under: float = 0
    refused_with_room: int = 0
    exact_after_seconds: float | None = None


class Simulation:
    """One run of a scenario."""

    def __init__(self, scenario: Scenario, seed: int) -> None:
        self.scenario = scenario
        self.random = random.Random(f"{seed} {scenario.name}")  # noqa: S311  # repeatable
        self.policies = parse_policies(POLICY)
        self.queues = {policy.name: RealQueue(policy) for policy in self.policies}
        self.result = Result()
        self._sql = MemorySql()
        self._ledger = Ledger(self._sql, self._object_ms)
        self._isolates = [self._start_isolate() for _ in range(scenario.isolates)]
        self._work: dict[RateLimiter, set[asyncio.Task[None]]] = {}
        self._refused_ms: list[float] = []
        self._decided_ms: dict[str, float] = {}

    async def run(self) -> Result:
        """Play the scenario to its end."""
        loop, end = asyncio.get_running_loop(), self.scenario.seconds
        chaos = asyncio.create_task(self._kill())
        rate = self.scenario.load * self.policies[0].quota / self.policies[0].window_seconds
        everyone: list[asyncio.Task[None]] = []
        while loop.time() < end:
            await asyncio.sleep(self.random.expovariate(rate))
            limiter = self.random.choice(self._isolates)
            task = asyncio.create_task(self._request(limiter))
            self._work.setdefault(limiter, set()).add(task)
            everyone.append(task)
        chaos.cancel()
        self.result.exact_after_seconds = await self._wait_until_exact(everyone)
        self._compare()
        return self.result

    def _object_ms(self) -> int:
        return START_MS + int(asyncio.get_running_loop().time() * 1000)

    def _start_isolate(self) -> RateLimiter:
        offset, drift = self.random.uniform(0, 1e6), self.random.uniform(0.98, 1.02)
        return RateLimiter(self._call, clock=lambda: offset + asyncio.get_running_loop().time() * drift)

    async def _call(self, _key: str, method: str, message: str) -> str:
        self.result.calls += 1
        await asyncio.sleep(self._latency())
        if self.random.random() < self.scenario.losses / 2:
            raise LimiterUnreachableError("the message is lost")
        answer = ""
        if method == "reserve":
            answer = self._ledger.reserve(message)
            for (_, request_id), verdict in zip(
                json.loads(message)["requests"], json.loads(answer)["verdicts"], strict=True
            ):
                if verdict["allowed"]:
                    self._decided_ms[request_id] = self._object_ms()
                elif "requests" in verdict["violated"]:
                    self._refused_ms.append(self._object_ms())
        else:
            self._ledger.settle(message)
        await asyncio.sleep(self._latency())
        if self.random.random() < self.scenario.losses / 2:
            raise LimiterUnreachableError("the answer is lost")
        return answer

    def _latency(self) -> float:
        return self.random.uniform(0.001, 0.02) if self.random.random() < 0.98 else self.random.uniform(0.02, 0.4)

    async def _request(self, limiter: RateLimiter) -> None:
        loop, scenario = asyncio.get_running_loop(), self.scenario
        costs, request_id = {"requests": 1, "tokens": scenario.tokens}, str(uuid.UUID(int=self.random.getrandbits(128)))
        used = min(int(self.random.betavariate(2, 3) * scenario.tokens), scenario.tokens)
        self.result.requests += 1
        seconds = scenario.lease_seconds
        verdict = limiter.admit(KEY, policy=POLICY, costs=costs, reservation_id=request_id, lease_seconds=seconds)
        at_ms = START_MS + loop.time() * 1000
        if verdict is None:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    verdict = await limiter.reserve(
                        KEY, policy=POLICY, costs=costs, reservation_id=request_id, lease_seconds=seconds
                    )
            except (LimiterUnreachableError, TimeoutError):
                self.result.unknown += 1
                return
            at_ms = self._decided_ms.pop(request_id, START_MS + loop.time() * 1000)
        if not verdict.allowed:
            self.result.refused += 1
            return
        self.result.admitted += 1
        self.queues["requests"].used.append((at_ms, 1))
        self.queues["tokens"].used.append((at_ms, used))
        returning = None
        if verdict.lease is not None:
            returning = asyncio.create_task(self._give_back(limiter, verdict.lease))
            self._work.setdefault(limiter, set()).add(returning)
        await asyncio.sleep(self.random.uniform(0.01, 1.5))
        actual = {"tokens": used}
        if not limiter.settle_in_lease(KEY, policy=POLICY, reservation_id=request_id, actual=actual):
            with contextlib.suppress(LimiterUnreachableError):
                await limiter.settle(KEY, policy=POLICY, reservation_id=request_id, actual=actual)
        if returning is not None:
            await returning

    async def _give_back(self, limiter: RateLimiter, lease: Any) -> None:
        with contextlib.suppress(LimiterUnreachableError):
            await limiter.give_back(KEY, policy=POLICY, lease=lease)

    async def _kill(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            if self.scenario.restarts:
                self._ledger = Ledger(self._sql, self._object_ms)
            for place, limiter in enumerate(self._isolates):
                if self.random.random() < self.scenario.kills / 10:
                    self._isolates[place] = self._start_isolate()
                    for task in self._work.pop(limiter, ()):
                        task.cancel()

    async def _wait_until_exact(self, everyone: list[asyncio.Task[None]]) -> float | None:
        loop = asyncio.get_running_loop()
        await asyncio.wait(everyone)
        ended = loop.time()
        while loop.time() < ended + 30:
            if all(gap < 1 for gap in self._gaps().values()):
                return loop.time() - ended
            await asyncio.sleep(0.1)
        return None

    def _gaps(self) -> dict[str, float]:
        """Return how many units fewer than are really left the object would admit now, by the name of the policy."""
        look: dict[str, Any] = {"policy": POLICY, "requests": [[{}, None]], "settlements": [], "lease": None}
        headers = dict(json.loads(self._ledger.reserve(json.dumps(look)))["verdicts"][0]["headers"])
        gaps = {}
        for part, queue in zip(headers["RateLimit"].split(", "), self.queues.values(), strict=True):
            left = int(part.partition("r=")[2].partition(";")[0])
            gaps[queue.policy.name] = queue.policy.capacity - queue.lengths([self._object_ms()])[0] - left
        return gaps

    def _compare(self) -> None:
        for name, queue in self.queues.items():
            self.result.over[name] = max(queue.longest() - queue.policy.capacity, 0)
        requests = self.queues["requests"]
        for length in requests.lengths(self._refused_ms):
            room = requests.policy.capacity - length
            if room >= 1:
                self.result.refused_with_room += 1
                self.result.under = max(self.result.under, room)


def simulate(scenario: Scenario, seed: int) -> Result:
    """Return what came of a scenario."""

    async def run() -> Result:
        return await Simulation(scenario, seed).run()

    return virtual_time.run(run())


def main() -> int:
    """Print a row for each scenario."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.SystemRandom().randrange(10**6)
    print(f"seed {seed}: {POLICY}")
    print(f"{'':<28}{'requests':>9}{'admitted':>9}{'refused':>9}{'calls':>8}{'over':>7}{'under':>7}{'exact after':>13}")
    for scenario in SCENARIOS:
        result = simulate(scenario, seed)
        over = max(result.over.values())
        under = result.under / parse_policies(POLICY)[0].capacity
        after = "no" if result.exact_after_seconds is None else f"{result.exact_after_seconds:.1f} s"
        print(
            f"{scenario.name:<28}{result.requests:>9}{result.admitted:>9}{result.refused:>9}"
            f"{result.calls / result.requests:>8.2f}{over:>7.2f}{under:>7.1%}{after:>13}"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
