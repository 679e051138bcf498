"""Server-sent events, with the examples of WHATWG HTML, 9.2, where it has them."""

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.upstream.sse import MAX_EVENT_CHARACTERS, EventParser


def read(*chunks: bytes) -> list[str]:
    parser = EventParser()
    return [event for chunk in chunks for event in parser.feed(chunk)] + parser.feed(b"", final=True)


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", ["YHOO\n+2\n10"]),
        (b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
         ["first event", "second event", " third event"]),
        (b"event: add\ndata: 73857293\n\nevent: remove\ndata: 2153\n\n", ["73857293", "2153"]),
        (b"data:test\n\ndata: test\n\n", ["test", "test"]),
        (b"data: a\n\n\n\ndata: b\n\n", ["a", "b"]),
        (b"retry: 10\n\nevent: ping\n\n", []),
        (b"data: cut off", []),
        (b"data: cut off\n", []),
        (b"\xef\xbb\xbfdata: after a byte order mark\n\n", ["after a byte order mark"]),
        (b"", []),
    ],
)  # fmt: skip
def test_events_are_those_of_the_standard(stream: bytes, events: list[str]) -> None:
    assert read(stream) == events


@pytest.mark.parametrize("ending", [b"\n", b"\r", b"\r\n"])
def test_lines_may_end_in_any_way(ending: bytes) -> None:
    assert read(ending.join([b"data: a", b"data: b", b"", b"data: c", b"", b""])) == ["a\nb", "c"]


lines = st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]))
endings = st.sampled_from(["\n", "\r", "\r\n"])


@given(st.lists(st.lists(lines, min_size=1)), endings, st.data())
def test_stream_may_be_cut_anywhere(events: Sequence[Sequence[str]], ending: str, data: st.DataObject) -> None:
    text = "".join("".join(f"data: {line}{ending}" for line in event) + ending for event in events)
    stream = text.encode()
    cuts = [0, *sorted(data.draw(st.lists(st.integers(0, len(stream))))), len(stream)]

    pieces = [stream[start:end] for start, end in pairwise(cuts)]

    assert read(*pieces) == ["\n".join(event) for event in events]


@pytest.mark.parametrize("stream", [b"data: \xff\n\n", b"data: \xc3", b"\xe2\x82"])
def test_bytes_that_are_not_utf_8_are_an_error(stream: bytes) -> None:
    with pytest.raises(ValueError, match="utf-8"):
        read(stream)


LARGE = MAX_EVENT_CHARACTERS // 8


def test_event_under_the_limit_is_read() -> None:
    (event,) = read(*[b"data: ", *[b"x" * LARGE] * 7, b"\n\n"])

    assert len(event) == 7 * LARGE


@pytest.mark.parametrize("piece", [b"x" * LARGE, b"\ndata: " + b"x" * LARGE], ids=["one line", "many lines"])
def test_event_over_the_limit_is_an_error(piece: bytes) -> None:
    with pytest.raises(ValueError, match="larger than the limit"):
        read(b"data: ", *[piece] * 9)
