"""The OpenAPI 3.1 document of an app (https://spec.openapis.org/oas/v3.1.1.html), made from its routes and models."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, get_type_hints

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from electrons.routing import Route

JSON = dict[str, Any]

_SCHEMAS = "#/components/schemas/"
_PARAMETER = re.compile(r"\{(\w+)\}")

_ERROR: JSON = {
    "type": "object",
    "required": ["success", "error", "error_code", "request_id"],
    "properties": {
        "success": {"const": False},
        "error": {"type": "string", "description": "What is wrong and what to do about it."},
        "error_code": {"type": "string", "examples": ["INVALID_REQUEST"]},
        "request_id": {"type": "string"},
        "details": {"type": "object", "description": "Facts: `fields` names each wrong field."},
    },
}
_OPENAI_ERROR: JSON = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["message", "type", "param", "code"],
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": ["string", "null"]},
            },
        }
    },
}
_ANTHROPIC_ERROR: JSON = {
    "type": "object",
    "required": ["type", "error"],
    "properties": {
        "type": {"const": "error"},
        "error": {
            "type": "object",
            "required": ["type", "message"],
            "properties": {"type": {"type": "string"}, "message": {"type": "string"}},
        },
        "request_id": {"type": ["string", "null"]},
    },
}
_ERRORS = {"openai": ("OpenAIError", _OPENAI_ERROR), "anthropic": ("AnthropicError", _ANTHROPIC_ERROR)}

_MEANINGS = {
    400: "The request is wrong: `details.fields` names each wrong field.",
    401: "No API key, or one that is not valid.",
    402: "Over the money budget of the key or the deployment.",
    403: "The key lacks the scope.",
    404: "What the path names does not exist.",
    409: "What the request is based on has changed, or the same request is still running.",
    413: "The body is larger than this route takes.",
    422: "The provider says that the request is wrong.",
    429: "Over a limit of this deployment or of the provider; `Retry-After` says when to try again.",
    500: "The deployment lacks a setting, or an internal error.",
    502: "The provider failed.",
    503: "A part of the platform cannot be reached.",
    504: "The provider was too slow.",
}
_RESPONSE_HEADERS: JSON = {
    "X-Request-ID": {"description": "The id of this request in all logs.", "schema": {"type": "string"}},
    "RateLimit": {
        "description": "What is left (draft-ietf-httpapi-ratelimit-headers); not on public routes.",
        "schema": {"type": "string"},
    },
    "RateLimit-Policy": {"description": "The limits of the key.", "schema": {"type": "string"}},
}
_RETRY_AFTER: JSON = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
_REQUEST_HEADERS: tuple[tuple[str, str], ...] = (
    ("X-Request-ID", "An id of your own for this request: up to 128 of `A-Za-z0-9._-`."),
    ("traceparent", "W3C Trace Context; it is continued."),
)
_POST_HEADERS: tuple[tuple[str, str], ...] = (
    ("X-Instance-ID", "A label of yours, recorded with the usage."),
    ("Idempotency-Key", "The same key and body again replay the first response, and nothing is done twice."),
)


def build_document(service: str, routes: Sequence[Route], *, version: str) -> JSON:
    """Return the document of one worker."""
    models = _find_models(routes)
    references, definitions = models_json_schema(list(models), ref_template=_SCHEMAS + "{model}")
    schemas: JSON = {**definitions.get("$defs", {}), "Error": _ERROR}
    for dialect in {route.dialect for route in routes} & _ERRORS.keys() | _dialects_by_header(routes):
        name, schema = _ERRORS[dialect]
        schemas[name] = schema
    paths: dict[str, JSON] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _describe_route(route, references)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": service,
            "version": version,
            "summary": f"The worker {service} of Distributed Electrons.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "An API key of this deployment."},
                "header": {"type": "apiKey", "in": "header", "name": "X-API-Key"},
            },
        },
    }


def summarize(route: Route) -> str:
    """Return what a route does: handlers begin with "`METHOD /path`: what it does"."""
    summary = (inspect.getdoc(route.handler) or "").partition("\n")[0].rpartition("`: ")[2]
    return summary[:1].upper() + summary[1:]


def _dialects_by_header(routes: Sequence[Route]) -> set[str]:
    return set(_ERRORS) if any(route.dialect == "by_header" for route in routes) else set()


def _find_models(routes: Sequence[Route]) -> dict[tuple[type[BaseModel], Any], None]:
    models: dict[tuple[type[BaseModel], Any], None] = {}
    for route in routes:
        if route.body is not None:
            models[(route.body, "validation")] = None
        if (answer := _response_model(route)) is not None:
            models[(answer, "serialization")] = None
    return models


def _response_model(route: Route) -> type[BaseModel] | None:
    answer = get_type_hints(route.handler).get("return")
    return answer if isinstance(answer, type) and issubclass(answer, BaseModel) else None


def _describe_route(route: Route, references: Mapping[Any, JSON]) -> JSON:
    described: JSON = {
        "operationId": f"{route.method.lower()}{re.sub(r'[^A-Za-z0-9]+', '_', route.path)}".rstrip("_"),
        "summary": summarize(route),
        "parameters": _describe_parameters(route),
        "responses": _describe_responses(route, references),
        "security": [] if route.public else [{"bearer": []}, {"header": []}],
    }
    if route.scope is not None and not route.public:
        described["description"] = f"Needs a key with the scope `{route.scope}`."
    if route.body is not None:
        content: JSON = {"schema": references[(route.body, "validation")]}
        if route.docs.example is not None:
            content["example"] = dict(route.docs.example)
        described["requestBody"] = {"required": True, "content": {"application/json": content}}
    return described


def _describe_parameters(route: Route) -> list[JSON]:
    parameters: list[JSON] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PARAMETER.findall(route.path)
    ]
    parameters += [
        {"name": name, "in": "query", "description": meaning, "schema": {"type": "string"}}
        for name, meaning in route.docs.query.items()
    ]
    headers = _REQUEST_HEADERS + (_POST_HEADERS if route.method == "POST" and not route.public else ())
    parameters += [
        {"name": name, "in": "header", "description": meaning, "schema": {"type": "string"}}
        for name, meaning in headers
    ]
    return parameters


def _describe_responses(route: Route, references: Mapping[Any, JSON]) -> JSON:
    answer = _response_model(route)
    schema: JSON = references[(answer, "serialization")] if answer is not None else {}
    kinds = route.docs.produces or ("application/json",)
    content = {kind: {"schema": schema if kind == "application/json" else _schema_of(kind)} for kind in kinds}
    responses: JSON = {
        str(status): {
            "description": HTTPStatus(status).phrase,
            "headers": _RESPONSE_HEADERS,
            "content": {} if status == HTTPStatus.NOT_MODIFIED else content,
        }
        for status in route.docs.statuses
    }
    responses |= {str(status): _describe_error(route, status) for status in _error_statuses(route)}
    return responses


def _schema_of(kind: str) -> JSON:
    if kind.startswith("text/"):
        return {"type": "string"}
    return {"type": "string", "contentMediaType": kind}


def _error_statuses(route: Route) -> list[int]:
    statuses = {500}
    if not route.public:
        statuses |= {401, 403, 429, 503}
    if route.method == "POST" and not route.public:
        statuses |= {402, 409, 422, 502, 504}
    if route.body is not None:
        statuses |= {400, 413}
    if "{" in route.path:
        statuses.add(404)
    return sorted(statuses)


def _describe_error(route: Route, status: int) -> JSON:
    if route.dialect == "by_header":
        schema: JSON = {"oneOf": [{"$ref": _SCHEMAS + name} for name, _ in _ERRORS.values()]}
    else:
        name = _ERRORS[route.dialect][0] if route.dialect else "Error"
        schema = {"$ref": _SCHEMAS + name}
    headers = {"X-Request-ID": _RESPONSE_HEADERS["X-Request-ID"], **(_RETRY_AFTER if status in {429, 503} else {})}
    return {
        "description": _MEANINGS[status],
        "headers": headers,
        "content": {"application/json": {"schema": schema}},
    }
