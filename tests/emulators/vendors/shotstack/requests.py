"""Requests of Shotstack: merge fields first, then the published schema, which allows no other fields.

Source: `edit.schema.json`. The details of a refusal are not documented; they follow responses that users published:
`{"error": {"name": "ValidationError", "details": [{"message", "path", "type"}]}}`.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from .http import InvalidEditError

_SCHEMA = json.loads(Path(__file__).with_name("edit.schema.json").read_text(encoding="utf-8"))
_EDIT = Draft202012Validator(_SCHEMA)
_MERGE_FIELDS = Draft202012Validator({**_SCHEMA["properties"]["merge"], "$defs": _SCHEMA["$defs"]})
_WITH_SOURCE = {"video", "image", "audio"}
_BOTH = {"width", "height"}


def parse(body: bytes) -> dict[str, Any]:
    """Return the JSON object in the body. Raises `InvalidEditError`."""
    try:
        parsed = json.loads(body)
    except ValueError as error:
        raise InvalidEditError([_detail("The body is not valid JSON", "", "json")]) from error
    if not isinstance(parsed, dict):
        raise InvalidEditError([_detail('"value" must be an object', "", "object.base")])
    return parsed


def merge(edit: Mapping[str, Any], fields: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the edit with every `{{ FIND }}` replaced, and without its merge fields.

    A string that consists of one placeholder gets the replacement's own type, so that numbers can be merged too.
    """
    values = {field["find"]: field["replace"] for field in fields}
    unmerged = {name: value for name, value in edit.items() if name != "merge"}
    if not values:
        return unmerged
    placeholder = re.compile(r"\{\{\s*(" + "|".join(map(re.escape, values)) + r")\s*\}\}")

    def replace(value: Any) -> Any:
        match value:
            case str():
                if whole := placeholder.fullmatch(value):
                    return values[whole[1]]
                return placeholder.sub(lambda found: str(values[found[1]]), value)
            case list():
                return [replace(item) for item in value]
            case dict():
                return {name: replace(item) for name, item in value.items()}
        return value

    merged: dict[str, Any] = replace(unmerged)
    return merged


def check_edit(edit: Mapping[str, Any]) -> dict[str, Any]:
    """Return the edit with its fields merged. Raises `InvalidEditError` with every mistake and its path."""
    fields = edit.get("merge", [])
    _raise_errors(_MERGE_FIELDS.iter_errors(fields), above=("merge",))
    merged = merge(edit, fields)
    _raise_errors(_EDIT.iter_errors(merged))
    details = [_detail(f'"{path}" is required', path, "any.required") for path in _missing(merged)]
    if details:
        raise InvalidEditError(details)
    return merged


def _missing(edit: Mapping[str, Any]) -> Iterator[str]:
    """Yield the paths of missing fields that the schema cannot require, because they depend on others."""
    output = edit["output"]
    if output["format"] != "mp3" and "resolution" not in output and "size" not in output:
        yield "output.resolution"
    yield from (f"output.size.{side}" for side in ("width", "height") if side not in output.get("size", _BOTH))
    for track, clips in enumerate(edit["timeline"]["tracks"]):
        for number, clip in enumerate(clips["clips"]):
            asset = clip["asset"]
            if asset["type"] in _WITH_SOURCE and "src" not in asset and "prompt" not in asset:
                yield f"timeline.tracks[{track}].clips[{number}].asset.src"


def _raise_errors(errors: Iterable[ValidationError], *, above: tuple[str, ...] = ()) -> None:
    details = [detail for error in errors for detail in _describe_error(error, above)]
    if details:
        raise InvalidEditError(details)


def _describe_error(error: ValidationError, above: tuple[str | int, ...]) -> Iterator[dict[str, str]]:
    """Yield the error in the words of Joi; for a union, the errors of the branch that was intended."""
    location = (*above, *error.absolute_path)
    path = _path(location)
    given: Any = error.instance
    match error.validator:
        case "oneOf" | "anyOf" if len(branches := _branches(error)) == 1:
            for inner in branches[0]:
                yield from _describe_error(inner, above)
        case "oneOf" | "anyOf" if isinstance(given, dict):
            yield _detail(f'"{path}.type" is not a type of asset', f"{path}.type", "any.only")
        case "required":
            missing = _path((*location, error.message.split("'")[1]))
            yield _detail(f'"{missing}" is required', missing, "any.required")
        case "additionalProperties":
            known: Any = error.schema
            for name in sorted(given.keys() - known["properties"].keys()):
                unknown = _path((*location, name))
                yield _detail(f'"{unknown}" is not allowed', unknown, "object.unknown")
        case _:
            problem, kind = _describe_value(str(error.validator), error.validator_value, given)
            yield _detail(f'"{path}" {problem}', path, kind)


def _describe_value(validator: str, expected: Any, given: Any) -> tuple[str, str]:
    """Return what is wrong with a value, and Joi's name for it."""
    match validator:
        case "enum":
            return f"must be one of [{', '.join(map(str, expected))}]", "any.only"
        case "type":
            return f"must be {'an' if expected[0] in 'aio' else 'a'} {expected}", f"{expected}.base"
        case "minimum":
            return f"must be greater than or equal to {expected}", "number.min"
        case "maximum":
            return f"must be less than or equal to {expected}", "number.max"
        case "minItems":
            return f"must contain at least {expected} items", "array.min"
        case "pattern":
            return f'with value "{given}" fails to match the required pattern: /{expected}/', "string.pattern.base"
        case "oneOf" | "anyOf":
            return "does not match any of the allowed types", "alternatives.match"
    return f"does not fulfil {validator}: {expected}", validator


def _branches(error: ValidationError) -> list[list[ValidationError]]:
    """Return the errors of the union's branches that fit the value by its `type` field or its JSON type."""
    by_branch: dict[Any, list[ValidationError]] = {}
    for inner in error.context or []:
        by_branch.setdefault(inner.relative_schema_path[0], []).append(inner)
    return [
        inners
        for inners in by_branch.values()
        if not any(
            list(inner.relative_path) == ["type"] or (not inner.relative_path and inner.validator == "type")
            for inner in inners
        )
    ]


def _path(location: Iterable[str | int]) -> str:
    """Return `timeline.tracks[0].clips` for `("timeline", "tracks", 0, "clips")`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in location).removeprefix(".")


def _detail(message: str, path: str, kind: str) -> dict[str, str]:
    return {"message": message, "path": path, "type": kind}
