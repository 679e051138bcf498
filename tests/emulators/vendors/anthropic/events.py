"""A message as server-sent events: https://platform.claude.com/docs/en/build-with-claude/streaming."""

from collections.abc import Iterator
from typing import Any

from ...vendor import event_frame
from .turns import Reply

_MIN_FRAGMENT = 24
_MAX_FRAGMENTS = 200


def stream_message(message: dict[str, Any], reply: Reply) -> Iterator[bytes]:
    """Yield the events: start, blocks (start, deltas, stop), delta with stop reason and usage, stop."""
    usage = message["usage"]
    opening = {**usage, "output_tokens": 1, "output_tokens_details": None}
    reason = {name: message[name] for name in ("stop_reason", "stop_sequence", "stop_details")}
    empty = {**message, **dict.fromkeys(reason), "content": [], "usage": opening}
    yield _event("message_start", message=empty)
    for index, block in enumerate(message["content"]):
        start, deltas = _split_block(block, reply)
        yield _event("content_block_start", index=index, content_block=start)
        if index == 0:
            yield _event("ping")
        for delta in deltas:
            yield _event("content_block_delta", index=index, delta=delta)
        yield _event("content_block_stop", index=index)
    counted = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens")
    final = {name: usage[name] for name in (*counted, "output_tokens", "output_tokens_details")}
    yield _event("message_delta", delta=reason, usage=final)
    yield _event("message_stop")


def _split_block(block: dict[str, Any], reply: Reply) -> tuple[dict[str, Any], list[dict[str, str]]]:
    """Return the empty block of its start event, and the deltas that fill it."""
    match block["type"]:
        case "thinking":
            shown = [{"type": "thinking_delta", "thinking": block["thinking"]}] if block["thinking"] else []
            return {**block, "thinking": "", "signature": ""}, [
                *shown,
                {"type": "signature_delta", "signature": block["signature"]},
            ]
        case "tool_use":
            # The vendor also sends an empty fragment first.
            fragments = ["", *_split_json(reply.arguments[block["id"]])]
            return {**block, "input": {}}, [
                {"type": "input_json_delta", "partial_json": fragment} for fragment in fragments
            ]
    return {"type": "text", "text": ""}, [{"type": "text_delta", "text": text} for text in reply.completion.deltas]


def _split_json(arguments: str) -> Iterator[str]:
    length = max(_MIN_FRAGMENT, -(-len(arguments) // _MAX_FRAGMENTS))
    for start in range(0, len(arguments), length):
        yield arguments[start : start + length]


def _event(name: str, **fields: Any) -> bytes:
    return event_frame({"type": name, **fields}, event=name)
