"""Ideogram's errors: `{"error": text}`. Only the body of 422 is published; the others are assumed to have its form."""

from ...vendor import Body, build_errors, by_status

_MESSAGES = {
    400: "Invalid input provided.",
    401: "Not authorized to generate an image.",
    402: "Insufficient credits.",
    403: "The link has expired.",
    404: "Not found.",
    405: "Method not allowed.",
    413: "The request is too large.",
    422: "Prompt provided failed safety check due to the inclusion of prohibited content.",
    429: "Too many requests.",
    500: "Internal server error.",
    503: "Service unavailable.",
}


def _describe_error(status: int, message: str | None, _: str | None) -> Body:
    return {"error": message or by_status(_MESSAGES, status)}


error, error_frame = build_errors(_describe_error)
