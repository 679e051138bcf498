"""Responses with the models of Anthropic: requests, answers and streams."""

import json
from typing import Any

import httpx2
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from electrons.dialects.translation import Translated
from electrons.dialects.translation.chat_to_messages import DEFAULT_MAX_TOKENS
from electrons.dialects.translation.responses_conversation import REASONING_LEFT_OUT
from electrons.dialects.translation.responses_to_messages import ResponsesToMessages
from electrons.errors import RequestError
from tests.unit.gateway import RESPONSES, Gateway, streamed

MODEL = "claude-sonnet-4-6"
PICTURE = "data:image/png;base64,iVBORw0KGgo="
SOURCE = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
PDF = "data:application/pdf;base64,JVBERi0="
HELLO = {"role": "user", "content": [{"type": "text", "text": "Hello"}]}
CALL = {"type": "function_call", "call_id": "call_1", "name": "get_time", "arguments": '{"zone": "UTC"}'}
USE: dict[str, Any] = {"type": "tool_use", "id": "call_1", "name": "get_time", "input": {"zone": "UTC"}}
TIME = {"type": "function", "name": "get_time", "parameters": {"type": "object", "properties": {}}, "strict": True}
TEXT = {"type": "text", "text": "Good day"}
THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": "abc"}
USAGE = {
    "input_tokens": 3,
    "cache_creation_input_tokens": 5,
    "cache_read_input_tokens": 7,
    "output_tokens": 11,
    "output_tokens_details": {"thinking_tokens": 2},
}
RESPONSE_USAGE = {
    "input_tokens": 15,
    "input_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 5},
    "output_tokens": 11,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 26,
}
EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def translate(**fields: Any) -> Translated:
    return ResponsesToMessages().translate_request({"model": MODEL, "input": "Hello", **fields})


def message(*content: Any, stop_reason: str = "end_turn", **fields: Any) -> dict[str, Any]:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL}
    return {**head, "content": list(content), "stop_reason": stop_reason, "usage": USAGE, **fields}


def stream(*deltas: tuple[dict[str, Any], list[dict[str, Any]]], stop_reason: str = "end_turn") -> list[dict[str, Any]]:
    """Return the events of a message whose blocks open so and have these deltas."""
    events: list[dict[str, Any]] = [{"type": "message_start", "message": message(usage={**USAGE, "output_tokens": 1})}]
    for index, (block, pieces) in enumerate(deltas):
        events.append({"type": "content_block_start", "index": index, "content_block": block})
        events += [{"type": "content_block_delta", "index": index, "delta": piece} for piece in pieces]
        events.append({"type": "content_block_stop", "index": index})
    events.append({"type": "message_delta", "delta": {"stop_reason": stop_reason}, "usage": {"output_tokens": 11}})
    return [*events, {"type": "message_stop"}]


STREAM = stream(
    ({"type": "thinking", "thinking": ""}, [{"type": "thinking_delta", "thinking": "Hm."}]),
    ({"type": "text", "text": ""}, [{"type": "text_delta", "text": "Good"}, {"type": "text_delta", "text": " day"}]),
    (
        {**USE, "input": {}},
        [
            {"type": "input_json_delta", "partial_json": ""},
            {"type": "input_json_delta", "partial_json": '{"zone":'},
            {"type": "input_json_delta", "partial_json": '"UTC"}'},
        ],
    ),
    ({"type": "tool_use", "id": "call_2", "name": "get_date", "input": {}}, []),
    stop_reason="tool_use",
)


def body_of(events: list[dict[str, Any]]) -> bytes:
    return b"".join(
        b"event: %s\ndata: %s\n\n" % (event["type"].encode(), json.dumps(event).encode()) for event in events
    )


def read(body: bytes) -> list[dict[str, Any]]:
    """Return the events of a stream, without the signs of life."""
    frames = [frame for frame in body.decode().rstrip().split("\n\n") if not frame.startswith(":")]
    return [json.loads(frame.partition("\ndata: ")[2]) for frame in frames]


def test_smallest_request_is_translated() -> None:
    assert translate().document == {"model": MODEL, "max_tokens": DEFAULT_MAX_TOKENS, "messages": [HELLO]}


def test_whole_conversation_is_translated() -> None:
    picture = {"type": "input_image", "image_url": PICTURE, "detail": "high"}
    translated = translate(
        instructions="Be brief",
        input=[
            {"role": "user", "content": [{"type": "input_text", "text": "Hello"}, picture]},
            {"type": "reasoning", "id": "rs_1", "summary": []},
            CALL,
            {"type": "function_call_output", "call_id": "call_1", "output": [picture]},
            {"role": "user", "content": [{"type": "input_file", "file_data": PDF, "filename": "a.pdf"}]},
        ],
        max_output_tokens=500,
        tools=[TIME],
        tool_choice={"type": "function", "name": "get_time"},
        parallel_tool_calls=False,
        safety_identifier="u1",
        stream=True,
        store=True,
    )

    image = {"type": "image", "source": SOURCE}
    document = {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="}
    assert translated.document == {
        "model": MODEL,
        "max_tokens": 500,
        "system": [{"type": "text", "text": "Be brief"}],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "Hello"}, image]},
            {"role": "assistant", "content": [USE]},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "call_1", "content": [image]},
                    {"type": "document", "source": document, "title": "a.pdf"},
                ],
            },
        ],
        "tools": [
            {
                "name": "get_time",
                "input_schema": {"type": "object", "properties": {}, "additionalProperties": False},
                "strict": True,
            }
        ],
        "tool_choice": {"type": "tool", "name": "get_time", "disable_parallel_tool_use": True},
        "metadata": {"user_id": "u1"},
        "stream": True,
    }
    assert translated.warnings == ("detail of an image was left out", REASONING_LEFT_OUT)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"temperature": 0.5}, {"temperature": 0.5}),
        ({"service_tier": "default"}, {"service_tier": "standard_only"}),
        ({"reasoning": {"effort": "low"}}, {"thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}}),
        ({"reasoning": {"effort": "none"}}, {}),
        (
            {"text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}}}},
            {
                "output_config": {
                    "format": {"type": "json_schema", "schema": {"type": "object", "additionalProperties": False}}
                }
            },
        ),
        ({"tool_choice": "auto", "parallel_tool_calls": False}, {}),
    ],
)
def test_field_has_a_counterpart(given: dict[str, Any], expected: dict[str, Any]) -> None:
    document = translate(max_output_tokens=5, **given).document

    assert document == {"model": MODEL, "max_tokens": 5, "messages": [HELLO], **expected}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"temperature": 1.5}, "temperature"),
        ({"text": {"format": {"type": "json_object"}}}, "text.format.type"),
        ({"input": [{**CALL, "arguments": "[]"}]}, "input[0].arguments"),
        (
            {
                "input": [
                    {"role": "user", "content": [{"type": "input_image", "image_url": "data:image/bmp;base64,AA"}]}
                ]
            },
            "input[0].content[0].image_url",
        ),
        (
            {"input": [{"role": "user", "content": [{"type": "input_file", "file_data": "data:text/csv;base64,AA"}]}]},
            "input[0].content[0].file_data",
        ),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
    ],
)
def test_what_cannot_be_translated_is_refused(given: dict[str, Any], field: str) -> None:
    with pytest.raises(RequestError) as caught:
        translate(**given)

    assert (caught.value.details or {})["fields"][0]["field"] == field
    assert caught.value.message.startswith(f"`{field}` ")


def test_warning_has_the_name_of_the_callers_field() -> None:
    translated = translate(model="claude-haiku-4-5", reasoning={"effort": "high"}, tools=[TIME])

    assert translated.warnings == ("reasoning.effort was left out",)


async def test_message_is_a_response() -> None:
    gateway = Gateway(httpx2.Response(200, json=message(THOUGHT, TEXT, USE, stop_reason="tool_use")))

    answer = await gateway.send(RESPONSES, {"model": MODEL, "input": "Hello"})

    response = answer.json()
    Response.model_validate(response, strict=True)
    thought, said, call = response["output"]
    assert thought["summary"][0]["text"] == "Hm."
    assert said["content"][0]["text"] == "Good day"
    assert (call["call_id"], call["arguments"]) == ("call_1", '{"zone":"UTC"}')
    assert (response["id"], response["status"], response["model"]) == ("resp_1", "completed", MODEL)
    assert response["usage"] == RESPONSE_USAGE
    (request,) = gateway.requests
    assert str(request.url) == "https://api.anthropic.com/v1/messages"
    row = await gateway.row()
    assert (row["input_units"], row["output_units"]) == (15, 11)


@pytest.mark.parametrize(
    ("stop_reason", "status", "reason"),
    [
        ("end_turn", "completed", None),
        ("max_tokens", "incomplete", "max_output_tokens"),
        ("refusal", "incomplete", "content_filter"),
    ],
)
@pytest.mark.parametrize("is_stream", [False, True])
async def test_stop_has_a_status(stop_reason: str, status: str, reason: str | None, is_stream: bool) -> None:
    events = stream((TEXT, []), stop_reason=stop_reason)
    provided = (
        streamed(body_of(events)) if is_stream else httpx2.Response(200, json=message(TEXT, stop_reason=stop_reason))
    )

    answer = await Gateway(provided).send(RESPONSES, {"model": MODEL, "input": "Hello", "stream": is_stream})

    response = read(answer.body)[-1]["response"] if is_stream else answer.json()
    assert response["status"] == status
    assert response["incomplete_details"] == ({"reason": reason} if reason else None)


async def test_explained_refusal_is_a_part() -> None:
    details = {"type": "refusal", "category": None, "explanation": "It is dangerous"}
    gateway = Gateway(httpx2.Response(200, json=message(stop_reason="refusal", stop_details=details)))

    answer = await gateway.send(RESPONSES, {"model": MODEL, "input": "Hello"})

    (item,) = answer.json()["output"]
    assert item["content"] == [{"type": "refusal", "refusal": "It is dangerous"}]


@pytest.mark.parametrize("size", [1, 100_000])
async def test_stream_is_translated_and_counted(size: int) -> None:
    body = body_of(STREAM)
    gateway = Gateway(streamed(*(body[start : start + size] for start in range(0, len(body), size))))

    answer = await gateway.send(RESPONSES, {"model": MODEL, "input": "Hello", "stream": True})

    events = read(answer.body)
    for event in events:
        EVENTS.validate_python(event)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    response = events[-1]["response"]
    thought, said, call, other = response["output"]
    assert (thought["summary"][0]["text"], said["content"][0]["text"]) == ("Hm.", "Good day")
    assert [item["arguments"] for item in (call, other)] == ['{"zone":"UTC"}', "{}"]
    assert response["usage"]["input_tokens"] == 15
    row = await gateway.row()
    assert (row["input_units"], row["output_units"], row["error_code"]) == (15, 11, None)


async def test_ping_keeps_the_connection_alive() -> None:
    gateway = Gateway(streamed(body_of([*STREAM[:4], {"type": "ping"}, *STREAM[4:]])))

    answer = await gateway.send(RESPONSES, {"model": MODEL, "input": "Hello", "stream": True})

    assert b"\n\n: ping\n\n" in answer.body


@pytest.mark.parametrize(
    ("last", "text"),
    [
        ([], "interrupted"),
        ([{"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}], "Overloaded"),
        ([{"type": "content_block_delta", "delta": 5}], "cannot be read"),
    ],
)
async def test_failed_stream_ends_with_an_error(last: list[dict[str, Any]], text: str) -> None:
    gateway = Gateway(streamed(body_of([*STREAM[:6], *last])))

    answer = await gateway.send(RESPONSES, {"model": MODEL, "input": "Hello", "stream": True})

    *events, error = read(answer.body)
    assert [event["delta"] for event in events if event["type"] == "response.output_text.delta"] == ["Good"]
    assert error["type"] == "error"
    assert text in error["message"]
    assert "response.completed" not in answer.body.decode()
