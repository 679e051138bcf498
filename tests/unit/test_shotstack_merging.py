"""Shotstack's merge fields, and the limits of what they can make."""

import json
import time
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.providers.shotstack.merging import (
    BYTES_LIMIT,
    DEPTH_LIMIT,
    VALUES_LIMIT,
    InvalidEditError,
    merge,
)

HUGE = [
    pytest.param({"text": "{{ A }}" * 2_000}, {"A": "x" * 5_000}, id="one string, many placeholders"),
    pytest.param({"clips": ["{{ A }} and {{ A }}"] * 500}, {"A": "x" * 10_000}, id="many strings"),
    pytest.param({"clips": ["{{ A }}"] * 1_000}, {"A": ["x" * 100] * 100}, id="lists"),
    pytest.param({"clips": ["{{ A }}"] * 1_000}, {"A": {"x" * 9_000: 1}}, id="long names"),
    pytest.param({"clips": ["{{ A }}"] * 1_000}, {"A": "\x01" * 1_000}, id="escapes"),
    pytest.param({"clips": ["{{ A }}"] * 2_000}, {"A": "\u20ac" * 1_000}, id="characters of three bytes"),
    pytest.param({"clips": ["{{ A }}{{ B }}"] * 500}, {"A": "x" * 5_000, "B": "y" * 5_000}, id="two fields"),
]


@pytest.mark.parametrize(("edit", "fields"), HUGE)
def test_merge_when_it_makes_too_much_then_refused_early(edit: Any, fields: dict[str, Any]) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(InvalidEditError, match=f"larger than {BYTES_LIMIT} bytes") as caught:
            merge(edit, fields)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert caught.value.path[0] in edit
    assert peak < 4 * BYTES_LIMIT


def test_merge_when_many_values_come_of_it_then_refused() -> None:
    with pytest.raises(InvalidEditError, match=f"longer than {VALUES_LIMIT} values"):
        merge({"clips": ["{{ A }}"] * 2_000}, {"A": [1] * 100})


def test_merge_when_it_is_just_within_the_limit_then_merged() -> None:
    merged = merge(["{{ A }}"] * 100, {"A": "x" * 40_000})

    assert len(json.dumps(merged)) < BYTES_LIMIT
    assert merged == ["x" * 40_000] * 100


def nested(levels: int) -> Any:
    value: Any = "end"
    for number in range(levels):
        value = [value] if number % 2 else {"asset": value}
    return value


@pytest.mark.parametrize(
    ("edit", "fields"),
    [
        (nested(DEPTH_LIMIT + 1), {}),
        ({"asset": "{{ A }}"}, {"A": nested(DEPTH_LIMIT)}),
        (json.loads("[" * 150 + "]" * 150), {}),
    ],
)
def test_edit_when_nested_too_deeply_then_refused(edit: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidEditError, match=f"deeper than {DEPTH_LIMIT} levels"):
        merge(edit, fields)


def test_edit_when_nested_to_the_limit_then_copied() -> None:
    assert merge(nested(DEPTH_LIMIT), {}) == nested(DEPTH_LIMIT)


@pytest.mark.parametrize(
    "number",
    [float("inf"), float("-inf"), float("nan"), 10**400, -(10**400)],
    ids=["inf", "-inf", "nan", "big", "-big"],
)
@pytest.mark.parametrize(
    ("edit", "path"),
    [
        (lambda number: {"a": [1, {"b": number}]}, ("a", 1, "b")),
        (lambda _number: {"a": {"b": "{{ X }}"}}, ("a", "b")),
        (lambda _number: {"a": ["{{ Y }}"]}, ("a", 0)),
    ],
)
def test_number_when_not_finite_then_refused(edit: Any, path: tuple[str | int, ...], number: float) -> None:
    with pytest.raises(InvalidEditError, match="must be a finite number") as caught:
        merge(edit(number), {"X": number, "Y": {"deep": [number]}})

    assert caught.value.path == path


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "atrue"),
        (False, "afalse"),
        (None, "a"),
        (2026, "a2026"),
        (2.0, "a2"),
        (2.5, "a2.5"),
        (-0.5, "a-0.5"),
        (1e22, "a1e+22"),
        ("x", "ax"),
    ],
)
def test_replacement_when_part_of_a_string_then_as_in_json(value: Any, text: str) -> None:
    assert merge({"text": "a{{ X }}"}, {"X": value}) == {"text": text}


@pytest.mark.parametrize("value", [[1], {"a": 1}])
def test_replacement_when_not_for_a_string_then_refused(value: Any) -> None:
    with pytest.raises(InvalidEditError, match="the merge field `X` is a list or an object") as caught:
        merge({"text": "a{{ X }}"}, {"X": value})

    assert caught.value.path == ("text",)


@pytest.mark.parametrize(("value", "text"), [(2026, "2026"), (1.0, "1"), (True, "true")])
def test_replacement_when_its_field_takes_strings_then_a_string(value: Any, text: str) -> None:
    edit = {"text": "{{ X }}", "src": "{{ X }}", "length": "{{ X }}", "list": ["{{ X }}"]}

    merged = merge(edit, {"X": value})

    assert merged == {"text": text, "src": text, "length": value, "list": [value]}
    assert type(merged["length"]) is type(value)


def test_placeholder_when_unknown_or_broken_then_left_as_it_is() -> None:
    texts = ["{{ B }}", "{{A", "{ {A} }", "{{}}", "{{ A B }}", "}}{{"]

    assert merge(texts, {"A": 1}) == texts
    assert merge("{{{ A }}} {{A}}{{  A  }}", {"A": 1}) == "{1} 11"


def test_replacement_when_it_has_placeholders_then_left() -> None:
    assert merge(["{{ A }}", "x{{ A }}"], {"A": "{{ A }}"}) == ["{{ A }}", "x{{ A }}"]


@pytest.mark.parametrize("text", ["{{" * 1_000_000, "{{ a" * 500_000, "{{ " + "a" * 2_000_000, "{{ A }}" * 200_000])
def test_merge_when_texts_are_made_to_be_slow_then_it_is_not(text: str) -> None:
    started = time.monotonic()

    merge({"text": text}, {f"field {number}": "" for number in range(1_000)} | {"A": ""})

    assert time.monotonic() - started < 3


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(edit=json_values, replacement=json_values)
def test_merge_when_nothing_to_replace_then_equal_copy(edit: Any, replacement: Any) -> None:
    assert merge(edit, {"FIND": replacement}) == edit
    assert merge(["{{ FIND }}"], {"FIND": replacement}) == [replacement]
