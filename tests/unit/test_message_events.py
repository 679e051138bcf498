"""Chunks of chat completions as the events of Anthropic's streams."""

import copy
import json
import random
from typing import Any

import pytest

from electrons.dialects.translation.message_answer import MessageEvents
from tests.unit.gateway import MESSAGES, Gateway, streamed
from tests.unit.translated_messages import (
    CALL,
    MESSAGE_USAGE,
    MODEL,
    NAMES,
    OTHER,
    OTHER_USE,
    QUESTION,
    USE,
    check_order,
    frames_of,
    parse,
    pieces_of,
    read,
    stream,
    text_of,
    uses_of,
)


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


QUICK = ["Hello", "", 'a "quoted" \\ word\n', "Gr\u00fc\u00dfe \U0001f600", '"usage": {', "}]}", "\x7f", "\x00"]


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_quick_way_is_the_same(separators: tuple[str, str], ascii_only: bool) -> None:
    *chunks, done = stream(*({"content": text} for text in ("First", *QUICK)))
    others = [{**chunk, "choices": [{**choice, "x": 1} for choice in chunk["choices"]]} for chunk in chunks]
    events = MessageEvents(MODEL, input_estimate=9, tool_names=NAMES)

    written = [events.feed(json.dumps(chunk, ensure_ascii=ascii_only, separators=separators)) for chunk in chunks]
    written += [events.feed(done), events.finish()]

    quick = [parse(frame) for frames in written for frame in frames]
    assert quick == read([*others, done])
    assert text_of(quick) == "First" + "".join(QUICK)
    assert quick[-2]["usage"] == MESSAGE_USAGE
