"""Anthropic's streams as chunks of chat completions."""

import json
import random
from typing import Any

import pytest

from electrons.dialects.translation.chat_answer import ChatChunks
from tests.unit.gateway import CHAT, HELLO, Gateway, streamed
from tests.unit.translated_chat import (
    CHAT_USAGE,
    MODEL,
    OTHER,
    TEXT,
    USE,
    content_of,
    delta_of,
    finish_of,
    frames_of,
    read,
    stream,
)


def test_stream_has_the_chunks_of_openai() -> None:
    chunks = read(stream(TEXT))

    assert [delta_of(chunk) for chunk in chunks] == [
        {"role": "assistant", "content": "", "refusal": None},
        {"content": "Hel"},
        {"content": "lo"},
        {},
        {},
    ]
    assert [finish_of(chunk) for chunk in chunks] == [None, None, None, "stop", []]
    assert [chunk["usage"] for chunk in chunks] == [None, None, None, None, CHAT_USAGE]
    assert ": ping" in frames_of(stream(TEXT))


def test_usage_is_only_reported_where_it_is_asked_for() -> None:
    chunks = read(stream(TEXT), reports_usage=False)

    assert all(chunk["choices"] and "usage" not in chunk for chunk in chunks)


def test_calls_have_indexes_heads_and_fragments() -> None:
    chunks = read(stream(USE, OTHER, stop_reason="tool_use"))

    first = delta_of(chunks[0])
    head = {"index": 0, "id": "toolu_1", "type": "function", "function": {"name": "get_time", "arguments": ""}}
    assert first == {"role": "assistant", "content": None, "refusal": None, "tool_calls": [head]}
    pieces = [call for chunk in chunks for call in delta_of(chunk).get("tool_calls", [])]
    assert [call["id"] for call in pieces if "id" in call] == ["toolu_1", "toolu_2"]
    for index, use in enumerate((USE, OTHER)):
        own = [call["function"] for call in pieces if call["index"] == index]
        assert json.loads("".join(function["arguments"] for function in own)) == use["input"]
        assert [function["name"] for function in own if "name" in function] == [use["name"]]
    assert finish_of(chunks[-2]) == "tool_calls"


def test_text_before_a_call_is_content() -> None:
    chunks = read(stream(TEXT, USE, stop_reason="tool_use"))

    assert content_of(chunks) == "Hello"
    assert {call["index"] for chunk in chunks for call in delta_of(chunk).get("tool_calls", [])} == {0}


def test_block_that_comes_whole_is_not_lost() -> None:
    blocks = [
        {"type": "content_block_start", "index": index, "content_block": block}
        for index, block in enumerate([TEXT, USE])
    ]
    start, *_, delta, stop = stream(TEXT)

    chunks = read([start, *blocks, delta, stop])

    assert content_of(chunks) == "Hello"
    (arguments,) = [
        call["function"]["arguments"]
        for chunk in chunks[2:]
        for call in delta_of(chunk).get("tool_calls", [])
        if "id" not in call
    ]
    assert json.loads(arguments) == USE["input"]


def test_message_without_content_has_a_role_and_an_end() -> None:
    chunks = read(stream(stop_reason="max_tokens"))

    assert delta_of(chunks[0])["role"] == "assistant"
    assert finish_of(chunks[-2]) == "length"


def test_halves_of_a_character_are_joined() -> None:
    start, opening, *_, delta, stop = stream(TEXT)
    halves = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": half}}
        for half in ("\ud83d", "\ude00 and \ud83d")
    ]

    chunks = read([start, opening, *halves, delta, stop])

    assert content_of(chunks) == "\U0001f600 and \ufffd"


@pytest.mark.parametrize(
    "event", [5, "x", {"type": "content_block_delta"}, {"type": "content_block_start", "index": 0}]
)
def test_unreadable_event_is_an_error(event: Any) -> None:
    chunks = ChatChunks(MODEL, reports_usage=False)
    chunks.feed(json.dumps(stream(TEXT)[0]))

    with pytest.raises(ValueError, match=r"not"):
        chunks.feed(json.dumps(event))


def test_stream_without_a_beginning_is_an_error() -> None:
    with pytest.raises(ValueError, match="message_start"):
        frames_of(stream(TEXT)[1:])


@pytest.mark.parametrize("seed", range(5))
async def test_stream_may_be_cut_anywhere(seed: int) -> None:
    body = b"".join(
        b"event: %s\r\ndata: %s\r\n\r\n" % (event["type"].encode(), json.dumps(event, ensure_ascii=False).encode())
        for event in stream({"type": "text", "text": "Grüße, \U0001f600"}, USE, stop_reason="tool_use")
    )
    cuts = sorted(random.Random(seed).sample(range(1, len(body)), 40))  # noqa: S311  # the same cuts each time
    pieces = [body[start:end] for start, end in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    gateway = Gateway(streamed(*pieces))

    answer = await gateway.send(CHAT, {"model": MODEL, "messages": HELLO, "stream": True})

    *frames, done = answer.body.decode().rstrip().split("\n\n")
    chunks = [json.loads(frame[6:]) for frame in frames if frame.startswith("data: ")]
    assert content_of(chunks) == "Grüße, \U0001f600"
    assert done == "data: [DONE]"
    row = await gateway.row()
    assert (row["input_units"], row["output_units"], row["error_code"]) == (15, 11, None)


@pytest.mark.parametrize("reported", [False, True])
async def test_text_before_a_failure_is_not_lost(reported: bool) -> None:
    start, opening, _, first, *_ = stream(TEXT)
    failure = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    events = [start, opening, first, *([failure] if reported else [])]
    gateway = Gateway(streamed(b"".join(b"data: %s\n\n" % json.dumps(event).encode() for event in events)))

    answer = await gateway.send(CHAT, {"model": MODEL, "messages": HELLO, "stream": True})

    *chunks, last = [json.loads(frame[6:]) for frame in answer.body.decode().rstrip().split("\n\n")]
    assert content_of(chunks) == "Hel"
    assert ("Overloaded" if reported else "interrupted") in last["error"]["message"]
    assert last["error"].keys() == {"message", "type", "param", "code"}
    assert "[DONE]" not in answer.body.decode()


QUICK = ["Hello", "", 'a "quoted" \\ word\n', "Gr\u00fc\u00dfe \U0001f600", "\u2028", "}]}", "\x7f", "\x00"]


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("ascii_only", [False, True])
def test_quick_way_is_the_same(separators: tuple[str, str], ascii_only: bool) -> None:
    start, opening, *_, delta, stop = stream(TEXT)
    pieces = [
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}}
        for text in ("First", *QUICK)
    ]
    slow = read([start, opening, *({**piece, "other": 1} for piece in pieces), delta, stop])
    chunks = ChatChunks(MODEL, reports_usage=True)

    written = [
        chunks.feed(json.dumps(event, ensure_ascii=ascii_only, separators=separators))
        for event in (start, opening, *pieces, delta, stop)
    ]

    frames = "".join([*(frame for frames in written for frame in frames), *chunks.finish()]).split("\n\n")[:-2]
    quick = [json.loads(frame.removeprefix("data: ")) for frame in frames]
    assert [delta_of(chunk) for chunk in quick] == [delta_of(chunk) for chunk in slow]
    assert content_of(quick) == "First" + "".join(QUICK)
