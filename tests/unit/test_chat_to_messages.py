"""Requests for chat completions as requests for messages: each field's counterpart, refusal or warning."""

import json
from typing import Any

import pytest

from electrons.dialects.translation import Translated
from electrons.dialects.translation.chat_to_messages import DEFAULT_MAX_TOKENS, ChatToMessages
from electrons.errors import RequestError

PNG = "iVBORw0KGgo="
CALL = {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": '{"zone": "UTC"}'}}
USE = {"type": "tool_use", "id": "call_1", "name": "get_time", "input": {"zone": "UTC"}}
TIME = {"type": "function", "function": {"name": "get_time", "parameters": {"type": "object", "properties": {}}}}
DATE = {"type": "function", "function": {"name": "get_date"}}
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]
HELLO_BLOCK = {"type": "text", "text": "Hello"}


def translate(*, messages: Any = HELLO, model: str = "claude-sonnet-4-6", **fields: Any) -> Translated:
    return ChatToMessages().translate_request({"model": model, "messages": messages, **fields})


def document_of(**fields: Any) -> dict[str, Any]:
    return translate(**fields).document


def content_of(*parts: Any) -> Any:
    (message,) = document_of(messages=[{"role": "user", "content": list(parts)}])["messages"]
    return message["content"]


def refusal_of(**fields: Any) -> tuple[str, str]:
    """Return the field that is refused, and the text of the error."""
    with pytest.raises(RequestError) as caught:
        translate(**fields)
    return (caught.value.details or {})["fields"][0]["field"], caught.value.message


def test_smallest_request_has_the_default_limit() -> None:
    translated = translate()

    assert translated.document == {
        "model": "claude-sonnet-4-6",
        "max_tokens": DEFAULT_MAX_TOKENS,
        "messages": [{"role": "user", "content": [HELLO_BLOCK]}],
    }
    assert translated.warnings == ()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"max_tokens": 5}, {"max_tokens": 5}),
        ({"max_completion_tokens": 5, "max_tokens": None}, {"max_tokens": 5}),
        ({"temperature": 0}, {"temperature": 0}),
        ({"top_p": 0.5}, {"top_p": 0.5}),
        ({"stop": "END"}, {"stop_sequences": ["END"]}),
        ({"stop": ["A", "B"]}, {"stop_sequences": ["A", "B"]}),
        ({"user": "u"}, {"metadata": {"user_id": "u"}}),
        ({"user": "u", "safety_identifier": "s"}, {"metadata": {"user_id": "s"}}),
        ({"service_tier": "auto"}, {"service_tier": "auto"}),
        ({"service_tier": "default"}, {"service_tier": "standard_only"}),
        ({"stream": True, "stream_options": {"include_usage": True}}, {"stream": True}),
        ({"reasoning_effort": "high"}, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}}),
        ({"reasoning_effort": "minimal"}, {"output_config": {"effort": "low"}}),
        ({"reasoning_effort": "none"}, {}),
        (
            {"reasoning_effort": "low", "model": "claude-haiku-4-5", "max_tokens": 9000},
            {"thinking": {"type": "enabled", "budget_tokens": 2048}, "model": "claude-haiku-4-5", "max_tokens": 9000},
        ),
        (
            {"reasoning_effort": "max", "model": "claude-haiku-4-5", "max_tokens": 2000},
            {"thinking": {"type": "enabled", "budget_tokens": 1500}, "model": "claude-haiku-4-5", "max_tokens": 2000},
        ),
        ({"response_format": {"type": "text"}}, {}),
        ({"tools": [], "tool_choice": "none", "parallel_tool_calls": False}, {}),
        ({"temperature": 1, "top_p": 1, "n": 1, "logprobs": False, "presence_penalty": 0, "store": False}, {}),
        ({"frequency_penalty": 0.0, "logit_bias": {}, "seed": None, "audio": None, "modalities": ["text"]}, {}),
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
                "audio": {"voice": "alloy"},
                "frequency_penalty": 0.5,
                "function_call": "auto",
                "functions": [{}],
                "logit_bias": {"1": 1},
                "logprobs": True,
                "modalities": ["text", "audio"],
                "moderation": True,
                "n": 2,
                "presence_penalty": -1,
                "service_tier": "flex",
                "store": True,
                "top_k": 5,
                "top_logprobs": 3,
                "web_search_options": {"x": 1},
                "temperature": 1.5,
                "reasoning_effort": "extreme",
            }.items()
        ),
        ({"temperature": "hot"}, "temperature"),
        ({"temperature": True}, "temperature"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_tokens": 5, "max_completion_tokens": 5}, "max_tokens"),
        ({"stop": " "}, "stop"),
        ({"stop": ["a", 5]}, "stop[1]"),
        ({"stop": 5}, "stop"),
        ({"user": 5}, "user"),
        ({"stream": "yes"}, "stream"),
        ({"response_format": "json"}, "response_format"),
        ({"response_format": {"type": "json_object"}}, "response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
        ({"response_format": {"type": "json_schema", "json_schema": {}}}, "response_format.json_schema.schema"),
        ({"tools": {}}, "tools"),
        ({"tools": ["x"]}, "tools[0]"),
        ({"tools": [{"type": "custom"}]}, "tools[0].type"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "function", "function": {"name": []}}]}, "tools[0].function.name"),
        ({"tools": [TIME], "tool_choice": "any"}, "tool_choice"),
        ({"tools": [TIME], "tool_choice": {"type": "custom", "custom": {"name": "x"}}}, "tool_choice"),
        (
            {"tools": [TIME], "tool_choice": {"type": "function", "function": {"name": "x"}}},
            "tool_choice.function.name",
        ),
        ({"tool_choice": "required"}, "tool_choice"),
        ({"tools": [TIME], "parallel_tool_calls": 1}, "parallel_tool_calls"),
    ],
)
def test_option_is_refused_by_its_name(given: dict[str, Any], field: str) -> None:
    named, message = refusal_of(**given)

    assert named == field
    assert message.startswith(f"`{field}` ")


@pytest.mark.parametrize(
    ("given", "warning"),
    [
        ({"seed": 5}, "seed was left out"),
        ({"metadata": {"a": "b"}}, "metadata was left out"),
        ({"verbosity": "low"}, "verbosity was left out"),
        ({"prompt_cache_key": "k"}, "prompt_cache_key was left out"),
        ({"prediction": {"type": "content", "content": "x"}}, "prediction was left out"),
        ({"messages": [{"role": "user", "content": "Hello", "name": "Ann"}]}, "messages[].name was left out"),
    ],
)
def test_hint_is_left_out_with_a_warning(given: dict[str, Any], warning: str) -> None:
    translated = translate(**given)

    assert translated.document == translate().document
    assert translated.warnings == (warning,)


@pytest.mark.parametrize(
    "given", [{"max_tokens": 1000}, {"tools": [TIME]}], ids=["no room for the thinking", "signatures would be lost"]
)
def test_effort_without_thinking_is_a_warning(given: dict[str, Any]) -> None:
    translated = translate(model="claude-haiku-4-5", reasoning_effort="high", **given)

    assert "thinking" not in translated.document
    assert translated.warnings == ("reasoning_effort was left out",)


def test_effort_with_tools_does_not_think() -> None:
    document = document_of(reasoning_effort="high", tools=[TIME])

    assert "thinking" not in document
    assert document["output_config"] == {"effort": "high"}


def test_every_instruction_is_in_the_system_prompt() -> None:
    document = document_of(
        messages=[
            {"role": "system", "content": "Be brief."},
            *HELLO,
            {"role": "developer", "content": [{"type": "text", "text": "In French."}, {"type": "text", "text": ""}]},
            {"role": "system", "content": ""},
        ]
    )

    assert [block["text"] for block in document["system"]] == ["Be brief.", "In French."]
    assert document["messages"] == [{"role": "user", "content": [HELLO_BLOCK]}]


def test_results_of_parallel_calls_are_first_in_one_message() -> None:
    other = {**CALL, "id": "call_2", "function": {"name": "get_date", "arguments": ""}}
    document = document_of(
        messages=[
            *HELLO,
            {"role": "assistant", "content": None, "tool_calls": [CALL, other]},
            {"role": "tool", "tool_call_id": "call_1", "content": "12:00"},
            {"role": "tool", "tool_call_id": "call_2", "content": ""},
            {"role": "user", "content": "And now?"},
        ]
    )

    assert document["messages"][1:] == [
        {"role": "assistant", "content": [USE, {"type": "tool_use", "id": "call_2", "name": "get_date", "input": {}}]},
        {
            "role": "user",
            "content": [
                {"type": "tool_result", "tool_use_id": "call_1", "content": "12:00"},
                {"type": "tool_result", "tool_use_id": "call_2", "content": ""},
                {"type": "text", "text": "And now?"},
            ],
        },
    ]


def test_image_in_a_result_stays_in_it() -> None:
    parts = [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}]
    document = document_of(messages=[{"role": "tool", "tool_call_id": "a", "content": parts}])

    (result,) = document["messages"][0]["content"]
    assert result["content"] == [
        {"type": "text", "text": "See"},
        {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}},
    ]


def test_answer_of_the_sdk_goes_back() -> None:
    answer = {
        **{"role": "assistant", "content": "Wait", "refusal": None, "annotations": [], "audio": None},
        **{"function_call": None, "tool_calls": [CALL], "reasoning_content": "hm", "parsed": None},
    }

    (message,) = document_of(messages=[answer])["messages"]

    assert message == {"role": "assistant", "content": [{"type": "text", "text": "Wait"}, USE]}


def test_refusal_and_empty_texts_of_the_assistant() -> None:
    document = document_of(
        messages=[
            {"role": "assistant", "content": "", "refusal": "No."},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "Never."}, {"type": "text", "text": ""}]},
            {"role": "user", "content": ""},
        ]
    )

    texts = [{"type": "text", "text": "No."}, {"type": "text", "text": "Never."}]
    assert document["messages"] == [{"role": "assistant", "content": texts}]


def test_strange_id_of_a_call_is_the_same_in_both_places() -> None:
    document = document_of(
        messages=[
            {"role": "assistant", "tool_calls": [{**CALL, "id": "functions.get:0"}]},
            {"role": "tool", "tool_call_id": "functions.get:0", "content": "x"},
        ]
    )

    use, result = (message["content"][0] for message in document["messages"])
    assert use["id"] == result["tool_use_id"]
    assert use["id"].replace("_", "").isalnum()


@pytest.mark.parametrize(
    ("url", "source"),
    [
        (f"data:image/png;base64,{PNG}", {"type": "base64", "media_type": "image/png", "data": PNG}),
        (f"DATA:IMAGE/PNG;charset=x;BASE64,{PNG}", {"type": "base64", "media_type": "image/png", "data": PNG}),
        (f"data:image/jpg;base64,{PNG}", {"type": "base64", "media_type": "image/jpeg", "data": PNG}),
        ("HTTPS://a.example/b.png", {"type": "url", "url": "HTTPS://a.example/b.png"}),
    ],
)
def test_image_of_a_url(url: str, source: dict[str, str]) -> None:
    assert content_of({"type": "image_url", "image_url": {"url": url}}) == [{"type": "image", "source": source}]


def test_pdf_is_a_document() -> None:
    file = {"file_data": f"data:application/pdf;base64,{PNG}", "filename": "a.pdf"}

    assert content_of({"type": "file", "file": file}) == [
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PNG},
            "title": "a.pdf",
        }
    ]


def test_mark_of_the_cache_stays() -> None:
    mark = {"type": "ephemeral"}

    assert content_of({"type": "text", "text": "a", "cache_control": mark}) == [
        {"type": "text", "text": "a", "cache_control": mark}
    ]
    assert document_of(tools=[{**TIME, "cache_control": mark}])["tools"][0]["cache_control"] == mark


def test_detail_of_an_image_is_left_out() -> None:
    image = {"url": "https://a.example/b.png", "detail": "high"}
    translated = translate(messages=[{"role": "user", "content": [{"type": "image_url", "image_url": image}]}])

    assert translated.warnings == ("detail of an image was left out",)


@pytest.mark.parametrize(
    ("part", "field"),
    [
        ({"type": "input_audio", "input_audio": {}}, "type"),
        ({"type": ["text"]}, "type"),
        ({"type": "text"}, "text"),
        ({"type": "image_url"}, "image_url"),
        ({"type": "image_url", "image_url": {"url": "ftp://a"}}, "image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:image/png,abc"}}, "image_url.url"),
        ({"type": "image_url", "image_url": {"url": "data:image/svg+xml;base64,abc"}}, "image_url.url"),
        ({"type": "file", "file": {"file_id": "f"}}, "file.file_id"),
        ({"type": "file", "file": {"file_data": "data:text/plain;base64,abc"}}, "file.file_data"),
    ],
)
def test_part_is_refused_by_its_place(part: dict[str, Any], field: str) -> None:
    named, _ = refusal_of(messages=[*HELLO, {"role": "user", "content": [{"type": "text", "text": "a"}, part]}])

    assert named == f"messages[1].content[1].{field}"


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ("Hello", "messages[0]"),
        ({"role": "function", "content": "x"}, "messages[0].role"),
        ({"role": 5}, "messages[0].role"),
        ({"role": "user"}, "messages[0].content"),
        ({"role": "user", "content": ["x"]}, "messages[0].content[0]"),
        ({"role": "system", "content": [{"type": "image_url"}]}, "messages[0].content[0].type"),
        ({"role": "tool", "content": "x"}, "messages[0].tool_call_id"),
        ({"role": "assistant", "function_call": {}}, "messages[0].function_call"),
        ({"role": "assistant", "tool_calls": [{**CALL, "type": "custom"}]}, "messages[0].tool_calls[0].type"),
        *(
            (
                {"role": "assistant", "tool_calls": [{**CALL, "function": {"name": "a", "arguments": arguments}}]},
                "messages[0].tool_calls[0].function.arguments",
            )
            for arguments in ("[1]", "{", None, "[" * 5000)
        ),
    ],
)
def test_message_is_refused_by_its_place(message: Any, field: str) -> None:
    assert refusal_of(messages=[message])[0] == field


def test_messages_have_to_be_a_list() -> None:
    assert refusal_of(messages="Hello")[0] == "messages"


def test_tools_keep_their_schemas() -> None:
    parameters = {"properties": {"zone": {"$ref": "#/$defs/zone"}}, "$defs": {"zone": {"type": "string"}}}
    tool = {"type": "function", "function": {"name": "get_time", "description": "Now", "parameters": parameters}}

    assert document_of(tools=[tool, DATE])["tools"] == [
        {"name": "get_time", "description": "Now", "input_schema": {"type": "object", **parameters}},
        {"name": "get_date", "input_schema": {"type": "object", "properties": {}}},
    ]


def test_strict_tool_stays_strict() -> None:
    parameters = {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}}
    tool = {"type": "function", "function": {"name": "count", "parameters": parameters, "strict": True}}

    (translated,) = document_of(tools=[tool])["tools"]

    assert translated["strict"] is True
    assert translated["input_schema"]["additionalProperties"] is False
    assert translated["input_schema"]["properties"]["n"] == {"type": "integer", "description": '{"minimum": 1}'}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),
        ({"tool_choice": "auto"}, {"type": "auto"}),
        ({"tool_choice": "none", "parallel_tool_calls": False}, {"type": "none"}),
        ({"tool_choice": "required"}, {"type": "any"}),
        ({"parallel_tool_calls": True}, None),
        ({"parallel_tool_calls": False}, {"type": "auto", "disable_parallel_tool_use": True}),
        (
            {"parallel_tool_calls": False, "tool_choice": {"type": "function", "function": {"name": "get_date"}}},
            {"type": "tool", "name": "get_date", "disable_parallel_tool_use": True},
        ),
    ],
)
def test_choice_among_the_tools(given: dict[str, Any], expected: dict[str, Any] | None) -> None:
    assert document_of(tools=[TIME, DATE], **given).get("tool_choice") == expected


@pytest.mark.parametrize(("mode", "expected"), [("auto", {"type": "auto"}), ("required", {"type": "any"})])
def test_only_allowed_tools_are_offered(mode: str, expected: dict[str, Any]) -> None:
    allowed = {"mode": mode, "tools": [{"type": "function", "function": {"name": "get_date"}}]}
    document = document_of(tools=[TIME, DATE], tool_choice={"type": "allowed_tools", "allowed_tools": allowed})

    assert [tool["name"] for tool in document["tools"]] == ["get_date"]
    assert document["tool_choice"] == expected


def test_schema_of_the_answer_is_one_that_anthropic_enforces() -> None:
    schema = {
        "type": "object",
        "properties": {
            "tags": {"type": "array", "items": {"type": "object"}, "minItems": 2, "maxItems": 3},
            "name": {"anyOf": [{"type": "string", "maxLength": 5, "description": "Short"}, {"type": "null"}]},
            "rest": {"$ref": "#/$defs/rest"},
        },
        "$defs": {"rest": {"type": "object", "additionalProperties": False, "properties": {}}},
        "required": ["tags"],
    }
    given = json.loads(json.dumps(schema))

    output = document_of(
        response_format={"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": schema}}
    )["output_config"]

    assert output["format"]["type"] == "json_schema"
    fitted = output["format"]["schema"]
    assert fitted["additionalProperties"] is False
    assert fitted["properties"]["tags"] == {
        "type": "array",
        "items": {"type": "object", "additionalProperties": False},
        "description": '{"maxItems": 3, "minItems": 2}',
    }
    assert fitted["properties"]["name"]["anyOf"][0] == {"type": "string", "description": 'Short\n\n{"maxLength": 5}'}
    assert (fitted["$defs"], fitted["required"]) == (given["$defs"], ["tags"])
    assert schema == given
