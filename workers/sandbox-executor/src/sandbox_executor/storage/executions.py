"""The table `executions` in D1: one row for each execution, written before a model is asked and after each turn.

With an idempotency key (draft-ietf-httpapi-idempotency-key-header) the row is also what a retry gets: a key is one
caller's, and stands for one request. Whoever writes an answer takes the credentials out of it.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Literal, cast

from electrons.bindings import Database, Row, Value
from electrons.logs import redact_tokens, timestamp

Status = Literal["running", "succeeded", "failed", "cancelled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One row. `answer` is JSON: the answer, or what exists so far; `request_hash` is of the request's body."""

    id: str
    request_id: str
    task: str
    model: str
    request_hash: str
    created_at: str = ""
    updated_at: str = ""
    key_id: str | None = None
    instance_id: str | None = None
    project_id: str | None = None
    repo: str | None = None
    branch: str | None = None
    status: Status = "running"
    ended_by: str | None = None
    error: str | None = None
    error_code: str | None = None
    error_status: int | None = None
    answer: str | None = None
    idempotency_key: str | None = None

    @property
    def idle_seconds(self) -> float:
        """Since the row was written last."""
        return (datetime.now(UTC) - datetime.fromisoformat(self.updated_at)).total_seconds()


COLUMNS = tuple(field.name for field in fields(Execution))

_INSERT = (
    f"INSERT INTO executions ({', '.join(COLUMNS)}) VALUES ({', '.join('?' for _ in COLUMNS)}) "  # noqa: S608
    "ON CONFLICT DO NOTHING RETURNING id"
)


class Executions:
    """The table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, execution: Execution) -> bool:
        """Adds a row, unless the caller's idempotency key has one already: then False."""
        now = timestamp()
        values = {column: getattr(execution, column) for column in COLUMNS}
        values |= {"created_at": now, "updated_at": now, "task": redact_tokens(execution.task)}
        return bool(await self._database.query(_INSERT, *values.values()))

    async def find(self, execution_id: str, *, key_id: str | None) -> Execution | None:
        """A caller's own execution, None when there is none."""
        rows = await self._database.query("SELECT * FROM executions WHERE id = ? AND key_id IS ?", execution_id, key_id)
        return _read(rows[0]) if rows else None

    async def find_first(self, idempotency_key: str, *, key_id: str | None) -> Execution | None:
        """The execution that a caller began with this idempotency key."""
        rows = await self._database.query(
            "SELECT * FROM executions WHERE idempotency_key = ? AND key_id IS ?", idempotency_key, key_id
        )
        return _read(rows[0]) if rows else None

    async def note(self, execution_id: str, **values: Value) -> None:
        """Sets columns of an execution that is running; what has ended stays as it is."""
        values = {**values, "updated_at": timestamp()}
        if isinstance(error := values.get("error"), str):
            values["error"] = redact_tokens(error)
        settings = ", ".join(f"{column} = ?" for column in values)
        statement = f"UPDATE executions SET {settings} WHERE id = ? AND status = 'running'"  # noqa: S608  # names of ours
        await self._database.execute(statement, *values.values(), execution_id)


def _read(row: Row) -> Execution:
    return Execution(**{column: cast(str, row[column]) for column in COLUMNS})  # type: ignore[arg-type]
