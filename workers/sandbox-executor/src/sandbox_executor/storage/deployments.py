"""The table `deployments` in D1: one row for each change of a Worker at Cloudflare, inserted before the change begins.

A Worker was deployed by this platform as long as it has a row that may be live; it belongs to the API key of that row,
and to the keys that this one was rotated from or to. A `pending` row keeps every other change away from the Worker
until it ends or has been pending for `PENDING_SECONDS`: then it was interrupted, and counts as `unconfirmed`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import cast

from electrons.bindings import Database, Row, Value
from electrons.logs import timestamp
from sandbox_executor.models.deploy import DeploymentAction, DeploymentStatus
from sandbox_executor.storage.ownership import IS_OWN

PENDING_SECONDS = 900
"""How long a change of a Worker can take at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRow:
    """One row. A rollback goes to `previous_version`; `secret_names` are joined by commas."""

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
        """Return the names of the Worker's secrets."""
        return self.secret_names.split(",") if self.secret_names else []


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveWorker:
    """A Worker that this platform deployed.

    `row` is what is live according to the table: the row that is sure, without one the latest that may be live.
    `is_own` says whether it belongs to the key in question, `is_sure` whether no other row may be live.
    """

    row: DeploymentRow
    is_own: bool
    is_sure: bool


COLUMNS = tuple(field.name for field in fields(DeploymentRow))
_INITIAL_COLUMNS = COLUMNS[:6]

_MAY_BE_LIVE = "(status IN ('deployed', 'unconfirmed') OR (status = 'pending' AND created_at < ?))"

_INSERT = (
    f"INSERT INTO deployments ({', '.join(_INITIAL_COLUMNS)}, secret_names, status, created_at, updated_at) "  # noqa: S608
    "SELECT ?2, ?3, ?4, ?1, ?5, ?6, '', 'pending', ?7, ?7 WHERE NOT EXISTS (SELECT 1 FROM deployments "
    "WHERE worker_name = ?2 AND ((status = 'pending' AND created_at >= ?8) "
    f"OR (({_MAY_BE_LIVE.replace('?', '?8')}) AND NOT ({IS_OWN})))) RETURNING id"
)


class Deployments:
    """The table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert_pending(self, row: DeploymentRow) -> int | None:
        """Insert a pending row and return its id.

        Return None while another change of the Worker is pending, or if the Worker belongs to another key.
        """
        name, action, request_id, key_id, *labels = [cast(Value, getattr(row, column)) for column in _INITIAL_COLUMNS]
        rows = await self._database.query(
            _INSERT, key_id, name, action, request_id, *labels, timestamp(), _pending_since()
        )
        return cast(int, rows[0]["id"]) if rows else None

    async def end(self, row_id: int, status: DeploymentStatus, **values: Value) -> None:
        """Set the status, and other columns, of a row that did not become live."""
        values = {"status": status, **values, "updated_at": timestamp()}
        settings = ", ".join(f"{column} = ?" for column in values)
        statement = f"UPDATE deployments SET {settings} WHERE id = ?"  # noqa: S608  # our own names
        await self._database.execute(statement, *values.values(), row_id)

    async def succeed(
        self, row_id: int, status: DeploymentStatus, *, worker_name: str, others: DeploymentStatus, **values: Value
    ) -> None:
        """End a row that replaced those which were live before; these get the status `others`."""
        await self.end(row_id, "pending", **values)
        await self._database.execute(
            "UPDATE deployments SET status = CASE id WHEN ? THEN ? ELSE ? END, updated_at = ? "  # noqa: S608
            f"WHERE id = ? OR (worker_name = ? AND {_MAY_BE_LIVE})",
            row_id,
            status,
            others,
            timestamp(),
            row_id,
            worker_name,
            _pending_since(),
        )

    async def find_live(self, worker_name: str, *, key_id: str | None) -> LiveWorker | None:
        """Return what is live, as the key sees it; None if this platform has not deployed the Worker.

        A pending row does not count: it may turn out to be about a Worker that somebody else has deployed.
        """
        rows = await self._database.query(
            f"SELECT *, {IS_OWN} AS is_own FROM deployments "  # noqa: S608
            f"WHERE worker_name = ?2 AND {_MAY_BE_LIVE.replace('?', '?3')} "
            "ORDER BY status = 'deployed' DESC, id DESC LIMIT 2",
            key_id,
            worker_name,
            _pending_since(),
        )
        if not rows:
            return None
        row = _read(rows[0])
        return LiveWorker(row=row, is_own=bool(rows[0]["is_own"]), is_sure=row.status == "deployed" and len(rows) == 1)

    async def find_upload(self, worker_name: str, version: str) -> DeploymentRow | None:
        """Return the row of the deployment that made a version."""
        rows = await self._database.query(
            "SELECT * FROM deployments WHERE worker_name = ? AND version = ? AND action = 'deploy' LIMIT 1",
            worker_name,
            version,
        )
        return _read(rows[0]) if rows else None

    async def load_history(self, worker_name: str, *, key_id: str | None, limit: int) -> list[DeploymentRow]:
        """Return the changes that this key, or another of its line of rotation, made to a Worker; latest first."""
        rows = await self._database.query(
            f"SELECT * FROM deployments WHERE worker_name = ?2 AND {IS_OWN} ORDER BY id DESC LIMIT ?3",  # noqa: S608
            key_id,
            worker_name,
            limit,
        )
        return [_read(row) for row in rows]


def _read(row: Row) -> DeploymentRow:
    if row["status"] == "pending" and str(row["created_at"]) < _pending_since():
        row = {**row, "status": "unconfirmed"}
    return DeploymentRow(**{column: cast(str, row[column]) for column in COLUMNS})  # type: ignore[arg-type]


def _pending_since() -> str:
    """Return the time after which a pending row must have been inserted to be still in progress."""
    moment = datetime.now(UTC) - timedelta(seconds=PENDING_SECONDS)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"
