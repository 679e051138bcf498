"""The usage ledger's row of an execution that a Workflow runs."""

from __future__ import annotations

from electrons.context import Context
from electrons.errors import ElectronsError
from electrons.storage.ledger import Row, build_row
from electrons.usage import Usage
from sandbox_executor.storage.executions import Execution

_STREAM = "/stream"


def build_usage_row(context: Context, row: Execution, usage: Usage, *, route: str, error: Exception | None) -> Row:
    """Return the row. Its time is the execution's, the same in each run, so that it is written once."""
    failure = None if error is None else error if isinstance(error, ElectronsError) else ElectronsError("")
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
        status=failure.status if failure and not route.endswith(_STREAM) else 200,
        error_code=failure.error_code if failure else None,
        latency_ms=round(row.age_seconds * 1000),
    )
