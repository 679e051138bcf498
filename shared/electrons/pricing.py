"""What a model charges, and the prices that a deployment states itself with the setting `PRICES`.

These come before the price list: what a vendor sells by plan, a discount, and the models of one's own server.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

PRICES_LIMIT = 200
"""Rows that a deployment may state."""

_MILLION = 1_000_000


class Price(NamedTuple):
    """The price of a model in US dollars for a million units. `above` has those of a call with more input units.

    None for reading or writing the vendor's prompt cache: it costs as much as other input.
    """

    input: float
    output: float
    cache_read: float | None = None
    cache_write: float | None = None
    cache_write_1h: float | None = None
    unit: str = "tokens"
    above: tuple[tuple[int, Price], ...] = ()


OwnPrices = Mapping[str, Price]
"""By `provider:model` in lower case; a `*` may end the name."""

_Dollars = Annotated[float, Field(ge=0, le=_MILLION, allow_inf_nan=False)]


class _Row(BaseModel):
    """One price, in US dollars; tokens and characters are sold by the million."""

    model_config = ConfigDict(strict=True, extra="forbid", hide_input_in_errors=True)

    input_tokens: _Dollars | None = None
    output_tokens: _Dollars | None = None
    cached_tokens: _Dollars | None = None
    characters: _Dollars | None = None
    image: _Dollars | None = None
    minute: _Dollars | None = None

    def to_price(self) -> Price:
        """Return the price. Raises ValueError unless the row has one for exactly one unit."""
        units = {
            "characters": self.characters,
            "images": self.image and self.image * _MILLION,
            "seconds": self.minute and self.minute / 60 * _MILLION,
        }
        stated = [Price(price, price, unit=unit) for unit, price in units.items() if price is not None]
        if self.input_tokens is not None:
            stated.append(Price(self.input_tokens, self.output_tokens or 0, self.cached_tokens))
        elif self.output_tokens is not None or self.cached_tokens is not None:
            raise ValueError("a price for tokens needs `input_tokens`")
        if len(stated) != 1:
            raise ValueError("needs one of `input_tokens`, `characters`, `image` and `minute`")
        return stated[0]


_ROWS = TypeAdapter(
    Annotated[
        dict[Annotated[str, Field(pattern=r"^[^:\s]+:\S+$", max_length=256)], _Row], Field(max_length=PRICES_LIMIT)
    ]
)


@lru_cache(maxsize=8)
def parse_prices(text: str) -> OwnPrices:
    """Return the prices in the setting `PRICES`, a JSON object. Raises ValueError, which names the row."""
    if not text.strip():
        return {}
    try:
        rows = _ROWS.validate_json(text)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        place = " ".join(str(part) for part in problem["loc"])
        raise ValueError(f"{place or 'the object'}: {problem['msg']}") from error
    prices: dict[str, Price] = {}
    for name, row in rows.items():
        try:
            prices[name.lower()] = row.to_price()
        except ValueError as error:
            raise ValueError(f"{name}: {error}") from error
    return prices


def find_own_price(prices: OwnPrices, *names: str) -> Price | None:
    """Return the price of the first of these names that has one, else that of the longest beginning of any."""
    names = tuple(name.lower() for name in names)
    for name in names:
        if price := prices.get(name):
            return price
    beginnings = [key for key in prices if key.endswith("*") and any(name.startswith(key[:-1]) for name in names)]
    return prices[max(beginnings, key=len)] if beginnings else None
