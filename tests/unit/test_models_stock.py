"""The request of a search for stock media."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from stock_media.models import StockRequest


def read(**fields: Any) -> StockRequest:
    return StockRequest.model_validate_json(json.dumps(fields))


def test_keywords_alone_have_no_bounds_and_the_first_page() -> None:
    request = read(keywords=["ocean"])

    assert (request.query, request.orientation, request.size) == ("ocean", None, None)
    assert request.options.model_dump(exclude_none=True) == {"page": 1}


@pytest.mark.parametrize(
    ("keywords", "query"),
    [
        (["ocean", "waves"], "ocean waves"),
        (["  ocean\t", "", " ", "big\nwaves"], "ocean big waves"),
        (["Köln 好的"], "Köln 好的"),
    ],
)
def test_query_when_the_keywords_have_blanks_then_single_spaces(keywords: list[str], query: str) -> None:
    assert read(keywords=keywords).query == query


@pytest.mark.parametrize("fields", [{}, *({"keywords": value} for value in (None, [], "", [""], [" ", "\u3000"]))])
def test_missing_keywords_are_required(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        read(**fields)

    (problem,) = caught.value.errors()
    assert (problem["loc"], problem["msg"]) == (("keywords",), "Keywords are required")


@pytest.mark.parametrize(
    "options",
    [
        {"per_page": 0},
        {"per_page": 81},
        {"per_page": 1.5},
        {"per_page": "5"},
        {"page": 0},
        {"min_duration": -1},
        {"max_duration": "long"},
        {"min_duration": 9, "max_duration": 8},
        {"min_width": 1.5},
        {"min_height": -1},
    ],
)
def test_wrong_option_is_refused(options: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        read(keywords=["ocean"], options=options)


def test_options_when_zero_and_null_then_taken_as_sent() -> None:
    options = read(
        keywords=["ocean"],
        options={"min_duration": 0, "max_duration": 0, "min_width": 0, "min_height": None, "per_page": None},
    ).options

    assert (options.min_duration, options.max_duration, options.min_width) == (0, 0, 0)
    assert (options.min_height, options.per_page) == (None, None)
