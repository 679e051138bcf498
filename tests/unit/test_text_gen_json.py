"""`expect_json` and `messages` of text-gen: what the model is sent, the repair, and what is counted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import httpx2
import pytest

from electrons.capabilities.json_output import ask_for_json
from electrons.capabilities.text import TextCall, TextMessage
from electrons.testing import TestClient, TestResponse
from electrons.testing.bindings import create_memory_bindings
from tests.unit.test_text_gen import SETTINGS, streamed
from text_gen.providers import PROVIDERS
from text_gen.routes import app

SCHEMA = {
    "type": "object",
    "properties": {"title": {"type": "string"}, "seconds": {"type": "integer", "maximum": 60}},
    "required": ["title", "seconds"],
    "additionalProperties": False,
}
GOOD = '{"title": "Lighthouses", "seconds": 30}'


def openai_says(text: str, *, finish_reason: str = "stop") -> httpx2.Response:
    choice = {"message": {"content": text}, "finish_reason": finish_reason}
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    return httpx2.Response(200, json={"model": "gpt-4o", "choices": [choice], "usage": usage})


def claude_says(text: str) -> httpx2.Response:
    usage = {"input_tokens": 10, "output_tokens": 5}
    content = [{"type": "text", "text": text}]
    document = {"model": "claude-sonnet-4-6", "content": content, "stop_reason": "end_turn", "usage": usage}
    return httpx2.Response(200, json=document)


async def ask(
    responses: Sequence[httpx2.Response], path: str = "/generate", **fields: Any
) -> tuple[TestResponse, list[Any], list[Any]]:
    """Return the answer, the documents that the provider got, and the usage rows."""
    sent: list[Any] = []
    remaining = list(responses)

    def respond(request: httpx2.Request) -> httpx2.Response:
        sent.append(json.loads(request.content))
        return remaining.pop(0)

    bindings = create_memory_bindings()
    client = TestClient(app, settings=SETTINGS, bindings=bindings, http=httpx2.MockTransport(respond))
    if "messages" not in fields:
        fields = {"prompt": "A film about lighthouses", **fields}
    answer = await client.request("POST", path, json={"model": "openai:gpt-4o", **fields})
    return answer, sent, await bindings.database.query("SELECT * FROM usage")


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        f"  {GOOD}\n",
        f"```json\n{GOOD}\n```",
        f"Here you are:\n```\n{GOOD}\n```\nEnjoy!",
        f"Sure! {GOOD} That is all.",
    ],
)
async def test_text_is_the_json_alone(text: str) -> None:
    answer, sent, rows = await ask([openai_says(text)], expect_json=SCHEMA)

    assert (answer.status, answer.json()["text"]) == (200, GOOD)
    assert (len(sent), len(rows)) == (1, 1)


async def test_openai_gets_the_schema_and_the_instruction() -> None:
    _, (sent,), _ = await ask([openai_says(GOOD)], expect_json=SCHEMA, options={"system_prompt": "Be brief."})

    assert sent["response_format"]["json_schema"] == {"name": "answer", "schema": SCHEMA, "strict": True}
    assert sent["messages"][0]["content"].startswith("Be brief.\n\nAnswer with one JSON value")
    assert "JSON Schema" not in sent["messages"][0]["content"]


async def test_schema_that_openai_does_not_enforce_is_not_strict() -> None:
    _, (sent,), _ = await ask([openai_says(GOOD)], expect_json={**SCHEMA, "additionalProperties": True})

    assert sent["response_format"]["json_schema"]["strict"] is False


async def test_claude_gets_a_schema_that_it_enforces() -> None:
    _, (sent,), _ = await ask([claude_says(GOOD)], model="anthropic:claude-sonnet-4-6", expect_json=SCHEMA)

    schema = sent["output_config"]["format"]["schema"]
    assert schema["required"] == ["title", "seconds"]
    assert "maximum" not in schema["properties"]["seconds"]


def test_other_servers_are_told_the_schema() -> None:
    groq = next(provider for provider in PROVIDERS if provider.name == "groq")
    call = TextCall(model="m", messages=(TextMessage("user", "Hi"),), max_tokens=10)

    asked = ask_for_json(groq, call, SCHEMA)

    assert "It must fit this JSON Schema" in (asked.system_prompt or "")
    assert b"response_format" not in (groq.build_text(asked, stream=False).content or b"")


async def test_true_takes_any_json() -> None:
    answer, (sent,), _ = await ask([openai_says("[1, 2]")], expect_json=True)

    assert answer.json()["text"] == "[1, 2]"
    assert "response_format" not in sent


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("I cannot.", "it is not JSON"),
        ('{"title": "Lighthouses"}', 'the value lacks "seconds"'),
        ('{"title": "Lighthouses", "seconds": 90}', "seconds is more than 60"),
        ("", "it is not JSON"),
    ],
)
async def test_wrong_answer_is_repaired_once(wrong: str, reason: str) -> None:
    answer, sent, (row,) = await ask([openai_says(wrong), openai_says(GOOD)], expect_json=SCHEMA)

    assert answer.json()["text"] == GOOD
    assert answer.json()["metadata"]["warnings"] == [f"The model had to be asked twice: {reason}"]
    assert reason in sent[1]["messages"][-1]["content"]
    assert [message["role"] for message in sent[1]["messages"][1:]] == [
        "user",
        *(["assistant"] if wrong else []),
        "user",
    ]
    assert (row["input_units"], row["output_units"]) == (20, 10)
    assert answer.json()["metadata"]["input_tokens"] == 20


async def test_second_wrong_answer_is_an_error_that_is_counted() -> None:
    answer, sent, (row,) = await ask([openai_says("No."), openai_says("Still no.")], expect_json=True)

    body = answer.json()
    assert (answer.status, body["error_code"]) == (422, "INVALID_MODEL_OUTPUT")
    assert body["details"] == {"reason": "it is not JSON", "text": "Still no."}
    assert (len(sent), row["input_units"], row["status"]) == (2, 20, 422)


async def test_repair_that_fails_is_an_error_that_is_counted() -> None:
    failing = httpx2.Response(500, json={"error": {"message": "overloaded"}})
    answer, _, (row,) = await ask(
        [openai_says("No."), failing], expect_json=True, fallbacks=["anthropic:claude-sonnet-4-6"]
    )

    assert (answer.status, answer.json()["error_code"]) == (422, "INVALID_MODEL_OUTPUT")
    assert answer.json()["details"]["text"] == "No."
    assert (row["input_units"], row["output_units"]) == (10, 5)


async def test_answer_that_is_cut_off_is_not_asked_for_again() -> None:
    answer, sent, _ = await ask([openai_says('{"title": "Ligh', finish_reason="length")], expect_json=SCHEMA)

    assert answer.json()["details"]["reason"].startswith("it was cut off at `max_tokens`")
    assert len(sent) == 1


@pytest.mark.parametrize(
    ("schema", "problem"),
    [({"pattern": "a"}, "schema.pattern is not supported"), ({"type": "text"}, "schema.type has a wrong value")],
)
async def test_schema_that_cannot_be_checked_is_refused(schema: dict[str, Any], problem: str) -> None:
    answer, sent, rows = await ask([], expect_json=schema)

    assert (answer.status, answer.json()["error_code"]) == (400, "INVALID_REQUEST")
    assert problem in answer.json()["error"]
    assert (sent, rows) == ([], [])


async def test_stream_is_checked_at_its_end() -> None:
    def chunks(text: str) -> httpx2.Response:
        return streamed(
            {"model": "gpt-4o", "choices": [{"delta": {"content": text}}]},
            {"choices": [{"delta": {}, "finish_reason": "stop"}]},
        )

    good, *_ = await ask([chunks(GOOD)], "/generate/stream", expect_json=SCHEMA)
    wrong, _, (row,) = await ask([chunks("No.")], "/generate/stream", expect_json=SCHEMA)

    assert good.events()[-1]["metadata"]["model"] == "gpt-4o"
    assert wrong.events()[-1]["error_code"] == "INVALID_MODEL_OUTPUT"
    assert row["output_units"] >= 1
