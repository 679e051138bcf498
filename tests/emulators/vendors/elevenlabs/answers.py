"""ElevenLabs' errors: `{"detail": {"type", "code", "message", "status", "request_id", "param"?}}`.

Source: https://elevenlabs.io/docs/eleven-api/resources/errors. `status` is the older name of `code`.
"""

from collections.abc import Mapping
from itertools import count
from typing import Any

from pydantic_core import to_json

from ...vendor import Answer, Headers, Refusal, json_answer

serial = count(1)
# By status: type, code, text.
_ERRORS = {
    400: ("validation_error", "invalid_parameters", "One or more request parameters are invalid."),
    401: ("authentication_error", "unauthorized", "Invalid API key"),
    402: ("payment_required", "insufficient_credits", "Your account does not have enough credits for this operation."),
    403: ("authorization_error", "forbidden", "Access to this resource is forbidden."),
    404: ("not_found", "not_found", "The requested resource was not found."),
    409: ("conflict", "conflict", "A conflict occurred."),
    413: ("invalid_request", "request_too_large", "The request body exceeds the maximum allowed size."),
    429: ("rate_limit_error", "rate_limit_exceeded", "Too many requests. Wait before retrying."),
    500: ("internal_error", "internal_error", "An unexpected error occurred. Contact support if this persists."),
    503: ("service_unavailable", "service_unavailable", "The service is temporarily unavailable. Try again later."),
}
# The field `status` still has the name that a condition had before there were codes.
_LEGACY_STATUS = {
    "concurrent_limit_exceeded": "too_many_concurrent_requests",
    "empty_text": "input_text_empty",
    "insufficient_credits": "quota_exceeded",
    "paid_plan_required": "payment_required",
    "text_too_long": "max_character_limit_exceeded",
    "unauthorized": "invalid_api_key",
}


def _detail(status: int, message: str | None, code: str | None, more: Mapping[str, str]) -> dict[str, Any]:
    kind, usual_code, text = _ERRORS.get(status) or _ERRORS[400 if status < 500 else 500]
    code = code or usual_code
    return {
        "detail": {
            "type": kind,
            "code": code,
            "message": message or text,
            "status": _LEGACY_STATUS.get(code, code),
            "request_id": f"{next(serial):032x}",
            **more,
        }
    }


def _error_answer(status: int, body: dict[str, Any], retry_after: float | None = None) -> Answer:
    headers: Headers = [(b"x-trace-id", body["detail"]["request_id"].encode())]
    if retry_after is not None:
        headers.append((b"retry-after", f"{retry_after:g}".encode()))
    return json_answer(body, status=status, headers=headers)


def error(
    status: int, message: str | None = None, *, code: str | None = None, retry_after: float | None = None
) -> Answer:
    return _error_answer(status, _detail(status, message, code, {}), retry_after)


def error_frame(status: int, message: str | None = None, *, code: str | None = None) -> bytes:
    return to_json(_detail(status, message, code, {})) + b"\n"


def refusal(http_status: int, message: str, *, code: str, **more: str) -> Refusal:
    """`more` adds to the error's members or replaces them, e.g. `param` and `status`."""
    return Refusal(_error_answer(http_status, _detail(http_status, message, code, more)))
