"""Amounts of money, and budgets as they are written in settings and for keys."""

import pytest

from electrons.money import Budget, format_usd, parse_budget, parse_provider_budgets, parse_usd


@pytest.mark.parametrize(
    ("text", "microusd", "written"),
    [
        ("5", 5_000_000, "5.00"),
        (" 0.25 ", 250_000, "0.25"),
        ("0.000001", 1, "0.000001"),
        ("0", 0, "0.00"),
        ("1e2", 100_000_000, "100.00"),
        ("1.1", 1_100_000, "1.10"),
    ],
)
def test_amount_is_exact_in_millionths(text: str, microusd: int, written: str) -> None:
    assert parse_usd(text) == microusd
    assert format_usd(microusd) == written


def test_negative_amount_is_written_with_its_sign() -> None:
    assert format_usd(-1_500_000) == "-1.50"


@pytest.mark.parametrize("text", ["", "five", "-1", "nan", "inf", "0.0000001", "1000001", "$5", "5 USD"])
def test_other_amounts_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="US dollars"):
        parse_usd(text)


def test_budget_when_written_then_read_back() -> None:
    budget = parse_budget("50/month, 5/day")

    assert budget == Budget(day=5_000_000, month=50_000_000)
    assert str(budget) == "5.00/day, 50.00/month"
    assert parse_budget(str(budget)) == budget


def test_budget_of_zero_is_a_budget() -> None:
    assert parse_budget("0/day")
    assert not parse_budget("")


@pytest.mark.parametrize("text", ["5", "5/week", "5/day, 6/day", "/day", "5/day/month", "x/day"])
def test_budget_when_misspelled_then_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"budget|US dollars"):
        parse_budget(text)


def test_provider_budgets_are_listed_by_name() -> None:
    assert parse_provider_budgets("OpenAI=5/day, anthropic=20/month, openai=50/month") == {
        "openai": Budget(day=5_000_000, month=50_000_000),
        "anthropic": Budget(month=20_000_000),
    }


@pytest.mark.parametrize("text", ["5/day", "=5/day", "openai", "openai=5/day, openai=6/day"])
def test_provider_budgets_when_misspelled_then_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"budget|US dollars"):
        parse_provider_budgets(text)
