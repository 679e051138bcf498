"""Read the body up to the route's limit and check it against the route's model."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from electrons.context import Context
from electrons.dialects.requests import VendorRequest
from electrons.errors import InvalidJSONError, RequestError
from electrons.http import Response
from electrons.middleware import CallNext
from electrons.middleware.body_budget import BodyBudget
from electrons.models import LABEL_LIMIT, LabeledRequest, RequestModel

M = TypeVar("M", bound=BaseModel)

VALUES_LIMIT = 50_000
"""Values (strings, numbers, lists, ...) that a body may have: each of them costs memory and time to check."""

SHOWN_LIMIT = 20
"""Wrong fields, and unknown ones, that a response names; of more it says the number."""

_BODIES = BodyBudget()

_PATH_LIMIT = 200
"""Characters of a field's path in a response: names in it may be the caller's own."""

_NOT_AN_OBJECT = {"model_type", "model_attributes_type", "dict_type"}

_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.DOTALL)
_SEPARATORS = (b",", b"[", b"{")
# Python reads these as infinite or as no number at all, which JSON does not have.
_NOT_FINITE = re.compile(rb"NaN|Infinity|[eE]\+?\d{3}|\d{300}")

_Message = Callable[[dict[str, Any]], str]

_MESSAGES: dict[str, _Message] = {
    "string_type": lambda _: "must be a string",
    "int_type": lambda _: "must be a whole number",
    "int_from_float": lambda _: "must be a whole number",
    "float_type": lambda _: "must be a number",
    "finite_number": lambda _: "must be a finite number",
    "bool_type": lambda _: "must be true or false",
    "list_type": lambda _: "must be a list",
    "dict_type": lambda _: "must be an object",
    "model_type": lambda _: "must be an object",
    "literal_error": lambda context: f"must be {context['expected']}",
    "greater_than": lambda context: f"must be greater than {_number(context['gt'])}",
    "greater_than_equal": lambda context: f"must be {_number(context['ge'])} or more",
    "less_than": lambda context: f"must be less than {_number(context['lt'])}",
    "less_than_equal": lambda context: f"must be {_number(context['le'])} or less",
    "string_too_short": lambda context: f"must have at least {_count(context['min_length'], 'character')}",
    "string_too_long": lambda context: f"must have at most {_count(context['max_length'], 'character')}",
    "too_short": lambda context: f"must have at least {_count(context['min_length'], 'item')}",
    "too_long": lambda context: f"must have at most {_count(context['max_length'], 'item')}",
    "string_pattern_mismatch": lambda context: f"must match the pattern `{context['pattern']}`",
}
"""Our words for pydantic's kinds of error; any other has its own message."""


async def validation(context: Context, call_next: CallNext) -> Response:
    """Set `context.body`, the caller's labels and the warnings about unknown fields, then go on.

    The labels in the body take precedence over the header's.
    """
    route = context.route
    if route.body is not None:
        context.body = await read_body(context, route.body)
    context.labels.instance_id = (context.request.headers.get("X-Instance-ID") or "")[:LABEL_LIMIT] or None
    if isinstance(context.body, LabeledRequest):
        context.labels.instance_id = context.body.instance_id or context.labels.instance_id
        context.labels.project_id = context.body.project_id
    if isinstance(context.body, RequestModel):
        context.warnings += describe_unknown_fields(context.body.unknown_fields())
    return await call_next(context)


async def read_body(context: Context, model: type[M]) -> M:
    """Return the body as its model. Raises what `parse_body` raises, and `UnavailableError` for a large one in a queue.

    A body of unknown length counts as one of the largest size.
    """
    limit, declared = context.route.body_limit, context.request.content_length
    size = limit if declared is None else min(declared, limit)
    if not issubclass(model, VendorRequest):  # of that only the bytes stay in memory; others are there as strings too
        size *= 2
    taken = await _BODIES.take(size, timeout_seconds=context.settings.body_timeout_seconds)

    def give_back() -> None:
        context.body = None  # before another body is read in its place
        _BODIES.give_back(taken)

    if taken:
        context.defer(give_back)
    # Without a variable, which would keep the bytes until the response.
    return parse_body(_note_hash(context, await context.request.read(limit)), model)


def _note_hash(context: Context, content: bytes) -> bytes:
    if context.request.headers.get("Idempotency-Key") is not None:
        context.body_hash = hashlib.sha256(content).hexdigest()
    return content


def parse_body(content: bytes, model: type[M]) -> M:
    """Return the body as its model. Raises `InvalidJSONError`, or `RequestError` that names the wrong fields."""
    if _count_values(content) > VALUES_LIMIT:
        if not content.lstrip().startswith(b"{"):
            raise InvalidJSONError("The request body must be a JSON object")
        raise RequestError(f"The request body has more than {VALUES_LIMIT} values: send less at once")
    try:
        document = from_json(content)
    except ValueError as error:
        raise InvalidJSONError("The request body is not valid JSON") from error
    if not isinstance(document, dict):
        raise InvalidJSONError("The request body must be a JSON object")
    if _NOT_FINITE.search(content) and (path := _find_not_finite(document)):
        raise invalid_fields([{"field": path, "message": "must be a finite number"}])
    try:
        body = model.model_validate(document)
        if isinstance(body, VendorRequest):
            body.attach(content, document)
        return body
    except ValidationError as error:
        problems = error.errors(include_url=False)
        if not problems[0]["loc"] and problems[0]["type"] in _NOT_AN_OBJECT:
            raise InvalidJSONError("The request body must be a JSON object") from error
        fields = [_describe(problem) for problem in problems[:SHOWN_LIMIT]]
        raise invalid_fields(fields, count=len(problems)) from error


def invalid_fields(fields: list[dict[str, str]], *, count: int | None = None) -> RequestError:
    """Return the error for wrong fields, each `{"field", "message"}`. `count` is how many there are, if not all."""
    total = len(fields) if count is None else count
    shown = fields[:SHOWN_LIMIT]
    more = [f"and {total - len(shown)} more"] if total > len(shown) else []
    text = "; ".join([*map(_sentence, shown), *more])
    return RequestError(text, details={"fields": shown, "count": total})


def describe_unknown_fields(paths: Iterable[str]) -> list[str]:
    """Return a warning for each of the first unknown fields, and one with the number of the others."""
    shown: list[str] = []
    more = 0
    for path in paths:
        if len(shown) < SHOWN_LIMIT:
            shown.append(f"`{path[:_PATH_LIMIT]}` is not a field of this request; it was ignored")
        else:
            more += 1
    return [*shown, f"{more} more fields are not fields of this request; they were ignored"] if more else shown


def _count_values(content: bytes) -> int:
    """Return about how many values a JSON text has; only a text with many is read for it."""
    count = sum(map(content.count, _SEPARATORS))
    if count <= VALUES_LIMIT:
        return count
    structure = _STRING.sub(b"", content)
    return sum(map(structure.count, _SEPARATORS))


def _find_not_finite(document: dict[str, Any]) -> str | None:
    """Return the path of a number that is not finite, None if there is none."""
    pending: list[tuple[str, Any]] = list(document.items())
    while pending:
        path, value = pending.pop()
        if isinstance(value, float) and not math.isfinite(value):
            return path[:_PATH_LIMIT]
        if isinstance(value, dict):
            pending += [(f"{path[:_PATH_LIMIT]}.{name}", item) for name, item in value.items()]
        elif isinstance(value, list):
            pending += [(f"{path[:_PATH_LIMIT]}.{index}", item) for index, item in enumerate(value)]
    return None


def _describe(problem: Any) -> dict[str, str]:
    kind, context = problem["type"], problem.get("ctx") or {}
    # What pydantic calls `[key]` is the name of an item itself, which comes before it.
    path = ".".join(str(part) for part in problem["loc"] if part != "[key]")[:_PATH_LIMIT]
    is_null = problem["input"] is None and kind.endswith("_type") and isinstance(problem["loc"][-1], str)
    if kind == "missing" or is_null:
        return {"field": path, "message": f"{path.replace('_', ' ').capitalize()} is required"}
    return {"field": path, "message": _MESSAGES[kind](context) if kind in _MESSAGES else problem["msg"]}


def _sentence(field: dict[str, str]) -> str:
    name, message = field["field"], field["message"]
    return message if message.endswith("required") or message.startswith(f"{name} ") else f"{name}: {message}"


def _number(value: float) -> str:
    return f"{value:.15g}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
