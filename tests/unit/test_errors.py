"""The errors' tree and their shape."""

import re
from collections.abc import Iterator

import pytest

import electrons.errors
from electrons.errors import (
    DatabaseError,
    ElectronsError,
    MissingAPIKeyError,
    ProviderError,
    RequestError,
    UnauthorizedError,
)

_LINE = re.compile(r"^    (?P<branch>[ │├└─]*)(?P<name>\w+Error) +(?P<status>\d{3}) (?P<code>[A-Z_]+)(?:  |$)", re.M)


def documented() -> list[tuple[int, str, int, str]]:
    """(depth, name, status, code) of each line of the docstring's tree."""
    lines = _LINE.finditer(electrons.errors.__doc__ or "")
    return [(len(line["branch"]) // 4, line["name"], int(line["status"]), line["code"]) for line in lines]


def implemented(kind: type[ElectronsError] = ElectronsError, depth: int = 0) -> Iterator[tuple[int, str, int, str]]:
    yield depth, kind.__name__, kind.status, kind.code
    for derived in kind.__subclasses__():
        if derived.__module__ == electrons.errors.__name__:  # a vendor's file may have errors of its own
            yield from implemented(derived, depth + 1)


def test_docstring_when_compared_then_matches_class_tree() -> None:
    assert documented() == list(implemented())


def test_body_when_there_are_details_then_they_stand_in_it() -> None:
    error = RequestError("Prompt is required", details={"fields": [{"field": "prompt"}]})

    assert error.to_body("id-1") == {
        "success": False,
        "error": "Prompt is required",
        "error_code": "INVALID_REQUEST",
        "request_id": "id-1",
        "details": {"fields": [{"field": "prompt"}]},
    }


def test_body_when_there_are_no_details_then_no_such_member() -> None:
    assert "details" not in RequestError("Prompt is required").to_body("id-1")


def test_code_when_given_then_it_takes_the_classs_place() -> None:
    assert RequestError("Too long", code="TEXT_TOO_LONG").error_code == "TEXT_TOO_LONG"


def test_missing_api_key_when_raised_then_names_secret_to_set() -> None:
    message = MissingAPIKeyError(provider="Anthropic", setting="ANTHROPIC_API_KEY").message

    assert "Anthropic API key not configured" in message
    assert "`ANTHROPIC_API_KEY`" in message


def test_database_error_when_raised_then_body_hides_the_reason() -> None:
    error = DatabaseError("D1_ERROR: no such table: things")

    assert str(error) == "D1_ERROR: no such table: things"
    assert "things" not in str(error.to_body("id-1"))


def test_unauthorized_when_raised_then_says_how_to_authenticate() -> None:
    assert UnauthorizedError("Send a key").headers == [("WWW-Authenticate", "Bearer")]


def test_provider_error_when_facts_are_known_then_only_those() -> None:
    error = ProviderError("Overloaded", provider="anthropic", upstream_status=529, upstream_code="overloaded_error")

    assert error.details == {"provider": "anthropic", "status": 529, "code": "overloaded_error"}
    assert error.headers == []


@pytest.mark.parametrize(
    ("seconds", "header"),
    [(0, "0"), (0.2, "1"), (3, "3"), (3.01, "4"), (-1, "0"), (1e300, "86400"), (float("inf"), "86400")],
)
def test_provider_error_when_retry_after_then_rounded_up(seconds: float, header: str) -> None:
    assert ProviderError("Busy", provider="openai", retry_after=seconds).headers == [("Retry-After", header)]


def test_provider_error_when_retry_after_is_nan_then_no_header() -> None:
    error = ProviderError("Busy", provider="openai", retry_after=float("nan"))

    assert (error.retry_after, error.headers) == (None, [])


def test_extend_then_adds_details_and_leaves_original_unchanged() -> None:
    error = ProviderError("Vendor failed.", provider="vendor", upstream_status=500, retry_after=3)
    error.result = {"text": "paid"}

    extended = error.extend("Nothing was changed", outcome="unchanged")

    assert (type(extended), extended.message) == (ProviderError, "Vendor failed. Nothing was changed")
    assert extended.details == {"provider": "vendor", "status": 500, "outcome": "unchanged"}
    assert (extended.upstream_status, extended.retry_after, extended.result) == (500, 3, {"text": "paid"})
    assert (extended.headers, extended.headers is error.headers) == (error.headers, False)
    assert (error.message, error.details) == ("Vendor failed.", {"provider": "vendor", "status": 500})
