"""Fallbacks, paused models and kept responses on the runtime, where streams and state are its own."""

import time

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for

CHAT = {"messages": [{"role": "user", "content": "Hello there"}]}
MESSAGE = {**CHAT, "model": "claude-sonnet-4-6", "max_tokens": 300, "stream": True}


def test_stream_of_a_fallback_passes(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("openai", kind="status", status=500)
    body = {**CHAT, "model": "gpt-4o", "stream": True, "stream_options": {"include_usage": True}}

    answer = platform.client("text-gen").post(
        "/v1/chat/completions", json=body, headers={"X-DE-Fallbacks": "openai:gpt-4o-mini"}
    )

    assert answer.text.endswith("data: [DONE]\n\n")
    assert [call["body"]["model"] for call in emulators.requests("openai")] == ["gpt-4o", "gpt-4o-mini"]
    assert (answer.headers["X-DE-Model"], answer.headers["X-DE-Attempts"]) == ("gpt-4o-mini", "2")
    assert int(answer.headers["X-DE-Overhead-Ms"]) >= 0
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert (row["model"], row["status"]) == ("gpt-4o-mini", 200)


def test_model_that_fails_is_paused_for_all_isolates(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("openai", kind="status", status=503, times=20)
    body = {**CHAT, "model": "gpt-4.1"}
    first, second = (platform.client(name) for name in ("text-gen-with-circuits", "text-gen-with-the-same-circuits"))

    for _ in range(3):
        request_id = first.post("/v1/chat/completions", json=body).headers["X-Request-ID"]
    assert platform.usage_rows(request_id)  # by then the shared object knows
    refused = first.post("/v1/chat/completions", json=body)
    calls = len(emulators.requests("openai"))
    learned = second.post("/v1/chat/completions", json=body)
    assert platform.usage_rows(learned.headers["X-Request-ID"])
    second_refused = second.post("/v1/chat/completions", json=body)

    assert (refused.status_code, calls) == (502, 3)
    assert int(refused.headers["Retry-After"]) <= 2
    assert "is not called" in refused.json()["error"]["message"]
    assert "is not called" in second_refused.json()["error"]["message"]
    assert len(emulators.requests("openai")) == 4
    emulators.reset()
    time.sleep(2)
    assert wait_for(lambda: first.post("/v1/chat/completions", json=body).status_code == 200)
    assert second.post("/v1/chat/completions", json=body).status_code in {200, 502}


@pytest.mark.parametrize(
    ("path", "body", "end"),
    [
        ("/v1/messages", MESSAGE, 'data: {"type":"message_stop"}'),
        ("/v1/chat/completions", {**CHAT, "model": "gpt-4o", "stream": True}, "data: [DONE]"),
        ("/generate/stream", {"prompt": "Hello there"}, None),
    ],
)
def test_kept_stream_comes_back(
    platform: Platform, emulators: Emulators, path: str, body: dict[str, object], end: str | None
) -> None:
    headers = {"X-DE-Cache-TTL": "60"}
    client = platform.client("text-gen")

    first = client.post(path, json=body, headers=headers)
    assert platform.usage_rows(first.headers["X-Request-ID"])
    second = client.post(path, json=body, headers=headers)

    assert (first.headers["X-DE-Cache"], second.headers["X-DE-Cache"]) == ("miss", "hit")
    assert second.headers["Content-Type"].startswith("text/event-stream")
    ids = [answer.headers["X-Request-ID"] for answer in (first, second)]
    assert second.text == first.text.replace(ids[0], ids[1])
    assert end is None or end in second.text
    assert len(emulators.requests("openai" if "model" in body and path != "/v1/messages" else "anthropic")) == 1
    (row,) = platform.usage_rows(ids[1])
    assert (row["input_units"], row["output_units"], row["estimated_cost_microusd"]) == (0, 0, 0)
