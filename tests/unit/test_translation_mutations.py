"""Answers of providers and requests of callers with one wrong value: translated, or refused, and nothing else."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from electrons.dialects.translation.chat_answer import write_chat_completion
from electrons.dialects.translation.chat_to_messages import ChatToMessages
from electrons.dialects.translation.message_answer import write_message
from electrons.dialects.translation.messages_to_chat import MessagesToChat
from electrons.errors import RequestError
from electrons.upstream.reading import PARSE_ERRORS, load_json
from tests.providers.mutations import mutate
from tests.unit import translated_chat, translated_messages

MARK = {"cache_control": {"type": "ephemeral"}}
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "abc"}
IMAGE_URL = {"url": "data:image/png;base64,aa", "detail": "low"}
CHAT_REQUEST = {
    "model": "claude-haiku-4-5",
    "messages": [
        {"role": "system", "content": "Be brief.", "name": "x"},
        {
            "role": "user",
            "content": [{"type": "text", "text": "a", **MARK}, {"type": "image_url", "image_url": IMAGE_URL}],
        },
        {"role": "assistant", "content": "b", "refusal": "c", "tool_calls": [translated_messages.CALL]},
        {"role": "tool", "tool_call_id": "call_1", "content": [{"type": "text", "text": "d"}]},
        {"role": "user", "content": [{"type": "file", "file": {"file_data": "data:application/pdf;base64,aa"}}]},
    ],
    "tools": [
        {"type": "function", "function": {"name": "a", "parameters": {"type": "object"}, "strict": True}, **MARK}
    ],
    "tool_choice": {
        "type": "allowed_tools",
        "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "a"}}]},
    },
    "response_format": {
        "type": "json_schema",
        "json_schema": {
            "schema": {"type": "object", "properties": {"a": {"type": "array", "items": {}, "minItems": 2}}}
        },
    },
    **{
        "max_tokens": 5000,
        "temperature": 0.5,
        "top_p": 0.5,
        "stop": ["a"],
        "n": 1,
        "user": "u",
        "metadata": {"a": "b"},
    },
    **{"reasoning_effort": "low", "parallel_tool_calls": False, "stream": True, "service_tier": "auto"},
}
MESSAGES_REQUEST = {
    "model": "gpt-4o",
    "max_tokens": 50,
    "system": [{"type": "text", "text": "Be brief.", **MARK}],
    "messages": [
        {
            "role": "user",
            "content": [{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "a"}}],
        },
        {"role": "assistant", "content": [THOUGHT, translated_chat.TEXT, translated_chat.USE]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "toolu_1", "content": "a", "is_error": True},
                {
                    "type": "document",
                    "source": {"type": "content", "content": [{"type": "text", "text": "a"}]},
                    "title": "b",
                    "context": "c",
                    "citations": {"enabled": False},
                },
            ],
        },
    ],
    "tools": [{"name": "a", "description": "b", "input_schema": {"type": "object"}, "strict": True}],
    "tool_choice": {"type": "tool", "name": "a", "disable_parallel_tool_use": True},
    "thinking": {"type": "enabled", "budget_tokens": 1024},
    "output_config": {
        "effort": "low",
        "format": {
            "type": "json_schema",
            "schema": {"type": "object", "anyOf": [{"required": ["a"]}], "$defs": {"a": {}}},
        },
    },
    "context_management": {"edits": [{"type": "clear_thinking_20251015"}]},
    **{"metadata": {"user_id": "u"}, "stop_sequences": ["a"], "temperature": 0.5, "stream": True, "speed": "standard"},
}


def write_chunks(events: Any) -> str:
    return "".join(translated_chat.frames_of(events))


def write_events(chunks: Any) -> str:
    return "".join(translated_messages.frames_of(chunks))


def write_completion(document: Any) -> str:
    return json.dumps(write_chat_completion(load_json(json.dumps(document)), "m"), ensure_ascii=False)


def write_whole_message(document: Any) -> str:
    return json.dumps(write_message(load_json(json.dumps(document)), "m", tool_names={}), ensure_ascii=False)


@pytest.mark.parametrize(
    ("original", "write"),
    [
        (
            translated_chat.message(THOUGHT, translated_chat.TEXT, translated_chat.USE, stop_reason="tool_use"),
            write_completion,
        ),
        (
            translated_chat.stream(
                THOUGHT,
                translated_chat.TEXT,
                translated_chat.USE,
                stop_reason="refusal",
                stop_details={"explanation": "x"},
            ),
            write_chunks,
        ),
        (
            translated_messages.completion(content="Hi", refusal="no", tool_calls=[translated_messages.CALL]),
            write_whole_message,
        ),
        (
            translated_messages.stream(
                *translated_messages.pieces_of("Hello", [translated_messages.CALL]), {"refusal": "no"}
            ),
            write_events,
        ),
    ],
    ids=["message", "events of a message", "completion", "chunks of a completion"],
)
def test_answer_with_a_wrong_value(original: Any, write: Callable[[Any], str]) -> None:
    readable = 0
    for mutation in mutate(original):
        try:
            written = write(mutation.document)
        except PARSE_ERRORS:
            continue
        written.encode()
        readable += 1
    assert readable


@pytest.mark.parametrize(
    ("original", "translation"),
    [(CHAT_REQUEST, ChatToMessages()), (MESSAGES_REQUEST, MessagesToChat())],
    ids=["chat", "messages"],
)
def test_request_with_a_wrong_value(original: dict[str, Any], translation: Any) -> None:
    refused = set()
    for mutation in mutate(original):
        if mutation.path[0] == "model":
            continue
        try:
            json.dumps(translation.translate_request(load_json(json.dumps(mutation.document))).document)
        except RequestError as error:
            refused.add((error.details or {})["fields"][0]["field"])
    assert len(refused) > 20
