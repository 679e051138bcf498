"""What a call costs."""

from datetime import date

import pytest

from electrons.context import Usage
from electrons.providers.prices import PRICE_DATE, PRICES, Cost, estimate_cost
from electrons.providers.registry import RETIRED_MODELS
from tests.providers.test_conformance import PROVIDERS


def cost(model: str, input_units: int = 1_000_000, output_units: int = 1_000_000) -> int | None:
    provider, _, name = model.partition(":")
    usage = Usage(provider=provider, model=name, input_units=input_units, output_units=output_units)
    estimate = estimate_cost(usage)
    return estimate.microusd if estimate else None


def test_cost_when_the_model_has_a_price_then_millionths_of_a_dollar_and_the_lists_date() -> None:
    usage = Usage(provider="anthropic", model="claude-sonnet-4-6", input_units=1000, output_units=200)

    assert estimate_cost(usage) == Cost(microusd=1000 * 3 + 200 * 15, price_date=PRICE_DATE)


@pytest.mark.parametrize(
    ("model", "same_as"),
    [
        ("openai:gpt-4o-mini-2024-07-18", "openai:gpt-4o-mini"),
        ("openai:gpt-4o-2024-08-06", "openai:gpt-4o"),
        ("anthropic:claude-haiku-4-5-20251001", "anthropic:claude-haiku-4-5"),
        ("anthropic:claude-sonnet-5-5", "anthropic:claude-sonnet-5-5"),
    ],
)
def test_cost_when_the_name_is_dated_then_that_of_the_longest_entry(model: str, same_as: str) -> None:
    input_price, output_price = PRICES[same_as]

    assert cost(model) == round(1_000_000 * input_price + 1_000_000 * output_price)


@pytest.mark.parametrize("model", ["openai:new", "anthropic:gpt-4o", "nobody:claude-sonnet-4-6"])
def test_cost_when_the_model_has_no_price_then_unknown(model: str) -> None:
    assert cost(model) is None


def test_cost_when_nothing_was_used_then_nothing() -> None:
    assert cost("openai:gpt-4o", 0, 0) == 0


@pytest.mark.parametrize(("model", "prices"), PRICES.items())
def test_price_when_listed_then_plausible(model: str, prices: tuple[float, float]) -> None:
    provider, _, name = model.partition(":")
    input_price, output_price = prices

    assert provider in {known.name for known in PROVIDERS}
    assert model not in RETIRED_MODELS
    # Per million; one decimal place too many or too few stands out. A whole vendor may be free.
    assert 0.01 <= input_price < output_price <= 200 if name else (input_price, output_price) == (0, 0)


def test_price_date_when_read_then_a_date() -> None:
    assert date.fromisoformat(PRICE_DATE)
