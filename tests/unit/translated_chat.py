"""Messages of Anthropic and their streams, and how their translation to chat completions is read."""

import json
from collections.abc import Iterator
from typing import Any

from electrons.dialects.translation.chat_answer import ChatChunks
from electrons.upstream.reading import UnreadableError

MODEL = "anthropic:claude-sonnet-4-6"
USAGE = {
    "input_tokens": 3,
    "cache_creation_input_tokens": 5,
    "cache_read_input_tokens": 7,
    "output_tokens": 11,
    "output_tokens_details": {"thinking_tokens": 2},
}
CHAT_USAGE = {
    "prompt_tokens": 15,
    "completion_tokens": 11,
    "total_tokens": 26,
    "prompt_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
TEXT: dict[str, Any] = {"type": "text", "text": "Hello", "citations": None}
USE: dict[str, Any] = {"type": "tool_use", "id": "toolu_1", "name": "get_time", "input": {"zone": "UTC", "at": [1]}}
OTHER: dict[str, Any] = {"type": "tool_use", "id": "toolu_2", "name": "get_date", "input": {}}


def message(*content: Any, stop_reason: str | None = "end_turn", **fields: Any) -> dict[str, Any]:
    return {
        **{"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6"},
        **{"content": list(content), "stop_reason": stop_reason, "stop_sequence": None, "stop_details": None},
        **{"usage": USAGE, **fields},
    }


def events_of(block: dict[str, Any], index: int) -> Iterator[dict[str, Any]]:
    """Yield the events of a block, with its content in pieces of three characters."""
    kind, name, content, empty = {
        "text": ("text_delta", "text", block.get("text"), ""),
        "thinking": ("thinking_delta", "thinking", block.get("thinking"), ""),
        "tool_use": ("input_json_delta", "partial_json", json.dumps(block.get("input")), {}),
        "redacted_thinking": ("", "", "", ""),
    }[block["type"]]
    member = "input" if block["type"] == "tool_use" else name
    yield {"type": "content_block_start", "index": index, "content_block": {**block, member: empty}}
    if index == 0:
        yield {"type": "ping"}
    if block["type"] == "tool_use":
        yield {"type": "content_block_delta", "index": index, "delta": {"type": kind, name: ""}}
        content = "" if content == "{}" else content
    for start in range(0, len(content or ""), 3):
        delta = {"type": kind, name: (content or "")[start : start + 3]}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    if block["type"] == "thinking":
        delta = {"type": "signature_delta", "signature": block["signature"]}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def stream(
    *content: dict[str, Any], stop_reason: str | None = "end_turn", stop_details: Any = None
) -> list[dict[str, Any]]:
    start = {**message(), "stop_reason": None, "usage": {**USAGE, "output_tokens": 1, "output_tokens_details": None}}
    delta = {"stop_reason": stop_reason, "stop_sequence": None, "stop_details": stop_details}
    usage = {"input_tokens": None, "output_tokens": 11, "output_tokens_details": {"thinking_tokens": 2}}
    return [
        {"type": "message_start", "message": start},
        *(event for index, block in enumerate(content) for event in events_of(block, index)),
        {"type": "message_delta", "delta": delta, "usage": usage},
        {"type": "message_stop"},
    ]


def frames_of(events: list[Any], *, reports_usage: bool = True) -> list[str]:
    chunks = ChatChunks(MODEL, reports_usage=reports_usage)
    frames = [frame for event in events for frame in chunks.feed(json.dumps(event))]
    if not chunks.is_complete:
        raise UnreadableError("there is no end")
    return "".join([*frames, *chunks.finish()]).split("\n\n")


def read(events: list[Any], *, reports_usage: bool = True) -> list[dict[str, Any]]:
    *frames, done, rest = frames_of(events, reports_usage=reports_usage)
    assert (done, rest) == ("data: [DONE]", "")
    chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames if frame != ": ping"]
    assert len({(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks}) == 1
    assert chunks[0]["object"] == "chat.completion.chunk"
    return chunks


def delta_of(chunk: dict[str, Any]) -> dict[str, Any]:
    return dict(chunk["choices"][0]["delta"]) if chunk["choices"] else {}


def finish_of(chunk: dict[str, Any]) -> Any:
    return chunk["choices"] and chunk["choices"][0]["finish_reason"]


def content_of(chunks: list[dict[str, Any]]) -> str:
    return "".join(delta_of(chunk).get("content") or "" for chunk in chunks)
