"""Chat completions as Anthropic's messages, whole and streamed, and answers that are not what OpenAI documents."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from electrons.dialects.translation.call_ids import fit_tool_name
from electrons.dialects.translation.message_answer import MessageEvents, write_message
from electrons.upstream.reading import PARSE_ERRORS, UnreadableError
from tests.unit.gateway import HELLO, MESSAGES, Gateway, streamed

MODEL = "openai:gpt-4o"
LONG_NAME = "mcp__" + "x" * 100
NAMES = {fit_tool_name(LONG_NAME): LONG_NAME}
USAGE = {
    "prompt_tokens": 15,
    "completion_tokens": 11,
    "total_tokens": 26,
    "prompt_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 5},
}
MESSAGE_USAGE = {
    "input_tokens": 3,
    "cache_creation_input_tokens": 5,
    "cache_read_input_tokens": 7,
    "output_tokens": 11,
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": '{"zone": "UTC"}'}}
OTHER = {"id": "call_2", "type": "function", "function": {"name": "get_date", "arguments": ""}}
USE = {"type": "tool_use", "id": "call_1", "name": "get_time", "input": {"zone": "UTC"}}
OTHER_USE = {"type": "tool_use", "id": "call_2", "name": "get_date", "input": {}}
QUESTION = {"model": MODEL, "max_tokens": 50, "messages": HELLO}


def completion(*, finish_reason: str | None = "stop", usage: Any = USAGE, **message: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", "content": None, **message}, "finish_reason": finish_reason}
    return {"id": "chatcmpl-1", "object": "chat.completion", "model": "gpt-4o", "choices": [choice], "usage": usage}


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


# Streams.


def pieces_of(text: str, calls: list[Any]) -> list[dict[str, Any]]:
    """Return the deltas of a text and of calls, in pieces of three characters."""
    deltas: list[dict[str, Any]] = [{"content": text[start : start + 3]} for start in range(0, len(text), 3)]
    for index, call in enumerate(calls):
        arguments = call["function"]["arguments"]
        head = {"index": index, **call, "function": {**call["function"], "arguments": ""}}
        pieces = [arguments[start : start + 3] for start in range(0, len(arguments), 3)]
        deltas += [
            {"tool_calls": [piece]}
            for piece in (head, *({"index": index, "function": {"arguments": piece}} for piece in pieces))
        ]
    return deltas


def stream(*deltas: dict[str, Any], finish_reason: str | None = "stop", usage: Any = USAGE) -> list[Any]:
    head = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 5, "model": "gpt-4o"}
    first = {"role": "assistant", "content": None, "refusal": None}
    choices = [
        *({"index": 0, "delta": {**first, **delta}, "finish_reason": None} for delta in deltas[:1]),
        *({"index": 0, "delta": delta, "finish_reason": None} for delta in deltas[1:]),
        {"index": 0, "delta": {}, "finish_reason": finish_reason},
    ]
    chunks = [{**head, "choices": [choice], "usage": None} for choice in choices]
    return [*chunks, *([{**head, "choices": [], "usage": usage}] if usage else []), "[DONE]"]


def frames_of(chunks: list[Any]) -> list[str]:
    events = MessageEvents(MODEL, input_estimate=9, tool_names=NAMES)
    frames = [frame for chunk in chunks for frame in events.feed(chunk if chunk == "[DONE]" else json.dumps(chunk))]
    if not events.is_complete:
        raise UnreadableError("there is no end")
    return [*frames, *events.finish()]


def read(chunks: list[Any]) -> list[dict[str, Any]]:
    """Return the events, whose order is checked."""
    events = [parse(frame) for frame in frames_of(chunks)]
    check_order(events)
    return events


def parse(frame: str) -> dict[str, Any]:
    name, data = frame.rstrip().split("\n")
    event: dict[str, Any] = json.loads(data.removeprefix("data: "))
    assert name == f"event: {event['type']}"
    return event


def check_order(events: list[dict[str, Any]]) -> None:
    kinds = [event["type"] for event in events if event["type"] != "ping"]
    assert (kinds[0], kinds[-2:], kinds.count("message_start")) == (
        "message_start",
        ["message_delta", "message_stop"],
        1,
    )
    open_block: int | None = None
    blocks = 0
    for event in events:
        match event["type"]:
            case "content_block_start":
                assert (open_block, event["index"]) == (None, blocks)
                open_block = blocks
            case "content_block_delta":
                assert event["index"] == open_block
            case "content_block_stop":
                assert event["index"] == open_block
                open_block, blocks = None, blocks + 1
    assert open_block is None


def text_of(events: list[dict[str, Any]]) -> str:
    return "".join(event["delta"].get("text", "") for event in events if event["type"] == "content_block_delta")


def uses_of(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    uses = []
    for start in events:
        if start["type"] == "content_block_start" and start["content_block"]["type"] == "tool_use":
            pieces = [
                event["delta"]["partial_json"]
                for event in events
                if event["type"] == "content_block_delta" and event["index"] == start["index"]
            ]
            assert start["content_block"]["input"] == {}
            uses.append({**start["content_block"], "input": json.loads("".join(pieces) or "{}")})
    return uses


def test_stream_has_the_events_of_anthropic() -> None:
    events = read(stream(*pieces_of("Hello", [])))

    assert events == [
        {
            "type": "message_start",
            "message": {
                **{"id": "msg_1", "type": "message", "role": "assistant", "model": MODEL, "content": []},
                **{"stop_reason": None, "stop_sequence": None, "stop_details": None},
                "usage": {**dict.fromkeys(MESSAGE_USAGE, 0), "input_tokens": 9},
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hel"}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "lo"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None, "stop_details": None},
            "usage": MESSAGE_USAGE,
        },
        {"type": "message_stop"},
    ]


def test_each_call_is_a_block() -> None:
    events = read(stream(*pieces_of("Wait", [CALL, OTHER]), finish_reason="tool_calls"))

    assert (text_of(events), uses_of(events)) == ("Wait", [USE, OTHER_USE])
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_call_alone_has_no_block_of_text() -> None:
    events = read(stream(*pieces_of("", [CALL])))

    assert [event["content_block"]["type"] for event in events if "content_block" in event] == ["tool_use"]


@pytest.mark.parametrize("numbers", [[{}, {}], [{"index": 0}, {"index": 0}], [{"index": 0}, {"index": 1}]])
def test_calls_that_come_whole(numbers: list[dict[str, int]]) -> None:
    calls = [{**number, **call} for number, call in zip(numbers, (CALL, OTHER), strict=True)]

    assert uses_of(read(stream({"tool_calls": calls}))) == [USE, OTHER_USE]
    assert uses_of(read(stream(*({"tool_calls": [call]} for call in calls)))) == [USE, OTHER_USE]


def test_text_and_call_in_one_chunk_are_both_kept() -> None:
    events = read(stream({"content": "Wait", "tool_calls": [{"index": 0, **CALL}]}))

    assert (text_of(events), uses_of(events)) == ("Wait", [USE])


def test_reasoning_keeps_the_connection_alive() -> None:
    events = read(stream({"reasoning_content": "Hm"}, {"content": "Hello"}))

    assert [event["type"] for event in events][:2] == ["message_start", "ping"]
    assert text_of(events) == "Hello"


def test_usage_that_nobody_reports_is_estimated() -> None:
    events = read(stream(*pieces_of("Hello there", []), usage=None))

    assert (events[-2]["usage"]["input_tokens"], events[-2]["usage"]["output_tokens"]) == (9, 3)


def test_answer_without_content() -> None:
    events = read(stream({"content": ""}, finish_reason="length"))

    assert [event["type"] for event in events] == ["message_start", "message_delta", "message_stop"]


def test_halves_of_a_character_are_joined() -> None:
    events = read(stream({"content": "\ud83d"}, {"content": "\ude00 and \ud83d"}))

    assert text_of(events) == "\U0001f600 and \ufffd"


@pytest.mark.parametrize(
    "chunk",
    [
        5,
        {"choices": 5},
        {"choices": [{"delta": 5}]},
        {"choices": [{"delta": {"tool_calls": [5]}}]},
        {"choices": [{"delta": {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}}]},
    ],
)
def test_unreadable_chunk_is_an_error(chunk: Any) -> None:
    with pytest.raises(ValueError, match=r"not|no "):
        frames_of([chunk, "[DONE]"])


def test_piece_of_an_ended_call_is_an_error() -> None:
    pieces = pieces_of("", [CALL, OTHER])

    with pytest.raises(ValueError, match="name"):
        frames_of(stream(*pieces, {"tool_calls": [{"index": 0, "function": {"arguments": "x"}}]}))


VALUES: list[Any] = [None, True, 0, -1, 1e300, "", "x", "\ud83d", [], [None], [[]], {}, {"type": "text"}]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def run_whole(document: Any) -> str:
    return json.dumps(write(json.loads(json.dumps(document).replace("\\ud83d", ""))))


def run_stream(chunks: Any) -> str:
    return "".join(frames_of(chunks))


@pytest.mark.parametrize("run", [run_whole, run_stream])
def test_no_wrong_value_raises_anything_else(run: Callable[[Any], str]) -> None:
    calls = [CALL, OTHER]
    whole = completion(content="Hello", refusal="no", tool_calls=calls)
    original: Any = whole if run is run_whole else stream(*pieces_of("Hello", calls), {"refusal": "no"})
    for number in range(sum(1 for _ in places(original))):
        for wrong in (*VALUES, KeyError):
            changed = copy.deepcopy(original)
            holder, key = list(places(changed))[number]
            if wrong is KeyError:
                del holder[key]
            else:
                holder[key] = wrong
            try:
                output = run(changed)
            except PARSE_ERRORS:
                continue
            output.encode()


def test_streams_in_any_order_are_well_formed() -> None:
    chance = random.Random(5)  # noqa: S311  # the same streams each time
    deltas: list[dict[str, Any]] = [
        {"content": "a"},
        {"refusal": "b"},
        {"tool_calls": [{"index": 0, **CALL}]},
        {"reasoning": "c"},
        {},
    ]
    for _ in range(200):
        chosen = [copy.deepcopy(chance.choice(deltas)) for _ in range(chance.randrange(8))]
        read(stream(*chosen))


@pytest.mark.parametrize("seed", range(5))
async def test_stream_may_be_cut_anywhere(seed: int) -> None:
    body = b"".join(
        b"data: %s\r\n\r\n" % (chunk if chunk == "[DONE]" else json.dumps(chunk, ensure_ascii=False)).encode()
        for chunk in stream(*pieces_of("Grüße, \U0001f600", [CALL]))
    )
    cuts = sorted(random.Random(seed).sample(range(1, len(body)), 40))  # noqa: S311  # the same cuts each time
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    gateway = Gateway(streamed(*pieces))

    answer = await gateway.send(MESSAGES, {**QUESTION, "stream": True})

    events = [parse(frame) for frame in answer.body.decode().rstrip().split("\n\n")]
    check_order(events)
    assert (text_of(events), uses_of(events)) == ("Grüße, \U0001f600", [USE])
    row = await gateway.row()
    assert (row["input_units"], row["output_units"], row["error_code"]) == (15, 11, None)


@pytest.mark.parametrize("reported", [False, True])
async def test_text_before_a_failure_is_not_lost(reported: bool) -> None:
    failure = {"error": {"message": "The server is overloaded", "type": "server_error", "code": None, "param": None}}
    chunks = [*stream(*pieces_of("Hello", []))[:2], *([failure] if reported else [])]
    gateway = Gateway(streamed(b"".join(b"data: %s\n\n" % json.dumps(chunk).encode() for chunk in chunks)))

    answer = await gateway.send(MESSAGES, {**QUESTION, "stream": True})

    *events, last = [parse(frame) for frame in answer.body.decode().rstrip().split("\n\n")]
    assert text_of(events) == "Hello"
    assert last["type"] == "error"
    assert ("overloaded" if reported else "interrupted") in last["error"]["message"]
    assert "message_stop" not in answer.body.decode()


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
