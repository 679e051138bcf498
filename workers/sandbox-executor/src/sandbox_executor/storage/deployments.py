"""The table `deployments` in D1: one row for each thing done to a Worker at Cloudflare, written before it is begun.

A Worker is the platform's own as long as it has a row that may be live; any other is never touched. A `pending` row
keeps everybody else away from the Worker, until it ends or has been pending for `PENDING_SECONDS`: then it was
interrupted, and counts as `unconfirmed`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import cast

from electrons.bindings import Database, Row, Value
from electrons.logs import timestamp
from sandbox_executor.models.deploy import DeploymentAction, DeploymentStatus

PENDING_SECONDS = 900
"""How long anything that is done to a Worker can take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRow:
    """One row. `previous_version` is where a rollback goes to; `secret_names` are joined by commas."""

    worker_name: str
    action: DeploymentAction
    request_id: str
    key_id: str | None = None
    instance_id: str | None = None
    project_id: str | None = None
    secret_names: str = ""
    status: DeploymentStatus = "pending"
    worker_id: str | None = None
    version: str | None = None
    previous_version: str | None = None
    url: str | None = None
    startup_time_ms: int | None = None
    deployed_at: str | None = None
    error_code: str | None = None
    created_at: str = ""
    updated_at: str = ""
    id: int = 0

    @property
    def secrets(self) -> list[str]:
        """The names of the secrets that the Worker has."""
        return self.secret_names.split(",") if self.secret_names else []


COLUMNS = tuple(field.name for field in fields(DeploymentRow))
_OWN = COLUMNS[:6]  # what a row has from the beginning

_LIVE = "(status IN ('deployed', 'unconfirmed') OR (status = 'pending' AND created_at < ?))"

_INSERT = (
    f"INSERT INTO deployments ({', '.join(_OWN)}, secret_names, status, created_at, updated_at) "  # noqa: S608
    f"SELECT {', '.join('?' for _ in _OWN)}, '', 'pending', ?, ? WHERE NOT EXISTS "
    "(SELECT 1 FROM deployments WHERE worker_name = ? AND status = 'pending' AND created_at >= ?) RETURNING id"
)


class Deployments:
    """The table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def begin(self, row: DeploymentRow) -> int | None:
        """Adds a pending row and gives its id; None when something else is pending for that Worker."""
        now = timestamp()
        values: list[Value] = [getattr(row, column) for column in _OWN]
        rows = await self._database.query(_INSERT, *values, now, now, row.worker_name, _long_ago())
        return cast(int, rows[0]["id"]) if rows else None

    async def end(self, row_id: int, status: DeploymentStatus, **values: Value) -> None:
        """Sets the status of a row that did not become live, and columns with it."""
        values = {"status": status, **values, "updated_at": timestamp()}
        settings = ", ".join(f"{column} = ?" for column in values)
        statement = f"UPDATE deployments SET {settings} WHERE id = ?"  # noqa: S608  # names of ours
        await self._database.execute(statement, *values.values(), row_id)

    async def succeed(
        self, row_id: int, status: DeploymentStatus, *, worker_name: str, others: DeploymentStatus, **values: Value
    ) -> None:
        """Ends a row that took the place of the `others` which were live; they get that status."""
        await self.end(row_id, "pending", **values)
        await self._database.execute(
            "UPDATE deployments SET status = CASE id WHEN ? THEN ? ELSE ? END, updated_at = ? "  # noqa: S608
            f"WHERE id = ? OR (worker_name = ? AND {_LIVE})",
            row_id,
            status,
            others,
            timestamp(),
            row_id,
            worker_name,
            _long_ago(),
        )

    async def find_live(self, worker_name: str) -> DeploymentRow | None:
        """The row of what is live; without one that is sure, the latest that may be. None when the Worker is not ours.

        What is pending may turn out to be about somebody else's Worker, so it is no sign of our own.
        """
        rows = await self._database.query(
            f"SELECT * FROM deployments WHERE worker_name = ? AND {_LIVE} "  # noqa: S608
            "ORDER BY status = 'deployed' DESC, id DESC LIMIT 1",
            worker_name,
            _long_ago(),
        )
        return _read(rows[0]) if rows else None

    async def find_upload(self, worker_name: str, version: str) -> DeploymentRow | None:
        """The row of the deployment that made a version."""
        rows = await self._database.query(
            "SELECT * FROM deployments WHERE worker_name = ? AND version = ? AND action = 'deploy' LIMIT 1",
            worker_name,
            version,
        )
        return _read(rows[0]) if rows else None

    async def history(self, worker_name: str, *, limit: int) -> list[DeploymentRow]:
        """All that was done to a Worker, the latest first."""
        rows = await self._database.query(
            "SELECT * FROM deployments WHERE worker_name = ? ORDER BY id DESC LIMIT ?", worker_name, limit
        )
        return [_read(row) for row in rows]


def _read(row: Row) -> DeploymentRow:
    if row["status"] == "pending" and str(row["created_at"]) < _long_ago():
        row = {**row, "status": "unconfirmed"}
    return DeploymentRow(**{column: cast(str, row[column]) for column in COLUMNS})  # type: ignore[arg-type]


def _long_ago() -> str:
    moment = datetime.now(UTC) - timedelta(seconds=PENDING_SECONDS)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
