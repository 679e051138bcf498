"""`GET /v1/usage`: what a key has used today and this month (UTC), its limits, and what is left of its budget.

Usage and costs are those of the usage ledger, of all workers. A key and those that it was rotated to are one. What is
reserved is the budget's own figure: calls that are in flight, or whose worker has died.
"""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel

from electrons.bindings import Row
from electrons.context import Context
from electrons.keys import format_time
from electrons.models import ResponseModel
from electrons.money import PERIODS, Period
from electrons.upstream.budgets import read_budget

MODELS_LIMIT = 50
"""Models that are listed, the most expensive first."""

_OF_THE_KEY = "key_id IN (SELECT id FROM api_keys WHERE id = ? OR first_id = ?)"
_OF_NO_KEY = "key_id IS NULL AND ? = ?"
_SUMS = """
    COUNT(*) AS calls, COALESCE(SUM(status >= 400), 0) AS errors,
    COALESCE(SUM(estimated_cost_microusd), 0) AS microusd,
    COALESCE(SUM(status < 400 AND estimated_cost_microusd IS NULL), 0) AS unpriced
"""


class UsageSum(BaseModel):
    """Calls since the beginning of a period. `cost_usd` is without those that have no price."""

    since: str
    calls: int
    errors: int
    cost_usd: float
    calls_without_price: int


class ModelSum(BaseModel):
    """What one model was used for this month, in the provider's own units."""

    model: str
    unit: str
    calls: int
    input_units: int
    output_units: int
    cost_usd: float


class BudgetState(BaseModel):
    """One budget of the key."""

    period: Period
    limit_usd: float
    spent_usd: float
    reserved_usd: float
    left_usd: float
    renews_at: str


class UsageResponse(ResponseModel):
    """The usage of the key that asks; of all calls without a key where access is open."""

    key_id: str | None
    day: UsageSum
    month: UsageSum
    models: list[ModelSum]
    allowed_models: list[str] | None = None
    rate_limit_policy: str
    budgets: list[BudgetState]


async def show_usage(context: Context) -> UsageResponse:
    """Return the caller's usage. Raises `DatabaseError` and `BudgetUnavailableError`."""
    principal, now = context.principal, datetime.now(UTC)
    day = now.replace(hour=0, minute=0, second=0, microsecond=0)
    month = day.replace(day=1)
    return UsageResponse(
        key_id=principal.key_id,
        day=await _sum(context, day),
        month=await _sum(context, month),
        models=[
            ModelSum(**{**row, "cost_usd": _dollars(row.pop("microusd"))})
            for row in await _query(
                context,
                f"provider || ':' || model AS model, unit, SUM(input_units) AS input_units, "
                f"SUM(output_units) AS output_units, {_SUMS}",
                since=month,
                end=f"AND status < 400 GROUP BY 1, 2 ORDER BY microusd DESC, calls DESC, 1 LIMIT {MODELS_LIMIT}",
            )
        ],
        allowed_models=list(principal.models) if principal.models is not None else None,
        rate_limit_policy=principal.rate_limit_policy or context.settings.rate_limit_policy,
        budgets=await _list_budgets(context),
    )


async def _sum(context: Context, since: datetime) -> UsageSum:
    (row,) = await _query(context, _SUMS, since=since)
    return UsageSum(
        since=format_time(since),
        calls=row["calls"],
        errors=row["errors"],
        cost_usd=_dollars(row["microusd"]),
        calls_without_price=row["unpriced"],
    )


async def _query(context: Context, columns: str, *, since: datetime, end: str = "") -> list[Row]:
    owner = _OF_NO_KEY if context.principal.key_id is None else _OF_THE_KEY
    statement = f"SELECT {columns} FROM usage WHERE {owner} AND created_at >= ? {end}"  # noqa: S608  # names of ours
    key_id = context.principal.budget_id
    return await context.bindings.database.query(statement, key_id, key_id, since.strftime("%Y-%m-%dT%H:%M:%S"))


async def _list_budgets(context: Context) -> list[BudgetState]:
    principal = context.principal
    if not principal.budget:
        return []
    states = await read_budget(context, f"key:{principal.budget_id}")
    budgets = []
    for period in PERIODS:
        if (limit := principal.budget.limit(period)) is not None:
            state = states[period]
            budgets.append(
                BudgetState(
                    period=period,
                    limit_usd=_dollars(limit),
                    spent_usd=_dollars(state["spent"]),
                    reserved_usd=_dollars(state["reserved"]),
                    left_usd=_dollars(max(0, limit - state["spent"] - state["reserved"])),
                    renews_at=format_time(datetime.fromtimestamp(state["renews_ms"] / 1000, UTC)),
                )
            )
    return budgets


def _dollars(microusd: object) -> float:
    return int(str(microusd)) / 1e6
