"""Cross-origin resource sharing: what a browser's page may call and read."""

import httpx2
import pytest

from tests.platform import Platform

ALLOWED = (
    "Content-Type, Authorization, X-API-Key, X-Request-ID, X-Instance-ID, Idempotency-Key, Range, If-Range, "
    "If-None-Match, traceparent"
)


def ask_before(platform: Platform, worker: str, path: str, origin: str) -> httpx2.Response:
    """Send a browser's preflight."""
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    return platform.client(worker).options(path, headers=headers)


@pytest.mark.parametrize("path", ["/generate", "/generate/stream", "/health"])
def test_preflight_when_asked_then_204_names_what_is_allowed(platform: Platform, path: str) -> None:
    answer = ask_before(platform, "text-gen", path, "https://app.example")

    assert answer.status_code == 204
    assert answer.content == b""
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert {"GET", "POST"} <= set(answer.headers["Access-Control-Allow-Methods"].split(", "))
    assert answer.headers["Access-Control-Allow-Headers"] == ALLOWED
    assert answer.headers["Access-Control-Max-Age"] == "86400"
    assert answer.headers["X-Request-ID"]


@pytest.mark.parametrize("worker", ["text-gen-with-keys-required", "text-gen-limited"])
def test_preflight_when_keys_and_limits_apply_then_is_exempt(platform: Platform, worker: str) -> None:
    answer = ask_before(platform, worker, "/generate", "https://app.example")

    assert answer.status_code == 204
    assert "RateLimit" not in answer.headers


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/generate", {"prompt": "Hello"}, 200),
        ("/generate/stream", {"prompt": "Hello"}, 200),
        ("/generate", {}, 400),
        ("/nothing-here", {}, 404),
    ],
)
def test_answer_when_any_status_then_page_may_read_headers(
    platform: Platform, path: str, body: dict[str, str], status: int
) -> None:
    answer = platform.client("text-gen").post(path, json=body)

    assert answer.status_code == status
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    exposed = set(answer.headers["Access-Control-Expose-Headers"].split(", "))
    assert {"X-Request-ID", "RateLimit", "RateLimit-Policy", "Retry-After"} <= exposed


@pytest.mark.parametrize("origin", ["https://app.example", "https://other.example"])
def test_origin_when_it_stands_in_the_list_then_it_is_named(platform: Platform, origin: str) -> None:
    preflight = ask_before(platform, "text-gen-for-one-origin", "/generate", origin)
    answer = platform.client("text-gen-for-one-origin").get("/health", headers={"Origin": origin})

    for reply in (preflight, answer):
        assert reply.headers["Access-Control-Allow-Origin"] == origin
        assert reply.headers["Vary"] == "Origin"


@pytest.mark.parametrize("origin", ["https://evil.example", "https://app.example.evil.example", "null", ""])
def test_origin_when_it_is_not_in_the_list_then_none_is_named(platform: Platform, origin: str) -> None:
    answer = ask_before(platform, "text-gen-for-one-origin", "/generate", origin)

    assert "Access-Control-Allow-Origin" not in answer.headers
    assert answer.headers["Vary"] == "Origin"
