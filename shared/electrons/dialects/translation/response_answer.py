"""Chat completions as OpenAI's Responses, whole and as a stream of events."""

from __future__ import annotations

import time
import uuid
from typing import Any

from electrons.capabilities.text import CHARACTERS_PER_TOKEN
from electrons.dialects.requests import estimate_document
from electrons.dialects.translation.chat_pieces import (
    REASONING,
    CallPieces,
    find_quoted_text,
    read_piece,
    read_text,
)
from electrons.dialects.translation.response_items import Event, OutputItems
from electrons.dialects.translation.token_counts import write_response_usage
from electrons.http import data_frame
from electrons.upstream.reading import (
    NAME_LIMIT,
    Reader,
    UnreadableError,
    as_integer,
    as_object,
    as_string,
    load_json,
)

_DONE = "[DONE]"
_REPEATED = ("instructions", "max_output_tokens", "max_tool_calls", "prompt_cache_key", "safety_identifier", "user")
# By far the most frequent event.
_TEXT_FRAME = (
    "event: response.output_text.delta\n"
    'data: {{"type":"response.output_text.delta","sequence_number":{number},"item_id":"{item_id}",'
    '"output_index":{output_index},"content_index":{content_index},"delta":{quoted},"logprobs":[]}}\n\n'
)
_REASONS = {"length": "max_output_tokens", "content_filter": "content_filter"}


def write_response(document: dict[str, Any], *, request: dict[str, Any], requested_model: str) -> dict[str, Any]:
    """Return the first choice of a chat completion as a response to `request`. Raises `UnreadableError`."""
    answer = Reader(document)
    choices = answer.array("choices")
    choice = Reader(choices[0] if choices else None)
    message = choice.child("message", required=True)
    builder = ResponseBuilder(request, requested_model)
    builder.start(answer)
    if not (builder.add(message) or "finish_reason" in choice):
        raise UnreadableError("`message` is empty")
    builder.note(choice, document)
    (*_, (_, last)) = builder.finish()
    return dict(last["response"])


class ResponseBuilder:
    """Builds the response to a request from messages of chat completions, or from pieces of one.

    Each method returns the events of what it adds.
    """

    def __init__(self, request: dict[str, Any], requested_model: str) -> None:
        self._request = request
        self._requested_model = requested_model
        self._response: dict[str, Any] | None = None
        self.items = OutputItems()
        self._calls = CallPieces()
        self._finish_reason = ""
        self._usage: dict[str, Any] = {}
        self._has_refused = False

    def start(self, answer: Reader) -> list[Event]:
        """Begin with the head of a completion or of a chunk; nothing happens for the later ones."""
        if self._response is not None:
            return []
        answer_id = answer.string("id", default="", limit=NAME_LIMIT).removeprefix("chatcmpl-") or uuid.uuid4().hex
        self._response = {"id": f"resp_{answer_id}", **_write_settings(self._request, self._requested_model)}
        return [("created", {"response": self._response}), ("in_progress", {"response": self._response})]

    def add(self, message: Reader) -> list[Event]:
        """Add a message, or a piece of one."""
        events: list[Event] = []
        for name in REASONING:
            if thoughts := as_string(message.document.get(name), limit=None):
                events += self.items.think(thoughts)
                break
        if text := read_text(message):
            self._calls.end()
            events += self.items.say(text)
        if refusal := message.text("refusal", default=""):
            self._calls.end()
            self._has_refused = True
            events += self.items.refuse(refusal)
        for call, begins in self._calls.read(message):
            function = call.child("function")
            if begins:
                call_id = as_string(call.document.get("id"), limit=NAME_LIMIT) or f"call_{uuid.uuid4().hex}"
                events += self.items.call(call_id, function.string("name", limit=NAME_LIMIT))
            events += self.items.add_arguments(read_piece(function))
        return events

    def note(self, choice: Reader, document: dict[str, Any]) -> None:
        """Keep the reason for the end and the usage, if they are there."""
        self._finish_reason = choice.string("finish_reason", default=self._finish_reason, limit=NAME_LIMIT)
        self._usage = as_object(document.get("usage")) or self._usage

    def finish(self) -> list[Event]:
        """End the response; the last event has all of it."""
        if self._response is None:
            raise UnreadableError("the stream has no chunk")
        reason = None if self._has_refused else _REASONS.get(self._finish_reason)
        status = "incomplete" if reason else "completed"
        # Clients look for a message when there is nothing else.
        empty = self.items.say("") if self.items.is_empty and not reason else []
        events = empty + self.items.end(status)
        usage = write_response_usage(
            self._usage,
            input_estimate=0 if self._usage else estimate_document(self._request),
            output_estimate=-(-self.items.characters // CHARACTERS_PER_TOKEN),
        )
        final = {
            **self._response,
            "status": status,
            "completed_at": None if reason else int(time.time()),
            "incomplete_details": {"reason": reason} if reason else None,
            "output": self.items.output,
            "usage": usage,
        }
        return [*events, (status, {"response": final})]


class ResponseEvents:
    """The state of one stream of events (`StreamTranslator`)."""

    def __init__(self, request: dict[str, Any], requested_model: str) -> None:
        """Write the events of a response to `request` by `requested_model`."""
        self.is_complete = False
        self._builder = ResponseBuilder(request, requested_model)
        self._number = 0

    def feed(self, data: str) -> list[str]:
        """See `StreamTranslator.feed`."""
        if data == _DONE:
            self.is_complete = True
            return []
        if self.is_complete:
            return []
        if self.is_saying and (quoted := find_quoted_text(data)):
            return self.add_quoted(quoted)
        document = load_json(data, keep_surrogates=True)
        if document is None:
            return []
        if not isinstance(document, dict):
            raise UnreadableError("a chunk is not an object")
        return self.add_chunk(document)

    @property
    def is_saying(self) -> bool:
        """See `OutputItems.is_saying`."""
        return self._builder.items.is_saying

    def add_quoted(self, quoted: str) -> list[str]:
        """Return the frame for a JSON string with a piece of the text that is open; it is handed on as it is."""
        piece = load_json(quoted)
        if not piece:
            return []
        place = self._builder.items.say_more(piece)
        frame = _TEXT_FRAME.format(number=self._number, quoted=quoted, **place)
        self._number += 1
        return [frame]

    def add_chunk(self, document: dict[str, Any]) -> list[str]:
        """Return the frames for a chunk of chat completions."""
        chunk = Reader(document)
        events = self._builder.start(chunk)
        choices = chunk.array("choices") if "choices" in chunk else []
        # Only the first choice was asked for.
        is_first = choices and as_integer(as_object(choices[0]).get("index")) in (0, None)
        choice = Reader(choices[0] if is_first else None)
        events += self._builder.add(choice.child("delta", required="delta" in choice))
        self._builder.note(choice, document)
        return [self._write(event) for event in events]

    def finish(self) -> list[str]:
        """See `StreamTranslator.finish`."""
        return [self._write(event) for event in self._builder.finish()]

    def _write(self, event: Event) -> str:
        kind, members = f"response.{event[0]}", event[1]
        frame = f"event: {kind}\n" + data_frame({"type": kind, "sequence_number": self._number, **members})
        self._number += 1
        return frame


def _write_settings(request: dict[str, Any], requested_model: str) -> dict[str, Any]:
    """Return the response before any output, which repeats the request."""
    reasoning, text = as_object(request.get("reasoning")), as_object(request.get("text"))
    temperature, top_p = request.get("temperature"), request.get("top_p")
    return {
        "object": "response",
        "created_at": int(time.time()),
        "completed_at": None,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        **{name: request.get(name) for name in _REPEATED},
        "metadata": as_object(request.get("metadata")),
        "model": requested_model,
        "output": [],
        "parallel_tool_calls": request.get("parallel_tool_calls") is not False,
        "previous_response_id": None,
        "reasoning": {"effort": reasoning.get("effort"), "summary": reasoning.get("summary")},
        "service_tier": "default",
        "store": False,
        "temperature": 1.0 if temperature is None else temperature,
        "text": {"format": {"type": "text"}, **{name: value for name, value in text.items() if value is not None}},
        "tool_choice": request.get("tool_choice") or "auto",
        "tools": request.get("tools") or [],
        "top_logprobs": 0,
        "top_p": 1.0 if top_p is None else top_p,
        "truncation": "disabled",
        "usage": None,
    }
