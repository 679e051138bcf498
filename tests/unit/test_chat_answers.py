"""Anthropic's messages as chat completions."""

import json
from typing import Any

import httpx2
import pytest

from electrons.dialects.translation.chat_answer import write_chat_completion
from tests.unit.gateway import CHAT, HELLO, Gateway
from tests.unit.translated_chat import (
    CHAT_USAGE,
    MODEL,
    OTHER,
    TEXT,
    USE,
    content_of,
    delta_of,
    finish_of,
    message,
    read,
    stream,
)


def choice_of(answer: dict[str, Any]) -> dict[str, Any]:
    (choice,) = write_chat_completion(answer, MODEL)["choices"]
    return dict(choice)


def call_of(use: dict[str, Any]) -> dict[str, Any]:
    arguments = json.dumps(use["input"], separators=(",", ":"))
    return {"id": use["id"], "type": "function", "function": {"name": use["name"], "arguments": arguments}}


def test_message_is_a_completion() -> None:
    answer = write_chat_completion(message(TEXT, {"type": "text", "text": " there"}), MODEL)

    assert answer.pop("created") > 1_700_000_000
    assert answer == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello there", "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": CHAT_USAGE,
    }


def test_uses_of_tools_are_calls() -> None:
    choice = choice_of(message(USE, OTHER, stop_reason="tool_use"))

    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"] == [call_of(USE), call_of(OTHER)]
    assert choice["message"]["tool_calls"][1]["function"]["arguments"] == "{}"


@pytest.mark.parametrize(
    ("stop_reason", "finish_reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("something_new", "stop"),
        (None, "stop"),
    ],
)
def test_reason_of_the_end(stop_reason: str | None, finish_reason: str) -> None:
    assert choice_of(message(TEXT, stop_reason=stop_reason))["finish_reason"] == finish_reason
    (final,) = (event for event in read(stream(TEXT, stop_reason=stop_reason)) if finish_of(event))
    assert final["choices"][0]["finish_reason"] == finish_reason


def test_refusal_has_its_explanation() -> None:
    details = {"type": "refusal", "explanation": "I cannot"}
    choice = choice_of(message(stop_reason="refusal", stop_details=details))

    assert (choice["message"]["refusal"], choice["message"]["content"]) == ("I cannot", "")
    chunks = read(stream(stop_reason="refusal", stop_details=details))
    assert [refusal for chunk in chunks if (refusal := delta_of(chunk).get("refusal"))] == ["I cannot"]


def test_thoughts_are_beside_the_content() -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "abc"}
    hidden = {"type": "redacted_thinking", "data": "xyz"}
    given = choice_of(message(thought, hidden, TEXT))["message"]

    assert (given["content"], given["reasoning_content"]) == ("Hello", "Hm.")
    chunks = read(stream(thought, hidden, TEXT))
    assert "".join(delta_of(chunk).get("reasoning_content") or "" for chunk in chunks) == "Hm."
    assert content_of(chunks) == "Hello"


def test_message_cut_off_before_its_first_block() -> None:
    choice = choice_of(message(stop_reason="max_tokens"))

    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "length")


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"content": "Hello"},
        {"content": [], "stop_reason": None},
        {"content": [{"type": "text"}]},
        {"content": [{"type": "tool_use", "name": "x", "input": {}}]},
        {"content": [{"type": "tool_use", "id": "x", "name": 5, "input": {}}]},
    ],
)
async def test_unreadable_message_is_an_error(wrong: dict[str, Any]) -> None:
    answer = await Gateway(httpx2.Response(200, json=wrong)).send(CHAT, {"model": MODEL, "messages": HELLO})

    assert (answer.status, answer.json()["error"]["type"]) == (502, "server_error")


async def test_what_was_left_out_is_in_a_header() -> None:
    gateway = Gateway(httpx2.Response(200, json=message(TEXT)))

    answer = await gateway.send(CHAT, {"model": MODEL, "messages": HELLO, "seed": 5, "verbosity": "low"})

    assert answer.headers.get("X-DE-Warnings") == "seed was left out; verbosity was left out"
    assert "seed" not in json.loads(gateway.requests[0].content)


async def test_refused_field_is_named_in_the_error() -> None:
    gateway = Gateway(httpx2.Response(500))

    answer = await gateway.send(CHAT, {"model": MODEL, "messages": HELLO, "n": 2})

    message = "`n` is not supported for models of Anthropic"
    expected = {"message": message, "type": "invalid_request_error", "param": "n", "code": None}
    assert (answer.status, answer.json()["error"]) == (400, expected)
    assert gateway.requests == []
