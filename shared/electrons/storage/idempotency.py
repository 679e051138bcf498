"""The table `idempotent_answers`: who has an idempotency key, and the answer that a retry with it gets.

A body that a row does not take is in rows of `idempotent_parts`, if it is text. A file, or any large body of a worker
with a bucket, is an object there, and the row has its name.

A key is taken by one statement, so of requests that come at once one gets it. Each later statement names the claim, so
a request that lost its key changes nothing.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import timedelta

from electrons.bindings import Bindings, Database
from electrons.context import Context
from electrons.http import HeaderPairs
from electrons.logs import timestamp
from electrons.storage.media import MediaFolder

KEPT_SECONDS = 24 * 60 * 60

UNSPENT_SECONDS = 60
"""After this time a retry may take the key of a request that has not spent anything, and which then cannot any more."""

DELETED_AT_ONCE = 20
"""Expired rows that a request with a key deletes at most; it adds one."""

_TAKE = """
INSERT INTO idempotent_answers (caller, route, idempotency_key, claim, request_hash, created_at, spending)
VALUES (?, ?, ?, ?, ?, ?, 0)
ON CONFLICT (caller, route, idempotency_key) DO UPDATE SET claim = excluded.claim,
request_hash = excluded.request_hash, created_at = excluded.created_at, spending = 0, seen_at = NULL, ended = 0,
status = NULL, headers = NULL, body = NULL, file = NULL, parts = NULL
WHERE idempotent_answers.created_at < ?
OR (spending = 0 AND ended = 0 AND request_hash = excluded.request_hash AND idempotent_answers.created_at < ?)
RETURNING claim
"""

_WHERE = "WHERE caller = ? AND route = ? AND idempotency_key = ?"


@dataclass(frozen=True, slots=True)
class Slot:
    """What an idempotency key belongs to: a caller and a route."""

    caller: str
    route: str
    key: str


@dataclass(slots=True, kw_only=True)
class Answer:
    """What a retry gets: the body itself, the number of its `parts`, or the name of the `file` that has it."""

    status: int
    headers: HeaderPairs
    body: str | None = None
    parts: int | None = None
    file: str | None = None

    @property
    def has_body(self) -> bool:
        """Whether the body is kept, so that a retry can get the answer."""
        return self.body is not None or self.parts is not None or self.file is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A key that was used before. `answer` is None while there is none; `ended`: there will be none.

    `seen_at` is when the request last reported that it is alive, None if it does not report.
    """

    claim: str
    request_hash: str
    created_at: str
    seen_at: str | None
    ended: bool
    answer: Answer | None


class IdempotentAnswers:
    """The rows of all workers. All methods raise `DatabaseError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def take(self, slot: Slot, request_hash: str) -> str | None:
        """Return the claim on a key, None if another request has it.

        A key can be taken that is free or has expired, or whose request came `UNSPENT_SECONDS` ago, asked for the same,
        and has neither ended nor spent.
        """
        claim = str(uuid.uuid4())
        rows = await self._database.query(
            _TAKE,
            *(slot.caller, slot.route, slot.key, claim, request_hash, timestamp()),
            *(timestamp(seconds_ago=KEPT_SECONDS), timestamp(seconds_ago=UNSPENT_SECONDS)),
        )
        return claim if rows else None

    async def begin_spending(self, slot: Slot, claim: str, *, reports: bool) -> bool:
        """Note that the work may cost money or change something from here on; return False if the claim is lost.

        A request that `reports` calls `report` from then on.
        """
        statement = f"UPDATE idempotent_answers SET spending = 1, seen_at = ? {_WHERE} AND claim = ? RETURNING claim"  # noqa: S608
        seen_at = timestamp() if reports else None
        return bool(await self._database.query(statement, seen_at, slot.caller, slot.route, slot.key, claim))

    async def report(self, slot: Slot, claim: str) -> bool:
        """Note that the request is alive; return False if it has ended, or lost its claim."""
        statement = f"UPDATE idempotent_answers SET seen_at = ? {_WHERE} AND claim = ? AND ended = 0 RETURNING claim"  # noqa: S608
        return bool(await self._database.query(statement, timestamp(), slot.caller, slot.route, slot.key, claim))

    async def find(self, slot: Slot) -> Claimed | None:
        """Return what is known of a key, None if it is free."""
        columns = "claim, request_hash, created_at, seen_at, ended, status, headers, body, parts, file"
        statement = f"SELECT {columns} FROM idempotent_answers {_WHERE}"  # noqa: S608
        rows = await self._database.query(statement, slot.caller, slot.route, slot.key)
        if not rows:
            return None
        row = rows[0]
        answer = None
        if row["status"] is not None:
            answer = Answer(
                status=int(row["status"]),
                headers=[(name, value) for name, value in json.loads(str(row["headers"]))],
                body=None if row["body"] is None else str(row["body"]),
                parts=None if row["parts"] is None else int(row["parts"]),
                file=None if row["file"] is None else str(row["file"]),
            )
        return Claimed(
            claim=str(row["claim"]),
            request_hash=str(row["request_hash"]),
            created_at=str(row["created_at"]),
            seen_at=None if row["seen_at"] is None else str(row["seen_at"]),
            ended=bool(row["ended"]),
            answer=answer,
        )

    async def keep(self, slot: Slot, claim: str, answer: Answer) -> None:
        """Keep the answer for retries."""
        statement = (
            "UPDATE idempotent_answers SET ended = 1, status = ?, headers = ?, body = ?, parts = ?, file = ? "  # noqa: S608
            f"{_WHERE} AND claim = ?"
        )
        kept = (answer.status, json.dumps(answer.headers), answer.body, answer.parts, answer.file)
        await self._database.execute(statement, *kept, slot.caller, slot.route, slot.key, claim)

    async def keep_part(self, claim: str, number: int, content: str) -> None:
        """Keep a part of an answer's body; `keep` says how many there are."""
        statement = "INSERT INTO idempotent_parts (claim, number, content) VALUES (?, ?, ?)"
        await self._database.execute(statement, claim, number, content)

    async def find_part(self, claim: str, number: int) -> str | None:
        """Return a part of an answer's body."""
        statement = "SELECT content FROM idempotent_parts WHERE claim = ? AND number = ?"
        rows = await self._database.query(statement, claim, number)
        return str(rows[0]["content"]) if rows else None

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


def answer_files(bindings: Bindings) -> MediaFolder | None:
    """Return the folder of the bodies that a row does not take; it has no route. None for a worker without a bucket."""
    for bucket in bindings.buckets:
        return MediaFolder(bucket=bucket, path="/idempotent-answers", not_found="", content_types=())
    return None


def file_name(claim: str) -> str:
    """Return the name of the file that a request with this claim stores."""
    return f"{claim}.body"


async def delete_old_answer_files(context: Context) -> int:
    """Delete files of answers that have expired, and return how many. Raises `UnavailableError`."""
    files = answer_files(context.bindings)
    return await files.delete_older(context, timedelta(seconds=KEPT_SECONDS)) if files else 0
