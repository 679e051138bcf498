"""JSON Schemas that the vendor enforces: those of structured outputs and of tools with `strict`.

Source: https://developers.openai.com/api/docs/guides/structured-outputs, and published error texts.
"""

from collections.abc import Iterator, Mapping
from typing import Any

_MAX_DEPTH = 32


def find_fault(schema: Mapping[str, Any], *, strict: bool) -> str | None:
    """Return what the vendor says about a schema that it refuses; without `strict` only the outermost type matters."""
    kind = schema.get("type")
    if kind != "object" and not (kind is None and not strict):
        return f"schema must be a JSON Schema of 'type: \"object\"', got 'type: \"{kind}\"'."
    return next(_find_faults(schema, ()), None) if strict else None


def _find_faults(schema: Any, context: tuple[str, ...]) -> Iterator[str]:
    if not isinstance(schema, Mapping) or len(context) > _MAX_DEPTH:
        return
    kind = schema.get("type")
    properties = schema.get("properties") or {}
    if kind == "object" or (isinstance(kind, list) and "object" in kind) or properties:
        if schema.get("additionalProperties") is not False:
            yield f"In context={context!r}, 'additionalProperties' is required to be supplied and to be false."
        required = schema.get("required") or []
        if missing := [name for name in properties if name not in required]:
            yield (
                f"In context={context!r}, 'required' is required to be supplied and to be an array including every key "
                f"in properties. Missing '{missing[0]}'."
            )
    for name in ("allOf", "oneOf", "not"):
        if name in schema:
            yield f"In context={context!r}, '{name}' is not permitted."
    for group in ("properties", "$defs", "definitions"):
        for name, inner in (schema.get(group) or {}).items():
            yield from _find_faults(inner, (*context, group, name))
    if "items" in schema:
        yield from _find_faults(schema["items"], (*context, "items"))
    elif kind == "array":
        yield f"In context={context!r}, array schema missing items."
    for number, inner in enumerate(schema.get("anyOf") or []):
        yield from _find_faults(inner, (*context, "anyOf", str(number)))
