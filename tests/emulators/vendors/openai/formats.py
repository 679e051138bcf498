"""Structured outputs: `response_format` of Chat Completions and `text.format` of Responses.

Source: https://developers.openai.com/api/docs/guides/structured-outputs, and published error texts.
"""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from .http import InvalidRequestError
from .strictness import find_fault

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def read_format(format_: object, *, param: str, texts: Iterable[str]) -> str:
    """Return the format as JSON, or nothing for plain text. Raises `InvalidRequestError` for an invalid one.

    `texts` are those of the conversation, which has to mention JSON for `json_object`.
    """
    if format_ is None:
        return ""
    kind = format_.get("type") if isinstance(format_, Mapping) else None
    match kind:
        case "text":
            return ""
        case "json_object":
            if not any("json" in text.lower() for text in texts):
                where = "messages" if param == "response_format" else "input"
                message = (
                    f"'{where}' must contain the word 'json' in some form, to use '{param}' of type 'json_object'."
                )
                raise InvalidRequestError(message, param=where)
        case "json_schema":
            _check_schema(format_, param)
        case _:
            message = f"Invalid value: '{kind}'. Supported values are: 'json_object', 'json_schema', and 'text'."
            raise InvalidRequestError(message, param=f"{param}.type", code="invalid_value")
    return json.dumps(format_)


def _check_schema(format_: Any, param: str) -> None:
    """Check name and schema; Chat Completions has them one level deeper."""
    is_chat = param == "response_format"
    where = f"{param}.json_schema" if is_chat else param
    fields = format_.get("json_schema") if is_chat else format_
    if not isinstance(fields, Mapping):
        raise _missing(where)
    name, schema = fields.get("name"), fields.get("schema")
    if not isinstance(name, str):
        raise _missing(f"{where}.name")
    if not _NAME.fullmatch(name):
        message = f"Invalid '{where}.name': string does not match pattern. Expected a string that matches the pattern "
        raise InvalidRequestError(f"{message}'^[a-zA-Z0-9_-]+$'.", param=f"{where}.name", code="invalid_value")
    if not isinstance(schema, Mapping):
        raise _missing(f"{where}.schema")
    if fault := find_fault(schema, strict=bool(fields.get("strict"))):
        message = f"Invalid schema for response_format '{name}': {fault}"
        raise InvalidRequestError(
            message, param=param if is_chat else f"{param}.schema", code=None if is_chat else "invalid_json_schema"
        )


def _missing(param: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
    )
