"""Rules of docs/clients that have no other test: thoughts come back unchanged, answers by a schema, cached tokens."""

import json
from typing import Any

import httpx2
import pytest

from electrons.dialects.translation.chat_to_messages import ChatToMessages
from tests.unit.gateway import CHAT, HELLO, MESSAGES, Gateway, streamed
from tests.unit.translated_chat import CHAT_USAGE, MODEL, TEXT, frames_of, message, stream

TOOL = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}
FORMAT = {"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "object", "properties": {}}}}


@pytest.mark.parametrize("model", ["claude-sonnet-4-6", MODEL])
async def test_thoughts_come_back_unchanged_and_in_order(model: str) -> None:
    thoughts = [
        {"type": "thinking", "thinking": "", "signature": "EqQB+/="},
        {"type": "redacted_thinking", "data": "xyz"},
        {"type": "thinking", "thinking": "Hm \u00e9", "signature": "abc"},
    ]
    turn = {"role": "assistant", "content": [*thoughts, {"type": "text", "text": "Hi"}]}
    body = json.dumps({"model": model, "max_tokens": 9, "messages": [*HELLO, turn, *HELLO]}).encode()
    gateway = Gateway(httpx2.Response(200, content=json.dumps(message(*thoughts, TEXT)).encode()))

    answer = await gateway.send(MESSAGES, body)

    assert gateway.requests[0].content == body.replace(b"anthropic:", b"")
    assert answer.json()["content"] == [*thoughts, TEXT]


def test_answer_by_a_schema_leaves_the_tools_as_they_are() -> None:
    document = {"model": "x", "messages": HELLO, "tools": [TOOL], "response_format": FORMAT}

    translated = ChatToMessages().translate_request(document).document

    assert [tool["name"] for tool in translated["tools"]] == ["get_time"]
    assert translated["output_config"]["format"]["type"] == "json_schema"
    assert "tool_choice" not in translated


async def test_cached_tokens_are_counted_once_streamed_or_not() -> None:
    whole = Gateway(httpx2.Response(200, content=json.dumps(message(TEXT)).encode()))
    in_pieces = Gateway(streamed(*(b"data: %s\n\n" % json.dumps(event).encode() for event in stream(TEXT))))
    body: dict[str, Any] = {"model": MODEL, "messages": HELLO}
    options = {"stream": True, "stream_options": {"include_usage": True}}

    answer = await whole.send(CHAT, body)
    await in_pieces.send(CHAT, {**body, **options})

    assert answer.json()["usage"] == CHAT_USAGE
    assert any(json.dumps(CHAT_USAGE, separators=(",", ":")) in frame for frame in frames_of(stream(TEXT)))
    first, second = await whole.row(), await in_pieces.row()
    counted = ("input_units", "output_units", "estimated_cost_microusd")
    assert [first[name] for name in counted] == [second[name] for name in counted]
    assert first["input_units"] == CHAT_USAGE["prompt_tokens"]
