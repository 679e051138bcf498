"""The boundary at which errors become answers."""

import pytest

from electrons.app import App
from electrons.context import Context
from electrons.errors import (
    ConfigurationError,
    ElectronsError,
    ProviderAuthError,
    ProviderRateLimitError,
    ProviderUnreachableError,
    RequestError,
)
from electrons.http import Response
from electrons.testing import TestClient, TestResponse


async def raise_in_handler(error: Exception, *, cause: Exception | None = None) -> TestResponse:
    app = App("worker")

    @app.get("/fail")
    async def fail(_context: Context) -> Response:
        raise error from cause

    return await TestClient(app).request("GET", "/fail")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (RequestError("Task is required"), 400, "INVALID_REQUEST"),
        (ConfigurationError("Set `X`"), 500, "CONFIGURATION_ERROR"),
        (ProviderAuthError("Invalid key", provider="openai", upstream_status=401), 502, "PROVIDER_AUTH_FAILED"),
        (ProviderRateLimitError("Slow down", provider="openai", retry_after=7), 429, "PROVIDER_RATE_LIMIT"),
    ],
)
async def test_error_when_it_is_ours_then_its_status_code_and_text(
    error: ElectronsError, status: int, code: str
) -> None:
    answer = await raise_in_handler(error)

    assert (answer.status, answer.json()["error_code"]) == (status, code)
    assert answer.json()["error"] == error.message
    for name, value in error.headers:
        assert answer.headers.get(name) == value


async def test_error_when_it_is_foreign_then_a_fixed_text_and_the_traceback_in_the_log() -> None:
    answer = await raise_in_handler(KeyError("the private column"))

    assert (answer.status, answer.json()["error_code"]) == (500, "INTERNAL_ERROR")
    assert "private" not in answer.body.decode()
    failure = answer.log[0]
    assert (failure["event"], failure["request_id"]) == ("failure", answer.json()["request_id"])
    assert "the private column" in failure["traceback"]


async def test_error_when_it_is_a_failure_of_ours_or_a_provider_then_its_cause_reaches_the_log() -> None:
    error = ProviderUnreachableError("OpenAI cannot be reached", provider="openai")

    answer = await raise_in_handler(error, cause=OSError("no route; Authorization: Bearer abcdef123456"))

    failed = answer.log[0]
    assert (failed["event"], failed["level"]) == ("failed", "warning")
    assert failed["cause"] == "OSError: no route; Authorization: Bearer ***"
    assert "no route" not in answer.body.decode()


async def test_error_when_the_request_is_at_fault_then_only_the_access_line() -> None:
    answer = await raise_in_handler(RequestError("Task is required"))

    assert [(line["event"], line["error_code"]) for line in answer.log] == [("request", "INVALID_REQUEST")]
