"""The usage ledger's row of an execution, where no request is there that would write it."""

from __future__ import annotations

from electrons.context import Context
from electrons.errors import ElectronsError
from electrons.storage.ledger import Row, UsageLedger, build_row, warn_without_cost
from electrons.usage import Usage
from sandbox_executor.storage.executions import Execution

_STREAM = "/stream"


def build_usage_row(
    context: Context, row: Execution, usage: Usage, *, route: str, error: ElectronsError | None, seconds: float
) -> Row:
    """Return the row. Its time is the execution's, the same in each run, so that it is written once."""
    return build_row(
        context,
        usage.checked(),
        request_id=row.request_id,
        created_at=row.created_at,
        route=route,
        key_id=row.key_id,
        instance_id=row.instance_id,
        project_id=row.project_id,
        # A stream has begun with 200.
        status=error.status if error and not route.endswith(_STREAM) else 200,
        error_code=error.error_code if error else None,
        latency_ms=round(seconds * 1000),
    )


async def write_usage_row(context: Context, row: Row) -> None:
    """Write the row, unless it has been written before. Raises `DatabaseError`."""
    await context.bindings.table(UsageLedger).write_now(row)
    warn_without_cost(context, row)
