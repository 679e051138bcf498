"""Reads the body up to the route's limit and checks it against the route's model."""

from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from electrons.context import Context
from electrons.errors import InvalidJSONError, RequestError
from electrons.http import Response
from electrons.middleware import CallNext
from electrons.models import LABEL_LIMIT, LabeledRequest

M = TypeVar("M", bound=BaseModel)

_NOT_AN_OBJECT = {"model_type", "model_attributes_type", "dict_type"}


def parse_body(content: bytes, model: type[M]) -> M:
    """The body as its model. Raises `InvalidJSONError`, or `RequestError` whose `details.fields` names each field."""
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        problems = error.errors(include_url=False, include_context=False, include_input=False)
        if problems[0]["type"] == "json_invalid":
            raise InvalidJSONError("The request body is not valid JSON") from error
        if not problems[0]["loc"] and problems[0]["type"] in _NOT_AN_OBJECT:
            raise InvalidJSONError("The request body must be a JSON object") from error
        fields = [_describe(problem) for problem in problems]
        raise RequestError("; ".join(_sentence(field) for field in fields), details={"fields": fields}) from error


def _describe(problem: Any) -> dict[str, str]:
    # What pydantic calls `[key]` is the name of a member itself, which stands before it.
    path = ".".join(str(part) for part in problem["loc"] if part != "[key]")
    if problem["type"] == "missing":
        return {"field": path, "message": f"{path.replace('_', ' ').capitalize()} is required"}
    return {"field": path, "message": problem["msg"]}


def _sentence(field: dict[str, str]) -> str:
    name, message = field["field"], field["message"]
    return message if message.endswith("required") or message.startswith(f"{name} ") else f"{name}: {message}"


async def validation(context: Context, call_next: CallNext) -> Response:
    """Sets `context.body` and the caller's labels; the body's own labels win over the header."""
    route = context.route
    if route.body is not None:
        content = await context.request.reader(route.body_limit)
        context.body = parse_body(content, route.body)
    context.labels.instance_id = (context.request.headers.get("X-Instance-ID") or "")[:LABEL_LIMIT] or None
    if isinstance(context.body, LabeledRequest):
        context.labels.instance_id = context.body.instance_id or context.labels.instance_id
        context.labels.project_id = context.body.project_id
    return await call_next(context)
