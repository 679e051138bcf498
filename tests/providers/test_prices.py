"""What a call costs."""

from datetime import date
from typing import Any

import pytest

from electrons.pricing import Price, parse_prices
from electrons.providers.openai.compatible import BUILT_IN
from electrons.upstream.price_list import FROM_PAGES, LISTED, PRICE_DATE
from electrons.upstream.prices import Cost, estimate_cost, estimate_most, find_price, strip_version
from electrons.usage import Most, Usage
from tests.providers.test_conformance import PROVIDERS

ALL = {**LISTED, **FROM_PAGES}


def usage_of(model: str, **fields: Any) -> Usage:
    provider, _, name = model.partition(":")
    return Usage(provider=provider, model=name, **fields)


def cost(model: str, input_units: int = 1_000_000, output_units: int = 1_000_000, **fields: Any) -> int | None:
    estimate = estimate_cost(usage_of(model, input_units=input_units, output_units=output_units, **fields), {})
    return estimate.microusd if estimate else None


def test_cost_is_in_millionths_with_the_lists_date() -> None:
    usage = usage_of("anthropic:claude-sonnet-4-6", input_units=1000, output_units=200)

    assert estimate_cost(usage, {}) == Cost(microusd=1000 * 3 + 200 * 15, price_date=PRICE_DATE)


def test_cost_is_rounded_up() -> None:
    assert cost("openai:gpt-4o-mini", 1, 0) == 1
    assert cost("openai:gpt-4o-mini", 20, 0) == 3
    assert cost("openai:gpt-4o-mini", 21, 0) == 4


@pytest.mark.parametrize(
    ("model", "same_as"),
    [
        ("openai:gpt-4o-mini-2024-07-18", "openai:gpt-4o-mini"),
        ("openai:gpt-4o-2024-08-06", "openai:gpt-4o"),
        ("openai:ft:gpt-4o-mini-2024-07-18:studio::8Xa", "openai:ft:gpt-4o-mini"),
        ("anthropic:claude-haiku-4-5-20251001", "anthropic:claude-haiku-4-5"),
        ("anthropic:claude-sonnet-5-5", "anthropic:claude-sonnet-5-5"),
    ],
)
def test_dated_name_costs_as_the_name_without_it(model: str, same_as: str) -> None:
    assert find_price(usage_of(model)) == LISTED[same_as]


@pytest.mark.parametrize(
    "model", ["openai:new", "openai:gpt-4o-next", "anthropic:gpt-4o", "unknown:claude-sonnet-4-6", "openai:"]
)
def test_model_without_a_price_has_no_cost(model: str) -> None:
    assert cost(model) is None
    assert most_of(usage_of(model), 1, 1) is None


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
    counts = {"input_units": 10_000, "cache_read_units": 6_000, "cache_write_units": 3_000}

    assert cost(f"anthropic:{model}", output_units=0, **counts) == round(
        (1_000 + 6_000 * read_share + 3_000 * 1.25) * input_price
    )


def test_what_is_cached_for_an_hour_costs_twice_as_much() -> None:
    counts = {"input_units": 1_000, "cache_write_units": 1_000, "cache_write_1h_units": 400}

    assert cost("anthropic:claude-sonnet-4-6", output_units=0, **counts) == 600 * 3.75 + 400 * 6


def test_without_cache_prices_all_input_costs_the_same() -> None:
    counts = {"input_units": 10_000, "cache_read_units": 6_000, "cache_write_units": 3_000}

    assert cost("openai:gpt-3.5-turbo", output_units=0, **counts) == 5_000


def test_long_input_has_the_higher_price_for_the_whole_call() -> None:
    assert cost("openai:gpt-6.1-sol", 272_000, 1) == 272_000 * 2 + 10
    assert cost("openai:gpt-6.1-sol", 272_001, 1) == 272_001 * 4 + 15


def test_prices_of_the_vendors_page_count_besides_the_list() -> None:
    assert cost("openai:gpt-6.2-sol", 1_000, 100, cache_read_units=400) == 600 * 2 + 40 + 100 * 10
    assert cost("openai:gpt-6.2-sol", 272_001, 1) == 272_001 * 4 + 15


def test_sum_of_short_calls_has_the_lower_price() -> None:
    assert cost("openai:gpt-6.1-sol", 400_000, 0, largest_input=200_000) == 400_000 * 2


def test_worst_is_all_input_written_to_the_cache() -> None:
    assert most_of(usage_of("anthropic:claude-sonnet-4-6"), 1_000, 10) == Cost(1_000 * 6 + 10 * 15, PRICE_DATE)
    assert most_of(usage_of("openai:gpt-4o"), 1_000, 0) == Cost(2_500, PRICE_DATE)


def test_calls_of_unknown_outcome_cost_the_most() -> None:
    usage = usage_of("anthropic:claude-sonnet-4-6", input_units=300_000, output_units=10)
    usage.unknown = (Most("claude-sonnet-4-6", 1_000, 10), Most("claude-haiku-4-5", 1_000, 0))

    assert estimate_cost(usage, {}) == Cost(300_000 * 3 + 10 * 15 + 1_000 * 6 + 10 * 15 + 1_000 * 2, PRICE_DATE)


def test_call_of_unknown_outcome_without_a_price_has_no_cost() -> None:
    usage = usage_of("openai:gpt-4o")
    usage.unknown = (Most("next", 1, 1),)

    assert estimate_cost(usage, {}) is None


def most_of(usage: Usage, read: int, written: int) -> Cost | None:
    return estimate_most(usage, Most(usage.model, read, written), {})


@pytest.mark.parametrize(
    ("grade", "dollars"), [("", 0.06), ("DEFAULT", 0.06), ("TURBO", 0.03), ("QUALITY", 0.09), ("FLASH", 0.03)]
)
def test_image_costs_what_its_quality_costs(grade: str, dollars: float) -> None:
    assert cost("ideogram:v3", 0, 2, unit="images", grade=grade) == round(2 * dollars * 1e6)


def test_speech_costs_its_characters() -> None:
    assert cost("openai:tts-1", 1_000, 0, unit="characters") == 15_000


def test_price_of_other_units_is_none() -> None:
    assert cost("openai:gpt-image-1", 0, 1, unit="images") is None
    assert cost("openai:gpt-4o-mini-tts", 100, 0, unit="characters") is None


@pytest.mark.parametrize("model", ["pexels:videos", "anthropic:models", "openai:gpt-4o", "elevenlabs:voices"])
def test_requests_are_free_of_charge(model: str) -> None:
    assert cost(model, 5, 0, unit="requests") == 0


def test_nothing_used_costs_nothing() -> None:
    assert cost("openai:gpt-4o", 0, 0) == 0


def test_list_is_plausible() -> None:
    names = {known.name for known in PROVIDERS} | {endpoint.name for endpoint in BUILT_IN}
    for model, price in ALL.items():
        levels = [price, *(level for _, level in price.above)]
        assert model.partition(":")[0] in names, model
        assert price.unit in {"tokens", "characters", "images", "seconds"}, model
        for level in levels:
            assert (level.unit, level.above) == ("tokens", ()) or level is price, model
            assert 0 <= level.input <= 200, model
            assert 0 <= level.output <= (600 if price.unit == "tokens" else 1_000_000), model
            assert level.cache_read is None or level.cache_read <= level.input, model
            assert level.cache_write is None or level.input <= level.cache_write <= (level.cache_write_1h or 1e9), model
        assert [start for start, _ in price.above] == sorted({start for start, _ in price.above}), model
        for name in ("input", "output", "cache_read", "cache_write", "cache_write_1h"):
            value = float(getattr(price, name) or 0) * 1e6
            assert abs(value - round(value)) < 1e-6, f"{model}: {name} has more decimals than are counted"


def test_price_date_is_a_date() -> None:
    assert date.fromisoformat(PRICE_DATE)


def test_version_is_stripped_from_the_end_only() -> None:
    assert strip_version("gpt-4o-2024-08-06") == "gpt-4o"
    assert strip_version("gpt-4.1") == "gpt-4.1"
    assert strip_version("gpt-4-0613") == "gpt-4"


def test_list_is_what_npm_run_prices_writes() -> None:
    genai_prices = pytest.importorskip("genai_prices")  # set-ups from before it was a dependency do not have it
    import prices  # noqa: PLC0415

    assert genai_prices
    text = prices.PRICE_LIST.read_text(encoding="utf-8")
    written: dict[str, Any] = {}
    exec(compile(prices.render(text, date.fromisoformat(PRICE_DATE)), "price_list", "exec"), written)  # noqa: S102

    assert written["LISTED"] == {name: Price(*price) for name, price in LISTED.items()}, "run `npm run prices`"
    assert written["FROM_PAGES"] == FROM_PAGES


OWN = parse_prices(
    """{"elevenlabs:*": {"characters": 220}, "elevenlabs:eleven_v3": {"characters": 300},
    "shotstack:edit-v1": {"minute": 0.3}, "openai:gpt-4o": {"input_tokens": 2, "output_tokens": 8, "cached_tokens": 1},
    "vllm:Qwen/Qwen3-8B": {"input_tokens": 0}, "ideogram:v3": {"image": 0.05}}"""
)


@pytest.mark.parametrize(
    ("model", "fields", "microusd"),
    [
        ("elevenlabs:eleven_flash_v2_5", {"unit": "characters", "input_units": 1_000}, 220_000),
        ("elevenlabs:eleven_v3", {"unit": "characters", "input_units": 1_000}, 300_000),
        ("shotstack:edit-v1", {"unit": "seconds", "output_units": 90}, 450_000),
        (
            "openai:gpt-4o-2024-08-06",
            {"input_units": 100, "output_units": 10, "cache_read_units": 40},
            240,
        ),
        ("vllm:qwen/qwen3-8b", {"input_units": 100, "output_units": 10}, 0),
        ("ideogram:v3", {"unit": "images", "output_units": 2, "grade": "TURBO"}, 100_000),
    ],
)
def test_own_price_comes_before_the_list(model: str, fields: dict[str, Any], microusd: int) -> None:
    usage = usage_of(model, **fields)

    assert estimate_cost(usage, OWN) == Cost(microusd, "PRICES")
    assert estimate_most(usage, Most(usage.model, 1, 1), OWN)


def test_own_price_of_another_unit_does_not_count() -> None:
    own = parse_prices('{"openai:gpt-4o": {"image": 1}}')

    assert estimate_cost(usage_of("openai:gpt-4o", input_units=2), own) == Cost(5, PRICE_DATE)
    assert estimate_cost(usage_of("elevenlabs:eleven_v3", unit="tokens"), OWN) is None


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("5", "the object"),
        ('{"gpt-4o": {"image": 1}}', "gpt-4o"),
        ('{"a:b": {}}', "needs one of"),
        ('{"a:b": {"image": 1, "minute": 1}}', "needs one of"),
        ('{"a:b": {"output_tokens": 1}}', "needs `input_tokens`"),
        ('{"a:b": {"image": -1}}', "a:b image"),
        ('{"a:b": {"image": "1"}}', "a:b image"),
        ('{"a:b": {"second": 1}}', "a:b second"),
    ],
)
def test_own_price_that_is_wrong_is_named(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_prices(text)
