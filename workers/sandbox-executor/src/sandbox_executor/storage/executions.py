"""The table `executions` in D1: one row for each execution, inserted before the first turn, saved after each.

Callers of this module take credentials out of an answer before they store it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from typing import Any, Literal, cast

from electrons.bindings import Database, Row, Value
from electrons.logs import redact_tokens, timestamp
from sandbox_executor.storage.ownership import IS_OWN
from sandbox_executor.storage.work import WAKE_LIMIT

ExecutionStatus = Literal["running", "succeeded", "failed", "cancelled"]

INTERRUPTED = "EXECUTION_INTERRUPTED"
"""The error code of an execution that stopped without recording its end."""

INTERRUPTED_STATUS = 503
INTERRUPTED_MESSAGE = "The execution was interrupted; `result` has what exists of it. Execute the task again"

CANCELLED = "EXECUTION_CANCELLED"
"""The error code of an execution whose caller has left."""

CANCELLED_STATUS = 499
CANCELLED_MESSAGE = (
    "The caller left, which ends an execution without an `Idempotency-Key`; `result` has what exists of it"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One row. `answer` is the JSON of the response, or of what exists so far.

    `outcome` is that of the route, of what was `spent` so far, and of the error with all of its facts.
    """

    id: str
    request_id: str
    task: str
    model: str
    created_at: str = ""
    updated_at: str = ""
    key_id: str | None = None
    instance_id: str | None = None
    project_id: str | None = None
    repo: str | None = None
    branch: str | None = None
    status: ExecutionStatus = "running"
    ended_by: str | None = None
    error: str | None = None
    error_code: str | None = None
    error_status: int | None = None
    answer: str | None = None
    outcome: str | None = None

    @property
    def known_outcome(self) -> dict[str, Any]:
        """Return the outcome; it is empty before anything was spent."""
        known: dict[str, Any] = json.loads(self.outcome) if self.outcome else {}
        return known

    @property
    def age_seconds(self) -> float:
        """Seconds since it was requested."""
        return _seconds_since(self.created_at)

    @property
    def idle_seconds(self) -> float:
        """Seconds since the row was last written."""
        return _seconds_since(self.updated_at)


COLUMNS = tuple(field.name for field in fields(Execution))

_INSERT = (
    f"INSERT INTO executions ({', '.join(COLUMNS)}, request_hash) "  # noqa: S608
    f"VALUES ({', '.join('?' for _ in COLUMNS)}, '')"  # the column is of an earlier version, and has no default
)
_LOST = (
    "status = 'running' AND updated_at < ? "
    "AND NOT EXISTS (SELECT 1 FROM execution_work WHERE execution_work.id = executions.id AND woken < ?)"
)
_WITHOUT_ANSWER = ", ".join("NULL AS answer" if column == "answer" else column for column in COLUMNS)


class Executions:
    """The table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, execution: Execution) -> None:
        """Insert a row."""
        now = timestamp()
        values = {column: getattr(execution, column) for column in COLUMNS}
        values |= {"created_at": now, "updated_at": now, "task": redact_tokens(execution.task)}
        await self._database.execute(_INSERT, *values.values())

    async def find(self, execution_id: str, *, key_id: str | None) -> Execution | None:
        """Return an execution of this API key, or of another of its line of rotation; None if there is none."""
        rows = await self._database.query(
            f"SELECT * FROM executions WHERE id = ?2 AND {IS_OWN}",  # noqa: S608
            key_id,
            execution_id,
        )
        return _read(rows[0]) if rows else None

    async def load(self, execution_id: str) -> Execution | None:
        """Return an execution, whoever's it is."""
        rows = await self._database.query("SELECT * FROM executions WHERE id = ?", execution_id)
        return _read(rows[0]) if rows else None

    async def load_changed(self, execution_id: str, *, since: str) -> Execution | None:
        """Return an execution if it was saved at another time than `since`."""
        rows = await self._database.query(
            "SELECT * FROM executions WHERE id = ? AND (updated_at <> ? OR status <> 'running')", execution_id, since
        )
        return _read(rows[0]) if rows else None

    async def save_progress(self, execution_id: str, *, answer: str) -> None:
        """Store what exists so far of an execution that is running."""
        await self._database.execute(
            "UPDATE executions SET answer = ?, updated_at = ? WHERE id = ? AND status = 'running'",
            answer,
            timestamp(),
            execution_id,
        )

    async def save_spent(self, execution_id: str, *, outcome: str) -> None:
        """Store what an execution that is running has spent so far."""
        await self._database.execute(
            "UPDATE executions SET outcome = ? WHERE id = ? AND status = 'running'", outcome, execution_id
        )

    async def end(self, execution_id: str, status: ExecutionStatus, **values: Value) -> None:
        """Store the end of an execution. One that has ended stays as it is, unless it was only thought interrupted."""
        values = {"error": None, "error_code": None, "error_status": None, **values}
        values |= {"status": status, "updated_at": timestamp()}
        if isinstance(error := values["error"], str):
            values["error"] = redact_tokens(error)
        settings = ", ".join(f"{column} = ?" for column in values)
        statement = (
            f"UPDATE executions SET {settings} WHERE id = ? "  # noqa: S608  # our own names
            "AND (status = 'running' OR error_code = ?)"
        )
        await self._database.execute(statement, *values.values(), execution_id, INTERRUPTED)

    async def find_interrupted(self, *, idle_seconds: float, limit: int) -> list[Execution]:
        """Return executions that are `running` but have not saved anything for so long, without their answers."""
        rows = await self._database.query(
            f"SELECT {_WITHOUT_ANSWER} FROM executions WHERE {_LOST} LIMIT ?",  # noqa: S608  # our own names
            timestamp(seconds_ago=idle_seconds),
            WAKE_LIMIT,
            limit,
        )
        return [_read(row) for row in rows]

    async def end_interrupted(self, execution: Execution) -> None:
        """End an execution that was found to be interrupted, unless it has saved something since."""
        await self._database.execute(
            "UPDATE executions SET status = 'failed', error = ?, error_code = ?, error_status = ?, updated_at = ? "
            "WHERE id = ? AND status = 'running' AND updated_at = ?",
            INTERRUPTED_MESSAGE,
            INTERRUPTED,
            INTERRUPTED_STATUS,
            timestamp(),
            execution.id,
            execution.updated_at,
        )


def _read(row: Row) -> Execution:
    return Execution(**{column: cast(str, row[column]) for column in COLUMNS})  # type: ignore[arg-type]


def _seconds_since(time: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(time)).total_seconds()
