"""JSON Schemas as shapes: those of a structured output, and those that a prompt contains."""

from collections.abc import Mapping
from typing import Any

from .shapes import Array, Fixed, Number, Record, Shape, Text

# Deeper than this, optional fields are left out and lists are short, as a schema may contain itself.
_FULL_DEPTH = 4
_MAX_DEPTH = 12


def is_schema(document: object) -> bool:
    """Return whether a document is the schema of an object or a list, and not an example."""
    if not isinstance(document, dict):
        return False
    fields = document.get("properties")
    return (document.get("type") == "object" and isinstance(fields, dict)) or (
        document.get("type") == "array" and isinstance(document.get("items"), dict)
    )


def read_schema(schema: Mapping[str, Any]) -> Shape:
    """Return the shape of the documents that a schema allows; all its properties are present."""
    return _read(schema, schema, 0)


def _read(schema: Any, root: Mapping[str, Any], depth: int) -> Shape:
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return Fixed(None)
    schema = _resolve(schema, root)
    if "const" in schema:
        return Fixed(schema["const"])
    if options := schema.get("enum"):
        texts = tuple(option for option in options if isinstance(option, str))
        return Text(options=texts) if len(texts) == len(options) else Fixed(options[0])
    hint = " ".join(str(schema[name]) for name in ("title", "description") if schema.get(name))
    match _type_of(schema):
        case "object":
            fields = schema.get("properties") or {}
            if depth > _FULL_DEPTH:
                fields = {name: fields[name] for name in schema.get("required") or [] if name in fields}
            return Record({name: _read(inner, root, depth + 1) for name, inner in fields.items()})
        case "array":
            first = tuple(_read(inner, root, depth + 1) for inner in schema.get("prefixItems") or [])
            items = schema.get("items", {"type": "string"} if not first else None)
            rest = (_read(items, root, depth + 1),) if isinstance(items, Mapping) else ()
            return Array(
                (*first, *rest),
                open_ended=bool(rest),
                min_items=schema.get("minItems", 0),
                max_items=schema.get("minItems", 0) if depth > _FULL_DEPTH else schema.get("maxItems"),
            )
        case "integer" | "number" as kind:
            step = 1 if kind == "integer" else 0.5
            least = schema.get("minimum", _beyond(schema.get("exclusiveMinimum"), step))
            return Number(
                hint,
                integer=kind == "integer",
                minimum=least,
                maximum=schema.get("maximum", _beyond(schema.get("exclusiveMaximum"), -step)),
            )
        case "boolean":
            return Fixed(True)
        case "null":
            return Fixed(None)
    return Text(
        hint,
        min_length=schema.get("minLength", 0),
        max_length=schema.get("maxLength"),
        format=schema.get("format", ""),
    )


def _resolve(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema with its reference, its first alternative, and all of its parts merged into it."""
    for _ in range(_MAX_DEPTH):
        rest = {name: value for name, value in schema.items() if name not in {"$ref", "allOf", "anyOf", "oneOf"}}
        if "$ref" in schema:
            schema = {**_find_reference(str(schema["$ref"]), root), **rest}
        elif parts := schema.get("allOf"):
            schema = _merge([*parts, rest])
        elif branches := schema.get("anyOf") or schema.get("oneOf"):
            chosen = next((branch for branch in branches if branch.get("type") != "null"), branches[0])
            schema = _merge([rest, chosen])
        else:
            break
    return schema


def _find_reference(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        if part:
            found = found.get(part.replace("~1", "/").replace("~0", "~"), {}) if isinstance(found, Mapping) else {}
    return found if isinstance(found, Mapping) else {}


def _merge(schemas: list[Any]) -> Mapping[str, Any]:
    merged: dict[str, Any] = {}
    for schema in schemas:
        if isinstance(schema, Mapping):
            fields = {**merged.get("properties", {}), **schema.get("properties", {})}
            merged |= schema
            if fields:
                merged["properties"] = fields
    return merged


def _type_of(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((name for name in kind if name != "null"), "null")
    if kind is None:
        kind = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return str(kind)


def _beyond(limit: float | None, step: float) -> float | None:
    return None if limit is None else limit + step
