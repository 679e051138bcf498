"""Anthropic: Messages (create, stream, count_tokens) and Models, as api.anthropic.com behaves in November 2026.

Sources: the `anthropic` package 2.12.0 (schemas, model ids, retirement dates), https://platform.claude.com/docs/en/api/
(errors, versioning, rate-limits, streaming), and published error texts. With tools the models follow the scripts of
`tasks.py`; without tools they return text. Citations are accepted and change nothing.
"""

from ...vendor import Call, Refusal, Response, Route, Vendor
from .http import InvalidRequestError, error, error_frame
from .messages import count_message_tokens, create_message
from .models import get_model, list_models
from .requests import VERSIONS


def authenticate(call: Call) -> None:
    """Check the key, which must not start with `invalid`, and the version; `x-api-key` goes before a bearer token."""
    key = call.headers.get("x-api-key")
    bearer = call.headers.get("authorization", "").removeprefix("Bearer ").strip()
    if key is None and not bearer:
        raise Refusal(error(401, "x-api-key header is required"))
    if key is not None and (not key or key.startswith("invalid")):
        raise Refusal(error(401, "invalid x-api-key"))
    if key is None and bearer.startswith("invalid"):
        raise Refusal(error(401, "Invalid bearer token"))
    version = call.headers.get("anthropic-version")
    if version is None:
        raise InvalidRequestError("anthropic-version: header is required")
    if version not in VERSIONS:
        raise InvalidRequestError(f'anthropic-version: "{version}" is not a valid version')


def unknown_route(call: Call) -> Response:
    """Return 405 for a known path with another method, else 404."""
    return error(405, "Method Not Allowed") if vendor.has_path(call.path) else error(404)


vendor = Vendor(
    name="anthropic",
    routes=(
        Route("POST", "/v1/messages", create_message),
        Route("POST", "/v1/messages/count_tokens", count_message_tokens),
        Route("GET", "/v1/models", list_models),
        Route("GET", "/v1/models/{id}", get_model),
    ),
    authenticate=authenticate,
    error=error,
    error_frame=error_frame,
    unknown_route=unknown_route,
    max_body_bytes=32 * 1024 * 1024,
)
