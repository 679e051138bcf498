"""The usage ledger: one row in D1 for each call that reached a provider, whatever its outcome.

Rows are written after their responses are out: at once, unless a write has begun less than `INTERVAL_SECONDS` before.
Then the first request that has one waits for the rest of that time, and writes its own and those that came meanwhile,
in one statement. D1 is the most expensive step of a request otherwise.

A row is money, so it is not lost easily. Its values are checked when it is made; a write that failed is kept and
repeated, after the pauses of `RETRY_PAUSES_SECONDS` and then with the next write; and when D1 refuses the values of
a row, its neighbours are written without it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from pydantic_core import to_json

from electrons.batch import Batch
from electrons.bindings import Database, Value
from electrons.context import Context
from electrons.errors import DatabaseError
from electrons.logs import timestamp
from electrons.upstream.prices import estimate_cost
from electrons.usage import Usage, check_count, check_name

INTERVAL_SECONDS = 0.05
RETRY_PAUSES_SECONDS = (0.5, 2.0, 8.0)
WRITE_TIMEOUT_SECONDS = 10.0

KEPT_LIMIT = 1000
"""Rows that an isolate keeps while D1 cannot be written to; the oldest are given up first."""

COLUMNS = (
    "request_id", "created_at", "worker", "route", "key_id", "instance_id", "project_id", "provider", "model", "unit",
    "input_units", "output_units", "status", "error_code", "latency_ms", "upstream_ms", "estimated_cost_microusd",
    "price_date",
)  # fmt: skip

_COST, _STATUS = COLUMNS.index("estimated_cost_microusd"), COLUMNS.index("status")
_NUMBERS = {"input_units", "output_units", "status", "latency_ms", "upstream_ms"}
_LABELS = {"instance_id", "project_id"}

# One JSON text for all rows: D1 binds 100 parameters at most, and one text is the cheapest thing to hand over.
_INSERT = (
    f"INSERT INTO usage ({', '.join(COLUMNS)}) "  # noqa: S608  # names of ours
    f"SELECT {', '.join(f'value ->> {index}' for index in range(len(COLUMNS)))} FROM json_each(?)"
)
# A write whose response was lost may have been done. Two calls of one request do not end in the same millisecond.
_IDENTITY = ("request_id", "created_at", "model")
_INSERT_AGAIN = (
    f"{_INSERT} WHERE NOT EXISTS (SELECT 1 FROM usage WHERE "  # noqa: S608
    f"{' AND '.join(f'{name} = value ->> {COLUMNS.index(name)}' for name in _IDENTITY)})"
)
_REPLACE = (
    f"UPDATE usage SET {', '.join(f'{name} = ?' for name in COLUMNS)} "  # noqa: S608
    f"WHERE {' AND '.join(f'{name} = ?' for name in _IDENTITY)}"
)

Row = list[Value]


class UsageLostError(Exception):
    """Rows that were given up; `rows` has each by column, with the `reason`, and without the caller's labels."""

    def __init__(self, rows: Sequence[tuple[Row, str]]) -> None:
        super().__init__(f"{len(rows)} usage rows were given up")
        self.rows = [
            {name: value for name, value in zip(COLUMNS, row, strict=True) if name not in _LABELS} | {"reason": reason}
            for row, reason in rows
        ]


class UsageLedger:
    """The rows of one isolate on their way to D1."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows: Batch[Row] = Batch(interval_seconds=INTERVAL_SECONDS)
        self._kept: list[Row] = []
        self._lost: list[tuple[Row, str]] = []
        self._retried_until = 0.0

    async def write(self, row: Row) -> None:
        """Write a row with its neighbours; return at once when a neighbour will write it.

        Raises `DatabaseError` when D1 could not be written to, after the pauses too: the rows are kept for the next
        write. Raises `UsageLostError` for rows that were given up.
        """
        if not (rows := await self._rows.add(check_row(row))):
            return
        failure = await self._insert(rows, again=False)
        pauses = iter(RETRY_PAUSES_SECONDS)
        # Another request may be waiting to repeat the write; it can also be ended meanwhile, hence a time.
        while self._kept and time.monotonic() >= self._retried_until:
            if failure is not None:
                if (pause := next(pauses, None)) is None:
                    raise failure
                self._retried_until = time.monotonic() + 2 * pause
                await asyncio.sleep(pause)
                self._retried_until = 0.0
            kept, self._kept = self._kept, []
            failure = await self._insert(kept, again=True)
        if self._lost:
            lost, self._lost = self._lost, []
            raise UsageLostError(lost)

    async def write_now(self, row: Row) -> None:
        """Write one row, unless it has been written before. Raises `DatabaseError`."""
        await self._execute(_INSERT_AGAIN, to_json([check_row(row)]).decode())

    async def replace(self, row: Row) -> None:
        """Write one row in place of what was written of the same call before, if any was. Raises `DatabaseError`."""
        row = check_row(row)
        await self._execute(_REPLACE, *row, *(row[COLUMNS.index(name)] for name in _IDENTITY))
        await self.write_now(row)

    async def _insert(self, rows: list[Row], *, again: bool) -> DatabaseError | None:
        """Write rows, and keep or give up those that cannot be written. Return why rows were kept, if any were."""
        try:
            await self._execute(_INSERT_AGAIN if again else _INSERT, to_json(rows).decode())
        except DatabaseError as error:
            if not _refuses_values(error):
                self._keep(rows)
                return error
        except BaseException:
            self._keep(rows)
            raise
        else:
            return None
        if len(rows) == 1:
            self._lost.append((rows[0], "D1 refuses its values"))
            return None
        failures = [await self._insert([row], again=again) for row in rows]
        return next((failure for failure in failures if failure is not None), None)

    async def _execute(self, statement: str, *parameters: Value) -> None:
        try:
            async with asyncio.timeout(WRITE_TIMEOUT_SECONDS):
                await self._database.execute(statement, *parameters)
        except TimeoutError as error:
            raise DatabaseError(f"no answer within {WRITE_TIMEOUT_SECONDS:g} seconds") from error

    def _keep(self, rows: list[Row]) -> None:
        self._kept += rows
        surplus = max(0, len(self._kept) - KEPT_LIMIT)
        self._lost += [(row, "too many rows wait for D1") for row in self._kept[:surplus]]
        del self._kept[:surplus]


def record_usage(context: Context, usage: Usage) -> None:
    """Start to count a call. Its row is written after the response is out, with the figures that `usage` then has."""
    context.usage = usage

    async def write() -> None:
        row = build_row(
            context,
            usage.checked(),
            request_id=context.request_id,
            created_at=timestamp(),
            route=context.route_path,
            key_id=context.principal.key_id,
            instance_id=context.labels.instance_id,
            project_id=context.labels.project_id,
            status=context.status,
            error_code=context.error_code,
            latency_ms=context.elapsed_ms(),
        )
        warn_without_cost(context, row)
        try:
            await context.bindings.table(UsageLedger).write(row)
        except DatabaseError as error:
            context.log.warning("usage_delayed", request_id=context.request_id, error=error.reason)
        except UsageLostError as error:
            for lost in error.rows:
                context.log.error("usage_lost", cause=None, **lost)

    context.defer(write)


def build_row(
    context: Context,
    used: Usage,
    *,
    request_id: str,
    created_at: str,
    route: str | None,
    key_id: str | None,
    instance_id: str | None,
    project_id: str | None,
    status: int,
    error_code: str | None,
    latency_ms: int,
) -> Row:
    """Return the row of a call that has `used` so much (`Usage.checked`), in the order of `COLUMNS`, with its cost."""
    cost = estimate_cost(used, context.settings.own_prices)
    return [
        request_id,
        created_at,
        context.service,
        route,
        key_id,
        instance_id,
        project_id,
        used.provider,
        used.model,
        used.unit,
        used.input_at_most,
        used.output_at_most,
        status,
        error_code,
        latency_ms,
        used.upstream_ms,
        cost.microusd if cost else None,
        cost.price_date if cost else None,
    ]


def warn_without_cost(context: Context, row: Row) -> None:
    """Log that a call that has succeeded has no known price, if it has none."""
    if row[_COST] is None and check_count(row[_STATUS]) < 400:
        facts = {name: row[COLUMNS.index(name)] for name in ("provider", "model", "unit")}
        context.log.warning("price_unknown", request_id=context.request_id, **facts)


def check_row(row: Row) -> Row:
    """Return the row with values that its columns take, in the order of `COLUMNS`, whatever a provider has reported."""
    return [check(value) if check else value for check, value in zip(_CHECKS, row, strict=True)]


def _check_text(value: object) -> str:
    return check_name(value) or "unknown"


def _check_cost(value: object) -> int | None:
    return None if value is None else check_count(value)


_CHECKED: dict[str, Callable[[object], Value]] = {
    **dict.fromkeys(_NUMBERS, check_count),
    **dict.fromkeys(_LABELS, check_name),
    "estimated_cost_microusd": _check_cost,
    "request_id": _check_text,
    "route": _check_text,
    "model": _check_text,
}
"""What has values that come from outside, and how they become ones that the column takes."""

_CHECKS = [_CHECKED.get(column) for column in COLUMNS]


def _refuses_values(error: DatabaseError) -> bool:
    return "constraint" in error.reason.lower() or "datatype mismatch" in error.reason.lower()
