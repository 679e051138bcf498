"""The table `renders` in D1: one row for each requested render, inserted before it is submitted.

The status of a render that is `done` or `failed` never changes again, even if another one arrives late.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from typing import Literal, cast

from electrons.bindings import Database, Row, Value
from electrons.logs import timestamp

Status = Literal[
    "submitting", "unconfirmed", "queued", "fetching", "preprocessing", "rendering", "saving", "done", "failed"
]  # fmt: skip
"""What GET /render shows, and before that: `submitting` (no response yet), `unconfirmed` (the response was lost)."""

CallbackStatus = Literal["pending", "delivered", "given_up"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Render:
    """One row. `base_url` is this worker's address as the caller used it; `provider_url` works for a day."""

    id: str
    request_id: str
    provider: str
    environment: str
    format: str
    base_url: str
    resolution: str | None = None
    key_id: str | None = None
    instance_id: str | None = None
    project_id: str | None = None
    created_at: str = ""
    updated_at: str = ""
    status: Status = "submitting"
    error: str | None = None
    provider_id: str | None = None
    provider_url: str | None = None
    duration_seconds: float | None = None
    render_time_ms: int | None = None
    size_bytes: int | None = None
    callback_url: str | None = None
    callback_status: CallbackStatus | None = None
    callback_attempts: int = 0
    callback_last_status: int | None = None
    traceparent: str | None = None

    @property
    def ended(self) -> bool:
        """Whether the status is final."""
        return self.status in {"done", "failed"}

    @property
    def age_seconds(self) -> float:
        """Seconds since it was requested."""
        return _seconds_since(self.created_at)

    @property
    def idle_seconds(self) -> float:
        """Seconds since the row was last written."""
        return _seconds_since(self.updated_at)


COLUMNS = tuple(field.name for field in fields(Render))

_INSERT = f"INSERT INTO renders ({', '.join(COLUMNS)}) VALUES ({', '.join('?' for _ in COLUMNS)})"  # noqa: S608


class Renders:
    """The table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, render: Render) -> Render:
        """Insert a row; return it with its times."""
        now = timestamp()
        render = replace(render, created_at=now, updated_at=now)
        await self._database.execute(_INSERT, *(getattr(render, column) for column in COLUMNS))
        return render

    async def find(self, render_id: str) -> Render | None:
        """Return the row of a render, None if it does not exist."""
        rows = await self._database.query("SELECT * FROM renders WHERE id = ?", render_id)
        return _read(rows[0]) if rows else None

    async def find_unfinished(self, *, idle_seconds: float = 0, limit: int) -> list[str]:
        """Return the ids of renders that have not ended, or whose callback is still due; the longest idle first."""
        rows = await self._database.query(
            "SELECT id FROM renders WHERE (status NOT IN ('done', 'failed') OR callback_status = 'pending') "
            "AND updated_at <= ? ORDER BY updated_at LIMIT ?",
            timestamp(seconds_ago=idle_seconds),
            limit,
        )
        return [str(row["id"]) for row in rows]

    async def advance(self, render_id: str, status: Status, **values: Value) -> None:
        """Set the status, and further columns, unless the render has ended."""
        guard = " AND status NOT IN ('done', 'failed')"
        await self._update(render_id, {"status": status, **values}, guard=guard)

    async def note(self, render_id: str, **values: Value) -> None:
        """Set columns other than the status."""
        await self._update(render_id, values)

    async def _update(self, render_id: str, values: dict[str, Value], *, guard: str = "") -> None:
        values = {**values, "updated_at": timestamp()}
        settings = ", ".join(f"{column} = ?" for column in values)
        statement = f"UPDATE renders SET {settings} WHERE id = ?{guard}"  # noqa: S608  # column names are constants
        await self._database.execute(statement, *values.values(), render_id)


def _read(row: Row) -> Render:
    return Render(**{column: cast(str, row[column]) for column in COLUMNS})  # type: ignore[arg-type]


def _seconds_since(moment: str) -> float:
    return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
