"""ElevenLabs' errors: `{"detail": {"type", "code", "message", "status", "request_id", "param"?}}`.

Source: https://elevenlabs.io/docs/eleven-api/resources/errors. `status` is the code that an error had before `code`
existed.
"""

from itertools import count

from ...vendor import Body, Headers, Refusal, build_errors, by_status, json_response, line_frame

serial = count(1)
# Type, code and message by status.
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
# The `status` of a code, where they differ.
_LEGACY_STATUS = {
    "concurrent_limit_exceeded": "too_many_concurrent_requests",
    "empty_text": "input_text_empty",
    "insufficient_credits": "quota_exceeded",
    "paid_plan_required": "payment_required",
    "text_too_long": "max_character_limit_exceeded",
    "unauthorized": "invalid_api_key",
}


def _describe_error(status: int, message: str | None, code: str | None) -> Body:
    kind, usual_code, text = by_status(_ERRORS, status)
    code = code or usual_code
    return {
        "detail": {
            "type": kind,
            "code": code,
            "message": message or text,
            "status": _LEGACY_STATUS.get(code, code),
            "request_id": f"{next(serial):032x}",
        }
    }


def _headers(body: Body) -> Headers:
    return [(b"x-trace-id", body["detail"]["request_id"].encode())]


error, error_frame = build_errors(_describe_error, headers=_headers, frame=line_frame)


def refusal(http_status: int, message: str, *, code: str, **fields: str) -> Refusal:
    """Return an error; `fields` are added to its detail or replace others, such as `param` and `status`."""
    body = _describe_error(http_status, message, code)
    body["detail"] |= fields
    return Refusal(json_response(body, status=http_status, headers=_headers(body)))


def voice_not_found(voice_id: str) -> Refusal:
    """Return the 404 for an unknown voice."""
    message = f"A voice with the voice_id '{voice_id}' was not found."
    return refusal(404, message, code="voice_not_found", param="voice_id")
