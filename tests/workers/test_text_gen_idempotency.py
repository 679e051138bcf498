"""`Idempotency-Key` on text-gen's routes: a retry gets the first answer, and nothing is paid twice."""

from typing import Any

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.sandbox import unique
from tests.workers.shapes import error_of

CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello there"}]}
ROUTES = pytest.mark.parametrize(
    ("path", "body"),
    [("/generate", {"prompt": "Hello there", "model": "openai:gpt-4o"}), ("/v1/chat/completions", CHAT)],
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


def test_retry_of_a_stream_is_not_paid_again(platform: Platform, emulators: Emulators) -> None:
    client, headers = platform.client("text-gen"), {"Idempotency-Key": unique("key")}
    body = {"prompt": "Hello there", "model": "openai:gpt-4o"}
    first = client.post("/generate/stream", json=body, headers=headers)
    assert '"done":true' in first.text

    error_of(client.post("/generate/stream", json=body, headers=headers), 409, "IDEMPOTENCY_OUTCOME_UNKNOWN")
    assert len(emulators.requests("openai")) == 1
