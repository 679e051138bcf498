"""Cloudflare's envelope: `{"success", "errors": [{"code", "message"}], "messages", "result", "result_info"?}`.

Sources: https://developers.cloudflare.com/api/, https://developers.cloudflare.com/workers/observability/errors/, and
the codes that wrangler 4.164 tells apart.
"""

from collections.abc import Mapping

from pydantic_core import to_json

from ...vendor import Answer, Headers, Refusal, json_answer

AUTHENTICATION = 10000
NOT_FOUND = 10007
INVALID = 10021
BINDING_NAME_TAKEN = 10053
BINDING_NOT_FOUND = 10056
UNRESOLVED_INHERIT = 10057
NO_SUBDOMAIN = 10063
SECRET_ON_UNDEPLOYED_VERSION = 10215
SECRETS_CHANGED = 10220

# By status: code, text.
_USUAL = {
    400: (INVALID, "The request is invalid."),
    401: (AUTHENTICATION, "Authentication error"),
    403: (AUTHENTICATION, "Authentication error"),
    404: (NOT_FOUND, "This Worker does not exist on your account."),
    405: (10405, "Method not allowed for this authentication scheme"),
    413: (10027, "workers.api.error.script_too_large"),
    429: (971, "Please wait and consider throttling your request speed"),
    500: (10013, "workers.api.error.unknown"),
}


def success(result: object, *, result_info: Mapping[str, int] | None = None) -> Answer:
    body: dict[str, object] = {"success": True, "errors": [], "messages": [], "result": result}
    if result_info is not None:
        body["result_info"] = result_info
    return json_answer(body)


def success_list(items: list[dict[str, object]]) -> Answer:
    """A list that always is one page."""
    info = {"page": 1, "per_page": max(1, len(items)), "count": len(items), "total_count": len(items)}
    return success(items, result_info=info)


def error(
    status: int, message: str | None = None, *, code: str | None = None, retry_after: float | None = None
) -> Answer:
    headers: Headers = [] if retry_after is None else [(b"retry-after", f"{retry_after:g}".encode())]
    return json_answer(_body(status, message, code), status=status, headers=headers)


def error_frame(status: int, message: str | None = None, *, code: str | None = None) -> bytes:
    return to_json(_body(status, message, code)) + b"\n"


def refusal(status: int, code: int, message: str) -> Refusal:
    return Refusal(error(status, message, code=str(code)))


def _body(status: int, message: str | None, code: str | None) -> dict[str, object]:
    usual_code, text = _USUAL.get(status) or _USUAL[400 if status < 500 else 500]
    number = int(code) if code else usual_code
    return {"success": False, "errors": [{"code": number, "message": message or text}], "messages": [], "result": None}
