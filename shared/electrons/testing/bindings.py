"""A worker's bindings in memory: D1 and the rate limiter's storage are SQLite, as at Cloudflare; KV, R2 are dicts."""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2

from electrons.bindings import Bindings, Database, ObjectTooLargeError, Row, StoredObject, Value
from electrons.errors import DatabaseError
from electrons.http import Passthrough
from electrons.keys import KeyEnvironment, KeyRecord, generate
from electrons.ratelimit.budget import BudgetLedger
from electrons.ratelimit.circuit import Circuit
from electrons.ratelimit.ledger import Ledger
from electrons.ratelimit.limiter import RateLimiter

MIGRATIONS = Path(__file__).resolve().parents[3] / "wrangler" / "migrations"

Clock = Callable[[], float]


def create_memory_bindings(*, clock: Clock = time.time) -> Bindings:
    """Return all bindings, new and empty. `clock()` is in seconds since the epoch."""
    return Bindings(
        DB=MemoryDatabase(),
        CACHE=MemoryKeyValueStore(clock=clock),
        RATE_LIMITER=create_memory_rate_limiter(clock=clock),
        AUDIO_STORAGE=MemoryObjectStore(clock=clock),
        IMAGE_STORAGE=MemoryObjectStore(clock=clock),
        RENDER_STORAGE=MemoryObjectStore(clock=clock),
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
        try:
            return [dict(row) for row in self._connection.execute(statement, parameters)]
        except sqlite3.Error as error:
            raise DatabaseError(str(error)) from error

    async def execute(self, statement: str, *parameters: Value) -> None:
        """See `Database.execute`."""
        await self.query(statement, *parameters)


async def create_key(
    database: Database,
    *scopes: str,
    environment: KeyEnvironment = "live",
    expires_at: datetime | None = None,
    rate_limit_policy: str | None = None,
    budget: str | None = None,
    models: str | None = None,
) -> str:
    """Create an API key with its row in the database, and return the key."""
    key = generate(environment)
    record = KeyRecord.create(
        key,
        name="test",
        owner="test",
        scopes=scopes,
        created_at=datetime.now(UTC),
        expires_at=expires_at,
        rate_limit_policy=rate_limit_policy,
        budget=budget,
        models=models,
    )
    row = asdict(record)
    marks = ", ".join("?" for _ in row)
    await database.execute(f"INSERT INTO api_keys ({', '.join(row)}) VALUES ({marks})", *row.values())  # noqa: S608
    return key


class MemoryKeyValueStore:
    """A KV namespace; expired values are gone. Raises ValueError for a lifetime under KV's 60 seconds."""

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


@dataclass(frozen=True, slots=True)
class MemoryBody:
    """The content of an object in memory."""

    content: bytes

    @property
    def size(self) -> int | None:
        """See `Passthrough.size`."""
        return len(self.content)


class MemoryObjectStore:
    """An R2 bucket. `objects` has its content by key."""

    def __init__(self, *, clock: Clock = time.time) -> None:
        self._clock = clock
        self.objects: dict[str, tuple[StoredObject, bytes]] = {}

    async def put(
        self,
        key: str,
        body: bytes | httpx2.AsyncByteStream,
        *,
        content_type: str,
        metadata: Mapping[str, str],
        max_bytes: int | None = None,
    ) -> StoredObject:
        """See `ObjectStore.put`."""
        content = body if isinstance(body, bytes) else b"".join([chunk async for chunk in body])
        if not content and not isinstance(body, bytes):
            raise httpx2.ReadError("the stream is empty")
        if max_bytes is not None and len(content) > max_bytes:
            raise ObjectTooLargeError
        checksums = {"md5": hashlib.md5(content, usedforsecurity=False).hexdigest()}
        if isinstance(body, bytes):
            checksums["sha256"] = hashlib.sha256(content).hexdigest()
        stored = StoredObject(
            key=key,
            size=len(content),
            etag=f'"{checksums["md5"]}"',
            uploaded=datetime.fromtimestamp(self._clock(), UTC),
            content_type=content_type,
            metadata=dict(metadata),
            checksums=checksums,
        )
        self.objects[key] = (stored, content)
        return stored

    async def head(self, key: str) -> StoredObject | None:
        """See `ObjectStore.head`."""
        return self.objects[key][0] if key in self.objects else None

    async def list(self, *, prefix: str, start_after: str, limit: int) -> Sequence[tuple[str, datetime]]:
        """See `ObjectStore.list`."""
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key > start_after)
        return [(key, self.objects[key][0].uploaded) for key in keys[:limit]]

    async def delete(self, keys: Sequence[str]) -> None:
        """See `ObjectStore.delete`."""
        for key in keys:
            self.objects.pop(key, None)

    async def get(
        self, key: str, *, offset: int = 0, length: int | None = None
    ) -> tuple[StoredObject, Passthrough] | None:
        """See `ObjectStore.get`."""
        if key not in self.objects:
            return None
        stored, content = self.objects[key]
        return stored, MemoryBody(content[offset:] if length is None else content[offset : offset + length])


class MemorySql:
    """The SQLite database of one Durable Object (`ledger.Sql`)."""

    def __init__(self) -> None:
        self._connection = _connect()

    def execute(self, statement: str, *parameters: str | int) -> list[tuple[Any, ...]]:
        """See `ledger.Sql.execute`."""
        return self._connection.execute(statement, parameters).fetchall()


def create_memory_rate_limiter(*, clock: Clock = time.time) -> RateLimiter:
    """Return the real limiter over real ledgers, one per key, without the Durable Objects between them.

    A lease is given back as soon as the response of the request that has brought it is out.
    """
    ledgers: dict[str, Ledger] = {}
    circuits: dict[str, Circuit] = {}
    budgets: dict[str, BudgetLedger] = {}

    async def call(key: str, method: str, message: str) -> str:
        if method == "circuit":
            circuit = circuits.setdefault(key, Circuit(MemorySql(), lambda: int(clock() * 1000)))
            return circuit.handle(message)
        if method == "budget":
            budget = budgets.setdefault(key, BudgetLedger(MemorySql(), lambda: int(clock() * 1000)))
            return budget.handle(message)
        if key not in ledgers:
            ledgers[key] = Ledger(MemorySql(), lambda: int(clock() * 1000))
        if method == "reserve":
            return ledgers[key].reserve(message)
        ledgers[key].settle(message)
        return ""

    async def no_sleep(_seconds: float) -> None:
        pass

    return RateLimiter(call, clock=clock, sleep=no_sleep)


def _connect() -> sqlite3.Connection:
    return sqlite3.connect(":memory:", isolation_level=None)
