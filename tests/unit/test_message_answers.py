"""Chat completions as Anthropic's messages."""

import json
from typing import Any

import httpx2
import pytest

from electrons.dialects.translation.call_ids import fit_tool_name
from electrons.dialects.translation.message_answer import write_message
from tests.unit.gateway import HELLO, MESSAGES, Gateway, streamed
from tests.unit.translated_messages import (
    CALL,
    LONG_NAME,
    MESSAGE_USAGE,
    MODEL,
    NAMES,
    OTHER,
    OTHER_USE,
    QUESTION,
    USE,
    completion,
    pieces_of,
    read,
    stream,
    text_of,
)


def write(document: dict[str, Any]) -> dict[str, Any]:
    return write_message(document, MODEL, tool_names=NAMES)


def test_completion_is_a_message() -> None:
    assert write(completion(content="Hello")) == {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": MODEL,
        "content": [{"type": "text", "text": "Hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "stop_details": None,
        "usage": MESSAGE_USAGE,
    }


def test_calls_are_uses_of_tools() -> None:
    answer = write(completion(tool_calls=[CALL, OTHER], finish_reason="tool_calls"))

    assert (answer["content"], answer["stop_reason"]) == ([USE, OTHER_USE], "tool_use")


@pytest.mark.parametrize(
    ("finish_reason", "calls", "stop_reason"),
    [
        ("stop", [], "end_turn"),
        ("stop", [CALL], "tool_use"),
        ("tool_calls", [CALL], "tool_use"),
        ("function_call", [CALL], "tool_use"),
        ("tool_calls", [], "end_turn"),
        ("length", [], "max_tokens"),
        ("length", [CALL], "max_tokens"),
        ("content_filter", [], "refusal"),
        ("something_new", [], "end_turn"),
    ],
)
def test_reason_of_the_end(finish_reason: str, calls: list[Any], stop_reason: str) -> None:
    assert write(completion(finish_reason=finish_reason, tool_calls=calls))["stop_reason"] == stop_reason
    events = read(stream(*pieces_of("", calls), finish_reason=finish_reason))
    assert events[-2]["delta"]["stop_reason"] == stop_reason


def test_refusal_is_text_and_the_reason() -> None:
    details = {"type": "refusal", "category": None, "explanation": "I cannot"}
    answer = write(completion(refusal="I cannot"))

    assert (answer["content"], answer["stop_reason"]) == ([{"type": "text", "text": "I cannot"}], "refusal")
    assert answer["stop_details"] == details
    events = read(stream({"content": ""}, {"refusal": "I "}, {"refusal": "cannot"}))
    assert text_of(events) == "I cannot"
    assert (events[-2]["delta"]["stop_reason"], events[-2]["delta"]["stop_details"]) == ("refusal", details)


def test_long_name_comes_back() -> None:
    call = {**CALL, "function": {"name": fit_tool_name(LONG_NAME), "arguments": "{}"}}

    assert write(completion(tool_calls=[call]))["content"][0]["name"] == LONG_NAME
    events = read(stream(*pieces_of("", [call])))
    assert events[1]["content_block"]["name"] == LONG_NAME


@pytest.mark.parametrize("arguments", [{"zone": "UTC"}, '{"zone": "UTC"}', ' {"zone":"UTC"} '])
def test_arguments_may_be_an_object(arguments: Any) -> None:
    call = {"id": "", "function": {"name": "get_time", "arguments": arguments}}
    (use,) = write(completion(tool_calls=[call]))["content"]

    assert use["input"] == {"zone": "UTC"}
    assert use["id"].startswith("toolu_")


def test_call_that_the_limit_cuts_off_is_left_out() -> None:
    call = {**CALL, "function": {"name": "get_time", "arguments": '{"zone": "U'}}

    answer = write(completion(content="Well", tool_calls=[call], finish_reason="length"))

    assert [block["type"] for block in answer["content"]] == ["text"]


def test_parts_of_a_content_are_its_text() -> None:
    parts = [{"type": "thinking", "thinking": []}, {"type": "text", "text": "a"}, {"text": "b"}]

    assert write(completion(content=parts))["content"] == [{"type": "text", "text": "ab"}]


def test_reasoning_without_an_answer_is_an_empty_message() -> None:
    answer = write(completion(content="", finish_reason="length", reasoning_content="Hm"))

    assert (answer["content"], answer["stop_reason"]) == ([], "max_tokens")


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (None, (0, 0, 0, 0)),
        ({"prompt_tokens": 5, "completion_tokens": 2}, (5, 0, 0, 2)),
        ({"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 50}}, (0, 0, 5, 0)),
        ({"prompt_tokens": "5", "completion_tokens": -1, "prompt_tokens_details": []}, (0, 0, 0, 0)),
    ],
)
def test_usage_that_is_not_whole(usage: Any, expected: tuple[int, ...]) -> None:
    assert tuple(write(completion(content="x", usage=usage))["usage"].values()) == expected


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"choices": []},
        {"choices": [{"message": None}]},
        {"choices": [{"message": {}}]},
        {"choices": [{"message": {"content": 5}}]},
        completion(tool_calls=["x"]),
        completion(tool_calls=[{"function": {"arguments": "{}"}}]),
        completion(tool_calls=[{**CALL, "function": {"name": "x", "arguments": "{"}}]),
        completion(tool_calls=[{**CALL, "function": {"name": "x", "arguments": "[1]"}}]),
    ],
)
async def test_unreadable_completion_is_an_error(wrong: dict[str, Any]) -> None:
    answer = await Gateway(httpx2.Response(200, json=wrong)).send(MESSAGES, QUESTION)

    assert (answer.status, answer.json()["error"]["type"]) == (502, "api_error")


async def test_provider_gets_the_fields_that_it_knows() -> None:
    rows = '[{"name": "mine", "base_url": "https://llm.example/v1", "needs_key": false, "reports_stream_usage": false}]'
    gateway = Gateway(
        streamed(
            *(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in stream(usage=None)[:-1]), b"data: [DONE]\n\n"
        ),
        providers=rows,
    )

    answer = await gateway.send(MESSAGES, {**QUESTION, "model": "mine:llama", "stream": True})

    assert answer.status == 200
    (request,) = gateway.requests
    assert str(request.url) == "https://llm.example/v1/chat/completions"
    assert json.loads(request.content) == {"model": "llama", "max_tokens": 50, "messages": HELLO, "stream": True}


async def test_refused_field_is_named_in_the_error() -> None:
    gateway = Gateway(httpx2.Response(500))

    answer = await gateway.send(MESSAGES, {**QUESTION, "top_k": 5})

    message = "`top_k` is not supported for models behind chat completions"
    assert (answer.status, answer.json()["error"]) == (400, {"type": "invalid_request_error", "message": message})
    assert gateway.requests == []


async def test_refusal_of_a_thread_is_one_that_clients_know() -> None:
    gateway = Gateway(httpx2.Response(500))

    answer = await gateway.send(MESSAGES, {**QUESTION, "thread": {"type": "create"}})

    details = answer.json()["error"]["details"]
    assert (answer.status, details["error_code"]) == (400, "thread_unsupported_request")
