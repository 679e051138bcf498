"""Chat completions as Responses, whole and streamed, and answers that are not what OpenAI documents."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest
from openai.types.responses import Response, ResponseStreamEvent
from pydantic import TypeAdapter

from electrons.dialects.translation.response_answer import ResponseEvents, write_response
from electrons.upstream.reading import PARSE_ERRORS, UnreadableError
from tests.unit.gateway import RESPONSES, Gateway, streamed

MODEL = "mine:llama"
ROWS = '[{"name": "mine", "base_url": "https://llm.example/v1", "needs_key": false}]'
QUESTION: dict[str, Any] = {
    "model": MODEL,
    "input": "Hello",
    "instructions": "Be brief",
    "metadata": {"a": "b"},
    "reasoning": {"effort": "low"},
    "temperature": 0,
}
CALL: dict[str, Any] = {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": '{"a": 1}'}}
OTHER: dict[str, Any] = {"id": "call_2", "type": "function", "function": {"name": "get_date", "arguments": ""}}
USAGE = {
    "prompt_tokens": 15,
    "completion_tokens": 11,
    "total_tokens": 26,
    "prompt_tokens_details": {"cached_tokens": 7},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
RESPONSE_USAGE = {
    "input_tokens": 15,
    "input_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 0},
    "output_tokens": 11,
    "output_tokens_details": {"reasoning_tokens": 2},
    "total_tokens": 26,
}
EVENTS: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)


def completion(message: Any, finish_reason: str | None = "stop", **fields: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion", "choices": [choice], "usage": USAGE, **fields}


def write(document: Any) -> dict[str, Any]:
    return write_response(document, request=QUESTION, requested_model=MODEL)


def stream(*deltas: Any, finish_reason: str | None = "stop", usage: Any = USAGE) -> list[Any]:
    """Return the chunks of these deltas."""
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "llama"}
    chunks: list[Any] = [
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}], "usage": None}
        for delta in ({"role": "assistant", "content": "", "refusal": None}, *deltas)
    ]
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": finish_reason}]})
    return [*chunks, {**head, "choices": [], "usage": usage}, "[DONE]"]


def frames_of(chunks: Any) -> list[str]:
    translator = ResponseEvents(QUESTION, MODEL)
    frames: list[str] = []
    for chunk in chunks:
        frames += translator.feed(chunk if isinstance(chunk, str) else json.dumps(chunk))
    return frames + translator.finish() if translator.is_complete else frames


def parse(frame: str) -> dict[str, Any]:
    kind, _, data = frame.rstrip("\n").partition("\n")
    event = json.loads(data.removeprefix("data: "))
    assert kind == f"event: {event['type']}"
    return dict(event)


def read(chunks: Any) -> list[dict[str, Any]]:
    """Return the events, after a check that they build what the last one has."""
    events = [parse(frame) for frame in frames_of(chunks)]
    check(events)
    return events


def check(events: list[dict[str, Any]]) -> None:
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert [event["type"] for event in events[:2]] == ["response.created", "response.in_progress"]
    output: list[dict[str, Any]] = []
    texts: dict[str, str] = {}
    parts: list[Any] = []
    for event in events[2:-1]:
        kind = event["type"].removeprefix("response.")
        if kind == "output_item.added":
            assert event["output_index"] == len(output)
            item, parts, opened = event["item"], [], None
            assert item.get("status", "in_progress") == "in_progress"
            continue
        if kind == "output_item.done":
            assert opened is None
            assert event["item"]["id"] == item["id"]
            assert event["item"].get("content", event["item"].get("summary", [])) == parts
            output.append(event["item"])
            continue
        assert (event["item_id"], event["output_index"]) == (item["id"], len(output))
        name, _, step = kind.rpartition(".")
        if step == "delta":
            texts[name] = texts.get(name, "") + event["delta"]
        elif step == "added":
            assert opened is None
            opened = event["part"]
        elif name.endswith("part"):
            parts.append(event["part"])
            opened = None
        else:
            member = {"refusal": "refusal", "function_call_arguments": "arguments"}.get(name, "text")
            assert texts.pop(name, "") == event[member]
    last = events[-1]["response"]
    assert events[-1]["type"] == f"response.{last['status']}"
    assert last["output"] == output
    assert not texts


def kinds_of(response: dict[str, Any]) -> list[str]:
    return [item["type"] for item in response["output"]]


def test_completion_is_a_response() -> None:
    response = write(completion({"content": "Hi", "refusal": None}))

    assert response.pop("created_at") > 1_700_000_000
    assert response.pop("completed_at") > 1_700_000_000
    (item,) = response.pop("output")
    assert item.pop("id").startswith("msg_")
    part = {"type": "output_text", "text": "Hi", "annotations": [], "logprobs": []}
    assert item == {"type": "message", "status": "completed", "role": "assistant", "content": [part]}
    assert response == {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": "Be brief",
        "max_output_tokens": None,
        "max_tool_calls": None,
        "metadata": {"a": "b"},
        "model": MODEL,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "prompt_cache_key": None,
        "reasoning": {"effort": "low", "summary": None},
        "safety_identifier": None,
        "service_tier": "default",
        "store": False,
        "temperature": 0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_logprobs": 0,
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": RESPONSE_USAGE,
        "user": None,
    }


def test_answers_are_what_the_client_declares() -> None:
    message = {"content": "Hi", "reasoning_content": "Hm.", "tool_calls": [CALL, OTHER]}
    Response.model_validate(write(completion(message)), strict=True)

    for event in read(stream({"reasoning": "Hm."}, {"content": "Hi"}, {"refusal": "No"}, {"tool_calls": [CALL]})):
        EVENTS.validate_python(event)


def test_calls_and_thoughts_are_items() -> None:
    response = write(completion({"content": None, "reasoning": "Hm.", "tool_calls": [CALL, OTHER]}, "tool_calls"))

    thought, call, other = response["output"]
    assert thought["summary"] == [{"type": "summary_text", "text": "Hm."}]
    assert (call["type"], call["call_id"], call["name"]) == ("function_call", "call_1", "get_time")
    assert (call["arguments"], call["status"]) == ('{"a": 1}', "completed")
    assert other["arguments"] == "{}"


@pytest.mark.parametrize(
    ("message", "finish_reason", "status", "reason"),
    [
        ({"content": "Hi"}, "stop", "completed", None),
        ({"content": "Hi"}, "length", "incomplete", "max_output_tokens"),
        ({"content": None}, "length", "incomplete", "max_output_tokens"),
        ({"content": "Hi"}, "content_filter", "incomplete", "content_filter"),
        ({"content": None, "refusal": "No"}, "stop", "completed", None),
        ({"content": None, "refusal": "No"}, "content_filter", "completed", None),
        ({"content": None, "tool_calls": [CALL]}, "tool_calls", "completed", None),
        ({"content": "Hi"}, None, "completed", None),
        ({"content": "Hi"}, "eos", "completed", None),
    ],
)
def test_end_has_a_status(message: Any, finish_reason: str | None, status: str, reason: str | None) -> None:
    response = write(completion(message, finish_reason))
    events = read(stream(message, finish_reason=finish_reason))

    for each in (response, events[-1]["response"]):
        details = {"reason": reason} if reason else None
        assert (each["status"], each["incomplete_details"]) == (status, details)
        assert (each["completed_at"] is None) == (status == "incomplete")
        assert [item["status"] for item in each["output"]] == [status] * len(each["output"])


def test_answer_of_nothing_is_an_empty_message() -> None:
    for response in (write(completion({"content": ""})), read(stream())[-1]["response"]):
        (item,) = response["output"]
        assert item["content"][0]["text"] == ""


def test_call_that_was_cut_off_is_incomplete() -> None:
    cut = {**CALL, "function": {"name": "get_time", "arguments": '{"a'}}

    (item,) = write(completion({"tool_calls": [OTHER, cut]}, "length"))["output"][1:]

    assert (item["arguments"], item["status"]) == ('{"a', "incomplete")


@pytest.mark.parametrize(
    "document",
    [
        *({}, {"choices": []}, {"choices": [5]}, {"choices": [{"message": None}]}),
        {"choices": [{"message": {"content": None}}]},
        {"choices": [{"message": {"content": 5}}]},
        {"choices": [{"message": {"tool_calls": [{"id": "x"}]}}]},
        {"choices": [{"message": {"tool_calls": [{"id": "x", "function": {"arguments": "{}"}}]}}]},
    ],
)
def test_what_is_no_completion_is_unreadable(document: Any) -> None:
    with pytest.raises(UnreadableError):
        write(document)


def test_usage_that_is_missing_is_estimated() -> None:
    usage = write(completion({"content": "Good day"}, usage=None))["usage"]

    assert usage["input_tokens"] > 0
    assert usage["output_tokens"] == 2


def test_stream_is_the_events_of_a_response() -> None:
    events = read(
        stream(
            {"reasoning_content": "H"},
            {"reasoning_content": "m."},
            {"content": "Good"},
            {"content": " day"},
            {"tool_calls": [{"index": 0, "id": "call_1", "function": {"name": "get_time", "arguments": ""}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": '{"a"'}}]},
            {"tool_calls": [{"index": 0, "function": {"arguments": ": 1}"}}]},
            {"tool_calls": [{"index": 1, **OTHER}]},
            finish_reason="tool_calls",
        )
    )

    assert [event["type"].removeprefix("response.") for event in events] == [
        *("created", "in_progress"),
        *("output_item.added", "reasoning_summary_part.added"),
        *("reasoning_summary_text.delta", "reasoning_summary_text.delta"),
        *("reasoning_summary_text.done", "reasoning_summary_part.done", "output_item.done"),
        *("output_item.added", "content_part.added", "output_text.delta", "output_text.delta"),
        *("output_text.done", "content_part.done", "output_item.done"),
        *("output_item.added", "function_call_arguments.delta", "function_call_arguments.delta"),
        *("function_call_arguments.done", "output_item.done"),
        *("output_item.added", "function_call_arguments.delta", "function_call_arguments.done", "output_item.done"),
        "completed",
    ]
    response = events[-1]["response"]
    assert kinds_of(response) == ["reasoning", "message", "function_call", "function_call"]
    assert [item["arguments"] for item in response["output"][2:]] == ['{"a": 1}', "{}"]
    assert response["usage"] == RESPONSE_USAGE
    assert events[0]["response"]["output"] == []
    assert (events[0]["response"]["status"], events[0]["response"]["usage"]) == ("in_progress", None)


def test_text_and_refusal_are_parts_of_one_message() -> None:
    response = read(stream({"content": "Well, "}, {"refusal": "no"}))[-1]["response"]

    (item,) = response["output"]
    assert [part["type"] for part in item["content"]] == ["output_text", "refusal"]


def test_text_behind_a_call_is_another_message() -> None:
    response = read(stream({"content": "a"}, {"tool_calls": [{"index": 0, **CALL}]}, {"content": "b"}))[-1]["response"]

    assert kinds_of(response) == ["message", "function_call", "message"]


@pytest.mark.parametrize("numbers", [({}, {}), ({"index": 0}, {"index": 0}), ({"index": 0}, {"index": 1})])
def test_calls_are_told_apart(numbers: tuple[dict[str, int], dict[str, int]]) -> None:
    first, second = numbers
    response = read(stream({"tool_calls": [{**first, **CALL}]}, {"tool_calls": [{**second, **OTHER}]}))[-1]["response"]

    assert [(item["call_id"], item["arguments"]) for item in response["output"]] == [
        ("call_1", '{"a": 1}'),
        ("call_2", "{}"),
    ]


def test_only_the_first_choice_is_read() -> None:
    chunks = stream({"content": "Hi"})
    chunks.insert(2, {"id": "chatcmpl-1", "choices": [{"index": 1, "delta": {"content": "Other"}}]})

    (item,) = read(chunks)[-1]["response"]["output"]
    assert item["content"][0]["text"] == "Hi"


def test_quoted_text_is_the_same_text() -> None:
    texts = ["Grüße", ' "\\"', "\n\t", "", "\U0001f600 \u2028", "x" * 100]
    chunks = stream(*({"content": text} for text in texts))
    # Whatever else is in a chunk has to be parsed.
    parsed = stream(*({"content": text, "role": "assistant"} for text in texts))

    first, second = (
        [
            event.get("delta")
            for event in read([json.dumps(chunk, ensure_ascii=False) for chunk in each[:-1]] + ["[DONE]"])
        ]
        for each in (chunks, parsed)
    )

    assert first == second
    assert "".join(filter(None, first)) == "".join(texts)


def test_surrogate_pairs_in_two_pieces_are_joined() -> None:
    frames = frames_of(stream({"content": "a\ud83d"}, {"content": "\ude00"}, {"content": "\ud83d"}))

    (item,) = parse(frames[-1])["response"]["output"]
    assert item["content"][0]["text"] == "a\U0001f600\ufffd"


@pytest.mark.parametrize("chunk", [[], 5, {"choices": 5}, {"choices": [{"index": 0, "delta": {"content": 5}}]}])
def test_chunk_that_cannot_be_read_is_an_error(chunk: Any) -> None:
    with pytest.raises(UnreadableError):
        frames_of([chunk])


def test_stream_of_nothing_is_an_error() -> None:
    with pytest.raises(UnreadableError):
        frames_of(["[DONE]"])


VALUES: list[Any] = [None, True, 0, -1, 1e300, "", "x", "\ud83d", [], [None], [[]], {}, {"type": "text"}]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def test_no_wrong_value_raises_anything_else() -> None:
    message = {"content": "Hi", "reasoning": "Hm.", "refusal": "No", "tool_calls": [CALL]}
    cases: list[tuple[Any, Callable[[Any], object]]] = [
        (completion(message), write),
        (stream(message, {"tool_calls": [{"index": 0, "function": {"arguments": " "}}]}), frames_of),
    ]
    for original, run in cases:
        for number in range(sum(1 for _ in places(original))):
            for wrong in VALUES:
                changed = copy.deepcopy(original)
                holder, key = list(places(changed))[number]
                holder[key] = wrong
                try:
                    output = run(changed)
                except PARSE_ERRORS:
                    continue
                if isinstance(output, list):
                    "".join(output).encode()


def test_no_missing_member_raises_anything_else() -> None:
    chunks = stream({"content": "Hi"}, {"tool_calls": [{"index": 0, **CALL}]})
    for number in range(sum(1 for _ in places(chunks))):
        changed = copy.deepcopy(chunks)
        holder, key = list(places(changed))[number]
        del holder[key]
        try:
            frames_of(changed)
        except PARSE_ERRORS:
            continue


def test_streams_in_any_order_are_well_formed() -> None:
    chance = random.Random(5)  # noqa: S311  # the same streams each time
    deltas: list[dict[str, Any]] = [
        *({"content": "a"}, {"refusal": "b"}, {"tool_calls": [{"index": 0, **CALL}]}, {"reasoning": "c"}, {}),
        {"content": "a", "reasoning": "b", "tool_calls": [CALL, OTHER]},
    ]
    for _ in range(200):
        read(stream(*(copy.deepcopy(chance.choice(deltas)) for _ in range(chance.randrange(8)))))


@pytest.mark.parametrize("seed", range(5))
async def test_stream_may_be_cut_anywhere(seed: int) -> None:
    chunks = stream({"content": "Grüße, \U0001f600"}, {"tool_calls": [{"index": 0, **CALL}]})
    body = b"".join(
        b"data: %s\r\n\r\n" % (chunk if chunk == "[DONE]" else json.dumps(chunk, ensure_ascii=False)).encode()
        for chunk in chunks
    )
    cuts = sorted(random.Random(seed).sample(range(1, len(body)), 40))  # noqa: S311  # the same cuts each time
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    gateway = Gateway(streamed(*pieces), providers=ROWS)

    answer = await gateway.send(RESPONSES, {**QUESTION, "stream": True})

    events = [parse(frame) for frame in answer.body.decode().rstrip().split("\n\n")]
    check(events)
    message, call = events[-1]["response"]["output"]
    assert (message["content"][0]["text"], call["arguments"]) == ("Grüße, \U0001f600", '{"a": 1}')
    row = await gateway.row()
    assert (row["input_units"], row["output_units"], row["error_code"]) == (15, 11, None)


@pytest.mark.parametrize("reported", [False, True])
async def test_text_before_a_failure_is_not_lost(reported: bool) -> None:
    failure = {"error": {"message": "The server is overloaded", "type": "server_error", "code": None, "param": None}}
    chunks = [*stream({"content": "Hello"})[:2], *([failure] if reported else [])]
    frames = b"".join(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks)
    gateway = Gateway(streamed(frames), providers=ROWS)

    answer = await gateway.send(RESPONSES, {**QUESTION, "stream": True})

    *events, last = [parse(frame) for frame in answer.body.decode().rstrip().split("\n\n")]
    assert [event["delta"] for event in events if event["type"] == "response.output_text.delta"] == ["Hello"]
    assert last["type"] == "error"
    assert ("overloaded" if reported else "interrupted") in last["message"]
    assert "response.completed" not in answer.body.decode()
    row = await gateway.row()
    assert row["output_units"] == 2


async def test_request_goes_to_chat_completions() -> None:
    gateway = Gateway(httpx2.Response(200, json=completion({"content": "Hi"})), providers=ROWS)

    answer = await gateway.send(RESPONSES, {**QUESTION, "max_output_tokens": 50, "truncation": "auto"})

    assert (answer.status, answer.json()["model"], answer.json()["usage"]) == (200, MODEL, RESPONSE_USAGE)
    assert answer.headers.get("X-DE-Warnings") == "truncation was left out"
    (request,) = gateway.requests
    assert str(request.url) == "https://llm.example/v1/chat/completions"
    assert json.loads(request.content) == {
        "model": "llama",
        "messages": [{"role": "system", "content": "Be brief"}, {"role": "user", "content": "Hello"}],
        "max_tokens": 50,
        "reasoning_effort": "low",
        "temperature": 0,
    }
    row = await gateway.row()
    assert (row["provider"], row["input_units"], row["output_units"]) == ("mine", 15, 11)


async def test_refused_field_is_named_in_the_error() -> None:
    gateway = Gateway(httpx2.Response(500), providers=ROWS)

    answer = await gateway.send(RESPONSES, {**QUESTION, "previous_response_id": "resp_1"})

    error = answer.json()["error"]
    assert (answer.status, error["param"], error["type"]) == (400, "previous_response_id", "invalid_request_error")
    assert gateway.requests == []
