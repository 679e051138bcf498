"""Requests in a vendor's format: what is read of them, and the bytes that change."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.dialects.requests import VendorRequest, ask_for_usage, replace_model, wants_usage
from electrons.middleware.validation import parse_body

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["model", "a", '"model":"x"']), inner, max_size=3)
    ),
    max_leaves=8,
)


def request_of(document: dict[str, Any]) -> VendorRequest:
    return parse_body(json.dumps(document).encode(), VendorRequest)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b'{"model":"a:b"}', b'{"model":"b"}'),
        (b'{ "model" : "a:b" , "x":1.0 }', b'{ "model" : "b" , "x":1.0 }'),
        (b'{"m":{"model":"a:b"},"model":"a:b"}', b'{"m":{"model":"a:b"},"model":"b"}'),
        (b'{"x":"model","model":"a:b"}', b'{"x":"model","model":"b"}'),
        (b'{"x":["model"],"model":"a:b"}', b'{"x":["model"],"model":"b"}'),
        (b'{"x":"\\"model\\":\\"a:b\\"","model":"a:b"}', b'{"x":"\\"model\\":\\"a:b\\"","model":"b"}'),
        (b'{"model":"z","model":"a:b"}', b'{"model":"b","model":"b"}'),
        (b'{"mod\\u0065l":"a:b"}', b'{"model":"b"}'),
        (b'{"model":"a\\u003ab"}', b'{"model":"b"}'),
    ],
)
def test_only_the_outer_model_is_replaced(content: bytes, expected: bytes) -> None:
    assert replace_model(content, "b") == expected


@given(st.dictionaries(st.sampled_from(["messages", "a", "x"]), JSON, max_size=3), JSON)
def test_replaced_model_leaves_the_document_as_it_was(before: dict[str, Any], after: Any) -> None:
    document = {**before, "model": "openai:gpt", "last": after}

    content = replace_model(json.dumps(document).encode(), 'g"pt')

    assert json.loads(content) == {**document, "model": 'g"pt'}


def test_same_model_leaves_the_bytes_as_they_came() -> None:
    content = b' {"model" : "gpt-4o", "x": 1.50, "y": "\\u00e9"} '

    assert parse_body(content, VendorRequest).content_for("gpt-4o") is content


def test_copy_has_the_same_content() -> None:
    body = request_of({"model": "gpt-4o", "n": 2})

    assert body.model_copy(update={"model": "gpt-5"}).content == body.content


def test_usage_is_asked_for_without_another_change() -> None:
    content = b' {"model": "gpt-4o", "x": 1.50}'

    asking = ask_for_usage(content)

    assert asking == b' {"stream_options":{"include_usage":true},"model": "gpt-4o", "x": 1.50}'


@pytest.mark.parametrize("options", [None, {}, {"include_usage": False}, {"include_obfuscation": False}])
def test_usage_is_asked_for_beside_other_options(options: dict[str, bool] | None) -> None:
    document = {"model": "gpt-4o", "stream_options": options}

    asking = json.loads(ask_for_usage(json.dumps(document).encode()))

    assert not wants_usage(document)
    assert wants_usage(asking)
    assert asking["stream_options"] == {**(options or {}), "include_usage": True}


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"max_tokens": 7}, 7),
        ({"max_completion_tokens": 8}, 8),
        ({"max_output_tokens": 9}, 9),
        ({"max_tokens": None}, 2000),
        ({"max_tokens": "many"}, 2000),
        ({}, 2000),
    ],
)
def test_most_output_is_what_the_caller_allows(limits: dict[str, Any], expected: int) -> None:
    assert request_of({"model": "gpt-4o", **limits}).estimate_output() == expected


def test_image_counts_as_an_image_and_not_as_text() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "QUJD" * 100_000}}
    message = {"role": "user", "content": [{"type": "text", "text": "word " * 400}, image]}

    tokens = request_of({"model": "gpt-4o", "messages": [message]}).estimate_input()

    assert 1500 < tokens < 2000


def test_text_counts_by_its_length() -> None:
    tokens = request_of({"model": "gpt-4o", "messages": [{"role": "user", "content": "word " * 4000}]}).estimate_input()

    assert 5000 <= tokens < 5100


def test_bytes_are_let_go_and_what_was_asked_about_them_stays() -> None:
    body = request_of({"model": "gpt-4o", "max_tokens": 7, "messages": [{"role": "user", "content": "Hello there"}]})
    known = (body.estimate_input(), body.estimate_output(), body.most_units())

    body.let_go()

    assert body.content == b""
    assert (body.estimate_input(), body.estimate_output(), body.most_units()) == known
