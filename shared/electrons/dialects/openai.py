"""OpenAI's errors: `{"error": {"message", "type", "param", "code"}}`, always with all four members.

https://developers.openai.com/api/docs/guides/error-codes (2026-11).
"""

from __future__ import annotations

from typing import Any

from electrons.dialects.failures import Failure
from electrons.http import data_frame

_CODES = {
    "UNAUTHORIZED": "invalid_api_key",
    "UNKNOWN_PROVIDER": "model_not_found",
    "MODEL_NOT_FOUND": "model_not_found",
    "RATE_LIMITED": "rate_limit_exceeded",
    "PROVIDER_RATE_LIMIT": "rate_limit_exceeded",
    "PROVIDER_QUOTA_EXHAUSTED": "insufficient_quota",
    "BUDGET_EXCEEDED": "insufficient_quota",
    "ROUTE_NOT_FOUND": None,
    "METHOD_NOT_ALLOWED": "method_not_supported",
    "INVALID_REQUEST": None,
    "INVALID_JSON": None,
    "PROVIDER_REJECTED": None,
    "PROVIDER_ERROR": None,
}
"""OpenAI's codes for the platform's; the others are the platform's own, in lower case."""

_OVERLOADED = 529
"""Anthropic's status, which OpenAI does not have."""


def status_of(failure: Failure) -> int:
    """Return the status that OpenAI has for the failure."""
    return 503 if failure.status == _OVERLOADED else failure.status


def build_error(failure: Failure) -> dict[str, Any]:
    """Return the body."""
    status = status_of(failure)
    own = failure.dialect == "openai"
    code = failure.code if own else _CODES.get(failure.house_code, failure.house_code.lower())
    if failure.is_too_long:
        code = "context_length_exceeded"
    elif status == 404 and failure.house_code == "PROVIDER_REJECTED" and not own:
        code = "model_not_found"
    kind = (failure.type if own else None) or _type_of(status, code)
    return {"error": {"message": failure.message, "type": kind, "param": failure.param, "code": code}}


def build_error_frame(failure: Failure) -> str:
    """Return the last chunk of chat completions that failed after they began: no `[DONE]` follows it."""
    return data_frame(build_error(failure))


def build_response_error_frame(failure: Failure) -> str:
    """Return the last event of a response that failed after it began; clients read its members or its `error`."""
    error = build_error(failure)["error"]
    return "event: error\n" + data_frame({**error, "type": "error", "sequence_number": 0, "error": error})


def _type_of(status: int, code: str | None) -> str:
    if status == 429:
        return code if code == "insufficient_quota" else "rate_limit_exceeded"
    return "server_error" if status >= 500 else "invalid_request_error"
