"""The usage that a vendor reports, in a document and at the two ends of a stream."""

import json
from typing import Any

import pytest

from electrons.dialects.usage import Counts, StreamMeter, read_counts

CHAT_END = b'data: {"choices":[],"usage":{"prompt_tokens":5,"completion_tokens":7}}\n\ndata: [DONE]\n\n'
MESSAGE_START = b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":3,"cache_read_input_tokens":4,"output_tokens":1}}}\n\n'  # noqa: E501
MESSAGE_END = b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":9}}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n'  # noqa: E501
MESSAGE_TEXT = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"type":"text_delta","text":"four"}}\n\n'
)


def meter_of(*pieces: bytes) -> StreamMeter:
    meter = StreamMeter()
    for piece in pieces:
        meter.feed(piece)
    return meter


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        (
            {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}},
            Counts(input_tokens=9, output_tokens=2, cache_read_tokens=4),
        ),
        (
            {"input_tokens": 9, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 4}},
            Counts(input_tokens=9, output_tokens=2, cache_read_tokens=4),
        ),
        (
            {
                "input_tokens": 2,
                "output_tokens": 3,
                "cache_read_input_tokens": 4,
                "cache_creation_input_tokens": 5,
            },
            Counts(input_tokens=11, output_tokens=3, cache_read_tokens=4, cache_write_tokens=5),
        ),
        ({"prompt_tokens": -1, "completion_tokens": "7"}, Counts()),
        ({}, Counts()),
    ],
)
def test_counts_of_either_vendor(usage: dict[str, Any], expected: Counts) -> None:
    assert read_counts(usage) == expected


@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_ends_of_a_long_stream_are_read(size: int) -> None:
    stream = MESSAGE_START + MESSAGE_TEXT * 2000 + MESSAGE_END
    meter = meter_of(*(stream[start : start + size] for start in range(0, len(stream), size)))

    assert meter.has_ended
    assert not meter.has_failed
    assert meter.counts() == Counts(input_tokens=7, output_tokens=9, cache_read_tokens=4)


def test_end_of_chat_completions() -> None:
    meter = meter_of(b'data: {"choices":[{"delta":{"content":"\\"usage\\":{}"}}],"usage":null}\n\n', CHAT_END)

    assert meter.has_ended
    assert meter.counts() == Counts(input_tokens=5, output_tokens=7)


def test_end_of_responses_that_is_longer_than_what_is_kept() -> None:
    final = {
        "type": "response.completed",
        "response": {"output": "x" * 100_000, "usage": {"input_tokens": 5, "output_tokens": 7}, "metadata": {}},
    }
    frame = b"event: response.completed\ndata: %s\n\n" % json.dumps(final).encode()

    assert meter_of(frame).has_ended
    assert meter_of(frame).counts() == Counts(input_tokens=5, output_tokens=7)
    assert not meter_of(frame[:-1000]).has_ended


@pytest.mark.parametrize(
    "end",
    [
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error"}}\n\n',
        b'data: {"error":{"message":"No"}}\n\n',
        b'data: {"error":"No"}\n\n',
        b'event: response.failed\ndata: {"type":"response.failed"}\n\n',
        b'event: error\r\ndata: {"type":"error"}\r\n\r\n',
    ],
)
def test_reported_error_is_an_end(end: bytes) -> None:
    meter = meter_of(MESSAGE_START, MESSAGE_TEXT, end)

    assert meter.has_failed
    assert meter.has_ended


@pytest.mark.parametrize(
    "end", [b"", MESSAGE_TEXT, b'data: {"choices":[{"delta":{"content":"[DONE]"}}]}\n\n', b'data: {"err']
)
def test_stream_without_its_end_has_not_ended(end: bytes) -> None:
    meter = meter_of(MESSAGE_TEXT, end)

    assert not meter.has_ended
    assert not meter.has_failed


def test_interrupted_text_is_estimated() -> None:
    assert meter_of(MESSAGE_START, MESSAGE_TEXT * 8).estimate_output() == 8
    assert meter_of(MESSAGE_START).estimate_output() == 0
    long = meter_of(*[MESSAGE_TEXT] * 10_000).estimate_output()
    assert 9_000 < long < 11_000
