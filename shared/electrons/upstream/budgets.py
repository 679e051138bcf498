"""Hold each call to the budgets of its key, the deployment and its provider, right before the provider is called.

The most that a call can cost is reserved, always in this order: key, deployment, provider. When one of them refuses,
what the others have reserved is given back. When the request ends, or makes its next call, the reservation is settled
with what the call has used, by `context.usage`; a call whose outcome is not known has used what was reserved. A budget
that cannot be asked refuses.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from electrons.context import Context
from electrons.errors import (
    BudgetExceededError,
    BudgetUnavailableError,
    ConfigurationError,
    ForbiddenError,
    PriceUnknownError,
)
from electrons.keys import format_time
from electrons.money import Budget, Period, format_usd, parse_provider_budgets
from electrons.pricing import OwnPrices
from electrons.ratelimit.limiter import LimiterUnreachableError
from electrons.tasks import repeat
from electrons.upstream.prices import FREE_UNIT, estimate_cost, estimate_most
from electrons.upstream.provider import Provider, ProviderRequest
from electrons.usage import Most, Units, Usage, check_count

USUAL_OUTPUT_TOKENS = 16_384
"""What is reserved for the output of a call that has no limit of its own."""

SETTLE_PAUSES_SECONDS = (0.2, 1.0, 4.0)

_BYTES_PER_TOKEN = 2


@dataclass(slots=True)
class Charge:
    """What one call has reserved, by one id with each of `holders`.

    `used` is filled while the call runs; `before` is what it contained when the call began.
    """

    used: Usage
    before: Usage
    holders: list[str] = field(default_factory=list)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))

    async def settle(self, context: Context) -> None:
        """Replace the reservations by the cost of what was used since; once only. A failure is logged."""
        holders, self.holders = self.holders, []
        settlement = {"id": self.id, "actual": self._cost(context.settings.own_prices)}
        await asyncio.gather(*(_settle(context, holder, settlement) for holder in holders))

    def _cost(self, own_prices: OwnPrices) -> int:
        used, before = self.used.checked(), self.before
        counts = {
            name: max(0, getattr(used, name) - getattr(before, name))
            for name in (
                *("input_units", "output_units"),
                *("cache_read_units", "cache_write_units", "cache_write_1h_units"),
            )
        }
        unknown = used.unknown[len(before.unknown) :]
        # The vendor may name the model that has answered in another way than it was asked for.
        for named in (used, before):
            if cost := estimate_cost(replace(named, largest_input=0, unknown=unknown, **counts), own_prices):
                return cost.microusd
        return 0


async def reserve_budget(context: Context, provider: Provider, request: ProviderRequest) -> None:
    """Reserve what a call costs at most, or raise.

    Raises `ForbiddenError` for a model that the caller's key may not use, `BudgetExceededError`, `PriceUnknownError`
    for a model without a price where there is a budget, and `BudgetUnavailableError`.
    """
    usage = _find_usage(context, provider, request)
    if usage is None:
        return
    if context.settle_last_call is not None:
        await context.settle_last_call()
    check_model(context, usage)
    holders = list(find_budgets(context, provider.name))
    if not holders or usage.unit == FREE_UNIT:
        return
    before = usage.checked()
    worst = estimate_most(before, find_most(usage, request), context.settings.own_prices)
    if worst is None:
        raise PriceUnknownError(
            f"No price is known for `{usage.provider}:{usage.model}`, so its budget cannot be kept: choose another "
            "model, or have its price set (`PRICES`) or the budget removed",
            details={"model": f"{usage.provider}:{usage.model}"},
        )
    charge = Charge(usage, before)
    context.settle_last_call = lambda: charge.settle(context)
    # Whatever happens from here on, also if the caller leaves while a budget is asked.
    context.defer(context.settle_last_call)
    for holder, budget in holders:
        charge.holders.append(holder)
        answer = await _ask(context, holder, _reservation(charge.id, worst.microusd, budget))
        if not answer["allowed"]:
            charge.holders.remove(holder)
            await charge.settle(context)
            raise _refusal(holder, budget, answer=answer, needed=worst.microusd)


def find_charged(context: Context, provider: Provider, request: ProviderRequest) -> Usage | None:
    """Return the usage in which a request is counted, None for one that costs nothing."""
    usage = _find_usage(context, provider, request)
    return usage if usage is not None and usage.unit != FREE_UNIT else None


def find_most(usage: Usage, request: ProviderRequest) -> Most:
    """Return the most that a request can use."""
    most = request.most or Units(-(-len(request.content) // _BYTES_PER_TOKEN), USUAL_OUTPUT_TOKENS)
    tokens = request.most_tokens and Units(*map(check_count, request.most_tokens))
    return Most(usage.model, check_count(most.input), check_count(most.output), tokens)


def check_model(context: Context, usage: Usage) -> None:
    """Raise `ForbiddenError` for a model that is not on the list of the caller's key."""
    models, name = context.principal.models, f"{usage.provider}:{usage.model}"
    if models is None or any(
        name.lower().startswith(entry[:-1]) if entry.endswith("*") else name.lower() == entry for entry in models
    ):
        return
    raise ForbiddenError(
        f"This API key may not use the model `{name}`", details={"model": name, "models": list(models)}
    )


def find_budgets(context: Context, provider: str | None) -> Iterator[tuple[str, Budget]]:
    """Iterate over the budgets that a call has to keep, in the order in which they are asked, each with its holder."""
    principal, settings = context.principal, context.settings
    if principal.budget:
        yield f"key:{principal.budget_id}", principal.budget
    if deployment := settings.deployment_budget:
        yield "deployment", deployment
    if provider and (budget := parse_provider_budgets(settings.provider_budgets).get(provider)):
        yield f"provider:{provider}", budget


async def read_budget(context: Context, holder: str) -> dict[str, Any]:
    """Return what a holder has spent and reserved, by period. Raises `BudgetUnavailableError`."""
    periods: dict[str, Any] = (await _ask(context, holder, {"do": "read"}))["periods"]
    return periods


def _find_usage(context: Context, provider: Provider, request: ProviderRequest) -> Usage | None:
    """Return the usage that a request belongs to, None for one that is not held to models and budgets."""
    usage = context.usage
    return usage if request.method == "POST" and usage is not None and usage.provider == provider.name else None


def _reservation(reservation_id: str, amount: int, budget: Budget) -> dict[str, Any]:
    limits = {"day": budget.day, "month": budget.month}
    return {"do": "reserve", "id": reservation_id, "amount": amount, "limits": limits}


async def _ask(context: Context, holder: str, message: dict[str, Any]) -> dict[str, Any]:
    try:
        async with asyncio.timeout(context.settings.rate_limit_timeout_seconds or None):
            return await context.bindings.rate_limiter.budget(holder, message)
    except (LimiterUnreachableError, ConfigurationError, TimeoutError) as error:
        raise BudgetUnavailableError from error


async def _settle(context: Context, holder: str, settlement: dict[str, Any]) -> None:
    # What was not spent comes back by itself; what was spent must not be forgotten.
    pauses = SETTLE_PAUSES_SECONDS if settlement["actual"] else ()
    ask = partial(_ask, context, holder, {"do": "settle", "settlements": [settlement]})
    try:
        await repeat(ask, after=pauses, on=BudgetUnavailableError)
    except BudgetUnavailableError as error:
        context.log.error("budget_not_settled", cause=error, request_id=context.request_id, holder=holder)


def _refusal(holder: str, budget: Budget, *, answer: dict[str, Any], needed: int) -> BudgetExceededError:
    period: Period = answer["refused_by"]
    state, limit = answer["periods"][period], budget.limit(period) or 0
    left = max(0, limit - state["spent"] - state["reserved"])
    renews_at = format_time(datetime.fromtimestamp(state["renews_ms"] / 1000, UTC))
    whose = {"key": "this API key", "deployment": "this deployment"}.get(holder.partition(":")[0])
    return BudgetExceededError(
        f"The budget of {whose or 'the provider ' + holder.partition(':')[2]} for the {period} has "
        f"${format_usd(left)} left, and this call may cost ${format_usd(needed)}; it is renewed at {renews_at}",
        details={
            "budget": "key" if holder.startswith("key:") else holder,
            "period": period,
            "limit_usd": limit / 1e6,
            "left_usd": left / 1e6,
            "needed_usd": needed / 1e6,
            "renews_at": renews_at,
        },
    )
