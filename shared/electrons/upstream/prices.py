"""Estimate what a call costs, by the deployment's own prices or the price list; only the vendor's invoice is exact.

Costs are whole millionths of a US dollar, rounded up, so that sums of them are exact and never too low. A dated name of
a model has the price of the name without its date; any other name has its own price or none. What is counted in
`requests` is free of charge: lists of models and voices, counts of tokens, the search of stock media.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache

from electrons.pricing import OwnPrices, Price, find_own_price
from electrons.upstream.price_list import FROM_PAGES, LISTED, PRICE_DATE
from electrons.usage import Most, Usage

FREE_UNIT = "requests"

OWN_DATE = "PRICES"
"""Stands for the date of a price that the deployment states itself."""

_SCALE = 1_000_000
_VERSION = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2}|\d{4}|latest)$")


@dataclass(frozen=True, slots=True)
class Cost:
    """An estimate in millionths of a US dollar, and the day of the price list or `OWN_DATE`."""

    microusd: int
    price_date: str


def estimate_cost(usage: Usage, own: OwnPrices) -> Cost | None:
    """Return the estimated cost of calls, None when a model has no known price.

    Those whose outcome is not known cost what they may have cost at most.
    """
    if usage.unit == FREE_UNIT:
        return Cost(0, PRICE_DATE)
    cost = _price_units(usage, own)
    for call in usage.unknown:
        most = estimate_most(usage, call, own)
        if cost is None or most is None:
            return None
        cost = Cost(cost.microusd + most.microusd, cost.price_date)
    return cost


def _price_units(usage: Usage, own: OwnPrices) -> Cost | None:
    own_price = find_stated(usage, own) if own else None
    if own_price is None and usage.tokens is not None:
        read, written = usage.tokens
        usage = Usage(provider=usage.provider, model=usage.model, input_units=read, output_units=written)
    price = own_price or find_price(usage)
    if price is None:
        return None
    for start, higher in price.above:
        if (usage.largest_input or usage.input_units) > start:
            price = higher
    fresh_units = usage.input_units - usage.cache_read_units - usage.cache_write_units
    read_price = price.input if price.cache_read is None else price.cache_read
    write_price = price.input if price.cache_write is None else price.cache_write
    parts = (
        (fresh_units, price.input),
        (usage.cache_read_units, read_price),
        (usage.cache_write_units - usage.cache_write_1h_units, write_price),
        (usage.cache_write_1h_units, write_price if price.cache_write_1h is None else price.cache_write_1h),
        (usage.output_units, price.output),
    )
    return Cost(_round_up(parts), OWN_DATE if own_price else PRICE_DATE)


def estimate_most(usage: Usage, most: Most, own: OwnPrices) -> Cost | None:
    """Return what one call of `usage` costs at most: its whole input may be written to the prompt cache."""
    used = Usage(
        provider=usage.provider,
        model=most.model,
        unit=usage.unit,
        input_units=most.input,
        output_units=most.output,
        grade=usage.grade,
        tokens=most.tokens,
    )
    options = (
        replace(used, cache_write_units=written, cache_write_1h_units=for_an_hour)
        for written, for_an_hour in ((0, 0), (most.input, 0), (most.input, most.input))
    )
    costs = [cost for option in options if (cost := _price_units(option, own))]
    return max(costs, key=lambda cost: cost.microusd, default=None)


def warn_without_price(usage: Usage, own: OwnPrices) -> list[str]:
    """Return the warning that a call's cost is not known, if it is not; a list, to be added to others."""
    if estimate_cost(usage, own) is not None:
        return []
    return [f"No price is known for `{usage.provider}:{usage.model}`, so this call has no estimated cost"]


def find_stated(usage: Usage, own: OwnPrices) -> Price | None:
    """Return the deployment's own price of a model for the units in which the usage counts."""
    name = f"{usage.provider}:{usage.model}"
    graded = (f"{name}#{usage.grade}",) if usage.grade else ()
    price = find_own_price(own, *graded, name, strip_version(name))
    return price if price is not None and price.unit == usage.unit else None


def find_price(usage: Usage) -> Price | None:
    """Return the list's price of a model for the units in which the usage counts."""
    name = f"{usage.provider}:{usage.model}"
    price = _find(f"{name}#{usage.grade}") if usage.grade else None
    price = price or _find(name)
    return price if price is not None and price.unit == usage.unit else None


def strip_version(name: str) -> str:
    """Return a model's name without the date at its end, and without what a fine-tuned model has after its base."""
    if ":ft:" in name or name.startswith("ft:"):
        head, _, rest = name.rpartition("ft:")
        name = f"{head}ft:{rest.partition(':')[0]}"
    return _VERSION.sub("", name)


@lru_cache(maxsize=256)
def _find(name: str) -> Price | None:
    names = (name, strip_version(name))
    return next((prices[each] for each in names for prices in (FROM_PAGES, LISTED) if each in prices), None)


def _round_up(parts: Iterable[tuple[int, float]]) -> int:
    # The prices of the list have at most six decimals, so these are whole numbers.
    total = sum(units * round(price * _SCALE) for units, price in parts if units)
    return -(-total // _SCALE)
