"""Requests for messages as requests for chat completions: each field's counterpart, refusal or warning."""

from typing import Any

import pytest

from electrons.dialects.translation import Translated
from electrons.dialects.translation.call_ids import CALL_ID_LIMIT, TOOL_NAME_LIMIT, USER_ID_LIMIT
from electrons.dialects.translation.messages_to_chat import MessagesToChat
from electrons.errors import RequestError

PNG = "iVBORw0KGgo="
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
USE = {"type": "tool_use", "id": "toolu_1", "name": "get_time", "input": {"zone": "UTC"}}
CALL = {"id": "toolu_1", "type": "function", "function": {"name": "get_time", "arguments": '{"zone":"UTC"}'}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "12:00"}
SCHEMA = {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]}
TIME = {"name": "get_time", "description": "Now", "input_schema": SCHEMA}
IMAGE = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}
IMAGE_PART = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
PDF = {"type": "base64", "media_type": "application/pdf", "data": PNG}
LONG_NAME = "mcp__" + "x" * 100


def text(words: str, **fields: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **fields}


def translate(*, messages: Any = HELLO, **fields: Any) -> Translated:
    document = {"model": "gpt-4o", "max_tokens": 50, "messages": messages, **fields}
    return MessagesToChat().translate_request(document)


def document_of(**fields: Any) -> dict[str, Any]:
    return translate(**fields).document


def messages_of(*messages: Any, **fields: Any) -> Any:
    return document_of(messages=list(messages), **fields)["messages"]


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def refusal_of(**fields: Any) -> tuple[str, str]:
    """Return the field that is refused, and the text of the error."""
    with pytest.raises(RequestError) as caught:
        translate(**fields)
    return (caught.value.details or {})["fields"][0]["field"], caught.value.message


def test_smallest_request() -> None:
    translated = translate()

    assert translated.document == {"model": "gpt-4o", "max_completion_tokens": 50, "messages": HELLO}
    assert translated.warnings == ()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"temperature": 0}, {"temperature": 0}),
        ({"temperature": 1.0, "top_p": 1}, {}),
        ({"top_p": 0.5}, {"top_p": 0.5}),
        ({"stop_sequences": ["A", "B"]}, {"stop": ["A", "B"]}),
        ({"stop_sequences": []}, {}),
        ({"metadata": {"user_id": "u"}}, {"user": "u"}),
        ({"metadata": {}}, {}),
        ({"service_tier": "auto"}, {}),
        ({"service_tier": "standard_only"}, {"service_tier": "default"}),
        ({"stream": True}, {"stream": True, "stream_options": {"include_usage": True}}),
        ({"stream": False}, {}),
        ({"thinking": {"type": "disabled"}}, {}),
        ({"thinking": {"type": "adaptive"}}, {}),
        ({"thinking": {"type": "enabled", "budget_tokens": 1024}}, {"reasoning_effort": "low"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 10000}}, {"reasoning_effort": "medium"}),
        ({"thinking": {"type": "enabled", "budget_tokens": 32000}}, {"reasoning_effort": "high"}),
        ({"thinking": {"type": "adaptive"}, "output_config": {"effort": "xhigh"}}, {"reasoning_effort": "xhigh"}),
        ({"cache_control": {"type": "ephemeral"}}, {}),
        ({"speed": "standard", "mcp_servers": [], "top_k": None, "container": None}, {}),
        ({"context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]}}, {}),
        ({"tools": []}, {}),
    ],
)
def test_option_has_its_counterpart(given: dict[str, Any], expected: dict[str, Any]) -> None:
    translated = translate(**given)

    assert translated.document == {**translate().document, **expected}
    assert translated.warnings == ()


@pytest.mark.parametrize(
    ("given", "field"),
    [
        *(
            ({name: value}, name)
            for name, value in {
                "container": "c",
                "diagnostics": {"x": 1},
                "fallbacks": ["x"],
                "inference_geo": "us",
                "mcp_servers": [{"name": "x"}],
                "max_tokens": None,
                "output_format": {"type": "json_schema"},
                "service_tier": "fast",
                "speed": "fast",
                "stop_sequences": ["a", "b", "c", "d", "e"],
                "stream": 1,
                "temperature": "0",
                "thinking": "on",
                "top_k": 5,
                "unknown": 1,
            }.items()
        ),
        ({"max_tokens": 0}, "max_tokens"),
        ({"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}}, "context_management"),
        ({"context_management": []}, "context_management"),
        ({"metadata": {"user_id": 5}}, "metadata.user_id"),
        ({"output_config": {"effort": "some"}}, "output_config.effort"),
        ({"output_config": {"other": 1}}, "output_config.other"),
        ({"output_config": {"format": {"type": "text"}}}, "output_config.format.type"),
        ({"output_config": {"format": {"type": "json_schema"}}}, "output_config.format.schema"),
        ({"thinking": {"type": "enabled", "budget_tokens": "1"}}, "thinking.budget_tokens"),
        ({"thinking": {"type": "other"}}, "thinking.type"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools.0.type"),
        ({"tools": [{"name": "x"}]}, "tools.0.input_schema"),
        ({"tools": [{**TIME, "defer_loading": True}]}, "tools.0.defer_loading"),
        ({"tools": [{**TIME, "description": 5}]}, "tools.0.description"),
        ({"tool_choice": {"type": "auto"}}, "tool_choice"),
        ({"tools": [TIME], "tool_choice": "auto"}, "tool_choice"),
        ({"tools": [TIME], "tool_choice": {"type": "some"}}, "tool_choice.type"),
        ({"tools": [TIME], "tool_choice": {"type": "tool"}}, "tool_choice.name"),
        ({"system": 5}, "system"),
        ({"system": [IMAGE]}, "system.0.type"),
    ],
)
def test_option_is_refused_by_its_name(given: dict[str, Any], field: str) -> None:
    named, message = refusal_of(**given)

    assert named == field
    assert message.startswith(f"`{field}` ")


def test_hint_is_left_out_with_a_warning() -> None:
    translated = translate(output_config={"task_budget": {"type": "tokens", "total": 5}})

    assert translated.document == translate().document
    assert translated.warnings == ("output_config.task_budget was left out",)


def test_system_prompt_comes_first_and_others_stay_in_place() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    messages = messages_of(
        *HELLO,
        {"role": "system", "content": "In French."},
        user(text("And now?")),
        system=[text("Be brief.", **mark), text("Be kind.")],
    )

    assert messages == [
        {"role": "system", "content": "Be brief.\n\nBe kind."},
        *HELLO,
        {"role": "system", "content": "In French."},
        {"role": "user", "content": "And now?"},
    ]


def test_results_come_first_whatever_their_order() -> None:
    other = {"type": "tool_use", "id": "toolu_2", "name": "get_date", "input": {}}
    messages = messages_of(
        *HELLO,
        assistant(text("Wait"), USE, text(" a bit"), other),
        user(text("By the way"), RESULT),
        user({"type": "tool_result", "tool_use_id": "toolu_2"}),
    )

    call = {"id": "toolu_2", "type": "function", "function": {"name": "get_date", "arguments": "{}"}}
    assert messages[1:] == [
        {"role": "assistant", "content": "Wait a bit", "tool_calls": [CALL, call]},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "12:00"},
        {"role": "tool", "tool_call_id": "toolu_2", "content": ""},
        {"role": "user", "content": "By the way"},
    ]


def test_image_of_a_result_moves_into_the_message_behind_it() -> None:
    messages = messages_of(*HELLO, assistant(USE), user({**RESULT, "content": [text("See"), IMAGE]}, text("Well?")))

    assert messages[2:] == [
        {"role": "tool", "tool_call_id": "toolu_1", "content": "See"},
        user(text("From the result of the tool call toolu_1:"), IMAGE_PART, text("Well?")),
    ]


@pytest.mark.parametrize(
    ("result", "content"),
    [
        ({"is_error": True}, "Error: 12:00"),
        ({"is_error": True, "content": None}, "Error: (no output)"),
        ({"is_error": False, "content": [text("a"), text("b")]}, "a\n\nb"),
        ({"content": [IMAGE]}, "(see the next message)"),
    ],
)
def test_content_of_a_result(result: dict[str, Any], content: str) -> None:
    messages = messages_of(*HELLO, assistant(USE), user({**RESULT, **result}))

    assert messages[2]["content"] == content


def test_thoughts_are_left_out() -> None:
    thoughts = [{"type": "thinking", "thinking": "Hm", "signature": "x"}, {"type": "redacted_thinking", "data": "y"}]
    messages = messages_of(*HELLO, assistant(*thoughts, USE), user(RESULT))

    assert messages[1] == {"role": "assistant", "content": None, "tool_calls": [CALL]}


def test_turns_of_one_side_are_one_turn() -> None:
    messages = messages_of(*HELLO, assistant(text("a")), assistant(USE), user(RESULT), user(text("b")), user(text("")))

    assert messages[1:] == [
        {"role": "assistant", "content": "a", "tool_calls": [CALL]},
        {"role": "tool", "tool_call_id": "toolu_1", "content": "12:00"},
        {"role": "user", "content": "b"},
    ]


@pytest.mark.parametrize(
    ("block", "parts"),
    [
        (IMAGE, [IMAGE_PART]),
        (
            {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}},
            [{"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}],
        ),
        (
            {"type": "document", "source": PDF, "title": "a.pdf", "context": "Old"},
            [
                text("Old"),
                {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PNG}"}},
            ],
        ),
        (
            {"type": "document", "title": "A", "source": {"type": "text", "media_type": "text/plain", "data": "b"}},
            [text("A\n\nb")],
        ),
        ({"type": "document", "source": {"type": "content", "content": [text("b"), IMAGE]}}, [text("b"), IMAGE_PART]),
        (
            {"type": "document", "citations": {"enabled": False}, "source": {"type": "content", "content": "b"}},
            [text("b")],
        ),
    ],
)
def test_block_of_the_user(block: dict[str, Any], parts: list[Any]) -> None:
    assert messages_of(user(block, text("?")))[0]["content"] == [*parts, text("?")]


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ("Hello", "messages.0"),
        ({"role": "tool", "content": "x"}, "messages.0.role"),
        ({"role": "user", "content": 5}, "messages.0.content"),
        (user("x"), "messages.0.content.0"),
        (user({"type": 5}), "messages.0.content.0.type"),
        (user({"type": "search_result"}), "messages.0.content.0.type"),
        (user({"type": "image"}), "messages.0.content.0.source"),
        (user({"type": "image", "source": {"type": "file", "file_id": "x"}}), "messages.0.content.0.source.type"),
        (user({"type": "image", "source": {**PDF}}), "messages.0.content.0.source.media_type"),
        (user({"type": "document", "source": {"type": "url", "url": "x"}}), "messages.0.content.0.source.type"),
        (
            user({"type": "document", "source": PDF, "citations": {"enabled": True}}),
            "messages.0.content.0.citations",
        ),
        (user({"type": "tool_result"}), "messages.0.content.0.tool_use_id"),
        (user({**RESULT, "content": [{"type": "tool_reference"}]}), "messages.0.content.0.content.0.type"),
        (assistant({"type": "server_tool_use"}), "messages.0.content.0.type"),
        (assistant({**USE, "input": "x"}), "messages.0.content.0.input"),
        (assistant(text("Once upon")), "messages"),
    ],
)
def test_message_is_refused_by_its_place(message: Any, field: str) -> None:
    assert refusal_of(messages=[message])[0] == field


def test_tools_are_functions() -> None:
    mark = {"cache_control": {"type": "ephemeral"}, "eager_input_streaming": True}
    strict = {"type": "custom", "name": "get_date", "input_schema": {"type": "object"}, "strict": True}

    assert document_of(tools=[{**TIME, **mark}, strict])["tools"] == [
        {"type": "function", "function": {"name": "get_time", "description": "Now", "parameters": SCHEMA}},
        {"type": "function", "function": {"name": "get_date", "parameters": {"type": "object"}, "strict": True}},
    ]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        ({"type": "auto"}, {}),
        ({"type": "auto", "disable_parallel_tool_use": True}, {"parallel_tool_calls": False}),
        ({"type": "any"}, {"tool_choice": "required"}),
        ({"type": "none", "disable_parallel_tool_use": True}, {"tool_choice": "none"}),
        (
            {"type": "tool", "name": "get_time", "disable_parallel_tool_use": True},
            {"tool_choice": {"type": "function", "function": {"name": "get_time"}}, "parallel_tool_calls": False},
        ),
    ],
)
def test_choice_among_the_tools(choice: dict[str, Any], expected: dict[str, Any]) -> None:
    document = document_of(tools=[TIME], tool_choice=choice)

    assert {name: document[name] for name in ("tool_choice", "parallel_tool_calls") if name in document} == expected


def test_long_names_and_ids_are_the_same_everywhere() -> None:
    long_id = "toolu_" + "x" * 50
    document = document_of(
        messages=[
            *HELLO,
            assistant({**USE, "name": LONG_NAME, "id": long_id}),
            user({**RESULT, "tool_use_id": long_id}),
        ],
        tools=[{**TIME, "name": LONG_NAME}],
        tool_choice={"type": "tool", "name": LONG_NAME},
    )

    _, answer, result = document["messages"]
    (call,) = answer["tool_calls"]
    name = document["tools"][0]["function"]["name"]
    assert len(name) <= TOOL_NAME_LIMIT
    assert call["function"]["name"] == document["tool_choice"]["function"]["name"] == name
    assert call["id"] == result["tool_call_id"]
    assert len(call["id"]) <= CALL_ID_LIMIT


def test_long_id_of_a_user_is_shortened() -> None:
    first, again, other = (
        document_of(metadata={"user_id": f"user_{'x' * 100}_{name}"})["user"] for name in ("a", "a", "b")
    )

    assert first == again != other
    assert len(first) <= USER_ID_LIMIT


@pytest.mark.parametrize(
    ("schema", "strict"),
    [
        ({"type": "object", "properties": {"a": {}}, "required": ["a"], "additionalProperties": False}, True),
        ({"type": "object", "properties": {"a": {}}, "additionalProperties": False}, False),
        ({"type": "object", "properties": {"a": {}}, "required": ["a"]}, False),
        ({"type": "object", "properties": 5, "additionalProperties": False}, False),
        ({"type": "array", "items": {"type": "object"}}, False),
        ({"type": "array"}, False),
        ({"anyOf": [{"type": "string"}, {"type": "object"}]}, False),
        ({"$defs": {"a": {"oneOf": []}}}, False),
        ({"anyOf": [{"type": "string"}, {"type": "null"}]}, True),
    ],
)
def test_format_is_strict_where_openai_enforces_it(schema: dict[str, Any], strict: bool) -> None:
    document = document_of(output_config={"format": {"type": "json_schema", "schema": schema}})

    described = {"name": "output", "strict": strict, "schema": schema}
    assert document["response_format"] == {"type": "json_schema", "json_schema": described}
