"""Anthropic's messages as chat completions, whole and as a stream of chunks."""

from __future__ import annotations

import re
import time
import uuid
from typing import Any

from electrons.dialects.translation.chat_conversation import write_arguments
from electrons.dialects.translation.token_counts import write_chat_usage
from electrons.http import data_frame
from electrons.upstream.reading import (
    NAME_LIMIT,
    Reader,
    SurrogateJoiner,
    UnreadableError,
    as_integer,
    as_object,
    load_json,
)

Chunks = list[dict[str, Any]]
"""Chunks of chat completions; an empty one stands for a sign of life."""

_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}

# By far the most frequent event, as Anthropic writes it; its string is handed on as it is. Strings with `\u` are not,
# because that may be half of a surrogate pair.
_TEXT_EVENT = re.compile(
    r'\{"type": ?"content_block_delta", ?"index": ?\d{1,9}, ?"delta": ?'
    r'\{"type": ?"text_delta", ?"text": ?("[^"\\\x00-\x1f]*(?:\\["\\/bfnrt][^"\\\x00-\x1f]*)*") *\} *\} *'
)

_COUNTS = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
_DONE = "data: [DONE]\n\n"
KEEP_ALIVE = ": ping\n\n"
"""A comment, which all clients skip."""


def write_chat_completion(document: dict[str, Any], requested_model: str) -> dict[str, Any]:
    """Return a message as a chat completion. Raises `UnreadableError`.

    Thoughts are in `reasoning_content`, as other servers of this format have them, without their signatures.
    """
    answer = Reader(document)
    blocks = [Reader(block) for block in answer.array("content")]
    calls = [_write_call(block) for block in blocks if block.document.get("type") == "tool_use"]
    texts = [block.text("text") for block in blocks if block.document.get("type") == "text"]
    thoughts = [block.text("thinking", default="") for block in blocks if block.document.get("type") == "thinking"]
    if not blocks and "stop_reason" not in answer:
        raise UnreadableError("`content` is empty")
    text = "".join(texts)
    message: dict[str, Any] = {
        "role": "assistant",
        "content": text if text or not calls else None,
        "refusal": _read_refusal(answer),
        "annotations": [],
    }
    if calls:
        message["tool_calls"] = calls
    if reasoning := "".join(thoughts):
        message["reasoning_content"] = reasoning
    choice = {
        "index": 0,
        "message": message,
        "logprobs": None,
        "finish_reason": _read_finish_reason(answer, has_calls=bool(calls)),
    }
    usage = write_chat_usage(as_object(document.get("usage")))
    head = _write_head(answer, requested_model, kind="chat.completion")
    return {**head, "choices": [choice], "usage": usage}


def find_quoted_delta(data: str) -> str | None:
    """Return the JSON string of an event with a piece of text, as Anthropic writes it; None for any other."""
    found = _TEXT_EVENT.fullmatch(data)
    return found[1] if found else None


class ChatChunks:
    """The state of one stream of chunks (`StreamTranslator`)."""

    def __init__(self, requested_model: str, *, reports_usage: bool) -> None:
        """Write chunks that name `requested_model`, and with `reports_usage` one with the usage at the end."""
        self.is_complete = False
        self._requested_model = requested_model
        self._reports_usage = reports_usage
        self._head: dict[str, Any] | None = None
        self._usage: dict[str, Any] = {}
        self._has_role = False
        self._has_text = False
        self._text_frame: tuple[str, str] | None = None
        self._calls = 0
        self._call: Reader | None = None
        self._has_arguments = False
        self._joiner = SurrogateJoiner()
        self._joined_name = "content"
        self._finish_reason: str | None = None
        self._refusal: str | None = None

    def feed(self, data: str) -> list[str]:
        """See `StreamTranslator.feed`."""
        if self._text_frame and not self.has_half and (quoted := find_quoted_delta(data)):
            before, after = self._text_frame
            return [before + quoted + after] if len(quoted) > len('""') else []
        frames = [data_frame(chunk) if chunk else KEEP_ALIVE for chunk in self.read(data)]
        if self._has_text and not self._text_frame and not self.is_complete:
            before, _, after = "".join(map(data_frame, self._write({"content": ""}))).rpartition('""')
            self._text_frame = (before, after)
        return frames

    def finish(self) -> list[str]:
        """See `StreamTranslator.finish`."""
        return [*map(data_frame, self.end()), _DONE]

    @property
    def has_half(self) -> bool:
        """Whether half of a surrogate pair waits for the next piece."""
        return self._joiner.has_half

    def read(self, data: str) -> Chunks:
        """Return the chunks for the data of one event. Raises ValueError for one that cannot be read."""
        document = load_json(data, keep_surrogates=True)
        if document is None or self.is_complete:
            return []
        if not isinstance(document, dict):
            raise UnreadableError("an event is not an object")
        event = Reader(document)
        match event.string("type", default=None):
            case "message_start":
                self._start(event.child("message"))
            case "content_block_start":
                return self._end_block() + self._start_block(event.child("content_block", required=True))
            case "content_block_delta":
                return self._add(event.child("delta", required=True))
            case "content_block_stop":
                return self._end_block()
            case "message_delta":
                self._count(event.child("usage"))
                delta = event.child("delta")
                if "stop_reason" in delta:
                    self._finish_reason = _read_finish_reason(delta, has_calls=self._calls > 0)
                    self._refusal = _read_refusal(delta)
            case "message_stop":
                self.is_complete = True
                self._text_frame = None
                return self._end_block()
            case "ping":
                return [{}]
        return []

    def end(self) -> Chunks:
        """Return the chunks after the last event of a complete stream."""
        chunks = [] if self._has_role else self._write({"content": ""})
        if self._refusal:
            chunks += self._write({"refusal": self._refusal})
        default = "tool_calls" if self._calls else "stop"
        chunks += self._write({}, self._finish_reason or default)
        if self._reports_usage:
            chunks.append({**self._get_head(), "choices": [], "usage": write_chat_usage(self._usage)})
        return chunks

    def _start(self, message: Reader) -> None:
        if self._head is None:
            self._head = _write_head(message, self._requested_model, kind="chat.completion.chunk")
        self._count(message.child("usage"))

    def _count(self, usage: Reader) -> None:
        self._usage |= {
            name: usage.document[name] for name in _COUNTS if as_integer(usage.document.get(name)) is not None
        }
        if details := as_object(usage.document.get("output_tokens_details")):
            self._usage["output_tokens_details"] = {"thinking_tokens": details.get("thinking_tokens")}

    def _start_block(self, block: Reader) -> Chunks:
        match block.string("type"):
            case "text":
                return self._say("content", block.text("text", default=""))
            case "thinking":
                return self._say("reasoning_content", block.text("thinking", default=""))
            case "tool_use":
                self._call, self._has_arguments = block, False
                call = {
                    "index": self._calls,
                    "id": block.string("id"),
                    "type": "function",
                    "function": {"name": block.string("name"), "arguments": ""},
                }
                self._calls += 1
                return self._write({"tool_calls": [call]})
        return []

    def _add(self, delta: Reader) -> Chunks:
        match delta.string("type"):
            case "text_delta":
                return self._say("content", delta.text("text"))
            case "thinking_delta":
                return self._say("reasoning_content", delta.text("thinking"))
            case "input_json_delta" if self._call is not None:
                return self._say("arguments", delta.text("partial_json"))
        return []

    def _end_block(self) -> Chunks:
        rest = self._joiner.finish()
        chunks = self._write_piece(self._joined_name, rest) if rest else []
        if self._call is not None and not self._has_arguments:
            chunks += self._write_piece("arguments", write_arguments(_read_input(self._call)))
        self._call = None
        return chunks

    def _say(self, name: str, piece: str) -> Chunks:
        self._joined_name = name
        joined = self._joiner.feed(piece)
        return self._write_piece(name, joined) if joined else []

    def _write_piece(self, name: str, piece: str) -> Chunks:
        self._has_text = self._has_text or name == "content"
        if name != "arguments":
            return self._write({name: piece})
        self._has_arguments = True
        return self._write({"tool_calls": [{"index": self._calls - 1, "function": {"arguments": piece}}]})

    def _write(self, delta: dict[str, Any], finish_reason: str | None = None) -> Chunks:
        """Return a chunk, the first one with the role."""
        chunks: Chunks = []
        if not self._has_role:
            self._has_role = True
            opening = {"role": "assistant", "content": None if "tool_calls" in delta else "", "refusal": None}
            if "tool_calls" in delta:
                delta = {**opening, **delta}
            else:
                chunks = self._write(opening)
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        usage = {"usage": None} if self._reports_usage else {}
        return [*chunks, {**self._get_head(), "choices": [choice], **usage}]

    def _get_head(self) -> dict[str, Any]:
        if self._head is None:
            raise UnreadableError("the stream does not begin with `message_start`")
        return self._head


def _write_head(answer: Reader, requested_model: str, *, kind: str) -> dict[str, Any]:
    message_id = answer.string("id", default="", limit=NAME_LIMIT).removeprefix("msg_") or uuid.uuid4().hex
    return {"id": f"chatcmpl-{message_id}", "object": kind, "created": int(time.time()), "model": requested_model}


def _write_call(block: Reader) -> dict[str, Any]:
    function = {"name": block.string("name"), "arguments": write_arguments(_read_input(block))}
    return {"id": block.string("id"), "type": "function", "function": function}


def _read_input(block: Reader) -> dict[str, Any]:
    return as_object(block.document.get("input"))


def _read_finish_reason(holder: Reader, *, has_calls: bool) -> str:
    stop_reason = holder.string("stop_reason", default="", limit=NAME_LIMIT)
    return _FINISH_REASONS.get(stop_reason, "tool_calls" if has_calls else "stop")


def _read_refusal(holder: Reader) -> str | None:
    if holder.document.get("stop_reason") != "refusal":
        return None
    return holder.child("stop_details").string("explanation", default=None, limit=None)
