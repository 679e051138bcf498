"""Anthropic's headers and errors: `{"type": "error", "error": {"type", "message"}, "request_id"}`.

Source: https://platform.claude.com/docs/en/api/errors and …/rate-limits, and published error texts.
"""

from datetime import UTC, datetime
from itertools import count

from ...vendor import Body, Headers, Refusal, build_errors, by_status, event_frame

_ERRORS = {
    400: ("invalid_request_error", "Invalid request."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the Anthropic API."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "Not found"),
    409: ("conflict_error", "The request conflicts with the current state of the resource."),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "The request timed out while processing."),
    529: ("overloaded_error", "Overloaded"),
}
serial = count(1)


def base_headers(request_id: str = "") -> Headers:
    """Return the headers of every response, with a new request id unless one is given."""
    return [
        (b"request-id", (request_id or _new_request_id()).encode()),
        (b"anthropic-organization-id", b"00000000-0000-4000-8000-000000000000"),
        (b"anthropic-workspace-id", b"wrkspc_emulated"),
    ]


def usage_headers(input_tokens: int = 0, output_tokens: int = 0) -> Headers:
    """Return the headers of Messages. The limits are full again before every request and never refuse one."""
    headers = base_headers()
    reset = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    for name, limit, used in (
        (b"requests", 1000, 1),
        (b"input-tokens", 2_000_000, input_tokens),
        (b"output-tokens", 400_000, output_tokens),
        (b"tokens", 2_400_000, input_tokens + output_tokens),
    ):
        # Remaining tokens are rounded to thousands, remaining requests are exact.
        remaining = limit - used if name == b"requests" else round(max(0, limit - used), -3)
        prefix = b"anthropic-ratelimit-" + name
        headers.append((prefix + b"-limit", b"%d" % limit))
        headers.append((prefix + b"-remaining", b"%d" % remaining))
        headers.append((prefix + b"-reset", reset))
    return headers


def _new_request_id() -> str:
    return f"req_emulated{next(serial):016d}"


def _describe_error(status: int, message: str | None, code: str | None) -> Body:
    kind, text = by_status(_ERRORS, status)
    details = {"details": {"error_code": code}} if code else {}
    error = {"type": kind, "message": message or text, **details}
    return {"type": "error", "error": error, "request_id": _new_request_id()}


def _frame_error(body: Body) -> bytes:
    return event_frame(body, event="error")


error, error_frame = build_errors(
    _describe_error, headers=lambda body: base_headers(body["request_id"]), frame=_frame_error
)


class InvalidRequestError(Refusal):
    """A request that the API refuses with 400 `invalid_request_error` and the vendor's message."""

    def __init__(self, message: str) -> None:
        super().__init__(error(400, message))
