"""Responses that are used again: whole ones and streams, of the platform's routes and the vendors'."""

import json
from typing import Any

import httpx2
import pytest

from electrons.testing import TestResponse, create_key
from tests.unit.gateway import CHAT, HELLO, MESSAGES, Gateway, chunk, streamed

COMPLETION = {
    "model": "gpt-4o",
    "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1},
}
STREAM = (
    chunk(choices=[{"index": 0, "delta": {"content": "H\u00e9"}, "finish_reason": "stop"}]),
    chunk(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 1}),
    b"data: [DONE]\n\n",
)
TTL = {"X-DE-Cache-TTL": "300"}
PROMPT = {"prompt": "Hello", "model": "openai:gpt-4o"}
QUESTION = {"model": "gpt-4o", "messages": HELLO}


async def twice(
    path: str,
    body: dict[str, Any],
    *responses: httpx2.Response,
    headers: dict[str, str] = TTL,
    again: dict[str, Any] | None = None,
    **settings: Any,
) -> tuple[Gateway, TestResponse, TestResponse]:
    """Send a request twice, or `again` as the second one."""
    gateway = Gateway(*responses, **settings)
    first = await gateway.send(path, body, headers)
    return gateway, first, await gateway.send(path, again or body, headers)


async def rows(gateway: Gateway) -> list[dict[str, Any]]:
    return [dict(row) for row in await gateway.bindings.database.query("SELECT * FROM usage ORDER BY id")]


async def test_same_request_is_answered_without_a_call() -> None:
    gateway, first, second = await twice(CHAT, QUESTION, httpx2.Response(200, json=COMPLETION))

    assert (first.headers.get("X-DE-Cache"), second.headers.get("X-DE-Cache")) == ("miss", "hit")
    assert first.body == second.body
    assert len(gateway.requests) == 1
    assert second.headers.get("X-DE-Cost") == "0.000000"
    assert second.headers.get("X-DE-Attempts") == "0"
    _, row = await rows(gateway)
    assert (row["model"], row["input_units"], row["estimated_cost_microusd"]) == ("gpt-4o", 0, 0)


@pytest.mark.parametrize("asks", [False, True])
async def test_stream_comes_back_as_the_same_stream(asks: bool) -> None:
    options = {"stream_options": {"include_usage": True}} if asks else {}

    gateway, first, second = await twice(CHAT, {**QUESTION, "stream": True, **options}, streamed(*STREAM))

    assert second.headers.get("Content-Type") == "text/event-stream"
    assert second.body == first.body
    assert second.body.endswith(b"data: [DONE]\n\n")
    assert (b"usage" in second.body) == asks
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("path", ["/generate", "/generate/stream"])
async def test_platforms_response_has_the_id_of_its_own_request(path: str) -> None:
    success = streamed(*STREAM) if path.endswith("stream") else httpx2.Response(200, json=COMPLETION)

    gateway, first, second = await twice(path, PROMPT, success)

    assert len(gateway.requests) == 1
    ids = [answer.headers.get("X-Request-ID") or "" for answer in (first, second)]
    assert ids[0] != ids[1]
    assert ids[1] in second.body.decode()
    assert ids[0] not in second.body.decode()
    if path == "/generate":
        assert second.json()["text"] == "Hi"
        assert second.json()["timestamp"] >= first.json()["timestamp"]


@pytest.mark.parametrize(
    "change", [{"model": "gpt-4o-mini"}, {"temperature": 0.5}, {"messages": [{"role": "user", "content": "Bye"}]}]
)
async def test_other_request_is_a_miss(change: dict[str, Any]) -> None:
    success = httpx2.Response(200, json=COMPLETION)

    gateway, _, second = await twice(CHAT, QUESTION, success, again={**QUESTION, **change})

    assert second.headers.get("X-DE-Cache") == "miss"
    assert len(gateway.requests) == 2


async def test_label_does_not_make_another_request() -> None:
    success = httpx2.Response(200, json=COMPLETION)

    _, _, second = await twice("/generate", PROMPT, success, again={**PROMPT, "project_id": "p"})

    assert second.headers.get("X-DE-Cache") == "hit"


async def test_nothing_is_kept_unless_it_is_asked_for() -> None:
    gateway, first, _ = await twice(CHAT, QUESTION, httpx2.Response(200, json=COMPLETION), headers={})

    assert first.headers.get("X-DE-Cache") is None
    assert len(gateway.requests) == 2


async def test_deployment_may_keep_all_and_a_caller_refuse() -> None:
    success = httpx2.Response(200, json=COMPLETION)

    kept, _, second = await twice(CHAT, QUESTION, success, headers={}, cache_ttl_seconds=300)
    new, _, _ = await twice(CHAT, QUESTION, success, headers={"X-DE-Cache-TTL": "0"}, cache_ttl_seconds=300)

    assert (second.headers.get("X-DE-Cache"), len(kept.requests), len(new.requests)) == ("hit", 1, 2)


@pytest.mark.parametrize(("scope", "hits"), [("caller", False), ("deployment", True)])
async def test_response_belongs_to_its_caller_unless_it_is_shared(scope: str, hits: bool) -> None:
    gateway = Gateway(httpx2.Response(200, json=COMPLETION), auth_mode="required")
    answers = []
    for _ in range(2):
        key = await create_key(gateway.bindings.database, "text")
        headers = {**TTL, "X-DE-Cache-Scope": scope, "Authorization": f"Bearer {key}"}
        answers.append(await gateway.send(CHAT, QUESTION, headers))

    assert [answer.status for answer in answers] == [200, 200]
    assert (answers[1].headers.get("X-DE-Cache") == "hit") is hits


async def test_shorter_life_than_kvs_is_said() -> None:
    success = httpx2.Response(200, json=COMPLETION)

    _, own, _ = await twice("/generate", PROMPT, success, headers={"X-DE-Cache-TTL": "5"})
    _, vendors, _ = await twice(CHAT, QUESTION, success, headers={"X-DE-Cache-TTL": "5"})

    assert own.json()["metadata"]["warnings"] == ["a response is kept for at least 60 seconds"]
    assert vendors.headers.get("X-DE-Cache-TTL") == "60"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-DE-Cache-TTL": "-1"},
        {"X-DE-Cache-TTL": "long"},
        {"X-DE-Cache-TTL": "99999999999"},
        {**TTL, "X-DE-Cache-Scope": "all"},
    ],
)
async def test_wrong_header_is_refused(headers: dict[str, str]) -> None:
    gateway, first, _ = await twice(CHAT, QUESTION, httpx2.Response(500), headers=headers)

    assert first.status == 400
    assert "X-DE-Cache" in first.json()["error"]["message"]
    assert gateway.requests == []


async def test_failure_is_not_kept() -> None:
    gateway, _, second = await twice(
        CHAT, QUESTION, httpx2.Response(500, json={}), httpx2.Response(200, json=COMPLETION)
    )

    assert (second.status, second.headers.get("X-DE-Cache"), len(gateway.requests)) == (200, "miss", 2)


@pytest.mark.parametrize("path", ["/generate/stream", CHAT])
async def test_interrupted_stream_is_not_kept(path: str) -> None:
    body = PROMPT if path != CHAT else {**QUESTION, "stream": True}

    gateway, _, second = await twice(path, body, streamed(STREAM[0].replace(b'"stop"', b"null")), streamed(*STREAM))

    assert second.headers.get("X-DE-Cache") == "miss"
    assert len(gateway.requests) == 2


async def test_very_large_response_is_not_kept() -> None:
    large = {**COMPLETION, "filler": "x" * 1024 * 1024}

    gateway, _, _ = await twice(CHAT, QUESTION, httpx2.Response(200, json=large))

    assert len(gateway.requests) == 2


async def test_version_of_the_vendors_format_makes_another_request() -> None:
    gateway = Gateway(httpx2.Response(200, content=b'{"usage": {"input_tokens": 1, "output_tokens": 1}}'))
    body = {"model": "claude-sonnet-4-6", "messages": HELLO}

    for version in ("2023-06-01", "2026-10-21", "2026-10-21"):
        answer = await gateway.send(MESSAGES, body, {**TTL, "anthropic-version": version})

    assert answer.headers.get("X-DE-Cache") == "hit"
    assert len(gateway.requests) == 2


async def test_cache_that_cannot_be_read_is_a_miss(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway(httpx2.Response(200, json=COMPLETION))

    async def fail(_key: str) -> str:
        raise OSError("KV is down")

    monkeypatch.setattr(gateway.bindings.cache, "get", fail)

    answer = await gateway.send(CHAT, QUESTION, TTL)

    assert (answer.status, answer.headers.get("X-DE-Cache")) == (200, "miss")
    assert json.loads(answer.body) == COMPLETION
