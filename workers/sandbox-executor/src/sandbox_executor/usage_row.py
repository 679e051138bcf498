"""The usage ledger's row of an execution that a Workflow runs."""

from __future__ import annotations

from electrons.bindings import Value
from electrons.context import Context
from electrons.errors import ElectronsError
from electrons.storage.ledger import COLUMNS
from electrons.upstream.prices import estimate_cost
from electrons.usage import Usage
from sandbox_executor.storage.executions import Execution

_STREAM = "/stream"


def build_usage_row(
    context: Context, row: Execution, usage: Usage, *, route: str, error: Exception | None
) -> list[Value]:
    """Return the row. Its time is the execution's, the same in each run, so that it is written once."""
    used = usage.checked()
    cost = estimate_cost(used, context.settings.own_prices)
    failure = None if error is None else error if isinstance(error, ElectronsError) else ElectronsError("")
    values: dict[str, Value] = {
        "request_id": row.request_id,
        "created_at": row.created_at,
        "worker": context.service,
        "route": route,
        "key_id": row.key_id,
        "instance_id": row.instance_id,
        "project_id": row.project_id,
        "provider": used.provider,
        "model": used.model,
        "unit": used.unit,
        "input_units": used.input_units,
        "output_units": used.output_units,
        # A stream has begun with 200.
        "status": failure.status if failure and not route.endswith(_STREAM) else 200,
        "error_code": failure.error_code if failure else None,
        "latency_ms": round(row.age_seconds * 1000),
        "upstream_ms": used.upstream_ms,
        "estimated_cost_microusd": cost.microusd if cost else None,
        "price_date": cost.price_date if cost else None,
    }
    return [values[column] for column in COLUMNS]
