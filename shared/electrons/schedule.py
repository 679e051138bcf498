"""What a worker does when its Cron Trigger fires: delete what is too old, and end what a kill has left.

    @app.on_schedule
    async def delete_old_calls(context: Context) -> int: ...

The trigger is in the worker's wrangler.toml. Each task is bounded, so that one run stays within the limits of one
invocation; the next run goes on where it stopped.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence

from electrons.bindings import Value
from electrons.context import Context
from electrons.logs import timestamp

ScheduledTask = Callable[[Context], Awaitable[int]]
"""Does a piece of work and returns how many rows or files it was."""

SECONDS_A_DAY = 86_400

_BATCH_ROWS = 500
_BATCHES = 10


async def run_tasks(context: Context, tasks: Sequence[ScheduledTask]) -> None:
    """Run all tasks, each with a line in the log; one that fails does not keep the others from running."""
    for task in tasks:
        started = time.monotonic()
        name = getattr(task, "__name__", "task")
        try:
            count = await task(context)
        except Exception as error:  # noqa: BLE001  # whatever it is, the other tasks are due, and the next run repeats it
            context.log.error("scheduled", cause=error, task=name)
        else:
            context.log.info("scheduled", task=name, count=count, ms=round((time.monotonic() - started) * 1000))


async def delete_rows(context: Context, table: str, *, keep_days: float, where: str = "TRUE") -> int:
    """Delete rows of a table that were created more than `keep_days` days ago; 0 days keep all.

    At most 5,000 rows in one run, the oldest first. `where` is a condition in SQL that only the code may choose. Raises
    `DatabaseError`.
    """
    if not keep_days:
        return 0
    statement = (
        f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM {table} "  # noqa: S608  # our own names
        f"WHERE created_at < ? AND {where} ORDER BY created_at LIMIT ?) RETURNING 1 AS deleted"
    )
    parameters: tuple[Value, ...] = (timestamp(seconds_ago=keep_days * SECONDS_A_DAY), _BATCH_ROWS)
    total = 0
    for _ in range(_BATCHES):
        deleted = len(await context.bindings.database.query(statement, *parameters))
        total += deleted
        if deleted < _BATCH_ROWS:
            break
    return total
