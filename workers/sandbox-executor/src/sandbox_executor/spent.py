"""What an execution has spent, as JSON: with the result of each step, and in its row, where a kill leaves it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from electrons.context import Context
from electrons.pricing import OwnPrices
from electrons.upstream.prices import estimate_cost
from electrons.usage import Usage
from sandbox_executor.models.execute import ExecutionMetadata

Spent = dict[str, Any]


def describe_spent(context: Context) -> Spent:
    """Return what a context knows of its calls to providers."""
    return {
        "usage": asdict(context.usage) if context.usage else None,
        "attempts": context.attempts,
        "upstream_seconds": context.upstream_seconds,
        "has_spent": context.has_spent,
    }


def restore_spent(context: Context, spent: Spent) -> None:
    """Let a context know what another one, or an earlier run, knew. Its usage is changed in place, if it has one."""
    context.attempts = max(context.attempts, spent["attempts"])
    context.upstream_seconds = max(context.upstream_seconds, spent["upstream_seconds"])
    context.has_spent |= spent["has_spent"]
    usage = read_usage(spent)
    if usage is None:
        return
    if context.usage is None:
        context.usage = usage
    else:
        for name, value in asdict(usage).items():
            setattr(context.usage, name, value)


def read_usage(spent: Spent | None) -> Usage | None:
    """Return the usage, None if there was none yet."""
    return Usage.restore(spent["usage"]) if spent and spent["usage"] else None


def show_usage(metadata: ExecutionMetadata, usage: Usage, own_prices: OwnPrices) -> None:
    """Write the usage into a result's metadata."""
    cost = estimate_cost(usage, own_prices)
    metadata.model = usage.model
    metadata.input_tokens, metadata.output_tokens = usage.input_at_most, usage.output_at_most
    metadata.tokens_used = usage.total_units
    metadata.estimated_cost_usd = cost.microusd / 1e6 if cost else None


def count_units(spent: Spent | None) -> int:
    """Return the units that were used: they only grow, so more of them are a later state."""
    usage = read_usage(spent)
    return usage.total_units if usage else 0
