"""Whether a value fits a schema, compared with the reference implementation."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.json_schema.validation import SchemaError, check_schema, find_mismatch

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}
TREE: dict[str, Any] = {
    "$defs": {
        "node": {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}}}
    },
    "$ref": "#/$defs/node",
}

MISMATCHES = [
    (PERSON, {"age": 1}, 'the value lacks "name"'),
    (PERSON, {"name": ""}, "name is shorter than 1"),
    (PERSON, {"name": "Ada", "age": 1.5}, "age is not of the type integer"),
    (PERSON, {"name": "Ada", "more": 1}, "more is not allowed"),
    (PERSON, [], "the value is not of the type object"),
    ({"items": PERSON}, [{"name": "Ada"}, {}], '[1] lacks "name"'),
    ({"prefixItems": [{"type": "string"}], "items": False}, ["a", 1], "[1] is not allowed"),
    ({"enum": [1, "a"]}, True, "the value is none of the values in enum"),
    ({"const": {"a": [1]}}, {"a": [2]}, "the value is not the value in const"),
    ({"anyOf": [{"type": "string"}, {"minimum": 3}]}, 2, "the value fits nothing in anyOf"),
    ({"oneOf": [{"minimum": 1}, {"minimum": 2}]}, 2, "the value fits more than one schema in oneOf"),
    ({"allOf": [{"maximum": 1}]}, 2, "the value is more than 1"),
    ({"uniqueItems": True}, [1, 1.0], "the value has an item twice"),
    ({"multipleOf": 0.1}, 0.35, "the value is no multiple of 0.1"),
    ({"properties": {"a": {"properties": {"b": {"type": "null"}}}}}, {"a": {"b": 0}}, "a.b is not of the type null"),
    (TREE, {"next": {"next": 3}}, "next fits nothing in anyOf"),
]


@pytest.mark.parametrize(("schema", "value", "reason"), MISMATCHES)
def test_mismatch_names_its_place(schema: dict[str, Any], value: Any, reason: str) -> None:
    check_schema(schema)

    assert (find_mismatch(value, schema) or "").startswith(reason)
    assert not jsonschema.Draft202012Validator(schema).is_valid(value)


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ({"pattern": "a+"}, "schema.pattern is not supported"),
        ({"properties": {"a": {"not": {}}}}, "schema.properties.a.not is not supported"),
        ({"type": "text"}, "schema.type has a wrong value"),
        ({"minimum": "1"}, "schema.minimum has a wrong value"),
        ({"multipleOf": 0}, "schema.multipleOf has a wrong value"),
        ({"required": [1]}, "schema.required has a wrong value"),
        ({"enum": list(range(1001))}, "schema.enum has a wrong value"),
        ({"$ref": "https://example.com/schema"}, "schema.$ref has a wrong value"),
        ({"$ref": "#/$defs/none"}, "schema.$ref has a wrong value"),
        ({"items": 1}, "schema.items must be an object"),
        ({"properties": {str(number): {} for number in range(2001)}}, "schema.properties."),
    ],
)
def test_schema_that_cannot_be_used_is_refused(schema: dict[str, Any], problem: str) -> None:
    with pytest.raises(SchemaError) as caught:
        check_schema(schema)

    assert str(caught.value).startswith(problem)


def test_schema_that_is_nested_too_deeply_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(100):
        schema = {"items": schema}

    with pytest.raises(SchemaError, match="nested too deeply"):
        check_schema(schema)


@pytest.mark.parametrize(
    "schema", [{"$ref": "#"}, {"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}]
)
def test_reference_to_itself_ends(schema: dict[str, Any]) -> None:
    check_schema(schema)

    assert find_mismatch(1, schema) is not None


def test_alternatives_of_alternatives_are_bounded() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(16):
        schema = {"anyOf": [{"allOf": [schema]}, {"allOf": [schema]}]}

    assert find_mismatch(1, schema) is not None


LEAVES = st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2, width=16) | st.text("ab", max_size=3)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=8,
)
KEYWORDS: dict[str, st.SearchStrategy[Any]] = {
    "type": st.sampled_from(["null", "boolean", "string", "number", "integer", "array", "object"]),
    "enum": st.lists(VALUES, min_size=1, max_size=3),
    "const": VALUES,
    "minimum": st.integers(-2, 2),
    "exclusiveMaximum": st.integers(-2, 2),
    "minLength": st.integers(0, 3),
    "maxItems": st.integers(0, 3),
    "uniqueItems": st.booleans(),
    "required": st.lists(st.sampled_from("ab"), max_size=2, unique=True),
}


def schemas() -> st.SearchStrategy[dict[str, Any]]:
    simple = st.fixed_dictionaries({}, optional=KEYWORDS)

    def nest(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
        parts = {
            "properties": st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
            "additionalProperties": inner | st.booleans(),
            "items": inner | st.booleans(),
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
        }
        return st.fixed_dictionaries({}, optional={**KEYWORDS, **parts})

    return st.recursive(simple, nest, max_leaves=6)


@given(schema=schemas(), value=VALUES)
def test_result_is_that_of_the_reference_implementation(schema: dict[str, Any], value: Any) -> None:
    check_schema(schema)

    expected = jsonschema.Draft202012Validator(schema).is_valid(value)
    assert (find_mismatch(value, schema) is None) == expected, json.dumps([schema, value])
