"""Estimate what a call costs from a price list; only the provider's invoice is exact.

Prices are US dollars per million units, which is the same as millionths of a dollar per unit. A model has the price of
the longest entry that its name begins with, so a dated snapshot has its family's price. A model without an entry has
no estimate. What a provider reads from its prompt cache, or writes to it, costs a share of the input price, or all of
it for a vendor without an entry there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from electrons.usage import Usage

PRICE_DATE = "2026-11-22"
"""The day on which the vendors' price pages were read."""

PRICES: Mapping[str, tuple[float, float]] = {
    # https://platform.claude.com/docs/en/about-claude/pricing: input, output
    "anthropic:claude-fable-5-1": (10, 50),
    "anthropic:claude-opus-5-5": (4, 20),
    "anthropic:claude-opus-5": (5, 25),
    "anthropic:claude-opus-4-": (5, 25),
    "anthropic:claude-sonnet-5-5": (2, 10),
    "anthropic:claude-sonnet-5": (2, 10),
    "anthropic:claude-sonnet-4-": (3, 15),
    "anthropic:claude-haiku-5-5": (0.10, 0.50),
    "anthropic:claude-haiku-4-5": (1, 5),
    # https://developers.openai.com/api/docs/pricing
    "openai:gpt-6.1-sol": (2, 10),
    "openai:gpt-6.1-terra": (1, 5),
    "openai:gpt-6-luna": (0.10, 0.50),
    "openai:gpt-4o": (2.50, 10),
    "openai:gpt-4o-mini": (0.15, 0.60),
    "openai:gpt-4.1": (2, 8),
    "openai:gpt-4.1-mini": (0.40, 1.60),
    # https://www.pexels.com/api/: free of charge
    "pexels:": (0, 0),
}

CACHE_SHARES: Mapping[str, tuple[float, float]] = {
    # https://platform.claude.com/docs/en/about-claude/pricing: cache hits, writes that are kept for five minutes
    "anthropic:": (0.1, 1.25),
    "anthropic:claude-fable-5-1": (0.025, 1.25),
    "anthropic:claude-opus-5-5": (0.05, 1.25),
    "anthropic:claude-sonnet-5-5": (0.05, 1.25),
}


@dataclass(frozen=True, slots=True)
class Cost:
    """An estimate in millionths of a US dollar, and the day of the price list."""

    microusd: int
    price_date: str


def estimate_cost(usage: Usage) -> Cost | None:
    """Return the estimated cost of a call, None when its model has no known price."""
    name = f"{usage.provider}:{usage.model}"
    prices = _find_longest(PRICES, name)
    if prices is None:
        return None
    input_price, output_price = prices
    read_share, write_share = _find_longest(CACHE_SHARES, name) or (1, 1)
    fresh_units = usage.input_units - usage.cache_read_units - usage.cache_write_units
    weighed_units = fresh_units + usage.cache_read_units * read_share + usage.cache_write_units * write_share
    return Cost(round(weighed_units * input_price + usage.output_units * output_price), PRICE_DATE)


def _find_longest(entries: Mapping[str, tuple[float, float]], name: str) -> tuple[float, float] | None:
    prefix = max((prefix for prefix in entries if name.startswith(prefix)), key=len, default=None)
    return entries[prefix] if prefix is not None else None
