"""Budgets on workerd: what many calls at once get of one, and what a refusal looks like on each route."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import httpx2
import pytest

from electrons.keys import parse
from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.workers.callers import asking
from tests.workers.shapes import error_of, success_of

HELLO = [{"role": "user", "content": "Hello"}]
SPEECH = {"model": "tts-1", "voice": "alloy", "input": "Hi"}
MICROUSD = 2 * 15
"""What `SPEECH` costs: two characters at $15 a million. Nothing else is charged, so the estimate is the price."""

DROP_IN: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "/v1/chat/completions": (
        {"model": "gpt-4o", "messages": HELLO},
        {"type": "invalid_request_error", "code": "insufficient_quota", "param": None},
    ),
    "/v1/responses": (
        {"model": "gpt-4o", "input": "Hello"},
        {"type": "invalid_request_error", "code": "insufficient_quota", "param": None},
    ),
    "/v1/embeddings": (
        {"model": "text-embedding-3-small", "input": "Hello"},
        {"type": "invalid_request_error", "code": "insufficient_quota", "param": None},
    ),
    "/v1/messages": (
        {"model": "claude-sonnet-4-6", "max_tokens": 9, "messages": HELLO},
        {"type": "billing_error"},
    ),
}


def test_200_calls_at_once_pay_for_exactly_50(platform: Platform, emulators: Emulators) -> None:
    key = platform.key("audio", budget=f"{50 * MICROUSD / 1e6:.6f}/day")

    async def call_all() -> list[httpx2.Response]:
        url = platform.urls["audio-gen-with-keys-required"]
        headers = {"X-API-Key": key, **platform.headers("audio-gen-with-keys-required")}
        limits = httpx2.Limits(max_connections=200)
        async with httpx2.AsyncClient(
            base_url=url, headers=headers, limits=limits, timeout=120, trust_env=False
        ) as client:
            return await asyncio.gather(*(client.post("/v1/audio/speech", json=SPEECH) for _ in range(200)))

    answers = asyncio.run(call_all())

    assert Counter(answer.status_code for answer in answers) == {200: 50, 402: 150}
    assert len(emulators.requests("openai")) == 50
    refused = platform.client("audio-gen-with-keys-required").post(
        "/v1/audio/speech", json=SPEECH, headers={"X-API-Key": key}
    )
    assert refused.status_code == 402
    assert "has $0.00 left" in refused.json()["error"]["message"]


@pytest.mark.parametrize("path", DROP_IN)
def test_vendors_client_is_told_in_its_format(platform: Platform, emulators: Emulators, path: str) -> None:
    body, expected = DROP_IN[path]

    answer = platform.client("text-gen-without-money").post(path, json=body)

    assert answer.status_code == 402
    error = answer.json()["error"]
    assert {name: error[name] for name in expected} == expected
    assert "The budget of this deployment for the day has $0.00 left" in error["message"]
    assert answer.headers["x-should-retry"] == "false"
    assert not emulators.requests("openai")
    assert not emulators.requests("anthropic")


@pytest.mark.parametrize("path", ["/generate", "/generate/stream"])
def test_call_without_money_is_refused_with_what_is_left(platform: Platform, path: str) -> None:
    answer = platform.client("text-gen-without-money").post(path, json={"prompt": "Hello"})

    details = error_of(answer, 402, "BUDGET_EXCEEDED")["details"]
    assert (details["budget"], details["period"], details["limit_usd"], details["left_usd"]) == (
        "deployment",
        "day",
        0,
        0,
    )
    assert details["needed_usd"] > 0
    assert details["renews_at"].endswith("T00:00:00Z")


def test_budget_that_does_not_answer_in_time_refuses(platform: Platform, emulators: Emulators) -> None:
    answer = platform.client("text-gen-with-slow-budgets").post("/generate", json={"prompt": "Hello"})

    error_of(answer, 503, "BUDGET_UNAVAILABLE")
    assert not emulators.requests("anthropic")


def test_unpriced_model_is_refused_where_a_budget_applies(platform: Platform) -> None:
    answer = platform.client("text-gen-without-money").post(
        "/generate", json={"prompt": "Hello", "model": "openai:gpt-next"}
    )

    error_of(answer, 400, "PRICE_UNKNOWN")


def test_key_is_held_to_its_models(platform: Platform) -> None:
    key = platform.key("text", models="openai:gpt-4o-mini")
    client, headers = platform.client("text-gen-with-keys-required"), {"X-API-Key": key}

    answer = client.post("/generate", json={"prompt": "Hello", "model": "gpt-4o"}, headers=headers)
    allowed = client.post("/generate", json={"prompt": "Hello", "model": "gpt-4o-mini"}, headers=headers)

    assert error_of(answer, 403, "FORBIDDEN")["details"]["models"] == ["openai:gpt-4o-mini"]
    success_of(allowed)
    assert parse(key).environment == "test"


def test_usage_shows_what_is_left(platform: Platform) -> None:
    key = platform.key("text", budget="1/day")
    client, headers = platform.client("text-gen-with-keys-required"), {"X-API-Key": key}
    answer = client.post("/generate", json={"prompt": "Hello"}, headers=headers)
    cost = float(answer.headers["X-Estimated-Cost-USD"])

    def find() -> dict[str, Any]:
        body = success_of(client.get("/v1/usage", headers=headers))
        (budget,) = body["budgets"]
        return body if budget["spent_usd"] and body["day"]["calls"] else {}

    body = wait_for(find)

    (budget,) = body["budgets"]
    assert (budget["spent_usd"], budget["reserved_usd"], budget["period"]) == (cost, 0, "day")
    assert budget["left_usd"] == pytest.approx(1 - cost)
    assert (body["day"]["cost_usd"], body["models"][0]["model"]) == (cost, "anthropic:claude-sonnet-4-6")


def test_caller_who_leaves_pays_for_what_came(platform: Platform, emulators: Emulators) -> None:
    key = platform.key("text", budget="1/day")
    client, headers = platform.client("text-gen-with-keys-required"), {"X-API-Key": key}
    emulators.set_latency("anthropic", per_frame_ms=50)
    body = {"model": "claude-sonnet-4-6", "max_tokens": 9000, "stream": True, "messages": HELLO}
    url = platform.urls["text-gen-with-keys-required"]

    with asking(url, "/v1/messages", body, headers) as connection, connection.getresponse() as answer:
        assert answer.status == 200
        answer.readline()
        (state,) = success_of(client.get("/v1/usage", headers=headers))["budgets"]
        assert state["reserved_usd"] > 9000 * 15e-6

    def find() -> dict[str, Any]:
        (state,) = success_of(client.get("/v1/usage", headers=headers))["budgets"]
        return state if not state["reserved_usd"] else {}

    state = wait_for(find)
    assert 0 < state["spent_usd"] < 0.01


def test_lost_attempt_stays_paid_when_the_retry_succeeds(platform: Platform, emulators: Emulators) -> None:
    key = platform.key("text", budget="1/day")
    client, headers = platform.client("text-gen-with-keys-required"), {"X-API-Key": key}
    emulators.add_fault("anthropic", kind="cut", after=0)
    body = {"prompt": "Hello", "model": "anthropic:claude-sonnet-4-6", "options": {"max_tokens": 1000}}

    answer = client.post("/generate", json=body, headers=headers)

    success_of(answer)
    assert answer.headers["X-DE-Attempts"] == "2"
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    spent = wait_for(lambda: find_spent(client, headers))
    most = 2 * 2 * 6 + 1000 * 15
    assert most < row["estimated_cost_microusd"] == spent < 2 * most


def test_caller_who_leaves_before_the_answer_pays_what_was_reserved(platform: Platform, emulators: Emulators) -> None:
    key = platform.key("text", budget="1/day")
    client, headers = platform.client("text-gen-with-keys-required"), {"X-API-Key": key}
    emulators.set_latency("anthropic", first_byte_ms=5000)
    body = {"prompt": "Hello", "model": "anthropic:claude-sonnet-4-6", "options": {"max_tokens": 1000}}

    with asking(platform.urls["text-gen-with-keys-required"], "/generate", body, headers):
        reserved = wait_for(lambda: read_state(client, headers)["reserved_usd"])
    spent = wait_for(lambda: find_spent(client, headers))

    assert spent == round(reserved * 1e6) == 2 * 2 * 6 + 1000 * 15
    total = wait_for(lambda: success_of(client.get("/v1/usage", headers=headers))["day"]["cost_usd"])
    assert round(total * 1e6) == spent


def read_state(client: httpx2.Client, headers: dict[str, str]) -> dict[str, Any]:
    """Return the state of the key's one budget."""
    (state,) = success_of(client.get("/v1/usage", headers=headers))["budgets"]
    return dict(state)


def find_spent(client: httpx2.Client, headers: dict[str, str]) -> int:
    """Return what the key has spent, in millionths of a dollar; 0 while anything is reserved."""
    state = read_state(client, headers)
    return 0 if state["reserved_usd"] else round(state["spent_usd"] * 1e6)
