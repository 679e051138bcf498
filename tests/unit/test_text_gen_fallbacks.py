"""Other models that answer when the one that is asked for cannot."""

import json
from typing import Any

import httpx2
import pytest

from electrons.testing import TestResponse
from tests.unit.gateway import CHAT, HELLO, MESSAGES, Gateway, chunk, streamed

COMPLETION = {
    "model": "gpt-4o-2024-08-06",
    "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1},
}
STREAM = (
    chunk(choices=[{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]),
    chunk(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 1}),
    b"data: [DONE]\n\n",
)
PROMPT = {"prompt": "Hello", "model": "openai:gpt-4o-mini"}


def failing(status: int, code: str = "any") -> httpx2.Response:
    return httpx2.Response(status, json={"error": {"message": "No", "code": code}})


def models_of(gateway: Gateway) -> list[str]:
    return [json.loads(request.content)["model"] for request in gateway.requests]


async def generate(gateway: Gateway, path: str = "/generate", **fields: Any) -> TestResponse:
    return await gateway.send(path, {**PROMPT, **fields})


@pytest.mark.parametrize(
    "failure",
    [
        failing(500),
        failing(529),
        failing(429),
        failing(401),
        failing(404),
        httpx2.ConnectError("refused"),
        httpx2.ReadTimeout("slow"),
        httpx2.Response(200, content=b"<html>"),
    ],
)
async def test_next_model_answers_when_the_first_cannot(failure: httpx2.Response | Exception) -> None:
    gateway = Gateway(failure, httpx2.Response(200, json=COMPLETION), max_retries=2)

    answer = await generate(gateway, fallbacks=["openai:gpt-4o"])

    assert (answer.status, answer.json()["text"]) == (200, "Hi")
    assert models_of(gateway) == ["gpt-4o-mini", "gpt-4o"]
    assert answer.headers.get("X-DE-Attempts") == "2"
    assert answer.headers.get("X-DE-Model") == "gpt-4o-2024-08-06"
    rows = await gateway.bindings.database.query("SELECT * FROM usage ORDER BY id")
    assert (rows[-1]["model"], rows[-1]["input_units"]) == ("gpt-4o-2024-08-06", 3)


@pytest.mark.parametrize("failure", [failing(500), failing(402), failing(429, "insufficient_quota")])
async def test_other_vendor_answers_in_the_same_way(failure: httpx2.Response) -> None:
    gateway = Gateway(failure, httpx2.Response(200, json=COMPLETION))

    answer = await generate(gateway, model="claude-sonnet-4-6", fallbacks=["openai:gpt-4o"])

    assert answer.json()["metadata"]["provider"] == "openai"
    assert answer.headers.get("X-DE-Provider") == "openai"


async def test_refused_request_is_not_sent_to_the_next() -> None:
    gateway = Gateway(failing(400))

    answer = await generate(gateway, fallbacks=["openai:gpt-4o"])

    assert (answer.status, len(gateway.requests)) == (422, 1)


async def test_last_model_is_retried_and_its_error_raised() -> None:
    quick = {"Retry-After": "0"}
    gateway = Gateway(httpx2.Response(500, headers=quick), max_retries=2)

    answer = await generate(gateway, fallbacks=["openai:gpt-4o"])

    assert (answer.status, answer.json()["error_code"]) == (502, "PROVIDER_ERROR")
    assert models_of(gateway) == ["gpt-4o-mini", "gpt-4o", "gpt-4o", "gpt-4o"]


async def test_stream_falls_back_before_its_first_piece() -> None:
    gateway = Gateway(failing(500), streamed(*STREAM))

    answer = await generate(gateway, "/generate/stream", fallbacks=["openai:gpt-4o"])

    assert [event.get("text") for event in answer.events()] == ["Hi", "", ""][: len(answer.events())]
    assert models_of(gateway) == ["gpt-4o-mini", "gpt-4o"]


async def test_stream_does_not_fall_back_after_its_first_piece() -> None:
    gateway = Gateway(streamed(STREAM[0].replace(b'"stop"', b"null")))

    answer = await generate(gateway, "/generate/stream", fallbacks=["openai:gpt-4o"])

    assert answer.events()[-1]["error_code"] == "PROVIDER_ERROR"
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_chat_completions_fall_back_without_the_member(stream: bool) -> None:
    success = streamed(*STREAM) if stream else httpx2.Response(200, json=COMPLETION)
    gateway = Gateway(failing(503), success)

    answer = await gateway.send(
        CHAT, {"model": "gpt-4o-mini", "messages": HELLO, "stream": stream, "fallbacks": ["openai:gpt-4o"]}
    )

    assert answer.status == 200
    assert models_of(gateway) == ["gpt-4o-mini", "gpt-4o"]
    assert all("fallbacks" not in json.loads(request.content) for request in gateway.requests)


async def test_fallbacks_of_messages_are_the_vendors_own_member() -> None:
    gateway = Gateway(failing(529), httpx2.Response(200, json={"usage": {"input_tokens": 1, "output_tokens": 1}}))
    body = {"model": "claude-sonnet-4-6", "messages": HELLO, "fallbacks": [{"model": "x"}]}

    answer = await gateway.send(MESSAGES, body, headers={"X-DE-Fallbacks": "anthropic:claude-haiku-4-5"})

    assert answer.status == 200
    assert models_of(gateway) == ["claude-sonnet-4-6", "claude-haiku-4-5"]
    assert json.loads(gateway.requests[0].content)["fallbacks"] == [{"model": "x"}]


async def test_fallbacks_of_the_deployment_serve_who_names_none() -> None:
    gateway = Gateway(failing(500), httpx2.Response(200, json=COMPLETION), fallbacks="openai:gpt-4.1, openai:gpt-4o")

    await generate(gateway)

    assert models_of(gateway) == ["gpt-4o-mini", "gpt-4.1"]


async def test_model_that_is_its_own_fallback_is_called_once() -> None:
    gateway = Gateway(failing(500))

    await generate(gateway, fallbacks=["openai:gpt-4o-mini"])

    assert len(gateway.requests) == 1


@pytest.mark.parametrize("path", ["/generate", CHAT])
@pytest.mark.parametrize("fallbacks", [["nobody:gpt"], ["openai:gpt"] * 9, "openai:gpt", [1]])
async def test_wrong_fallbacks_are_refused_before_any_call(path: str, fallbacks: object) -> None:
    gateway = Gateway(failing(500))

    answer = await gateway.send(path, {**PROMPT, "messages": HELLO, "fallbacks": fallbacks})

    assert answer.status in {400, 404}
    assert gateway.requests == []


async def test_missing_key_falls_back_too() -> None:
    gateway = Gateway(httpx2.Response(200, json=COMPLETION))

    answer = await generate(gateway, model="groq:llama-4", fallbacks=["openai:gpt-4o"])

    assert answer.json()["metadata"]["provider"] == "openai"


async def test_used_up_tokens_of_the_first_model_have_a_row() -> None:
    gateway = Gateway(httpx2.ReadTimeout("slow"), httpx2.Response(200, json=COMPLETION))

    await generate(gateway, fallbacks=["openai:gpt-4o"])

    rows = await gateway.bindings.database.query("SELECT model, input_units FROM usage ORDER BY id")
    assert [(row["model"], row["input_units"]) for row in rows] == [("gpt-4o-mini", 4), ("gpt-4o-2024-08-06", 3)]


async def test_response_says_what_answered_and_what_it_cost() -> None:
    answer = await generate(Gateway(httpx2.Response(200, json=COMPLETION)))

    assert answer.headers.get("X-DE-Provider") == "openai"
    assert answer.headers.get("X-DE-Attempts") == "1"
    assert answer.headers.get("X-DE-Cost") == answer.headers.get("X-Estimated-Cost-USD")
    assert int(answer.headers.get("X-DE-Overhead-Ms") or -1) >= 0


async def test_stream_says_everything_but_its_cost() -> None:
    answer = await generate(Gateway(streamed(*STREAM)), "/generate/stream")

    assert answer.headers.get("X-DE-Model") == "gpt-4o-mini"
    assert answer.headers.get("X-DE-Cost") is None


async def test_header_survives_any_name_of_a_model() -> None:
    answer = await generate(Gateway(httpx2.Response(200, json={**COMPLETION, "model": "g\u00e9\nx"})))

    assert answer.headers.get("X-DE-Model") == "g??x"
