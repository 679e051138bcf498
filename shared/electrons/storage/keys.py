"""The API keys in D1, as one isolate knows them: looked up once, then remembered for a while.

What is remembered is bounded, so that nobody can fill an isolate's memory by making up ids; and unknown ids have a
place of their own, so that nobody can crowd out the good ones either.
"""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Callable
from dataclasses import fields
from typing import Generic, TypeVar, cast

from electrons.bindings import Database, Row
from electrons.errors import DatabaseError
from electrons.keys import KeyRecord, ParsedKey
from electrons.logs import timestamp
from electrons.ratelimit.headers import parse_policies
from electrons.settings import NO_LIMITS

REMEMBERED = 1000
"""How many known ids, and how many unknown ones, an isolate remembers."""

USE_NOTED_EVERY_SECONDS = 60
LOOKUP_TIMEOUT_SECONDS = 5.0

_FIND = f"SELECT {', '.join(field.name for field in fields(KeyRecord))} FROM api_keys WHERE id = ?"  # noqa: S608

T = TypeVar("T")
Clock = Callable[[], float]


class ApiKeys:
    """The table `api_keys`. `clock()` is in seconds since the epoch."""

    def __init__(
        self, database: Database, *, clock: Clock = time.time, timeout_seconds: float = LOOKUP_TIMEOUT_SECONDS
    ) -> None:
        self._database = database
        self._clock = clock
        self._timeout_seconds = timeout_seconds
        self._known = _Recent[KeyRecord](clock)
        self._unknown = _Recent[bool](clock)
        self._noted = _Recent[bool](clock)
        self._readable = False

    async def check(self) -> None:
        """Makes sure, once, that the table can be read. Raises `DatabaseError`."""
        if not self._readable:
            await self._query("SELECT 1 FROM api_keys LIMIT 1")

    async def verify(self, key: ParsedKey, *, max_age_seconds: float) -> KeyRecord | None:
        """The record of a good key; None for one that is unknown, wrong, expired or revoked. Raises `DatabaseError`.

        The record may be so many seconds old, hence a revoked key is refused within that time.
        """
        record = await self._find(key.id, max_age_seconds)
        if record is None or not hmac.compare_digest(record.hash.encode(), key.hash.encode()):
            return None
        return record if record.status(self._clock()) == "valid" else None

    def is_use_due(self, key_id: str) -> bool:
        """Whether `note_use` has something to write."""
        return self._noted.get(key_id, USE_NOTED_EVERY_SECONDS) is None

    async def note_use(self, key_id: str) -> None:
        """Sets `last_used_at`, once a minute at most. Raises `DatabaseError`."""
        if self.is_use_due(key_id):
            self._noted.put(key_id, True, at=self._clock())
            await self._database.execute("UPDATE api_keys SET last_used_at = ? WHERE id = ?", timestamp(), key_id)

    async def _find(self, key_id: str, max_age_seconds: float) -> KeyRecord | None:
        record = self._known.get(key_id, max_age_seconds)
        if record is not None or self._unknown.get(key_id, max_age_seconds):
            return record
        asked_at = self._clock()  # the answer is as old as the question
        rows = await self._query(_FIND, key_id)
        if not rows:
            self._unknown.put(key_id, True, at=asked_at)
            return None
        record = _read(rows[0])
        self._known.put(key_id, record, at=asked_at)
        return record

    async def _query(self, statement: str, *parameters: str) -> list[Row]:
        try:
            async with asyncio.timeout(self._timeout_seconds):
                rows = await self._database.query(statement, *parameters)
        except TimeoutError as error:
            raise DatabaseError(f"no answer within {self._timeout_seconds:g} seconds") from error
        self._readable = True
        return rows


class _Recent(Generic[T]):
    """Values by key, each with the time at which it was true; the one put in first is the first to be forgotten."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: dict[str, tuple[float, T]] = {}

    def get(self, key: str, max_age_seconds: float) -> T | None:
        at, value = self._entries.get(key, (0.0, None))
        # A clock that was set back must not make an entry live longer.
        return value if 0 <= self._clock() - at < max_age_seconds else None

    def put(self, key: str, value: T, *, at: float) -> None:
        self._entries.pop(key, None)
        self._entries[key] = (at, value)
        if len(self._entries) > REMEMBERED:
            del self._entries[next(iter(self._entries))]


def _read(row: Row) -> KeyRecord:
    """Raises `DatabaseError` for a row that somebody has written by hand and wrongly: it must not open anything."""
    try:
        record = KeyRecord(**cast(dict[str, str], row))
        record.status(0)
        if record.rate_limit_policy not in (None, NO_LIMITS):
            parse_policies(str(record.rate_limit_policy))
    except (TypeError, ValueError) as error:
        raise DatabaseError(f"the row of the key {row.get('id')} cannot be read: {error}") from error
    return record
