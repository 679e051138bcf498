"""Whether a value fits a JSON Schema, for the part of draft 2020-12 that models are asked for.

Supported: `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `items`, `prefixItems`,
`minItems`, `maxItems`, `uniqueItems`, `minLength`, `maxLength`, `minimum`, `maximum`, `exclusiveMinimum`,
`exclusiveMaximum`, `multipleOf`, `anyOf`, `oneOf`, `allOf`, and `$ref` to the schema's own `$defs` or `definitions`.
Annotations are ignored. Any other keyword is refused, so that nobody relies on a check that is not made; `pattern`
among them, because an expression of a stranger may take any time. Source: https://json-schema.org/draft/2020-12/json-schema-validation
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

SCHEMA_DEPTH_LIMIT = 32
SCHEMA_SIZE_LIMIT = 2000
"""Subschemas of a schema."""

CHOICES_LIMIT = 1000
"""Values of an `enum`, names in `required`."""

STEPS_LIMIT = 20_000
"""Subschemas that are applied to one value; alternatives within alternatives would multiply."""

_ANNOTATIONS = {
    "$comment", "$id", "$schema", "default", "deprecated", "description", "examples", "format", "readOnly", "title",
    "writeOnly",
}  # fmt: skip
_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int | float) and not isinstance(value, bool) and value % 1 == 0,
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_LIMITS: Mapping[str, tuple[str, Callable[[Any, Any], bool], str]] = {
    "minimum": ("number", lambda value, limit: value >= limit, "is less than"),
    "maximum": ("number", lambda value, limit: value <= limit, "is more than"),
    "exclusiveMinimum": ("number", lambda value, limit: value > limit, "is not more than"),
    "exclusiveMaximum": ("number", lambda value, limit: value < limit, "is not less than"),
    "multipleOf": (
        "number",
        lambda value, limit: abs(value / limit - round(value / limit)) < 1e-9,
        "is no multiple of",
    ),
    "minLength": ("string", lambda value, limit: len(value) >= limit, "is shorter than"),
    "maxLength": ("string", lambda value, limit: len(value) <= limit, "is longer than"),
    "minItems": ("array", lambda value, limit: len(value) >= limit, "has fewer items than"),
    "maxItems": ("array", lambda value, limit: len(value) <= limit, "has more items than"),
}
_LISTS = ("anyOf", "oneOf", "allOf", "prefixItems")
_MAPS = ("properties", "$defs", "definitions")
_OTHERS = {"type", "enum", "const", "required", "additionalProperties", "items", "uniqueItems", "$ref"}


class SchemaError(ValueError):
    """A schema that cannot be used; the text begins with the place in it."""


class _MismatchError(Exception):
    """Why a value does not fit; the text begins with the place in the value."""


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raise `SchemaError` for a schema that is malformed, too large, or uses what is not supported."""
    count = 0
    waiting: list[tuple[object, str, int]] = [(schema, "schema", 0)]
    while waiting:
        part, place, depth = waiting.pop()
        count += 1
        if isinstance(part, bool):
            continue
        if not isinstance(part, dict):
            raise SchemaError(f"{place} must be an object")
        if depth > SCHEMA_DEPTH_LIMIT or count > SCHEMA_SIZE_LIMIT:
            raise SchemaError(f"{place} is nested too deeply, or the schema is too large")
        for keyword, value in part.items():
            _check_keyword(keyword, value, f"{place}.{keyword}", root=schema)
        waiting += ((inner, at, depth + 1) for inner, at in _list_parts(part, place))


def find_mismatch(value: object, schema: Mapping[str, Any]) -> str | None:
    """Return why the value does not fit a schema that `check_schema` has passed; None if it fits."""
    try:
        _Validation(schema).check(value, schema, "")
    except _MismatchError as mismatch:
        return str(mismatch)
    except (RecursionError, OverflowError):
        return "the value is nested too deeply, or has a number that is too large"
    return None


def _check_keyword(keyword: str, value: object, place: str, *, root: Mapping[str, Any]) -> None:
    if keyword in _ANNOTATIONS or keyword in {"items", "additionalProperties", "const"}:
        return
    if keyword in _LIMITS:
        is_valid = isinstance(value, int | float) and not isinstance(value, bool)
        is_valid = is_valid and not (keyword == "multipleOf" and value == 0)
    elif keyword in _LISTS:
        is_valid = isinstance(value, list) and bool(value)
    elif keyword in _MAPS:
        is_valid = isinstance(value, dict)
    elif keyword == "type":
        names = value if isinstance(value, list) else [value]
        is_valid = bool(names) and all(isinstance(name, str) and name in _TYPES for name in names)
    elif keyword in {"enum", "required"}:
        is_valid = (
            isinstance(value, list)
            and len(value) <= CHOICES_LIMIT
            and (keyword == "enum" or all(isinstance(name, str) for name in value))
        )
    elif keyword == "uniqueItems":
        is_valid = isinstance(value, bool)
    elif keyword == "$ref":
        is_valid = isinstance(value, str) and _resolve(root, value) is not None
    else:
        raise SchemaError(f"{place} is not supported")
    if not is_valid:
        raise SchemaError(f"{place} has a wrong value")


def _list_parts(part: Mapping[str, Any], place: str) -> Iterator[tuple[object, str]]:
    for keyword in _MAPS:
        yield from ((inner, f"{place}.{keyword}.{name}") for name, inner in part.get(keyword, {}).items())
    for keyword in _LISTS:
        yield from ((inner, f"{place}.{keyword}[{at}]") for at, inner in enumerate(part.get(keyword, ())))
    for keyword in ("items", "additionalProperties"):
        if keyword in part:
            yield part[keyword], f"{place}.{keyword}"


def _resolve(root: Mapping[str, Any], reference: str) -> Any:
    """Return what `#`, `#/$defs/NAME` or `#/definitions/NAME` means, None for any other reference."""
    if reference == "#":
        return root
    start, _, rest = reference.partition("/")
    group, _, name = rest.partition("/")
    definitions = root.get(group) if start == "#" and group in {"$defs", "definitions"} else None
    return definitions.get(name) if isinstance(definitions, dict) else None


class _Validation:
    """One value against one schema."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._steps = 0

    def check(self, value: Any, schema: Any, place: str) -> None:
        """Raise `_MismatchError` unless the value fits."""
        self._steps += 1
        if self._steps > STEPS_LIMIT:
            raise _MismatchError("the value is too large for the schema")
        if isinstance(schema, bool):
            if not schema:
                raise _MismatchError(f"{place or 'the value'} is not allowed")
            return
        at = place or "the value"
        if "$ref" in schema:
            self.check(value, _resolve(self._root, schema["$ref"]), place)
        self._check_value(value, schema, at)
        for keyword, (kind, fits, problem) in _LIMITS.items():
            if keyword in schema and _TYPES[kind](value) and not fits(value, schema[keyword]):
                raise _MismatchError(f"{at} {problem} {schema[keyword]}")
        if isinstance(value, dict):
            self._check_members(value, schema, place)
        elif isinstance(value, list):
            self._check_items(value, schema, place)
        self._check_alternatives(value, schema, place)

    def _check_value(self, value: Any, schema: Mapping[str, Any], at: str) -> None:
        kinds = schema.get("type", [])
        names = kinds if isinstance(kinds, list) else [kinds]
        if names and not any(_TYPES[name](value) for name in names):
            raise _MismatchError(f"{at} is not of the type {' or '.join(names)}")
        if "enum" in schema and not any(_is_same(value, choice) for choice in schema["enum"]):
            raise _MismatchError(f"{at} is none of the values in enum")
        if "const" in schema and not _is_same(value, schema["const"]):
            raise _MismatchError(f"{at} is not the value in const")

    def _check_members(self, value: Mapping[str, Any], schema: Mapping[str, Any], place: str) -> None:
        for name in schema.get("required", ()):
            if name not in value:
                raise _MismatchError(f"{place or 'the value'} lacks {json.dumps(name)}")
        properties, others = schema.get("properties", {}), schema.get("additionalProperties", True)
        for name, member in value.items():
            self.check(member, properties.get(name, others), f"{place}.{name}".lstrip("."))

    def _check_items(self, value: Sequence[Any], schema: Mapping[str, Any], place: str) -> None:
        first, others = schema.get("prefixItems", ()), schema.get("items", True)
        for number, item in enumerate(value):
            self.check(item, first[number] if number < len(first) else others, f"{place}[{number}]")
        if schema.get("uniqueItems"):
            known = {json.dumps(_canonical(item), sort_keys=True) for item in value}
            if len(known) < len(value):
                raise _MismatchError(f"{place or 'the value'} has an item twice")

    def _check_alternatives(self, value: Any, schema: Mapping[str, Any], place: str) -> None:
        for part in schema.get("allOf", ()):
            self.check(value, part, place)
        for keyword in ("anyOf", "oneOf"):
            if keyword not in schema:
                continue
            fitting, problems = 0, []
            for part in schema[keyword]:
                try:
                    self.check(value, part, place)
                    fitting += 1
                except _MismatchError as mismatch:
                    problems.append(str(mismatch))
            if not fitting:
                raise _MismatchError(f"{place or 'the value'} fits nothing in {keyword}: {'; '.join(problems[:3])}")
            if keyword == "oneOf" and fitting > 1:
                raise _MismatchError(f"{place or 'the value'} fits more than one schema in oneOf")


def _is_same(value: Any, other: Any) -> bool:
    return bool(_canonical(value) == _canonical(other))


def _canonical(value: Any) -> Any:
    """Return a value of which `true` and 1 differ, and 1 and 1.0 do not."""
    if isinstance(value, bool):
        return ["boolean", value]
    if isinstance(value, float) and value % 1 == 0:
        return int(value)
    if isinstance(value, list):
        return ["array", *map(_canonical, value)]
    if isinstance(value, dict):
        return {name: _canonical(member) for name, member in value.items()}
    return value
