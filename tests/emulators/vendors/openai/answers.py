"""What all of OpenAI's endpoints share: headers, errors, the key, and finding the model."""

from itertools import count
from typing import Any

from ...vendor import Answer, Call, Headers, Refusal, event_frame, json_answer
from .catalogue import MODELS, SHUT_DOWN, Model

_REQUESTS_PER_MINUTE = 10_000
_TOKENS_PER_MINUTE = 2_000_000
_KEYS_PAGE = "https://platform.openai.com/account/api-keys"
_QUOTA = "You exceeded your current quota, please check your plan and billing details."

# status -> type, code, message
_ERRORS: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "Invalid request."),
    401: ("invalid_request_error", "invalid_api_key", f"Incorrect API key provided. You can find it at {_KEYS_PAGE}."),
    403: (
        "invalid_request_error",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    413: ("invalid_request_error", None, "Maximum content size limit exceeded"),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests per min (RPM)."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: ("service_unavailable_error", "server_is_overloaded", "The server is overloaded. Please try again later."),
}
# code -> type, message; those of 429 that are not its usual one
_CODES = {
    "insufficient_quota": ("insufficient_quota", _QUOTA),
    "credit_balance_exhausted": ("insufficient_quota", "Your credit balance is exhausted."),
    "slow_down": ("rate_limit_error", "Please slow down: the request rate rose too fast."),
}
serial = count(1)


def base_headers() -> Headers:
    return [
        (b"x-request-id", b"req_emulated%020d" % next(serial)),
        (b"openai-organization", b"org-emulated"),
        (b"openai-processing-ms", b"1"),
        (b"openai-version", b"2020-10-01"),
    ]


def usage_headers(tokens: int) -> Headers:
    """Those of an answered request. The limits refill before every request and so never refuse one."""
    return [
        *base_headers(),
        (b"x-ratelimit-limit-requests", b"%d" % _REQUESTS_PER_MINUTE),
        (b"x-ratelimit-limit-tokens", b"%d" % _TOKENS_PER_MINUTE),
        (b"x-ratelimit-remaining-requests", b"%d" % (_REQUESTS_PER_MINUTE - 1)),
        (b"x-ratelimit-remaining-tokens", b"%d" % max(0, _TOKENS_PER_MINUTE - tokens)),
        (b"x-ratelimit-reset-requests", b"%dms" % (60_000 // _REQUESTS_PER_MINUTE)),
        (b"x-ratelimit-reset-tokens", b"%dms" % (60_000 * tokens // _TOKENS_PER_MINUTE)),
    ]


def _error_body(status: int, message: str | None, code: str | None) -> dict[str, Any]:
    kind, usual_code, text = _ERRORS.get(status) or _ERRORS[400 if status < 500 else 500]
    if code in _CODES:
        kind, text = _CODES[code]
    return {"error": {"message": message or text, "type": kind, "param": None, "code": code or usual_code}}


def error(
    status: int, message: str | None = None, *, code: str | None = None, retry_after: float | None = None
) -> Answer:
    fields = base_headers()
    if retry_after is not None:
        fields.append((b"retry-after", f"{retry_after:g}".encode()))
        fields.append((b"retry-after-ms", b"%d" % (retry_after * 1000)))
    return json_answer(_error_body(status, message, code), status=status, headers=fields)


def error_frame(status: int, message: str | None = None, *, code: str | None = None) -> bytes:
    return event_frame(_error_body(status, message, code))


def refuse(status: int, message: str, *, param: str | None = None, code: str | None = None) -> Refusal:
    body = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}
    return Refusal(json_answer(body, status=status, headers=base_headers()))


def authenticate(call: Call) -> None:
    """`Authorization: Bearer`. Any key will do that does not start with `invalid`."""
    scheme, _, key = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        message = (
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
            f"auth (i.e. Authorization: Bearer YOUR_KEY). You can obtain an API key from {_KEYS_PAGE}."
        )
        raise refuse(401, message)
    if key.startswith("invalid"):
        shown = f"{key[:4]}{'*' * max(1, len(key) - 8)}{key[-4:]}"
        message = f"Incorrect API key provided: {shown}. You can find your API key at {_KEYS_PAGE}."
        raise refuse(401, message, code="invalid_api_key")


def find_model(model_id: str) -> Model:
    if model := MODELS.get(model_id):
        return model
    if model_id in SHUT_DOWN:
        deprecations = "https://platform.openai.com/docs/deprecations"
        message = f"The model `{model_id}` has been deprecated, learn more here: {deprecations}"
    else:
        message = f"The model `{model_id}` does not exist or you do not have access to it."
    raise refuse(404, message, code="model_not_found")
