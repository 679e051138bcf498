"""The usage ledger: one row in D1 for each call that reached a provider, whatever became of it."""

from electrons.context import Context, Usage
from electrons.logs import timestamp
from electrons.providers.prices import estimate_cost

_INSERT = """
INSERT INTO usage (
  request_id, created_at, worker, route, key_id, instance_id, project_id, provider, model, unit, input_units,
  output_units, status, error_code, latency_ms, upstream_ms, estimated_cost_microusd, price_date
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def record_usage(context: Context, usage: Usage) -> None:
    """Starts to count a call. Its row is written after the answer is out, with the figures that `usage` has by then."""
    context.usage = usage

    async def write() -> None:
        cost = estimate_cost(usage)
        await context.bindings.database.execute(
            _INSERT,
            context.request_id,
            timestamp(),
            context.service,
            context.route.path if context.route else None,
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
        )

    context.defer(write)
