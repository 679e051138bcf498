"""JSON Schemas of structured outputs and strict tools: each vendor enforces a part of the standard of its own.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs and
https://developers.openai.com/api/docs/guides/structured-outputs (2026-11).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_NUMBERS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")
_NOT_ENFORCED = {
    "number": _NUMBERS,
    "integer": _NUMBERS,
    "string": ("minLength", "maxLength"),
    "array": ("maxItems", "uniqueItems"),
}
"""What Anthropic refuses in a type."""

_GROUPS = ("properties", "$defs", "definitions")
_LISTS = ("anyOf", "allOf", "oneOf")
_NOT_STRICT = ("allOf", "oneOf", "not")


def fit_for_anthropic(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema that Anthropic enforces.

    Objects that say nothing about further properties have none. Limits that Anthropic does not enforce are told to the
    model in the description, as Anthropic's own clients do.
    """
    fitted = dict(schema)
    kind = fitted.get("type")
    if kind == "object":
        fitted.setdefault("additionalProperties", False)
    names = _NOT_ENFORCED.get(kind, ()) if isinstance(kind, str) else ()
    limits = {name: fitted.pop(name) for name in names if name in fitted}
    if kind == "array" and fitted.get("minItems", 0) not in (0, 1):
        limits["minItems"] = fitted.pop("minItems")
    if limits:
        told = json.dumps(limits, ensure_ascii=False)
        described = fitted.get("description")
        fitted["description"] = f"{described}\n\n{told}" if isinstance(described, str) and described else told
    for group in _GROUPS:
        if isinstance(named := fitted.get(group), dict):
            fitted[group] = {name: _fit(inner) for name, inner in named.items()}
    for name in _LISTS:
        if isinstance(listed := fitted.get(name), list):
            fitted[name] = [_fit(inner) for inner in listed]
    if "items" in fitted:
        fitted["items"] = _fit(fitted["items"])
    return fitted


def is_strict_for_openai(schema: object) -> bool:
    """Return whether OpenAI enforces the schema: its objects require all their properties, and have no others."""
    if not isinstance(schema, dict):
        return True
    kind = schema.get("type")
    properties = schema.get("properties")
    if kind == "object" or properties or (isinstance(kind, list) and "object" in kind):
        required = schema.get("required")
        names = {name for name in required if isinstance(name, str)} if isinstance(required, list) else set()
        listed = isinstance(properties, dict | None) and all(name in names for name in properties or ())
        if schema.get("additionalProperties") is not False or not listed:
            return False
    if any(name in schema for name in _NOT_STRICT) or (kind == "array" and "items" not in schema):
        return False
    inner = [schema.get("items")]
    for group in _GROUPS:
        inner += list(named.values()) if isinstance(named := schema.get(group), dict) else []
    inner += choices if isinstance(choices := schema.get("anyOf"), list) else []
    return all(map(is_strict_for_openai, inner))


def _fit(schema: object) -> object:
    return fit_for_anthropic(schema) if isinstance(schema, dict) else schema
