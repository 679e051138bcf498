"""The boundary at which errors become responses."""

from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from electrons.app import App
from electrons.context import Context
from electrons.errors import (
    ConfigurationError,
    DeploymentFailedError,
    ElectronsError,
    ProviderAuthError,
    ProviderError,
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


async def test_error_when_unexpected_then_fixed_text_and_traceback() -> None:
    answer = await raise_in_handler(KeyError("the private column"))

    assert (answer.status, answer.json()["error_code"]) == (500, "INTERNAL_ERROR")
    assert "private" not in answer.body.decode()
    failure = answer.log[0]
    assert (failure["event"], failure["request_id"]) == ("failure", answer.json()["request_id"])
    assert "the private column" in failure["traceback"]


async def test_error_when_provider_unreachable_then_cause_is_logged() -> None:
    error = ProviderUnreachableError("OpenAI cannot be reached", provider="openai")

    answer = await raise_in_handler(error, cause=OSError("no route; Authorization: Bearer abcdef123456"))

    failed = answer.log[0]
    assert (failed["event"], failed["level"]) == ("failed", "warning")
    assert failed["cause"] == "OSError: no route; Authorization: Bearer ***"
    assert "no route" not in answer.body.decode()


async def test_error_when_request_is_invalid_then_only_access_line() -> None:
    answer = await raise_in_handler(RequestError("Task is required"))

    assert [(line["event"], line["error_code"]) for line in answer.log] == [("request", "INVALID_REQUEST")]


async def test_provider_error_when_logged_then_codes_without_messages() -> None:
    error = ProviderError(
        "Cannot do: the tulip plan",
        provider="openai",
        upstream_status=500,
        upstream_code="server_error",
        upstream_request_id="req_1",
    )

    answer = await raise_in_handler(error, cause=ValueError("the tulip plan"))

    failed = answer.log[0]
    assert "tulip" not in str(answer.log)
    assert (failed["error_code"], failed["cause"]) == ("PROVIDER_ERROR", "ValueError")
    assert failed["details"] == {
        "provider": "openai",
        "status": 500,
        "code": "server_error",
        "provider_request_id": "req_1",
    }


async def test_deployment_error_when_logged_then_error_codes_only() -> None:
    cause = ProviderError("Uncaught: secret = 'tulip'", provider="cloudflare", upstream_code="the tulip plan")
    words: list[dict[str, Any]] = [
        {"code": 10021, "message": "Uncaught: secret = 'tulip'"},
        {"code": "the tulip plan", "message": ""},
    ]

    answer = await raise_in_handler(DeploymentFailedError(cause, errors=words))

    assert "tulip" not in str(answer.log)
    assert answer.log[0]["details"] == {"provider": "cloudflare", "codes": [10021]}


PRIVATE = "the tulip plan"


async def test_log_of_a_broken_model_hides_the_values() -> None:
    class Secretive(BaseModel):
        text: int

    with pytest.raises(ValidationError) as caught:
        Secretive.model_validate({"text": PRIVATE})

    answer = await raise_in_handler(caught.value)

    assert answer.log[0]["event"] == "failure"
    assert "tulip" not in str(answer.log)
