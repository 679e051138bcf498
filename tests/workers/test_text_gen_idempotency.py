"""`Idempotency-Key` on text-gen's routes: a retry gets the first answer, and nothing is paid twice."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from electrons.middleware.kept_parts import PART_BYTES
from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.workers.callers import asking
from tests.workers.sandbox import unique

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello there"}]}
ROUTES = pytest.mark.parametrize(
    ("path", "body"),
    [("/generate", {"prompt": "Hello there", "model": "openai:gpt-4o"}), ("/v1/chat/completions", CHAT)],
)
STREAMS = pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/generate/stream", {"prompt": "Hello there", "model": "openai:gpt-4o"}),
        ("/v1/chat/completions", {**CHAT, "stream": True}),
        ("/v1/chat/completions", {**CHAT, "stream": True, "stream_options": {"include_usage": True}}),
        ("/v1/messages", {**CHAT, "max_tokens": 50, "stream": True}),
        ("/v1/responses", {"model": "gpt-4o", "input": "Hello there", "stream": True}),
    ],
)

MANY = {**CHAT, "n": 128, "stream": True}
LONG = pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/embeddings", {"model": "text-embedding-3-small", "input": ["Hello"] * 600}),
        ("/v1/chat/completions", MANY),
        ("/v1/chat/completions", {**MANY, "stream_options": {"include_usage": True}}),
    ],
)


@ROUTES
def test_retry_gets_the_first_answer(platform: Platform, emulators: Emulators, path: str, body: dict[str, Any]) -> None:
    client, headers = platform.client("text-gen"), {"Idempotency-Key": unique("key")}
    first = client.post(path, json=body, headers=headers)
    second = client.post(path, json=body, headers=headers)

    assert (second.status_code, second.content) == (200, first.content)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(emulators.requests("openai")) == 1


@ROUTES
def test_another_body_is_refused(platform: Platform, path: str, body: dict[str, Any]) -> None:
    client, headers = platform.client("text-gen"), {"Idempotency-Key": unique("key")}
    client.post(path, json=body, headers=headers)

    assert client.post(path, json={**body, "temperature": 1}, headers=headers).status_code == 422


@ROUTES
def test_of_requests_at_once_one_is_paid(
    platform: Platform, emulators: Emulators, path: str, body: dict[str, Any]
) -> None:
    client, headers = platform.client("text-gen"), {"Idempotency-Key": unique("key")}
    emulators.set_latency("openai", first_byte_ms=300)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.post(path, json=body, headers=headers), range(4)))

    assert len(emulators.requests("openai")) == 1
    refused = [answer for answer in answers if answer.status_code == 409]
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert refused
    for answer in refused:
        assert (answer.headers["x-should-retry"], answer.headers["Retry-After"]) == ("true", "1")


@STREAMS
def test_retry_of_a_stream_gets_the_same_stream(
    platform: Platform, emulators: Emulators, path: str, body: dict[str, Any]
) -> None:
    client, headers = platform.client("text-gen"), {"Idempotency-Key": unique("key")}
    with client.stream("POST", path, content=json.dumps(body), headers=headers) as response:
        first = response.read()
    second = retry(client, path, body, headers)

    assert (second.status_code, second.content) == (200, first)
    assert second.headers["Idempotent-Replayed"] == "true"
    for name in ("Content-Type", "X-DE-Provider", "X-DE-Model", "X-DE-Attempts"):
        assert second.headers[name] == response.headers[name]
    assert len(emulators.requests("openai")) == 1


@LONG
def test_retry_of_a_long_answer_gets_all_of_it(
    platform: Platform, emulators: Emulators, path: str, body: dict[str, Any]
) -> None:
    client, headers = platform.client("text-gen"), {"Idempotency-Key": unique("key")}
    first = client.post(path, content=json.dumps(body), headers=headers)
    second = retry(client, path, body, headers)

    assert len(first.content) > PART_BYTES
    assert (second.status_code, second.content) == (200, first.content)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert len(emulators.requests("openai")) == 1


def test_stream_that_was_left_is_not_paid_again(platform: Platform, emulators: Emulators) -> None:
    client, headers = platform.client("text-gen"), {"Idempotency-Key": unique("key")}
    emulators.add_fault("openai", kind="stall", after=6)
    body = {**CHAT, "stream": True}
    with (
        asking(platform.urls["text-gen"], "/v1/chat/completions", body, headers) as connection,
        connection.getresponse() as answer,
    ):
        assert answer.readline().startswith(b"data: ")
    second = retry(client, "/v1/chat/completions", body, headers)

    assert (second.status_code, second.json()["error"]["code"]) == (409, "idempotency_outcome_unknown")
    assert len(emulators.requests("openai")) == 1


@STREAMS
def test_stream_ends_at_the_total_timeout(
    platform: Platform, emulators: Emulators, path: str, body: dict[str, Any]
) -> None:
    client, headers = platform.client("text-gen-impatient"), {"Idempotency-Key": unique("key")}
    emulators.set_latency("openai", per_frame_ms=400)
    first = client.post(path, content=json.dumps(body), headers=headers)

    assert "took too long" in first.text
    assert retry(client, path, body, headers).status_code == 409


def test_stream_of_a_caller_who_left_first_is_kept(platform: Platform, emulators: Emulators) -> None:
    client, headers = platform.client("text-gen"), {"Idempotency-Key": unique("key")}
    body = {**CHAT, "stream": True}
    emulators.add_fault("openai", kind="slow_first_byte", seconds=1)
    with asking(platform.urls["text-gen"], "/v1/chat/completions", body, headers):
        assert wait_for(lambda: emulators.requests("openai"))
    second = retry(client, "/v1/chat/completions", body, headers)
    assert second.status_code == 200, second.text

    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.text.endswith("data: [DONE]\n\n")
    assert len(emulators.requests("openai")) == 1


def retry(client: httpx2.Client, path: str, body: dict[str, Any], headers: dict[str, str]) -> httpx2.Response:
    """Send a request again until it is no longer said to be running: a stream is kept after its end.

    Its bytes are those that `asking` sends.
    """

    def send() -> httpx2.Response | None:
        response = client.post(path, content=json.dumps(body), headers=headers)
        return None if response.headers.get("x-should-retry") == "true" else response

    response = wait_for(send)
    assert response is not None
    return response
