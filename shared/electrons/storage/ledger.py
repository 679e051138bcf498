"""The usage ledger: one row in D1 for each call that reached a provider, whatever became of it.

Rows are written together: the first request that has one waits for `LINGER_SECONDS`, after its answer is out, and then
writes its own and those that came meanwhile, in one statement. D1 is the most expensive step of a request otherwise.
"""

from __future__ import annotations

import json

from electrons.batch import Batch
from electrons.bindings import Database, Value
from electrons.context import Context
from electrons.logs import timestamp
from electrons.upstream.prices import estimate_cost
from electrons.usage import Usage

LINGER_SECONDS = 0.05

COLUMNS = (
    "request_id", "created_at", "worker", "route", "key_id", "instance_id", "project_id", "provider", "model", "unit",
    "input_units", "output_units", "status", "error_code", "latency_ms", "upstream_ms", "estimated_cost_microusd",
    "price_date",
)  # fmt: skip

# One JSON text for all rows: D1 binds 100 parameters at most, and one text is the cheapest thing to hand over.
_INSERT = (
    f"INSERT INTO usage ({', '.join(COLUMNS)}) "  # noqa: S608  # names of ours
    f"SELECT {', '.join(f'value ->> {index}' for index in range(len(COLUMNS)))} FROM json_each(?)"
)


class UsageLedger:
    """The rows of one isolate on their way to D1."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._rows: Batch[list[Value]] = Batch(linger_seconds=LINGER_SECONDS)

    async def write(self, row: list[Value]) -> None:
        """Writes a row with its neighbours; returns at once when a neighbour will write it."""
        if rows := await self._rows.add(row):
            await self._database.execute(_INSERT, json.dumps(rows))


def record_usage(context: Context, usage: Usage) -> None:
    """Starts to count a call. Its row is written after the answer is out, with the figures that `usage` has by then."""
    context.usage = usage

    async def write() -> None:
        cost = estimate_cost(usage)
        row: list[Value] = [
            context.request_id,
            timestamp(),
            context.service,
            context.route_path,
            context.principal.key_id,
            context.labels.instance_id,
            context.labels.project_id,
            usage.provider,
            usage.model,
            usage.unit,
            usage.input_units,
            usage.output_units,
            context.status,
            context.error_code,
            context.elapsed_ms(),
            usage.upstream_ms,
            cost.microusd if cost else None,
            cost.price_date if cost else None,
        ]
        await context.bindings.table(UsageLedger).write(row)

    context.defer(write)
