"""`output_config`: the effort, and the JSON Schema of a structured output; strict tools have the same rules.

Source: https://platform.claude.com/docs/en/build-with-claude/structured-outputs, and published error texts.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from .http import InvalidRequestError

_EFFORTS = ("low", "medium", "high", "xhigh", "max")
_MAX_DEPTH = 32
# The keywords of each type that are refused.
_REFUSED = {
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "integer": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength"),
    "array": ("maxItems", "uniqueItems"),
}


def check_output_config(config: Mapping[str, Any] | None) -> None:
    """Check the field. Raises `InvalidRequestError`."""
    for name, value in (config or {}).items():
        match name:
            case "effort":
                if value is not None and value not in _EFFORTS:
                    expected = ", ".join(f"'{effort}'" for effort in _EFFORTS[:-1])
                    raise InvalidRequestError(f"output_config.effort: Input should be {expected} or '{_EFFORTS[-1]}'")
            case "format":
                _check_format(value)
            case "task_budget":
                pass
            case _:
                raise InvalidRequestError(f"output_config.{name}: Extra inputs are not permitted")


def check_schema(schema: Mapping[str, Any], where: str) -> None:
    """Check a schema that the vendor enforces. Raises `InvalidRequestError`."""
    if fault := next(_find_faults(schema, 0), None):
        raise InvalidRequestError(f"{where}: {fault}")


def _check_format(format_: Any) -> None:
    if format_ is None:
        return
    if not isinstance(format_, Mapping) or format_.get("type") != "json_schema":
        raise InvalidRequestError("output_config.format.type: Input should be 'json_schema'")
    if not isinstance(format_.get("schema"), Mapping):
        raise InvalidRequestError("output_config.format.schema: Field required")
    for name in format_.keys() - {"type", "schema"}:
        raise InvalidRequestError(f"output_config.format.{name}: Extra inputs are not permitted")
    check_schema(format_["schema"], "output_config.format.schema")


def _find_faults(schema: Any, depth: int) -> Iterator[str]:
    if not isinstance(schema, Mapping) or depth > _MAX_DEPTH:
        return
    kind = schema.get("type")
    if kind == "object" and schema.get("additionalProperties") is not False:
        yield "For 'object' type, 'additionalProperties' must be explicitly set to false"
    if isinstance(kind, str) and (refused := [name for name in _REFUSED.get(kind, ()) if name in schema]):
        yield f"For '{kind}' type, properties {', '.join(refused)} are not supported"
    if kind == "array" and schema.get("minItems", 0) not in {0, 1}:
        yield "For 'array' type, 'minItems' values other than 0 or 1 are not supported"
    for name in ("properties", "$defs", "definitions"):
        for inner in (schema.get(name) or {}).values():
            yield from _find_faults(inner, depth + 1)
    yield from _find_faults(schema.get("items"), depth + 1)
    for name in ("anyOf", "allOf", "oneOf"):
        for inner in schema.get(name) or []:
            yield from _find_faults(inner, depth + 1)
