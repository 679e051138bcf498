"""Errors in the formats of OpenAI and Anthropic, before a route is known too."""

from typing import Any

import pytest

from electrons.app import App
from electrons.context import Context
from electrons.errors import (
    ElectronsError,
    IdempotencyInProgressError,
    MissingAPIKeyError,
    PayloadTooLargeError,
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderRejectedError,
    ProviderTimeoutError,
    RateLimitedError,
    RequestError,
    UnknownProviderError,
)
from electrons.http import Response
from electrons.models import RequestModel
from electrons.settings import Settings
from electrons.testing import TestClient, TestResponse

LIMIT = "rate_limit_exceeded"
MISSING_KEY = MissingAPIKeyError(provider="OpenAI", setting="X")
RUNNING = IdempotencyInProgressError("Running")
ANTHROPIC = {"anthropic-version": "2026-10-21"}


class Body(RequestModel):
    """A body with one field."""

    prompt: str


def create_app(error: Exception | None = None) -> App:
    app = App("worker")

    @app.post("/v1/chat/completions", dialect="openai", body_limit=100)
    async def chat(_context: Context, body: Body) -> Response:
        raise error or RequestError(body.prompt)

    @app.post("/v1/messages", dialect="anthropic", body_limit=100)
    async def messages(_context: Context, body: Body) -> Response:
        raise error or RequestError(body.prompt)

    @app.get("/v1/models", dialect="by_header")
    async def models(_context: Context) -> Response:
        raise error or RequestError("No models")

    @app.get("/v1/usage")
    async def usage(_context: Context) -> Response:
        raise RequestError("The platform's own route")

    return app


async def fail(error: Exception, path: str) -> TestResponse:
    return await TestClient(create_app(error)).request("POST", path, json={"prompt": "Hi"})


def failed(kind: type[ProviderError], status: int | None, **fields: Any) -> ProviderError:
    return kind("Wrapped words", provider="openai", upstream_status=status, **fields)


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("GET", "/v1/nowhere", {}, 404),
        ("GET", "/v1/chat/completions", {}, 405),
        ("POST", "/v1/chat/completions", {}, 400),
        ("GET", "/v1/models", {}, 400),
    ],
)
async def test_openai_client_gets_all_four_members(
    method: str, path: str, headers: dict[str, str], status: int
) -> None:
    answer = await TestClient(create_app()).request(method, path, headers=headers, content=b"{}")

    assert answer.status == status
    assert list(answer.json()) == ["error"]
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert answer.headers.get("x-request-id")


@pytest.mark.parametrize(
    ("method", "path", "headers", "status", "kind"),
    [
        ("GET", "/v1/nowhere", ANTHROPIC, 404, "not_found_error"),
        ("POST", "/v1/messages/nowhere", {}, 404, "not_found_error"),
        ("GET", "/v1/messages", {}, 405, "invalid_request_error"),
        ("POST", "/v1/messages", {}, 400, "invalid_request_error"),
        ("GET", "/v1/models", ANTHROPIC, 400, "invalid_request_error"),
    ],
)
async def test_anthropic_client_gets_the_request_id(
    method: str, path: str, headers: dict[str, str], status: int, kind: str
) -> None:
    answer = await TestClient(create_app()).request(method, path, headers=headers, content=b"{}")

    assert answer.status == status
    assert list(answer.json()) == ["type", "error", "request_id"]
    assert (answer.json()["type"], answer.json()["error"]["type"]) == ("error", kind)
    assert answer.headers.get("request-id") == answer.json()["request_id"] == answer.headers.get("x-request-id")


async def test_missing_key_is_an_authentication_error() -> None:
    client = TestClient(create_app(), settings=Settings())

    openai = await client.request("POST", "/v1/chat/completions", json={})
    anthropic = await client.request("POST", "/v1/messages", json={})

    assert (openai.status, openai.json()["error"]["code"]) == (401, "invalid_api_key")
    assert (anthropic.status, anthropic.json()["error"]["type"]) == (401, "authentication_error")


async def test_body_over_the_limit_is_too_large() -> None:
    client = TestClient(create_app())

    openai = await client.request("POST", "/v1/chat/completions", json={"prompt": "x" * 100})
    anthropic = await client.request("POST", "/v1/messages", json={"prompt": "x" * 100})

    assert (openai.status, openai.json()["error"]["code"]) == (413, PayloadTooLargeError.code.lower())
    assert (anthropic.status, anthropic.json()["error"]["type"]) == (413, "request_too_large")


async def test_wrong_field_is_the_param() -> None:
    answer = await TestClient(create_app()).request("POST", "/v1/chat/completions", json={"prompt": 1})

    assert answer.json()["error"]["param"] == "prompt"


async def test_own_route_below_v1_keeps_the_own_shape() -> None:
    answer = await TestClient(create_app()).request("GET", "/v1/usage")

    assert answer.json()["error_code"] == "INVALID_REQUEST"


async def test_app_without_dialects_keeps_the_own_shape() -> None:
    answer = await TestClient(App("worker")).request("GET", "/v1/chat/completions", headers=ANTHROPIC)

    assert answer.json()["error_code"] == "ROUTE_NOT_FOUND"
    assert answer.headers.get("request-id") is None


@pytest.mark.parametrize(
    ("error", "openai", "anthropic", "retry"),
    [
        (UnknownProviderError("No `x`"), "404 invalid_request_error model_not_found", "404 not_found_error", None),
        (MISSING_KEY, "500 server_error missing_api_key", "500 api_error", "false"),
        (failed(ProviderAuthError, 401), "502 server_error provider_auth_failed", "502 api_error", "false"),
        (failed(ProviderQuotaError, 402), "429 insufficient_quota insufficient_quota", "429 rate_limit_error", "false"),
        (failed(ProviderRateLimitError, 429), f"429 {LIMIT} {LIMIT}", "429 rate_limit_error", None),
        (failed(ProviderTimeoutError, None), "504 server_error gateway_timeout", "504 timeout_error", "false"),
        (failed(ProviderError, 529), "503 server_error None", "529 overloaded_error", None),
        (failed(ProviderError, 503), "503 server_error None", "529 overloaded_error", None),
        (failed(ProviderError, 500), "500 server_error None", "500 api_error", None),
        (failed(ProviderError, 302), "502 server_error None", "502 api_error", None),
        (failed(ProviderRejectedError, 404), "404 invalid_request_error model_not_found", "404 not_found_error", None),
        (RUNNING, "409 invalid_request_error idempotency_in_progress", "409 invalid_request_error", "true"),
        (KeyError("private"), "500 server_error internal_error", "500 api_error", None),
    ],
)
async def test_error_has_the_status_and_type_of_the_dialect(
    error: ElectronsError, openai: str, anthropic: str, retry: str | None
) -> None:
    first, second = await fail(error, "/v1/chat/completions"), await fail(error, "/v1/messages")

    told = first.json()["error"]
    assert f"{first.status} {told['type']} {told['code']}" == openai
    assert f"{second.status} {second.json()['error']['type']}" == anthropic
    assert first.headers.get("x-should-retry") == second.headers.get("x-should-retry") == retry


async def test_vendors_own_error_passes_in_its_dialect() -> None:
    error = failed(ProviderRejectedError, 400)
    error.content = b'{"error": {"message": "Bad tool", "type": "odd_error", "param": "tools[0]", "code": "bad_tool"}}'

    openai, anthropic = await fail(error, "/v1/chat/completions"), await fail(error, "/v1/messages")

    assert openai.status == anthropic.status == 400
    assert openai.json()["error"] == {
        "message": "Bad tool",
        "type": "odd_error",
        "param": "tools[0]",
        "code": "bad_tool",
    }
    assert anthropic.json()["error"] == {"type": "invalid_request_error", "message": "Bad tool"}


@pytest.mark.parametrize(
    ("details", "kept"),
    [
        (b'{"error_code": "thread_not_found"}', {"details": {"error_code": "thread_not_found"}}),
        (b'{"key": "sk-ant-api03-0123456789abcdef0123456789"}', {}),
        (b'["thread_not_found"]', {}),
        (b'{"text": "%s"}' % (b"x" * 4000), {}),
    ],
)
async def test_details_of_anthropic_reach_its_clients(details: bytes, kept: dict[str, Any]) -> None:
    error = failed(ProviderRejectedError, 400)
    error.content = b'{"type": "error", "error": {"type": "odd", "message": "Bad", "details": %s}}' % details

    openai, anthropic = await fail(error, "/v1/chat/completions"), await fail(error, "/v1/messages")

    assert anthropic.json()["error"] == {"type": "odd", "message": "Bad", **kept}
    assert "details" not in openai.json()["error"]


async def test_retry_after_of_the_vendor_is_kept() -> None:
    error = failed(ProviderRateLimitError, 429, retry_after=7)

    answer = await fail(error, "/v1/messages")

    assert (answer.status, answer.headers.get("Retry-After")) == (429, "7")


@pytest.mark.parametrize(
    ("headers", "told"),
    [([("Retry-After", "60")], None), ([("Retry-After", "3600")], "false"), ([], "false")],
)
async def test_limit_that_lasts_is_not_waited_for(headers: list[tuple[str, str]], told: str | None) -> None:
    error = RateLimitedError("Used up")
    error.headers = headers

    for path in ("/v1/chat/completions", "/v1/messages"):
        answer = await fail(error, path)

        assert (answer.status, answer.headers.get("x-should-retry")) == (429, told)


@pytest.mark.parametrize("content", [b"<html>Bad gateway</html>", b"", b"[]", b'{"error": null}'])
async def test_unreadable_vendor_error_still_has_the_shape(content: bytes) -> None:
    error = failed(ProviderError, 502)
    error.content = content

    answer = await fail(error, "/v1/messages")

    assert answer.status == 502
    assert answer.json()["error"] == {"type": "api_error", "message": "Wrapped words"}


async def test_too_long_prompt_is_said_in_each_vendors_words() -> None:
    theirs = failed(ProviderRejectedError, 400)
    theirs.content = (
        b'{"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long: 9"}}'
    )
    other = failed(ProviderRejectedError, 400)
    other.content = b'{"error": {"message": "Maximum context length", "code": "context_length_exceeded"}}'

    openai, anthropic = await fail(theirs, "/v1/chat/completions"), await fail(other, "/v1/messages")

    assert openai.json()["error"]["code"] == "context_length_exceeded"
    assert anthropic.json()["error"]["message"] == "prompt is too long: Maximum context length"


async def test_preflight_allows_the_headers_of_the_clients() -> None:
    asked = "authorization, x-stainless-lang, X-Stainless-Retry-Count, x-evil, anthropic-version"
    headers = {"Origin": "https://a.example", "Access-Control-Request-Headers": asked}

    answer = await TestClient(create_app()).request("OPTIONS", "/v1/messages", headers=headers)
    own = await TestClient(create_app()).request("OPTIONS", "/health", headers=headers)

    allowed = (answer.headers.get("Access-Control-Allow-Headers") or "").lower().split(", ")
    assert {"x-stainless-lang", "x-stainless-retry-count", "anthropic-version", "x-api-key"} <= set(allowed)
    assert "x-evil" not in allowed
    assert "stainless" not in (own.headers.get("Access-Control-Allow-Headers") or "")


async def test_browsers_may_read_the_headers_that_clients_look_for() -> None:
    answer = await TestClient(create_app()).request("GET", "/v1/models")

    exposed = answer.headers.get("Access-Control-Expose-Headers") or ""
    assert "request-id, x-should-retry" in exposed
