"""Anthropic's messages as chat completions, whole and streamed, and answers that are not what Anthropic documents."""

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from electrons.dialects.translation.chat_answer import ChatChunks, write_chat_completion
from electrons.upstream.reading import PARSE_ERRORS, UnreadableError
from tests.unit.gateway import CHAT, HELLO, Gateway, streamed

MODEL = "anthropic:claude-sonnet-4-6"
USAGE = {
    "input_tokens": 3,
    "cache_creation_input_tokens": 5,
    "cache_read_input_tokens": 7,
    "output_tokens": 11,
    "output_tokens_details": {"thinking_tokens": 2},
}
CHAT_USAGE = {
    "prompt_tokens": 15,
    "completion_tokens": 11,
    "total_tokens": 26,
    "prompt_tokens_details": {"cached_tokens": 7, "cache_write_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 2},
}
TEXT: dict[str, Any] = {"type": "text", "text": "Hello", "citations": None}
USE: dict[str, Any] = {"type": "tool_use", "id": "toolu_1", "name": "get_time", "input": {"zone": "UTC", "at": [1]}}
OTHER: dict[str, Any] = {"type": "tool_use", "id": "toolu_2", "name": "get_date", "input": {}}


def message(*content: Any, stop_reason: str | None = "end_turn", **fields: Any) -> dict[str, Any]:
    return {
        **{"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-sonnet-4-6"},
        **{"content": list(content), "stop_reason": stop_reason, "stop_sequence": None, "stop_details": None},
        **{"usage": USAGE, **fields},
    }


def choice_of(answer: dict[str, Any]) -> dict[str, Any]:
    (choice,) = write_chat_completion(answer, MODEL)["choices"]
    return dict(choice)


def call_of(use: dict[str, Any]) -> dict[str, Any]:
    arguments = json.dumps(use["input"], separators=(",", ":"))
    return {"id": use["id"], "type": "function", "function": {"name": use["name"], "arguments": arguments}}


def test_message_is_a_completion() -> None:
    answer = write_chat_completion(message(TEXT, {"type": "text", "text": " there"}), MODEL)

    assert answer.pop("created") > 1_700_000_000
    assert answer == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "model": MODEL,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello there", "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": CHAT_USAGE,
    }


def test_uses_of_tools_are_calls() -> None:
    choice = choice_of(message(USE, OTHER, stop_reason="tool_use"))

    assert choice["finish_reason"] == "tool_calls"
    assert choice["message"]["content"] is None
    assert choice["message"]["tool_calls"] == [call_of(USE), call_of(OTHER)]
    assert choice["message"]["tool_calls"][1]["function"]["arguments"] == "{}"


@pytest.mark.parametrize(
    ("stop_reason", "finish_reason"),
    [
        ("end_turn", "stop"),
        ("stop_sequence", "stop"),
        ("pause_turn", "stop"),
        ("max_tokens", "length"),
        ("model_context_window_exceeded", "length"),
        ("refusal", "content_filter"),
        ("something_new", "stop"),
        (None, "stop"),
    ],
)
def test_reason_of_the_end(stop_reason: str | None, finish_reason: str) -> None:
    assert choice_of(message(TEXT, stop_reason=stop_reason))["finish_reason"] == finish_reason
    (final,) = (event for event in read(stream(TEXT, stop_reason=stop_reason)) if finish_of(event))
    assert final["choices"][0]["finish_reason"] == finish_reason


def test_refusal_has_its_explanation() -> None:
    details = {"type": "refusal", "explanation": "I cannot"}
    choice = choice_of(message(stop_reason="refusal", stop_details=details))

    assert (choice["message"]["refusal"], choice["message"]["content"]) == ("I cannot", "")
    chunks = read(stream(stop_reason="refusal", stop_details=details))
    assert [refusal for chunk in chunks if (refusal := delta_of(chunk).get("refusal"))] == ["I cannot"]


def test_thoughts_are_beside_the_content() -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "abc"}
    hidden = {"type": "redacted_thinking", "data": "xyz"}
    given = choice_of(message(thought, hidden, TEXT))["message"]

    assert (given["content"], given["reasoning_content"]) == ("Hello", "Hm.")
    chunks = read(stream(thought, hidden, TEXT))
    assert "".join(delta_of(chunk).get("reasoning_content") or "" for chunk in chunks) == "Hm."
    assert content_of(chunks) == "Hello"


def test_message_cut_off_before_its_first_block() -> None:
    choice = choice_of(message(stop_reason="max_tokens"))

    assert (choice["message"]["content"], choice["finish_reason"]) == ("", "length")


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"content": "Hello"},
        {"content": [], "stop_reason": None},
        {"content": [{"type": "text"}]},
        {"content": [{"type": "tool_use", "name": "x", "input": {}}]},
        {"content": [{"type": "tool_use", "id": "x", "name": 5, "input": {}}]},
    ],
)
async def test_unreadable_message_is_an_error(wrong: dict[str, Any]) -> None:
    answer = await Gateway(httpx2.Response(200, json=wrong)).send(CHAT, {"model": MODEL, "messages": HELLO})

    assert (answer.status, answer.json()["error"]["type"]) == (502, "server_error")


# Streams.


def events_of(block: dict[str, Any], index: int) -> Iterator[dict[str, Any]]:
    """Yield the events of a block, with its content in pieces of three characters."""
    kind, name, content, empty = {
        "text": ("text_delta", "text", block.get("text"), ""),
        "thinking": ("thinking_delta", "thinking", block.get("thinking"), ""),
        "tool_use": ("input_json_delta", "partial_json", json.dumps(block.get("input")), {}),
        "redacted_thinking": ("", "", "", ""),
    }[block["type"]]
    member = "input" if block["type"] == "tool_use" else name
    yield {"type": "content_block_start", "index": index, "content_block": {**block, member: empty}}
    if index == 0:
        yield {"type": "ping"}
    if block["type"] == "tool_use":
        yield {"type": "content_block_delta", "index": index, "delta": {"type": kind, name: ""}}
        content = "" if content == "{}" else content
    for start in range(0, len(content or ""), 3):
        delta = {"type": kind, name: (content or "")[start : start + 3]}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    if block["type"] == "thinking":
        delta = {"type": "signature_delta", "signature": block["signature"]}
        yield {"type": "content_block_delta", "index": index, "delta": delta}
    yield {"type": "content_block_stop", "index": index}


def stream(
    *content: dict[str, Any], stop_reason: str | None = "end_turn", stop_details: Any = None
) -> list[dict[str, Any]]:
    start = {**message(), "stop_reason": None, "usage": {**USAGE, "output_tokens": 1, "output_tokens_details": None}}
    delta = {"stop_reason": stop_reason, "stop_sequence": None, "stop_details": stop_details}
    usage = {"input_tokens": None, "output_tokens": 11, "output_tokens_details": {"thinking_tokens": 2}}
    return [
        {"type": "message_start", "message": start},
        *(event for index, block in enumerate(content) for event in events_of(block, index)),
        {"type": "message_delta", "delta": delta, "usage": usage},
        {"type": "message_stop"},
    ]


def frames_of(events: list[Any], *, reports_usage: bool = True) -> list[str]:
    chunks = ChatChunks(MODEL, reports_usage=reports_usage)
    frames = [frame for event in events for frame in chunks.feed(json.dumps(event))]
    if not chunks.is_complete:
        raise UnreadableError("there is no end")
    return "".join([*frames, *chunks.finish()]).split("\n\n")


def read(events: list[Any], *, reports_usage: bool = True) -> list[dict[str, Any]]:
    *frames, done, rest = frames_of(events, reports_usage=reports_usage)
    assert (done, rest) == ("data: [DONE]", "")
    chunks = [json.loads(frame.removeprefix("data: ")) for frame in frames if frame != ": ping"]
    assert len({(chunk["id"], chunk["created"], chunk["model"], chunk["object"]) for chunk in chunks}) == 1
    assert chunks[0]["object"] == "chat.completion.chunk"
    return chunks


def delta_of(chunk: dict[str, Any]) -> dict[str, Any]:
    return dict(chunk["choices"][0]["delta"]) if chunk["choices"] else {}


def finish_of(chunk: dict[str, Any]) -> Any:
    return chunk["choices"] and chunk["choices"][0]["finish_reason"]


def content_of(chunks: list[dict[str, Any]]) -> str:
    return "".join(delta_of(chunk).get("content") or "" for chunk in chunks)


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


VALUES: list[Any] = [None, True, 0, -1, 1e300, "", "x", "\ud83d", [], [None], [[]], {}, {"type": "text"}]


def places(value: Any) -> Iterator[tuple[Any, Any]]:
    for key, inner in list(value.items() if isinstance(value, dict) else enumerate(value)):
        yield value, key
        if isinstance(inner, dict | list):
            yield from places(inner)


def test_no_wrong_value_raises_anything_else() -> None:
    thought = {"type": "thinking", "thinking": "Hm.", "signature": "abc"}
    cases: list[tuple[Any, Callable[[Any], object]]] = [
        (message(thought, TEXT, USE, stop_reason="tool_use"), lambda value: write_chat_completion(value, MODEL)),
        (stream(thought, TEXT, USE, stop_reason="refusal", stop_details={"explanation": "x"}), frames_of),
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
    events = stream(TEXT, USE, stop_reason="tool_use")
    for number in range(sum(1 for _ in places(events))):
        changed = copy.deepcopy(events)
        holder, key = list(places(changed))[number]
        del holder[key]
        try:
            frames_of(changed)
        except PARSE_ERRORS:
            continue


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


async def test_what_was_left_out_is_in_a_header() -> None:
    gateway = Gateway(httpx2.Response(200, json=message(TEXT)))

    answer = await gateway.send(CHAT, {"model": MODEL, "messages": HELLO, "seed": 5, "verbosity": "low"})

    assert answer.headers.get("X-DE-Warnings") == "seed was left out; verbosity was left out"
    assert "seed" not in json.loads(gateway.requests[0].content)


async def test_refused_field_is_named_in_the_error() -> None:
    gateway = Gateway(httpx2.Response(500))

    answer = await gateway.send(CHAT, {"model": MODEL, "messages": HELLO, "n": 2})

    message = "`n` is not supported for models of Anthropic"
    expected = {"message": message, "type": "invalid_request_error", "param": "n", "code": None}
    assert (answer.status, answer.json()["error"]) == (400, expected)
    assert gateway.requests == []
