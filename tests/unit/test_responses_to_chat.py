"""Requests for Responses as requests for chat completions: each field's counterpart, refusal or warning."""

from typing import Any

import pytest

from electrons.dialects.translation import Translated
from electrons.dialects.translation.responses_conversation import REASONING_LEFT_OUT
from electrons.dialects.translation.responses_to_chat import ResponsesToChat
from electrons.errors import RequestError

PICTURE = "data:image/png;base64,iVBORw0KGgo="
PDF = "data:application/pdf;base64,JVBERi0="
HELLO = {"role": "user", "content": "Hello"}
CALL = {"type": "function_call", "call_id": "call_1", "name": "get_time", "arguments": '{"zone": "UTC"}'}
OTHER = {"type": "function_call", "call_id": "call_2", "name": "get_date", "arguments": ""}
CHAT_CALL = {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": '{"zone": "UTC"}'}}
OTHER_CHAT_CALL = {"id": "call_2", "type": "function", "function": {"name": "get_date", "arguments": "{}"}}
TIME = {"type": "function", "name": "get_time", "parameters": {"type": "object"}, "strict": True, "description": "Now"}
DATE = {"type": "function", "name": "get_date", "parameters": None, "strict": None}
CHAT_TIME = {
    "type": "function",
    "function": {"name": "get_time", "description": "Now", "parameters": {"type": "object"}, "strict": True},
}
CHAT_DATE = {"type": "function", "function": {"name": "get_date"}}
SCHEMA = {"type": "object", "properties": {}, "additionalProperties": False}


def translate(**fields: Any) -> Translated:
    return ResponsesToChat().translate_request({"model": "llama", "input": "Hello", **fields})


def document_of(**fields: Any) -> dict[str, Any]:
    return translate(**fields).document


def messages_of(*items: Any, **fields: Any) -> list[Any]:
    return list(document_of(input=list(items), **fields)["messages"])


def refusal_of(**fields: Any) -> tuple[str, str]:
    """Return the field that is refused, and the text of the error."""
    with pytest.raises(RequestError) as caught:
        translate(**fields)
    return (caught.value.details or {})["fields"][0]["field"], caught.value.message


def output(call_id: str, content: Any) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": content}


def test_string_is_a_message_of_the_user() -> None:
    translated = translate()

    assert translated.document == {"model": "llama", "messages": [HELLO]}
    assert translated.warnings == ()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"max_output_tokens": 50}, {"max_completion_tokens": 50}),
        ({"temperature": 0}, {"temperature": 0}),
        ({"top_p": 0.5}, {"top_p": 0.5}),
        ({"user": "u1"}, {"user": "u1"}),
        ({"user": "u1", "safety_identifier": "s1"}, {"user": "s1"}),
        ({"reasoning": {"effort": "low", "summary": "auto"}}, {"reasoning_effort": "low"}),
        ({"reasoning": {"effort": None}}, {}),
        ({"reasoning": {}}, {}),
        ({"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
        ({"stream": False}, {}),
        ({"text": {"format": {"type": "text"}, "verbosity": "medium"}}, {}),
        ({"text": {"format": {"type": "json_object"}}}, {"response_format": {"type": "json_object"}}),
        ({"text": {"verbosity": None}}, {}),
        (
            {"text": {"format": {"type": "json_schema", "name": "a", "schema": SCHEMA, "strict": True}}},
            {
                "response_format": {
                    "type": "json_schema",
                    "json_schema": {"name": "a", "schema": SCHEMA, "strict": True},
                }
            },
        ),
        ({"tools": [TIME, DATE]}, {"tools": [CHAT_TIME, CHAT_DATE]}),
        ({"tools": [DATE], "tool_choice": "required"}, {"tools": [CHAT_DATE], "tool_choice": "required"}),
        ({"tools": [DATE], "parallel_tool_calls": False}, {"tools": [CHAT_DATE], "parallel_tool_calls": False}),
        ({"tools": [DATE], "parallel_tool_calls": True}, {"tools": [CHAT_DATE]}),
        ({"tools": [], "tool_choice": "auto", "parallel_tool_calls": False}, {}),
        ({"tool_choice": "none"}, {}),
        (
            {"tools": [TIME, DATE], "tool_choice": {"type": "function", "name": "get_date"}},
            {
                "tools": [CHAT_TIME, CHAT_DATE],
                "tool_choice": {"type": "function", "function": {"name": "get_date"}},
            },
        ),
        (
            {
                "tools": [TIME, DATE],
                "tool_choice": {
                    "type": "allowed_tools",
                    "mode": "required",
                    "tools": [{"type": "function", "name": "get_date"}],
                },
            },
            {"tools": [CHAT_DATE], "tool_choice": "required"},
        ),
    ],
)
def test_field_has_a_counterpart(given: dict[str, Any], expected: dict[str, Any]) -> None:
    assert document_of(**given) == {"model": "llama", "messages": [HELLO], **expected}


@pytest.mark.parametrize(
    "given",
    [
        {"store": True},
        {"store": False},
        {"background": False},
        {"previous_response_id": None},
        {"include": ["reasoning.encrypted_content"]},
        {"metadata": {"a": "b"}},
        {"service_tier": "auto"},
        {"truncation": "disabled"},
        {"top_logprobs": 0},
        {"max_tool_calls": 3},
        {"stream_options": {"include_obfuscation": False}},
        {"conversation": None, "prompt": None, "context_management": None},
    ],
)
def test_field_that_asks_for_nothing_is_ignored(given: dict[str, Any]) -> None:
    translated = translate(**given)

    assert translated.document == {"model": "llama", "messages": [HELLO]}
    assert translated.warnings == ()


def test_reference_to_an_item_that_was_sent_adds_nothing() -> None:
    answer = {"type": "message", "id": "msg_1", "role": "assistant", "content": "Hi"}
    call = {**CALL, "id": "fc_1"}
    references = [{"type": "item_reference", "id": name} for name in ("msg_1", "fc_1")]

    assert document_of(input=[HELLO, answer, call, *references, output("call_1", "done")]) == document_of(
        input=[HELLO, answer, call, output("call_1", "done")]
    )


@pytest.mark.parametrize(
    ("given", "warning"),
    [
        ({"prompt_cache_key": "a"}, "prompt_cache_key was left out"),
        ({"prompt_cache_retention": "24h"}, "prompt_cache_retention was left out"),
        ({"text": {"verbosity": "low"}}, "text.verbosity was left out"),
        ({"truncation": "auto"}, "truncation was left out"),
        ({"input": [{"type": "reasoning", "id": "rs_1", "summary": []}, HELLO]}, REASONING_LEFT_OUT),
        ({"input": [{"type": "item_reference", "id": "rs_1"}, HELLO]}, REASONING_LEFT_OUT),
    ],
)
def test_hint_is_left_out_with_a_warning(given: dict[str, Any], warning: str) -> None:
    translated = translate(**given)

    assert translated.document == {"model": "llama", "messages": [HELLO]}
    assert translated.warnings == (warning,)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"background": True}, "background"),
        ({"prompt": {"id": "pmpt_1"}}, "prompt"),
        ({"context_management": [{"type": "compaction"}]}, "context_management"),
        ({"moderation": {"model": "m"}}, "moderation"),
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"include": ["message.output_text.logprobs"]}, "include"),
        ({"include": "x"}, "include"),
        ({"service_tier": "flex"}, "service_tier"),
        ({"store": "yes"}, "store"),
        ({"metadata": "x"}, "metadata"),
        ({"messages": [HELLO]}, "messages"),
        ({"input": None}, "input"),
        ({"input": ""}, "input"),
        ({"input": []}, "input"),
        ({"input": 5}, "input"),
        ({"input": ["x"]}, "input[0]"),
        ({"instructions": 5}, "instructions"),
        ({"input": [{"role": "tool", "content": "x"}]}, "input[0].role"),
        ({"input": [{"role": "user"}]}, "input[0].content"),
        ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "input[0].type"),
        ({"input": [{"type": "item_reference", "id": 1}]}, "input[0].id"),
        ({"input": [HELLO, {"type": "web_search_call", "id": "ws_1"}]}, "input[1].type"),
        ({"input": [{**CALL, "call_id": None}]}, "input[0].call_id"),
        ({"input": [{**CALL, "arguments": {}}]}, "input[0].arguments"),
        ({"input": [output("call_1", None)]}, "input[0].output"),
        ({"input": [{"role": "user", "content": [{"type": "input_audio"}]}]}, "input[0].content[0].type"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "file_1"}]}]},
            "input[0].content[0].file_id",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://a.example/b.pdf"}]}]},
            "input[0].content[0].file_url",
        ),
        ({"max_output_tokens": 0}, "max_output_tokens"),
        ({"temperature": "1"}, "temperature"),
        ({"reasoning": {"effort": "huge"}}, "reasoning.effort"),
        ({"reasoning": "low"}, "reasoning"),
        ({"text": {"format": {"type": "grammar"}}}, "text.format.type"),
        ({"text": {"format": {"type": "json_schema", "name": "a"}}}, "text.format.schema"),
        ({"text": {"format": {"type": "json_schema", "schema": {}}}}, "text.format.name"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"tools": [DATE, {"type": "computer_use_preview"}]}, "tools[1].type"),
        ({"tools": [{"type": "custom", "name": "a"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{**DATE, "defer_loading": True}]}, "tools[0].defer_loading"),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [DATE], "tool_choice": {"type": "file_search"}}, "tool_choice"),
        ({"tools": [DATE], "tool_choice": {"type": "function", "name": "other"}}, "tool_choice.name"),
        (
            {"tools": [DATE], "tool_choice": {"type": "allowed_tools", "mode": "x", "tools": []}},
            "tool_choice.mode",
        ),
        (
            {"tools": [DATE], "tool_choice": {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "mcp"}]}},
            "tool_choice.tools[0].type",
        ),
    ],
)
def test_what_cannot_be_translated_is_refused(given: dict[str, Any], field: str) -> None:
    place, text = refusal_of(**given)

    assert place == field
    assert text.startswith(f"`{field}` ")


def test_instructions_come_first_and_developers_are_the_system() -> None:
    messages = messages_of(HELLO, {"type": "message", "role": "developer", "content": "Rhyme"}, instructions="Be brief")

    assert messages == [
        {"role": "system", "content": "Be brief"},
        HELLO,
        {"role": "system", "content": "Rhyme"},
    ]


def test_parts_are_translated() -> None:
    (message,) = messages_of(
        {
            "role": "user",
            "content": [
                {"type": "input_text", "text": "What is this?"},
                {"type": "input_text", "text": ""},
                {"type": "input_image", "image_url": PICTURE, "detail": "low"},
                {"type": "input_image", "image_url": "https://a.example/b.png", "detail": "auto", "file_id": None},
                {"type": "input_file", "file_data": PDF, "filename": "a.pdf"},
            ],
        }
    )

    assert message["content"] == [
        {"type": "text", "text": "What is this?"},
        {"type": "image_url", "image_url": {"url": PICTURE, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}},
        {"type": "file", "file": {"file_data": PDF, "filename": "a.pdf"}},
    ]


def test_answer_and_its_calls_are_one_message() -> None:
    said = {
        "type": "message",
        "id": "msg_1",
        "status": "completed",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Wait.", "annotations": []}, {"type": "refusal", "refusal": " No"}],
    }
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}

    messages = messages_of(
        HELLO, said, CALL, reasoning, OTHER, output("call_2", "Monday"), output("call_1", "12:00"), HELLO
    )

    assert messages == [
        HELLO,
        {"role": "assistant", "content": "Wait. No", "tool_calls": [CHAT_CALL, OTHER_CHAT_CALL]},
        {"role": "tool", "tool_call_id": "call_2", "content": "Monday"},
        {"role": "tool", "tool_call_id": "call_1", "content": "12:00"},
        HELLO,
    ]


def test_calls_after_outputs_are_another_message() -> None:
    messages = messages_of(HELLO, CALL, output("call_1", "12:00"), OTHER, output("call_2", ""))

    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant", "tool"]
    assert messages[1] == {"role": "assistant", "content": None, "tool_calls": [CHAT_CALL]}


def test_pictures_of_outputs_follow_all_outputs() -> None:
    picture = {"type": "input_image", "image_url": PICTURE}
    text = {"type": "input_text", "text": "12:00"}

    messages = messages_of(CALL, OTHER, output("call_1", [text, picture]), output("call_2", [picture]))

    shown = {"type": "image_url", "image_url": {"url": PICTURE}}
    assert messages[1:] == [
        {"role": "tool", "tool_call_id": "call_1", "content": "12:00"},
        {"role": "tool", "tool_call_id": "call_2", "content": "(see the next message)"},
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "From the output of the call call_1:"},
                shown,
                {"type": "text", "text": "From the output of the call call_2:"},
                shown,
            ],
        },
    ]
