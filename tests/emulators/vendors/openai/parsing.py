"""The JSON of a request, and the vendor's message for the first mistake in it."""

from typing import TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ...validation import deepest_error
from .http import InvalidRequestError

_UNPARSABLE = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)"
)
_EXPECTED_TYPES = {
    "string": "a string",
    "int": "an integer",
    "float": "a decimal",
    "bool": "a boolean",
    "list": "an array",
}
_GIVEN_TYPES = {
    bool: "a boolean",
    int: "an integer",
    float: "a decimal",
    str: "a string",
    list: "an array",
    type(None): "null",
}

Schema = TypeVar("Schema", bound=BaseModel)


def parse(schema: type[Schema], body: bytes) -> Schema:
    """Parse the body. Raises `InvalidRequestError` with the first mistake in it."""
    try:
        return schema.model_validate_json(body)
    except ValidationError as failure:
        detail = deepest_error(failure)
    if detail["type"] in {"json_invalid", "model_type"} and not detail["loc"]:
        raise InvalidRequestError(_UNPARSABLE)
    raise _invalid_field(detail, _parameter(detail["loc"]))


def _parameter(location: tuple[int | str, ...]) -> str:
    """Return `messages[0].role` for pydantic's `("messages", 0, "role")`, without the names of union branches."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part.isidentifier() and part not in {"str", "int", "float", "bool"}:
            path += f".{part}" if path else part
    return path


def _invalid_field(detail: ErrorDetails, param: str) -> InvalidRequestError:
    kind, given, limits = detail["type"], detail["input"], detail.get("ctx", {})
    match kind:
        case "missing":
            message, code = f"Missing required parameter: '{param}'.", "missing_required_parameter"
        case "extra_forbidden":
            message, code = f"Unknown parameter: '{param}'.", "unknown_parameter"
        case "literal_error":
            expected = limits["expected"].replace(" or ", ", and ")
            message, code = f"Invalid value: '{given}'. Supported values are: {expected}.", "invalid_value"
        case "greater_than_equal" | "less_than_equal":
            number = "integer" if isinstance(given, int) and "tokens" in param else "decimal"
            side, sign, limit = ("above", "<=", limits["le"]) if "le" in limits else ("below", ">=", limits["ge"])
            extreme = "maximum" if "le" in limits else "minimum"
            expected = f"Expected a value {sign} {limit:g}, but got {given:g} instead."
            message = f"Invalid '{param}': {number} {side} {extreme} value. {expected}"
            code = f"{number}_{side}_{extreme[:3]}_value"
        case "string_pattern_mismatch":
            expected = f"Expected a string that matches the pattern '{limits['pattern']}'."
            message, code = f"Invalid '{param}': string does not match pattern. {expected}", "invalid_value"
        case "string_too_long" | "string_too_short":
            message, code = describe_length(param, "string", len(given), limits)
        case "too_long" | "too_short":
            message, code = describe_length(param, "array", len(given), limits)
        case _:
            expected = next((name for prefix, name in _EXPECTED_TYPES.items() if kind.startswith(prefix)), "an object")
            got = next((name for json_type, name in _GIVEN_TYPES.items() if isinstance(given, json_type)), "an object")
            message, code = f"Invalid type for '{param}': expected {expected}, but got {got} instead.", "invalid_type"
    return InvalidRequestError(message, param=param, code=code)


def describe_length(param: str, what: str, length: int, limits: dict[str, int]) -> tuple[str, str]:
    """Return the message and the code for a string or an array of the wrong length."""
    article = "an" if what == "array" else "a"
    if "max_length" in limits:
        expected = f"Expected {article} {what} with maximum length {limits['max_length']}"
        got = f"but got {article} {what} with length {length} instead"
        return f"Invalid '{param}': {what} too long. {expected}, {got}.", f"{what}_above_max_length"
    expected = f"Expected {article} {what} with minimum length {limits['min_length']}"
    if not length:
        return f"Invalid '{param}': empty {what}. {expected}, but got an empty {what} instead.", f"empty_{what}"
    got = f"but got {article} {what} with length {length} instead"
    return f"Invalid '{param}': {what} too short. {expected}, {got}.", f"{what}_below_min_length"
