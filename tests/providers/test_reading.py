"""The checked reading of what a provider answers."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.upstream.reading import (
    INTEGER_LIMIT,
    STRING_LIMIT,
    Reader,
    SurrogateJoiner,
    UnreadableError,
    as_integer,
    as_number,
    as_string,
    load_json,
    mend_surrogates,
)

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (5, 5), (5.0, 5), (INTEGER_LIMIT, INTEGER_LIMIT)])
def test_whole_number_in_range_is_itself(value: object, expected: int) -> None:
    number = as_integer(value)

    assert number == expected
    assert type(number) is int


@pytest.mark.parametrize(
    "value",
    [None, True, False, "5", "", 1.5, -1, -5.0, INTEGER_LIMIT + 1, 10**15, 1e300, float("inf"), float("nan"), [5], {}],
)
def test_anything_else_is_not_an_integer(value: object) -> None:
    assert as_integer(value) is None


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (1.5, 1.5), (True, None), ("1.5", None), (-0.1, None)])
def test_number_is_from_zero_on(value: object, expected: float | None) -> None:
    assert as_number(value) == expected


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 10**400, 1e10])
def test_number_is_finite_and_limited(value: float) -> None:
    assert as_number(value) is None


@pytest.mark.parametrize("value", ["", None, 5, True, ["a"], {}, "x" * (STRING_LIMIT + 1)])
def test_empty_or_long_string_is_none(value: object) -> None:
    assert as_string(value) is None


def test_lone_surrogate_in_a_string_is_replaced() -> None:
    assert as_string("a\ud83d") == "a\ufffd"
    assert as_string("ä\U0001f600") == "ä\U0001f600"


def test_content_has_no_limit() -> None:
    assert Reader({"text": "x" * 100_000}).string("text", limit=None) == "x" * 100_000


def test_unusable_value_has_the_default() -> None:
    reader = Reader({"model": None, "count": "5", "seconds": -1, "safe": "yes"})

    assert reader.string("model", default="model-1") == "model-1"
    assert reader.integer("count", default=0) == 0
    assert reader.number("seconds", default=None) is None
    assert reader.boolean("safe", default=True) is True
    assert reader.child("nothing").child("below").integer("count", default=7) == 7


@pytest.mark.parametrize(
    ("read", "message"),
    [
        (lambda reader: reader.string("id"), "`id` is not a string"),
        (lambda reader: reader.child("usage").integer("tokens"), "`usage.tokens` is not a whole number from 0 to"),
        (lambda reader: reader.child("usage").number("seconds"), "`usage.seconds` is not a number from 0 to"),
        (lambda reader: reader.child("usage").array("times"), "`usage.times` is not a list"),
        (lambda reader: reader.items("usage", lambda item: item.string("id")), "`usage` is not a list"),
    ],
)
def test_missing_value_is_named_by_its_field(read: Any, message: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read(Reader({"id": 5, "usage": {"tokens": "private"}}))

    assert caught.value.args[0].startswith(message)


def test_bad_items_are_left_out_with_a_warning() -> None:
    reader = Reader({"data": {"photos": [{"id": "a"}, None, {"id": 5}, {}, {"id": "b"}]}})

    assert reader.child("data").items("photos", lambda photo: photo.string("id")) == ["a", "b"]
    assert reader.warnings == ["3 of 5 photos could not be read and were left out"]


def test_items_that_a_parser_fails_at_are_left_out() -> None:
    reader = Reader({"photos": [{"id": "a"}, {}]})

    assert reader.items("photos", lambda photo: str(photo.document["id"])) == ["a"]
    assert reader.warnings == ["1 of 2 photos could not be read and was left out"]


@pytest.mark.parametrize("photos", [[], [{"id": "a"}]])
def test_good_items_have_no_warning(photos: list[object]) -> None:
    reader = Reader({"photos": photos})

    assert len(reader.items("photos", lambda photo: photo.string("id"))) == len(photos)
    assert reader.warnings == []


def test_list_without_a_good_item_is_unreadable() -> None:
    with pytest.raises(UnreadableError, match=r"`photos` has no item"):
        Reader({"photos": [None, {"id": 5}]}).items("photos", lambda photo: photo.string("id"))


@given(json_values)
def test_any_document_gives_values_of_the_asked_type(document: object) -> None:
    reader = Reader({"value": document, "nested": document})

    assert isinstance(reader.string("value", default=""), str)
    assert 0 <= reader.integer("value", default=0) <= INTEGER_LIMIT
    assert 0 <= reader.number("value", default=0) <= INTEGER_LIMIT
    assert isinstance(reader.boolean("value", default=False), bool)
    assert isinstance(reader.child("nested").string("value", default=""), str)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (rb'{"a": "\ud83d\ude00"}', {"a": "\U0001f600"}),
        (rb'{"a": "x\ud83d"}', {"a": "x\ufffd"}),
        (rb'{"a": ["\ude00y"], "b\ud83d": 1}', {"a": ["\ufffdy"], "b\ufffd": 1}),
        (rb'{"a": "\\ud83d"}', {"a": "\\ud83d"}),
    ],
)
def test_halves_of_pairs_are_replaced_in_json(content: bytes, expected: object) -> None:
    assert load_json(content) == expected
    assert load_json(content.decode()) == expected


@pytest.mark.parametrize(
    "content", [b"", b"{", b'"\xff"', b"9" * 5000, b"[" * 3000, rb'["\ud83d"' + b"," + b"[" * 3000]
)
def test_content_that_is_not_json_is_a_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        load_json(content)


@given(
    st.text(st.characters(exclude_categories=[]) | st.sampled_from("\ud83d\ude00\U0001f600"), max_size=20), st.data()
)
def test_text_cut_anywhere_is_joined_to_the_same_text(text: str, data: st.DataObject) -> None:
    units = [chr(int.from_bytes(pair, "little")) for pair in _pairs(text.encode("utf-16-le", "surrogatepass"))]
    cuts = [0, *sorted(data.draw(st.lists(st.integers(0, len(units))))), len(units)]
    joiner = SurrogateJoiner()

    pieces = [joiner.feed("".join(units[start:end])) for start, end in pairwise(cuts)] + [joiner.finish()]

    assert "".join(pieces) == mend_surrogates(text)
    assert all(piece.encode() is not None for piece in pieces)
    assert json.loads(json.dumps("".join(pieces), ensure_ascii=False)) == mend_surrogates(text)


def _pairs(content: bytes) -> list[bytes]:
    return [content[index : index + 2] for index in range(0, len(content), 2)]
