"""The routes of text-gen: which model answers, and how a stream ends whatever the provider sends."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from electrons.settings import Secret
from electrons.testing import TestClient, TestResponse
from electrons.testing.bindings import create_memory_bindings
from text_gen import routes
from text_gen.models import TextRequest
from text_gen.routes import app
from text_gen.settings import TextSettings

SETTINGS = TextSettings(
    auth_mode="open",
    max_retries=0,
    declared={"OPENAI_API_KEY": Secret("test-key-0001"), "ANTHROPIC_API_KEY": Secret("test-key-0002")},
)

COMPLETION = {
    "model": "gpt-6-luna",
    "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1},
}

CHUNKS: list[dict[str, Any]] = [
    {"model": "gpt-6-luna", "choices": [{"delta": {"content": "Hi"}}]},
    {"choices": [{"delta": {}, "finish_reason": "stop"}]},
    {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 1}},
]


async def ask(response: httpx2.Response, path: str = "/generate", **fields: Any) -> tuple[TestResponse, Any]:
    """One request that the provider answers so, with the provider's request and the usage row."""
    requests: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return response

    bindings = create_memory_bindings()
    client = TestClient(app, settings=SETTINGS, bindings=bindings, http=httpx2.MockTransport(respond))
    answer = await client.request("POST", path, json={"prompt": "Hello", "model": "openai:gpt-6-luna", **fields})
    (row,) = await bindings.database.query("SELECT * FROM usage")
    return answer, {**row, "sent": json.loads(requests[0].content)}


def streamed(*chunks: dict[str, Any], end: bytes = b"data: [DONE]\n\n") -> httpx2.Response:
    async def body() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield b"data: %s\n\n" % json.dumps(chunk).encode()
        yield end

    return httpx2.Response(200, content=body())


@pytest.mark.parametrize(
    "fields",
    [
        {"model": None, "model_id": "openai:gpt-4o"},
        {"model": None, "options": {"model_id": "gpt-4o"}},
        {"model": "openai:gpt-4o", "model_id": "openai:gpt-5"},
        {"model": None, "model_id": "gpt-4o", "options": {"model_id": "gpt-5"}},
    ],
)
async def test_model_of_an_older_field_answers(fields: dict[str, Any]) -> None:
    answer, row = await ask(httpx2.Response(200, json=COMPLETION), **fields)

    assert answer.status == 200
    assert row["sent"]["model"] == "gpt-4o"


@pytest.mark.parametrize("path", ["/generate", "/generate/stream"])
async def test_missing_counts_are_estimated_and_recorded(path: str) -> None:
    whole = httpx2.Response(200, json={**COMPLETION, "usage": {"prompt_tokens": 10**15, "completion_tokens": None}})
    answer, row = await ask(streamed(*CHUNKS[:2]) if path.endswith("stream") else whole, path)

    metadata = answer.events()[-1]["metadata"] if answer.frames else answer.json()["metadata"]
    assert metadata["warnings"] == ["OpenAI did not report all token counts; the missing ones are estimated"]
    assert (row["input_units"], row["output_units"]) == (metadata["input_tokens"], metadata["output_tokens"]) == (2, 1)


async def test_whole_stream_ends_with_metadata() -> None:
    answer, row = await ask(streamed(*CHUNKS), "/generate/stream")

    *pieces, last = answer.events()
    assert "".join(piece["text"] for piece in pieces) == "Hi"
    assert last["done"] is True
    assert last["metadata"]["finish_reason"] == "stop"
    assert (row["status"], row["error_code"], row["input_units"], row["output_units"]) == (200, None, 3, 1)


@pytest.mark.parametrize(
    ("chunk", "code"),
    [
        ({"error": {"code": "insufficient_quota", "message": "Pay"}}, "PROVIDER_QUOTA_EXHAUSTED"),
        ({"error": {"code": "rate_limit_exceeded", "message": "Slow"}}, "PROVIDER_RATE_LIMIT"),
        ({"error": {"message": "Down"}}, "PROVIDER_ERROR"),
        ({"choices": "words"}, "PROVIDER_ERROR"),
    ],
)
async def test_failure_in_a_stream_is_its_last_frame(chunk: dict[str, Any], code: str) -> None:
    answer, row = await ask(streamed(CHUNKS[0], chunk), "/generate/stream")

    last = answer.events()[-1]
    assert (last["done"], last["error_code"]) == (True, code)
    assert last["error"].startswith("OpenAI")
    assert (row["error_code"], row["output_units"]) == (code, 1)


async def test_failing_last_frame_becomes_one_with_an_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise ValueError("no metadata")

    monkeypatch.setattr(routes, "describe_result", fail)

    answer, row = await ask(streamed(*CHUNKS), "/generate/stream")

    assert answer.events()[-1]["error_code"] == row["error_code"] == "INTERNAL_ERROR"
    assert answer.events()[-1]["done"] is True


async def test_frames_with_a_lone_surrogate_are_utf_8() -> None:
    lone = {"choices": [{"delta": {"content": "\ud83d"}}]}

    answer, _ = await ask(streamed(lone, *CHUNKS), "/generate/stream")

    text = "".join(event.get("text", "") for event in answer.events())
    assert text == "\ufffdHi"
    assert all(frame.encode() for frame in answer.frames)


async def test_unknown_default_is_an_error_of_the_deployment() -> None:
    client = TestClient(app, settings=TextSettings(auth_mode="open", default_model="mystery:m1"))

    answer = await client.request("POST", "/generate", json={"prompt": "Hello"})

    assert (answer.status, answer.json()["error_code"]) == (500, "CONFIGURATION_ERROR")
    assert "`DEFAULT_MODEL`: Unknown provider `mystery`" in answer.json()["error"]


SAID = [{"role": "user", "content": "Name a river"}, {"role": "assistant", "content": "The Nile"}]
ASKED = {"role": "user", "content": "How long is it?"}


@pytest.mark.parametrize("path", ["/generate", "/generate/stream"])
async def test_messages_reach_the_model_in_order(path: str) -> None:
    messages = [{"role": "system", "content": "Be brief"}, *SAID, {"role": "system", "content": "Use km"}, ASKED]
    response = streamed(*CHUNKS) if path.endswith("stream") else httpx2.Response(200, json=COMPLETION)
    answer, row = await ask(response, path, prompt=None, messages=messages, options={"system_prompt": "You are Ada"})

    assert answer.status == 200
    system = {"role": "system", "content": "You are Ada\n\nBe brief\n\nUse km"}
    assert row["sent"]["messages"] == [system, *SAID, ASKED]


async def test_input_of_messages_is_estimated() -> None:
    answer, _ = await ask(
        httpx2.Response(200, json={**COMPLETION, "usage": None}), prompt=None, messages=[*SAID, ASKED]
    )

    assert answer.json()["metadata"]["input_tokens"] == 3 + 2 + 4


def test_messages_count_toward_the_reserved_tokens() -> None:
    body = TextRequest.model_validate({"messages": [*SAID, ASKED], "options": {"max_tokens": 100}})

    assert routes.estimate(body) == {"tokens": 3 + 2 + 4 + 100}
