"""Anthropic's errors: `{"type": "error", "error": {"type", "message"}, "request_id"}`.

https://platform.claude.com/docs/en/api/errors (2026-11).
"""

from __future__ import annotations

from typing import Any

from electrons.dialects.failures import TOO_LONG, Failure
from electrons.http import data_frame

_TYPES = {
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    504: "timeout_error",
    529: "overloaded_error",
}

_OVERLOADED = 529

_REFUSAL_DETAILS = {"thread": {"error_code": "thread_unsupported_request", "unsupported": ["thread"]}}
"""What clients look for in the refusal of a field: without threads, they send the whole conversation each time."""


def status_of(failure: Failure) -> int:
    """Return the status that Anthropic has for the failure: a vendor's 503 is its 529."""
    is_overload = failure.status == 503 and failure.house_code == "PROVIDER_ERROR"
    return _OVERLOADED if is_overload and failure.dialect != "anthropic" else failure.status


def build_error(failure: Failure, request_id: str) -> dict[str, Any]:
    """Return the body."""
    status = status_of(failure)
    kind = failure.type if failure.dialect == "anthropic" else None
    message = failure.message
    if failure.is_too_long and not message.lower().startswith(TOO_LONG):
        message = f"{TOO_LONG}: {message}"
    kind = kind or _TYPES.get(status) or ("api_error" if status >= 500 else "invalid_request_error")
    error: dict[str, Any] = {"type": kind, "message": message}
    details = failure.details
    if failure.dialect is None and failure.param in _REFUSAL_DETAILS:
        details = _REFUSAL_DETAILS[failure.param]
    if details:
        error["details"] = details
    return {"type": "error", "error": error, "request_id": request_id}


def build_error_frame(failure: Failure, request_id: str) -> str:
    """Return the last event of a message that failed after it began: no `message_stop` follows it."""
    return "event: error\n" + data_frame(build_error(failure, request_id))
