"""What a call costs."""

from datetime import date

import pytest

from electrons.upstream.prices import CACHE_SHARES, PRICE_DATE, PRICES, Cost, estimate_cost
from electrons.usage import Usage
from tests.providers.test_conformance import PROVIDERS


def cost(model: str, input_units: int = 1_000_000, output_units: int = 1_000_000) -> int | None:
    provider, _, name = model.partition(":")
    usage = Usage(provider=provider, model=name, input_units=input_units, output_units=output_units)
    estimate = estimate_cost(usage)
    return estimate.microusd if estimate else None


def test_cost_is_in_millionths_with_the_lists_date() -> None:
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
def test_dated_name_costs_as_the_longest_entry(model: str, same_as: str) -> None:
    input_price, output_price = PRICES[same_as]

    assert cost(model) == round(1_000_000 * input_price + 1_000_000 * output_price)


@pytest.mark.parametrize("model", ["openai:new", "anthropic:gpt-4o", "unknown:claude-sonnet-4-6"])
def test_model_without_a_price_has_no_cost(model: str) -> None:
    assert cost(model) is None


@pytest.mark.parametrize(
    ("model", "input_price", "read_share"),
    [
        ("claude-sonnet-4-6", 3, 0.1),
        ("claude-haiku-4-5-20251001", 1, 0.1),
        ("claude-sonnet-5-5", 2, 0.05),
        ("claude-opus-5-5", 4, 0.05),
        ("claude-fable-5-1", 10, 0.025),
    ],
)
def test_cached_input_costs_a_share(model: str, input_price: float, read_share: float) -> None:
    usage = Usage(
        provider="anthropic", model=model, input_units=10_000, cache_read_units=6_000, cache_write_units=3_000
    )

    estimate = estimate_cost(usage)

    assert estimate is not None
    assert estimate.microusd == round((1_000 + 6_000 * read_share + 3_000 * 1.25) * input_price)


def test_without_cache_prices_all_input_costs_the_same() -> None:
    usage = Usage(
        provider="openai", model="gpt-4o", input_units=10_000, cache_read_units=6_000, cache_write_units=3_000
    )

    assert estimate_cost(usage) == Cost(microusd=25_000, price_date=PRICE_DATE)


@pytest.mark.parametrize(("entry", "shares"), CACHE_SHARES.items())
def test_cache_reads_are_cheaper_and_writes_dearer(entry: str, shares: tuple[float, float]) -> None:
    read_share, write_share = shares

    assert any(model.startswith(entry) for model in PRICES)
    assert 0.01 <= read_share < 1 < write_share <= 2


def test_nothing_used_costs_nothing() -> None:
    assert cost("openai:gpt-4o", 0, 0) == 0


@pytest.mark.parametrize(("model", "prices"), PRICES.items())
def test_prices_are_plausible(model: str, prices: tuple[float, float]) -> None:
    provider, _, name = model.partition(":")
    input_price, output_price = prices

    assert provider in {known.name for known in PROVIDERS}
    assert name not in {retired for known in PROVIDERS if known.name == provider for retired in known.retired_models}
    # Per million; one decimal place too many or too few is out of range. A whole vendor may be free.
    assert 0.01 <= input_price < output_price <= 200 if name else (input_price, output_price) == (0, 0)


def test_price_date_is_a_date() -> None:
    assert date.fromisoformat(PRICE_DATE)
