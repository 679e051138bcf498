"""The table `execution_work` in D1: what a Workflow needs to run an execution, until that has ended."""

from __future__ import annotations

from electrons.bindings import Database
from electrons.logs import timestamp

WAKE_EVENT = "go-on"
WAKE_LIMIT = 5
"""After so many wakes without any progress there is nobody to wake."""


class ExecutionWork:
    """The table. All methods raise `DatabaseError`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, execution_id: str, work: str) -> None:
        """Insert a row."""
        await self._database.execute(
            "INSERT INTO execution_work (id, created_at, work) VALUES (?, ?, ?)", execution_id, timestamp(), work
        )

    async def find(self, execution_id: str) -> str | None:
        """Return the work of an execution, None if it has ended or never had a row."""
        rows = await self._database.query("SELECT work FROM execution_work WHERE id = ?", execution_id)
        return str(rows[0]["work"]) if rows else None

    async def begin(self, execution_id: str, number: int) -> bool:
        """Mark a step right before it spends; return False if it was begun before, or a later one was."""
        marked = await self._database.query(
            "UPDATE execution_work SET begun = ?1 WHERE id = ?2 AND begun < ?1 RETURNING id", number, execution_id
        )
        return bool(marked)

    async def note_wake(self, execution_id: str, *, pause_seconds: float) -> bool:
        """Count a wake; return False if the last one was less than `pause_seconds` ago, or there is no row."""
        noted = await self._database.query(
            "UPDATE execution_work SET woken = woken + 1, woken_at = ? "
            "WHERE id = ? AND (woken_at IS NULL OR woken_at < ?) RETURNING id",
            timestamp(),
            execution_id,
            timestamp(seconds_ago=pause_seconds),
        )
        return bool(noted)

    async def find_idle(self, *, idle_seconds: float, limit: int) -> list[str]:
        """Return executions that have saved nothing for so long, those first that were woken least."""
        rows = await self._database.query(
            "SELECT id FROM executions JOIN execution_work USING (id) WHERE status = 'running' AND updated_at < ? "
            "ORDER BY woken LIMIT ?",
            timestamp(seconds_ago=idle_seconds),
            limit,
        )
        return [str(row["id"]) for row in rows]

    async def delete(self, execution_id: str) -> None:
        """Delete the work of an execution that has ended."""
        await self._database.execute("DELETE FROM execution_work WHERE id = ?", execution_id)
