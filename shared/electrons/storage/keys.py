"""The API keys in D1, as one isolate knows them: looked up once, then remembered for a while.

What is remembered is bounded, so that nobody can fill an isolate's memory by making up ids; and unknown ids have a
place of their own, so that nobody can push out the valid ones either. The look-ups of unknown ids are bounded too, for
each sender and for all together, because each costs a read of D1.
"""

from __future__ import annotations

import asyncio
import hmac
import math
import time
from collections.abc import Callable
from dataclasses import fields
from typing import Generic, TypeVar, cast

from electrons.bindings import Database, Row
from electrons.errors import DatabaseError
from electrons.keys import KeyRecord, ParsedKey
from electrons.logs import timestamp
from electrons.money import parse_budget
from electrons.ratelimit.headers import parse_policies
from electrons.settings import NO_LIMITS

REMEMBERED = 1000
"""How many known ids, and how many unknown ones, an isolate remembers."""

UNKNOWN_PER_SENDER, UNKNOWN_PER_ISOLATE = 60, 1000
"""Unknown ids that are looked up within `UNKNOWN_WINDOW_SECONDS`."""

UNKNOWN_WINDOW_SECONDS = 60

USE_NOTED_EVERY_SECONDS = 60
LOOKUP_TIMEOUT_SECONDS = 5.0

_FIND = f"SELECT {', '.join(field.name for field in fields(KeyRecord))} FROM api_keys WHERE id = ?"  # noqa: S608

T = TypeVar("T")
Clock = Callable[[], float]


class TooManyUnknownKeysError(Exception):
    """So many unknown keys came that an id which is not remembered is not looked up for a while."""

    def __init__(self, retry_after_seconds: int) -> None:
        super().__init__(f"try again in {retry_after_seconds} seconds")
        self.retry_after_seconds = retry_after_seconds


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
        self._misses = _Misses(clock)
        self._readable = False

    async def check(self) -> None:
        """Find out, once, that the table can be read. Raises `DatabaseError`."""
        if not self._readable:
            await self._query("SELECT 1 FROM api_keys LIMIT 1")

    async def verify(self, key: ParsedKey, *, max_age_seconds: float, sender: str) -> KeyRecord | None:
        """Return the record of a valid key; None for one that is unknown, wrong, expired or revoked.

        The record may be `max_age_seconds` old, hence a revoked key is refused within that time. Raises `DatabaseError`
        and `TooManyUnknownKeysError`; `sender` is who sends the key.
        """
        record = await self._find(key.id, max_age_seconds, sender)
        if record is None or not hmac.compare_digest(record.hash.encode(), key.hash.encode()):
            return None
        return record if record.status(self._clock()) == "valid" else None

    def is_use_due(self, key_id: str) -> bool:
        """Return whether `note_use` has something to write."""
        return self._noted.get(key_id, USE_NOTED_EVERY_SECONDS) is None

    async def note_use(self, key_id: str) -> None:
        """Set `last_used_at`, once a minute at most. Raises `DatabaseError`."""
        if self.is_use_due(key_id):
            self._noted.put(key_id, True, at=self._clock())
            await self._database.execute("UPDATE api_keys SET last_used_at = ? WHERE id = ?", timestamp(), key_id)

    async def _find(self, key_id: str, max_age_seconds: float, sender: str) -> KeyRecord | None:
        record = self._known.get(key_id, max_age_seconds)
        if record is not None or self._unknown.get(key_id, max_age_seconds):
            return record
        if key_id not in self._known and (pause := self._misses.pause(sender)):
            raise TooManyUnknownKeysError(pause)
        asked_at = self._clock()  # the answer is as old as the question
        rows = await self._query(_FIND, key_id)
        if not rows:
            self._unknown.put(key_id, True, at=asked_at)
            self._misses.note(sender)
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

    def __contains__(self, key: str) -> bool:
        return key in self._entries

    def put(self, key: str, value: T, *, at: float) -> None:
        self._entries.pop(key, None)
        self._entries[key] = (at, value)
        if len(self._entries) > REMEMBERED:
            del self._entries[next(iter(self._entries))]


class _Misses:
    """How many unknown ids were looked up lately, for each sender and for all (under the empty name)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._windows: dict[str, tuple[float, int]] = {}

    def pause(self, sender: str) -> int:
        """Return for how many seconds the sender's next unknown id is not looked up."""
        now = self._clock()
        ends = [
            began + UNKNOWN_WINDOW_SECONDS
            for name, limit in (("", UNKNOWN_PER_ISOLATE), (sender, UNKNOWN_PER_SENDER))
            for began, count in [self._window(name, now)]
            if count >= limit
        ]
        return math.ceil(max(ends, default=now) - now)

    def note(self, sender: str) -> None:
        now = self._clock()
        for name in ("", sender):
            began, count = self._window(name, now)
            self._windows.pop(name, None)
            self._windows[name] = (began, count + 1)
        if len(self._windows) > REMEMBERED:
            del self._windows[next(iter(self._windows))]

    def _window(self, name: str, now: float) -> tuple[float, int]:
        began, count = self._windows.get(name, (now, 0))
        return (began, count) if 0 <= now - began < UNKNOWN_WINDOW_SECONDS else (now, 0)


def _read(row: Row) -> KeyRecord:
    """Return the record in a row. Raises `DatabaseError` for one that was written by hand and wrongly."""
    try:
        record = KeyRecord(**cast(dict[str, str], row))
        record.status(0)
        if record.rate_limit_policy not in (None, NO_LIMITS):
            parse_policies(str(record.rate_limit_policy))
        parse_budget(record.budget or "")
    except (TypeError, ValueError) as error:
        raise DatabaseError(f"the row of the key {row.get('id')} cannot be read: {error}") from error
    return record
