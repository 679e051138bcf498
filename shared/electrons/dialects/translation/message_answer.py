"""Chat completions as Anthropic's messages, whole and as a stream of events."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from electrons.capabilities.text import CHARACTERS_PER_TOKEN
from electrons.dialects.translation.chat_conversation import parse_arguments, write_arguments
from electrons.dialects.translation.chat_pieces import (
    REASONING,
    CallPieces,
    find_quoted_text,
    read_piece,
    read_text,
)
from electrons.dialects.translation.token_counts import write_message_usage
from electrons.http import data_frame
from electrons.upstream.reading import (
    NAME_LIMIT,
    STRING_LIMIT,
    Reader,
    SurrogateJoiner,
    UnreadableError,
    as_integer,
    as_list,
    as_object,
    as_string,
    load_json,
    mend_surrogates,
)

_DONE = "[DONE]"


def write_message(document: dict[str, Any], requested_model: str, *, tool_names: Mapping[str, str]) -> dict[str, Any]:
    """Return the first choice of a chat completion as a message. Raises `UnreadableError`.

    `tool_names` has the names of tools by their shortened ones. Thoughts have no signature, so they are left out.
    """
    answer = Reader(document)
    choices = answer.array("choices")
    choice = Reader(choices[0] if choices else None)
    message = choice.child("message", required=True)
    finish_reason = choice.string("finish_reason", default="", limit=NAME_LIMIT)
    text, refusal = read_text(message), message.text("refusal", default="")
    blocks = [{"type": "text", "text": piece} for piece in (text, refusal) if piece]
    uses = (_write_use(Reader(call), finish_reason, tool_names) for call in as_list(message.document.get("tool_calls")))
    calls = [use for use in uses if use is not None]
    if not (blocks or calls or finish_reason):
        raise UnreadableError("`message` is empty")
    return {
        **_write_head(answer, requested_model),
        "content": blocks + calls,
        **_write_end(finish_reason, has_calls=bool(calls), refusal=refusal),
        "usage": write_message_usage(as_object(document.get("usage"))),
    }


class MessageEvents:
    """The state of one stream of events (`StreamTranslator`)."""

    def __init__(self, requested_model: str, *, input_estimate: int, tool_names: Mapping[str, str]) -> None:
        """Write events of a message by `requested_model`.

        `input_estimate` is told first, because the count comes last. `tool_names` is as in `write_message`.
        """
        self.is_complete = False
        self._requested_model = requested_model
        self._input_estimate = input_estimate
        self._tool_names = tool_names
        self._has_started = False
        self._blocks = 0
        self._kind: str | None = None
        self._calls = CallPieces()
        self._has_calls = False
        self._joiner = SurrogateJoiner()
        self._characters = 0
        self._usage: dict[str, Any] = {}
        self._finish_reason = ""
        self._refusal = ""

    def feed(self, data: str) -> list[str]:
        """See `StreamTranslator.feed`."""
        if data == _DONE:
            self.is_complete = True
            return []
        if self.is_complete:
            return []
        is_text = self._kind == "text" and not self._joiner.has_half
        if is_text and (quoted := find_quoted_text(data)):
            return self._write_quoted(quoted)
        document = load_json(data, keep_surrogates=True)
        if document is None:
            return []
        if not isinstance(document, dict):
            raise UnreadableError("a chunk is not an object")
        chunk = Reader(document)
        frames = self._start(chunk)
        self._usage = as_object(document.get("usage")) or self._usage
        choices = chunk.array("choices") if "choices" in chunk else []
        # Only the first choice was asked for.
        if choices and as_integer(as_object(choices[0]).get("index")) in (0, None):
            frames += self._add(Reader(choices[0]))
        return frames

    def finish(self) -> list[str]:
        """See `StreamTranslator.finish`."""
        if not self._has_started:
            raise UnreadableError("the stream has no chunk")
        refusal = mend_surrogates(self._refusal)
        end = _write_end(self._finish_reason, has_calls=self._has_calls, refusal=refusal)
        usage = write_message_usage(self._usage)
        if not self._usage:
            usage["input_tokens"] = self._input_estimate
        usage["output_tokens"] = usage["output_tokens"] or -(-self._characters // CHARACTERS_PER_TOKEN)
        return [*self._end_block(), _event("message_delta", delta=end, usage=usage), _event("message_stop")]

    def _start(self, chunk: Reader) -> list[str]:
        if self._has_started:
            return []
        self._has_started = True
        usage = {**write_message_usage({}), "input_tokens": self._input_estimate}
        unfinished: dict[str, Any] = {
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "stop_details": None,
            "usage": usage,
        }
        return [_event("message_start", message={**_write_head(chunk, self._requested_model), **unfinished})]

    def _add(self, choice: Reader) -> list[str]:
        self._finish_reason = choice.string("finish_reason", default=self._finish_reason, limit=NAME_LIMIT)
        delta = choice.child("delta", required="delta" in choice)
        frames = self._say(read_text(delta))
        if refusal := delta.text("refusal", default=""):
            self._refusal = (self._refusal + refusal)[:STRING_LIMIT]
            frames += self._say(refusal)
        for call, begins in self._calls.read(delta):
            frames += self._add_call(call, begins=begins)
        if not frames and any(name in delta for name in REASONING):
            frames.append(_event("ping"))
        return frames

    def _say(self, text: str) -> list[str]:
        if not text:
            return []
        frames: list[str] = []
        if self._kind != "text":
            frames = self._start_block({"type": "text", "text": ""})
            self._calls.end()
        return frames + self._write_piece(text)

    def _add_call(self, call: Reader, *, begins: bool) -> list[str]:
        function = call.child("function")
        frames: list[str] = []
        if begins:
            frames = self._start_block(
                {
                    "type": "tool_use",
                    "id": as_string(call.document.get("id")) or f"toolu_{uuid.uuid4().hex}",
                    "name": _read_name(function, self._tool_names),
                    "input": {},
                }
            )
            self._has_calls = True
        piece = read_piece(function)
        return frames + self._write_piece(piece) if piece else frames

    def _start_block(self, block: dict[str, Any]) -> list[str]:
        frames = self._end_block()
        self._kind = block["type"]
        return [*frames, _event("content_block_start", index=self._blocks, content_block=block)]

    def _end_block(self) -> list[str]:
        if self._kind is None:
            return []
        rest = self._joiner.finish()
        frames = [self._write_delta(rest)] if rest else []
        frames.append(_event("content_block_stop", index=self._blocks))
        self._blocks += 1
        self._kind = None
        return frames

    def _write_piece(self, piece: str) -> list[str]:
        self._characters += len(piece)
        joined = self._joiner.feed(piece)
        return [self._write_delta(joined)] if joined else []

    def _write_quoted(self, quoted: str) -> list[str]:
        """Return the event for a text that is written as JSON."""
        self._characters += len(quoted) - len('""')
        delta = f'{{"type":"text_delta","text":{quoted}}}'
        event = f'{{"type":"content_block_delta","index":{self._blocks},"delta":{delta}}}'
        return [f"event: content_block_delta\ndata: {event}\n\n"] if len(quoted) > len('""') else []

    def _write_delta(self, piece: str) -> str:
        delta = (
            {"type": "text_delta", "text": piece}
            if self._kind == "text"
            else {"type": "input_json_delta", "partial_json": piece}
        )
        return _event("content_block_delta", index=self._blocks, delta=delta)


def _event(kind: str, **fields: Any) -> str:
    return f"event: {kind}\n" + data_frame({"type": kind, **fields})


def _write_head(answer: Reader, requested_model: str) -> dict[str, Any]:
    answer_id = answer.string("id", default="", limit=NAME_LIMIT).removeprefix("chatcmpl-") or uuid.uuid4().hex
    return {"id": f"msg_{answer_id}", "type": "message", "role": "assistant", "model": requested_model}


def _write_end(finish_reason: str, *, has_calls: bool, refusal: str) -> dict[str, Any]:
    details = None
    if finish_reason == "length":
        stop_reason = "max_tokens"
    elif finish_reason == "content_filter" or refusal:
        stop_reason = "refusal"
        details = {"type": "refusal", "category": None, "explanation": refusal or None}
    else:
        # Some models end a required call with `stop`.
        stop_reason = "tool_use" if has_calls else "end_turn"
    return {"stop_reason": stop_reason, "stop_sequence": None, "stop_details": details}


def _write_use(call: Reader, finish_reason: str, tool_names: Mapping[str, str]) -> dict[str, Any] | None:
    """Return the use of a tool, None for one that was cut off by the limit."""
    function = call.child("function", required=True)
    arguments = function.document.get("arguments")
    try:
        # Some servers have an object here.
        text = write_arguments(arguments) if isinstance(arguments, dict) else arguments or ""
        value = parse_arguments(text)
    except ValueError:
        if finish_reason == "length":
            return None
        raise
    return {
        "type": "tool_use",
        "id": call.string("id", default="") or f"toolu_{uuid.uuid4().hex}",
        "name": _read_name(function, tool_names),
        "input": value,
    }


def _read_name(function: Reader, tool_names: Mapping[str, str]) -> str:
    name = function.string("name", limit=NAME_LIMIT)
    return tool_names.get(name, name)
