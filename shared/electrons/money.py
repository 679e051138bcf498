"""Money as whole millionths of a US dollar: sums are exact, and a number fits into JSON, SQLite and JavaScript.

Standard library only, because the command line uses it too.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Literal

Period = Literal["day", "month"]
PERIODS: tuple[Period, ...] = ("day", "month")

MICROUSD = 1_000_000
LARGEST_USD = 1_000_000
"""Dollars: a larger budget is a mistake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """What may be spent in a day and in a month of UTC, in millionths of a dollar; None is no limit."""

    day: int | None = None
    month: int | None = None

    def __bool__(self) -> bool:
        return self.day is not None or self.month is not None

    def limit(self, period: Period) -> int | None:
        """Return the limit of a period."""
        return self.day if period == "day" else self.month

    def __str__(self) -> str:
        limits = ((period, self.limit(period)) for period in PERIODS)
        return ", ".join(f"{format_usd(limit)}/{period}" for period, limit in limits if limit is not None)


def parse_usd(text: str) -> int:
    """Return an amount of dollars, like `5` or `0.25`, in millionths. Raises ValueError."""
    try:
        amount = Decimal(text.strip()) * MICROUSD
    except InvalidOperation:
        raise ValueError(f"{text!r} is not an amount in US dollars, like 5 or 0.25") from None
    if not amount.is_finite() or not 0 <= amount <= LARGEST_USD * MICROUSD or amount != int(amount):
        raise ValueError(f"{text!r} must be from 0 to {LARGEST_USD} US dollars, with at most six decimals")
    return int(amount)


def format_usd(microusd: int) -> str:
    """Return an amount in dollars, with at least two decimals: `5.00`, `0.000125`."""
    whole, millionths = divmod(abs(microusd), MICROUSD)
    decimals = f"{millionths:06d}".rstrip("0").ljust(2, "0")
    return f"{'-' if microusd < 0 else ''}{whole}.{decimals}"


@lru_cache(maxsize=64)
def parse_budget(text: str) -> Budget:
    """Return the budget in a list like `5/day, 50/month`, each period at most once. Raises ValueError."""
    limits: dict[str, int] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        amount, slash, period = (piece.strip() for piece in part.partition("/"))
        if not slash or period not in PERIODS:
            raise ValueError(f"{part!r} must be an amount in US dollars for a period: 5/day or 50/month")
        if period in limits:
            raise ValueError(f"there is more than one budget for a {period}")
        limits[period] = parse_usd(amount)
    return Budget(day=limits.get("day"), month=limits.get("month"))


@lru_cache(maxsize=64)
def parse_provider_budgets(text: str) -> dict[str, Budget]:
    """Return budgets by provider in a list like `openai=5/day, openai=50/month`. Raises ValueError."""
    parts: dict[str, list[str]] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        provider, equals, budget = (piece.strip() for piece in part.partition("="))
        if not equals or not provider:
            raise ValueError(f"{part!r} must name a provider and its budget: openai=5/day")
        parts.setdefault(provider.lower(), []).append(budget)
    return {provider: parse_budget(", ".join(budgets)) for provider, budgets in parts.items()}
