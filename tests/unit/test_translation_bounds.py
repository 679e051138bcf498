"""What is nested deeply, at both ends of a translation, and models of two formats behind each other."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from tests.unit.gateway import CHAT, HELLO, MESSAGES, RESPONSES, Gateway
from tests.unit.translated_chat import TEXT, message
from tests.unit.translated_chat import stream as stream_of_message
from tests.unit.translated_messages import CALL, completion
from tests.unit.translated_messages import stream as stream_of_completion

CLAUDE, GPT = "anthropic:claude-sonnet-4-6", "openai:gpt-4o"
ROWS = '[{"name": "mine", "base_url": "https://llm.example/v1", "needs_key": false}]'


def nested(depth: int, *, name: str = "items") -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "array", name: schema}
    return schema


@pytest.mark.parametrize("depth", [50, 180])
async def test_deep_schemas_are_translated(depth: int) -> None:
    schema = nested(depth)
    function = {"name": "a", "parameters": {"type": "object", "properties": {"a": schema}}, "strict": True}
    chat = {
        "response_format": {"type": "json_schema", "json_schema": {"schema": schema}},
        "tools": [{"type": "function", "function": function}],
    }
    messages = {
        "output_config": {"format": {"type": "json_schema", "schema": schema}},
        "tools": [{"name": "a", "input_schema": schema}],
        "max_tokens": 5,
    }
    theirs, ours = (
        Gateway(httpx2.Response(200, json=message(TEXT))),
        Gateway(httpx2.Response(200, json=completion(content="x"))),
    )

    first = await theirs.send(CHAT, {"model": CLAUDE, "messages": HELLO, **chat})
    second = await ours.send(MESSAGES, {"model": GPT, "messages": HELLO, **messages})

    assert (first.status, second.status) == (200, 200)


@pytest.mark.parametrize("depth", [50, 180])
@pytest.mark.parametrize("model", [CLAUDE, "mine:llama"])
async def test_deep_schemas_of_responses_are_translated(depth: int, model: str) -> None:
    schema = nested(depth)
    parameters = {"type": "object", "properties": {"a": schema}}
    body = {
        "input": "Hello",
        "text": {"format": {"type": "json_schema", "name": "a", "schema": schema}},
        "tools": [{"type": "function", "name": "a", "parameters": parameters, "strict": True}],
    }
    answered = message(TEXT) if model == CLAUDE else completion(content="x")

    answer = await Gateway(httpx2.Response(200, json=answered), providers=ROWS).send(
        RESPONSES, {"model": model, **body}
    )

    assert answer.status == 200


@pytest.mark.parametrize("depth", [150, 500, 940, 5000])
@pytest.mark.parametrize("model", [CLAUDE, "mine:llama"])
async def test_deep_responses_are_no_failure_of_ours(depth: int, model: str) -> None:
    deep = '{"half": "\\ud83d", "a": ' + "[" * depth + "]" * depth + "}"
    body = f'{{"model": "{model}", "input": "Hello", "metadata": {deep}}}'.encode()
    answered = message(TEXT) if model == CLAUDE else completion(content="x")

    answer = await Gateway(httpx2.Response(200, json=answered), providers=ROWS).send(RESPONSES, body)

    assert answer.status in {200, 400}


@pytest.mark.parametrize("depth", [150, 500, 940, 5000])
async def test_deep_arguments_are_no_failure_of_ours(depth: int) -> None:
    arguments = '{"half": "\\ud83d", "a": ' + "[" * depth + "]" * depth + "}"
    gateway = Gateway(httpx2.Response(200, json=message(TEXT)))
    calls = [{**CALL, "function": {"name": "a", "arguments": arguments}}]

    answer = await gateway.send(CHAT, {"model": CLAUDE, "messages": [{"role": "assistant", "tool_calls": calls}]})

    assert (answer.status, answer.json()["error"]["param"]) == (400, "messages[0].tool_calls[0].function.arguments")


@pytest.mark.parametrize("depth", [150, 500, 940, 5000])
async def test_deep_answers_are_unreadable_at_most(depth: int) -> None:
    deep = '{"half": "\\ud83d", "a": ' + "[" * depth + "]" * depth + "}"
    use = f'{{"content": [{{"type": "tool_use", "id": "a", "name": "b", "input": {deep}}}]}}'
    call = f'{{"choices": [{{"message": {{"tool_calls": [{{"function": {{"name": "a", "arguments": {deep}}}}}]}}}}]}}'
    calls = [{**CALL, "function": {"name": "a", "arguments": deep}}]
    question: dict[str, Any]

    for path, model, answered in (
        (CHAT, CLAUDE, httpx2.Response(200, content=use)),
        (MESSAGES, GPT, httpx2.Response(200, content=call)),
        (MESSAGES, GPT, httpx2.Response(200, json=completion(tool_calls=calls))),
        (RESPONSES, CLAUDE, httpx2.Response(200, content=use)),
        (RESPONSES, "mine:llama", httpx2.Response(200, content=call)),
    ):
        question = {"input": "Hello"} if path == RESPONSES else {"max_tokens": 5, "messages": HELLO}
        answer = await Gateway(answered, providers=ROWS).send(path, {"model": model, **question})

        assert answer.status in {200, 502}


async def test_model_of_the_other_format_answers_for_the_first() -> None:
    failure = httpx2.Response(500, json={"error": {"message": "Down"}})
    gateway = Gateway(failure, httpx2.Response(200, json=message(TEXT)))
    body = {"model": GPT, "messages": HELLO, "seed": 5, "fallbacks": [CLAUDE]}

    answer = await gateway.send(CHAT, body)

    assert answer.json()["choices"][0]["message"]["content"] == "Hello"
    assert (answer.json()["model"], answer.headers.get("X-DE-Model")) == (GPT, "claude-sonnet-4-6")
    assert answer.headers.get("X-DE-Warnings") == "seed was left out"
    passed, translated = gateway.requests
    assert (passed.url.path, json.loads(passed.content)["seed"]) == ("/v1/chat/completions", 5)
    assert (translated.url.path, json.loads(translated.content)["max_tokens"]) == ("/v1/messages", 16_384)


async def test_model_that_cannot_do_what_is_asked_is_passed_over() -> None:
    failure = httpx2.Response(500, json={"error": {"message": "Down"}})
    gateway = Gateway(failure, httpx2.Response(200, json=completion(content="Hello")))
    body = {"model": GPT, "messages": HELLO, "n": 2, "fallbacks": [CLAUDE, "openai:gpt-4o-mini"]}

    answer = await gateway.send(CHAT, body)

    assert answer.status == 200
    assert [json.loads(request.content)["model"] for request in gateway.requests] == ["gpt-4o", "gpt-4o-mini"]


async def test_kept_response_has_its_warnings() -> None:
    gateway = Gateway(httpx2.Response(200, json=message(TEXT)))
    body = {"model": CLAUDE, "messages": HELLO, "seed": 5}

    answers = [await gateway.send(CHAT, body, headers={"X-DE-Cache-TTL": "300"}) for _ in range(2)]

    assert [answer.headers.get("X-DE-Cache") for answer in answers] == ["miss", "hit"]
    assert [answer.headers.get("X-DE-Warnings") for answer in answers] == ["seed was left out"] * 2
    assert answers[0].body == answers[1].body


@pytest.mark.parametrize(
    ("path", "model", "data"),
    [
        (CHAT, CLAUDE, [json.dumps(event) for event in stream_of_message(TEXT)]),
        (
            MESSAGES,
            GPT,
            [chunk if chunk == "[DONE]" else json.dumps(chunk) for chunk in stream_of_completion({"content": "Hi"})],
        ),
    ],
)
async def test_stream_ends_though_the_connection_stays_open(path: str, model: str, data: list[str]) -> None:
    closed = asyncio.Event()

    async def body() -> AsyncIterator[bytes]:
        try:
            yield "".join(f"data: {line}\n\n" for line in data).encode()
            await asyncio.Event().wait()
        finally:
            closed.set()

    gateway = Gateway(httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, content=body()))

    answer = await gateway.send(path, {"model": model, "max_tokens": 5, "messages": HELLO, "stream": True})

    assert answer.body.decode().rstrip().endswith("data: [DONE]" if path == CHAT else '{"type":"message_stop"}')
    assert closed.is_set()
    assert (await gateway.row())["error_code"] is None
