"""Chat completions and their streams, and how their translation to messages is read."""

import json
from typing import Any

from electrons.dialects.translation.call_ids import fit_tool_name
from electrons.dialects.translation.message_answer import MessageEvents
from electrons.upstream.reading import UnreadableError
from tests.unit.gateway import HELLO

MODEL = "openai:gpt-4o"
LONG_NAME = "mcp__" + "x" * 100
NAMES = {fit_tool_name(LONG_NAME): LONG_NAME}
USAGE = {
    "prompt_tokens": 15,
    "completion_tokens": 11,
    "total_tokens": 26,
    "prompt_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 5},
}
MESSAGE_USAGE = {
    "input_tokens": 3,
    "cache_creation_input_tokens": 5,
    "cache_read_input_tokens": 7,
    "output_tokens": 11,
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": '{"zone": "UTC"}'}}
OTHER = {"id": "call_2", "type": "function", "function": {"name": "get_date", "arguments": ""}}
USE = {"type": "tool_use", "id": "call_1", "name": "get_time", "input": {"zone": "UTC"}}
OTHER_USE = {"type": "tool_use", "id": "call_2", "name": "get_date", "input": {}}
QUESTION = {"model": MODEL, "max_tokens": 50, "messages": HELLO}


def completion(*, finish_reason: str | None = "stop", usage: Any = USAGE, **message: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o", "choices": [choice], "usage": usage}


def pieces_of(text: str, calls: list[Any]) -> list[dict[str, Any]]:
    """Return the deltas of a text and of calls, in pieces of three characters."""
    deltas: list[dict[str, Any]] = [{"content": text[start : start + 3]} for start in range(0, len(text), 3)]
    for index, call in enumerate(calls):
        arguments = call["function"]["arguments"]
        head = {"index": index, **call, "function": {**call["function"], "arguments": ""}}
        pieces = [arguments[start : start + 3] for start in range(0, len(arguments), 3)]
        deltas += [
            {"tool_calls": [piece]}
            for piece in (head, *({"index": index, "function": {"arguments": piece}} for piece in pieces))
        ]
    return deltas


def stream(*deltas: dict[str, Any], finish_reason: str | None = "stop", usage: Any = USAGE) -> list[Any]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": "gpt-4o"}
    first = {"role": "assistant", "content": None, "refusal": None}
    choices = [
        *({"index": 0, "delta": {**first, **delta}, "finish_reason": None} for delta in deltas[:1]),
        *({"index": 0, "delta": delta, "finish_reason": None} for delta in deltas[1:]),
        {"index": 0, "delta": {}, "finish_reason": finish_reason},
    ]
    chunks = [{**head, "choices": [choice], "usage": None} for choice in choices]
    return [*chunks, *([{**head, "choices": [], "usage": usage}] if usage else []), "[DONE]"]


def frames_of(chunks: list[Any]) -> list[str]:
    events = MessageEvents(MODEL, input_estimate=9, tool_names=NAMES)
    frames = [frame for chunk in chunks for frame in events.feed(chunk if chunk == "[DONE]" else json.dumps(chunk))]
    if not events.is_complete:
        raise UnreadableError("there is no end")
    return [*frames, *events.finish()]


def read(chunks: list[Any]) -> list[dict[str, Any]]:
    """Return the events, whose order is checked."""
    events = [parse(frame) for frame in frames_of(chunks)]
    check_order(events)
    return events


def parse(frame: str) -> dict[str, Any]:
    name, data = frame.rstrip().split("\n")
    event: dict[str, Any] = json.loads(data.removeprefix("data: "))
    assert name == f"event: {event['type']}"
    return event


def check_order(events: list[dict[str, Any]]) -> None:
    kinds = [event["type"] for event in events if event["type"] != "ping"]
    assert (kinds[0], kinds[-2:], kinds.count("message_start")) == (
        "message_start",
        ["message_delta", "message_stop"],
        1,
    )
    open_block: int | None = None
    blocks = 0
    for event in events:
        match event["type"]:
            case "content_block_start":
                assert (open_block, event["index"]) == (None, blocks)
                open_block = blocks
            case "content_block_delta":
                assert event["index"] == open_block
            case "content_block_stop":
                assert event["index"] == open_block
                open_block, blocks = None, blocks + 1
    assert open_block is None


def text_of(events: list[dict[str, Any]]) -> str:
    return "".join(event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta")


def uses_of(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    uses = []
    for start in events:
        if start["type"] == "content_block_start" and start["content_block"]["type"] == "tool_use":
            pieces = [
                event["delta"]["partial_json"]
                for event in events
                if event["type"] == "content_block_delta" and event["index"] == start["index"]
            ]
            assert start["content_block"]["input"] == {}
            uses.append({**start["content_block"], "input": json.loads("".join(pieces) or "{}")})
    return uses
