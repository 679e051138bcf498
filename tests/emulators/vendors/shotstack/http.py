"""Shotstack's envelope `{"success", "message", "response"}`, and its errors, which are only documented in part."""

from typing import Any

from ...vendor import Body, Refusal, Response, build_errors, by_status, json_response

_MESSAGES = {
    400: "Bad Request",
    401: "Unauthorized",
    402: "Payment Required",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    413: "Request Too Long",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Endpoint request timed out",
}
# The API's gateway returns these itself, without the envelope.
_GATEWAY = {401, 403, 404, 405, 413, 429, 500, 502, 503, 504}


def success(message: str, response: dict[str, Any], *, status: int = 200) -> Response:
    """Return a result in the envelope."""
    return json_response({"success": True, "message": message, "response": response}, status=status)


def _describe_error(status: int, message: str | None, _: str | None) -> Body:
    usual = by_status(_MESSAGES, status)
    if status in _GATEWAY:
        return {"message": message or usual}
    return {"success": False, "message": usual, "response": {"error": message} if message else {}}


error, error_frame = build_errors(_describe_error)


class InvalidEditError(Refusal):
    """An edit that the API refuses with 400. `details` has an object per mistake: `message`, `path`, `type`."""

    def __init__(self, details: list[dict[str, str]]) -> None:
        response = {"error": {"name": "ValidationError", "details": details}}
        super().__init__(json_response({"success": False, "message": "Bad Request", "response": response}, status=400))
        self.details = details
