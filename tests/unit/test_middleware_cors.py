"""Cross-origin resource sharing."""

import pytest

from electrons.app import App
from electrons.settings import Settings
from electrons.testing import TestClient

LISTED = Settings(auth_mode="open", cors_origins="https://app.example, https://other.example")


async def test_preflight_when_any_origin_is_allowed_then_204() -> None:
    answer = await TestClient(App("worker")).request("OPTIONS", "/anything", headers={"Origin": "https://a.example"})

    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers.get("Access-Control-Allow-Origin") == "*"
    assert answer.headers.get("Access-Control-Max-Age") == "86400"
    assert "POST" in (answer.headers.get("Access-Control-Allow-Methods") or "")
    assert answer.headers.get("Access-Control-Allow-Headers") == (
        "Content-Type, Authorization, X-API-Key, X-Request-ID, X-Instance-ID, Idempotency-Key, Range, If-Range, "
        "If-None-Match, traceparent"
    )


@pytest.mark.parametrize("path", ["/health", "/nowhere"])
async def test_answer_when_success_or_failure_then_browsers_may_read(path: str) -> None:
    answer = await TestClient(App("worker")).request("GET", path)

    assert answer.headers.get("Access-Control-Allow-Origin") == "*"
    exposed = answer.headers.get("Access-Control-Expose-Headers")
    assert exposed == (
        "X-Request-ID, RateLimit, RateLimit-Policy, Retry-After, X-Estimated-Cost-USD, X-DE-Provider, X-DE-Model, "
        "X-DE-Attempts, X-DE-Cost, X-DE-Overhead-Ms, X-DE-Cache, X-DE-Warnings, Idempotent-Replayed, "
        "Content-Range, Accept-Ranges, Content-Length, ETag"
    )


async def test_answer_when_origin_is_listed_then_it_is_named() -> None:
    answer = await TestClient(App("worker"), settings=LISTED).request(
        "GET", "/health", headers={"Origin": "https://other.example"}
    )

    assert answer.headers.get("Access-Control-Allow-Origin") == "https://other.example"
    assert answer.headers.get("Vary") == "Origin"


@pytest.mark.parametrize("origin", ["https://evil.example", "https://app.example.evil.example", "null", ""])
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_answer_when_origin_is_not_listed_then_none_is_named(method: str, origin: str) -> None:
    answer = await TestClient(App("worker"), settings=LISTED).request(method, "/health", headers={"Origin": origin})

    assert answer.headers.get("Access-Control-Allow-Origin") is None
    assert answer.headers.get("Vary") == "Origin"
