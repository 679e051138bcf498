"""Cloudflare's envelope: `{"success", "errors": [{"code", "message"}], "messages", "result", "result_info"?}`.

Sources: https://developers.cloudflare.com/api/, https://developers.cloudflare.com/workers/observability/errors/, and
the codes that wrangler 4.164 distinguishes.
"""

from collections.abc import Mapping

from ...vendor import Body, Refusal, Response, build_errors, by_status, json_response, line_frame

AUTHENTICATION = 10000
NOT_FOUND = 10007
INVALID = 10021
UNKNOWN_NAMESPACE = 10041
BINDING_NAME_TAKEN = 10053
BINDING_NOT_FOUND = 10056
UNRESOLVED_INHERIT = 10057
CLASS_NOT_CONFIGURED = 10061
NO_SUBDOMAIN = 10063
CLASS_IN_USE = 10064
CLASS_NOT_EXPORTED = 10070
CLASS_EXISTS = 10074
WRONG_MIGRATION_TAG = 10079
UNKNOWN_BUCKET = 10085
UNKNOWN_DATABASE = 10181
SECRET_ON_UNDEPLOYED_VERSION = 10215
SECRETS_CHANGED = 10220

# Code and message by status.
_ERRORS = {
    400: (INVALID, "The request is invalid."),
    401: (AUTHENTICATION, "Authentication error"),
    403: (AUTHENTICATION, "Authentication error"),
    404: (NOT_FOUND, "This Worker does not exist on your account."),
    405: (10405, "Method not allowed for this authentication scheme"),
    413: (10027, "workers.api.error.script_too_large"),
    429: (971, "Please wait and consider throttling your request speed"),
    500: (10013, "workers.api.error.unknown"),
}


def success(result: object, *, result_info: Mapping[str, object] | None = None) -> Response:
    """Return a result in the envelope."""
    body: dict[str, object] = {"success": True, "errors": [], "messages": [], "result": result}
    if result_info is not None:
        body["result_info"] = result_info
    return json_response(body)


def success_list(items: list[dict[str, object]]) -> Response:
    """Return a list that always is one page."""
    info = {"page": 1, "per_page": max(1, len(items)), "count": len(items), "total_count": len(items)}
    return success(items, result_info=info)


def _describe_error(status: int, message: str | None, code: str | None) -> Body:
    usual_code, text = by_status(_ERRORS, status)
    number = int(code) if code else usual_code
    return {"success": False, "errors": [{"code": number, "message": message or text}], "messages": [], "result": None}


error, error_frame = build_errors(_describe_error, frame=line_frame)


def refusal(status: int, code: int, message: str) -> Refusal:
    """Return an error with the given code and message."""
    return Refusal(error(status, message, code=str(code)))
