"""The table `idempotent_answers`: who has an idempotency key, and the answer that a retry with it gets.

A key is taken by one statement, so of requests that come at once one gets it. Each later statement names the claim, so
a request that lost its key changes nothing.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass

from electrons.bindings import Database
from electrons.http import HeaderPairs
from electrons.logs import timestamp

KEPT_SECONDS = 24 * 60 * 60

DELETED_AT_ONCE = 20
"""Expired rows that a request with a key deletes at most; it adds one."""

_TAKE = """
INSERT INTO idempotent_answers (caller, route, idempotency_key, claim, request_hash, created_at)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (caller, route, idempotency_key) DO UPDATE SET claim = excluded.claim,
request_hash = excluded.request_hash, created_at = excluded.created_at, ended = 0, status = NULL, headers = NULL,
body = NULL WHERE idempotent_answers.created_at < ? RETURNING claim
"""

_WHERE = "WHERE caller = ? AND route = ? AND idempotency_key = ?"


@dataclass(frozen=True, slots=True)
class Slot:
    """What an idempotency key belongs to: a caller and a route."""

    caller: str
    route: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A key that was used before. `status` is None while there is no answer; `ended`: there will be none."""

    request_hash: str
    created_at: str
    ended: bool
    status: int | None
    headers: HeaderPairs
    body: str


class IdempotentAnswers:
    """The rows of all workers. All methods raise `DatabaseError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, slot: Slot, request_hash: str) -> str | None:
        """Return the claim on a key that is free or has expired, None if another request has it."""
        claim, expired = str(uuid.uuid4()), timestamp(seconds_ago=KEPT_SECONDS)
        rows = await self._database.query(
            _TAKE, slot.caller, slot.route, slot.key, claim, request_hash, timestamp(), expired
        )
        return claim if rows else None

    async def find(self, slot: Slot) -> Claimed | None:
        """Return what is known of a key, None if it is free."""
        statement = f"SELECT request_hash, created_at, ended, status, headers, body FROM idempotent_answers {_WHERE}"  # noqa: S608
        rows = await self._database.query(statement, slot.caller, slot.route, slot.key)
        if not rows:
            return None
        row = rows[0]
        return Claimed(
            request_hash=str(row["request_hash"]),
            created_at=str(row["created_at"]),
            ended=bool(row["ended"]),
            status=None if row["status"] is None else int(row["status"]),
            headers=[(name, value) for name, value in json.loads(str(row["headers"] or "[]"))],
            body=str(row["body"] or ""),
        )

    async def keep(self, slot: Slot, claim: str, *, status: int, headers: HeaderPairs, body: str) -> None:
        """Keep the answer for retries."""
        statement = f"UPDATE idempotent_answers SET ended = 1, status = ?, headers = ?, body = ? {_WHERE} AND claim = ?"  # noqa: S608
        await self._database.execute(
            statement, status, json.dumps(headers), body, slot.caller, slot.route, slot.key, claim
        )

    async def end(self, slot: Slot, claim: str) -> None:
        """Note that the request has ended and no answer is kept; the key stays taken."""
        statement = f"UPDATE idempotent_answers SET ended = 1 {_WHERE} AND claim = ?"  # noqa: S608
        await self._database.execute(statement, slot.caller, slot.route, slot.key, claim)

    async def free(self, slot: Slot, claim: str) -> None:
        """Let the next request with the key do the work."""
        statement = f"DELETE FROM idempotent_answers {_WHERE} AND claim = ?"  # noqa: S608
        await self._database.execute(statement, slot.caller, slot.route, slot.key, claim)

    async def delete_expired(self) -> None:
        """Delete some of the rows that are too old."""
        await self._database.execute(
            "DELETE FROM idempotent_answers WHERE rowid IN "
            "(SELECT rowid FROM idempotent_answers WHERE created_at < ? ORDER BY created_at LIMIT ?)",
            timestamp(seconds_ago=KEPT_SECONDS),
            DELETED_AT_ONCE,
        )
