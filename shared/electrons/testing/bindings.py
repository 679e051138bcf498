"""A worker's bindings in memory: D1 and the rate limiter's storage on SQLite, as they are in Cloudflare, KV in a dict."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from electrons.ratelimit.ledger import Ledger
from electrons.ratelimit.limiter import Verdict
from electrons.storage.bindings import Bindings, Row, Value

MIGRATIONS = Path(__file__).resolve().parents[3] / "wrangler" / "migrations"

Clock = Callable[[], float]


def create_memory_bindings(*, clock: Clock = time.time) -> Bindings:
    """All bindings, fresh and empty. `clock()` is in seconds since the epoch."""
    return Bindings(
        DB=MemoryDatabase(), CACHE=MemoryKeyValueStore(clock=clock), RATE_LIMITER=MemoryRateLimiter(clock=clock)
    )


class MemoryDatabase:
    """A D1 database with the migrations of a folder applied, the project's by default."""

    def __init__(self, migrations: Path = MIGRATIONS) -> None:
        self._connection = _connect()
        self._connection.row_factory = sqlite3.Row
        for path in sorted(migrations.glob("*.sql")):
            self._connection.executescript(path.read_text(encoding="utf-8"))

    async def query(self, statement: str, *parameters: Value) -> list[Row]:
        """See `Database.query`."""
        return [dict(row) for row in self._connection.execute(statement, parameters)]

    async def execute(self, statement: str, *parameters: Value) -> None:
        """See `Database.execute`."""
        self._connection.execute(statement, parameters)


class MemoryKeyValueStore:
    """A KV namespace; what has outlived its time is gone. Raises ValueError for a time under KV's 60 seconds."""

    def __init__(self, *, clock: Clock = time.time) -> None:
        self._clock = clock
        self._entries: dict[str, tuple[str, float]] = {}

    async def get(self, key: str) -> str | None:
        """See `KeyValueStore.get`."""
        value, expires = self._entries.get(key, (None, 0.0))
        return value if self._clock() < expires else None

    async def put(self, key: str, value: str, *, ttl_seconds: int) -> None:
        """See `KeyValueStore.put`."""
        if ttl_seconds < 60:
            raise ValueError(f"KV keeps nothing for less than 60 seconds: {ttl_seconds}")
        self._entries[key] = (value, self._clock() + ttl_seconds)


class MemorySql:
    """The SQLite of one Durable Object, which answers at once (`ledger.Sql`)."""

    def __init__(self) -> None:
        self._connection = _connect()

    def execute(self, statement: str, *parameters: str | int) -> list[tuple[Any, ...]]:
        """See `ledger.Sql.execute`."""
        return self._connection.execute(statement, parameters).fetchall()


class MemoryRateLimiter:
    """The real ledger, one per key."""

    def __init__(self, *, clock: Clock = time.time) -> None:
        self._clock = clock
        self._ledgers: dict[str, Ledger] = {}

    async def reserve(self, key: str, *, reservation_id: str | None, policy: str, costs: Mapping[str, int]) -> Verdict:
        """See `RateLimiter.reserve`."""
        message = json.dumps({"id": reservation_id, "policy": policy, "costs": dict(costs)})
        answer = json.loads(self._ledger(key).reserve(message))
        return Verdict(
            allowed=answer["allowed"],
            headers=[(name, value) for name, value in answer["headers"]],
            violated=tuple(answer["violated"]),
            impossible=answer["impossible"],
        )

    async def settle(self, key: str, *, reservation_id: str, policy: str, actual: Mapping[str, int]) -> None:
        """See `RateLimiter.settle`."""
        self._ledger(key).settle(json.dumps({"id": reservation_id, "policy": policy, "actual": dict(actual)}))

    def _ledger(self, key: str) -> Ledger:
        if key not in self._ledgers:
            self._ledgers[key] = Ledger(MemorySql(), lambda: int(self._clock() * 1000))
        return self._ledgers[key]


def _connect() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)
