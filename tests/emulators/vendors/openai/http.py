"""OpenAI's headers and errors: `{"error": {"message", "type", "param", "code"}}`.

Sources: https://developers.openai.com/api/docs/guides/error-codes and …/rate-limits, and published error texts.
"""

from itertools import count

from ...vendor import Body, Headers, Refusal, build_errors, by_status, json_response, retry_header

_REQUESTS_PER_MINUTE = 10_000
_TOKENS_PER_MINUTE = 2_000_000
_QUOTA = "You exceeded your current quota, please check your plan and billing details."

KEYS_PAGE = "https://platform.openai.com/account/api-keys"

# Type, code and message by status.
_ERRORS: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "Invalid request."),
    401: ("invalid_request_error", "invalid_api_key", f"Incorrect API key provided. You can find it at {KEYS_PAGE}."),
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
# Type and message by code, for the codes of 429 that are not its usual one.
_CODES = {
    "insufficient_quota": ("insufficient_quota", _QUOTA),
    "credit_balance_exhausted": ("insufficient_quota", "Your credit balance is exhausted."),
    "slow_down": ("rate_limit_error", "Please slow down: the request rate rose too fast."),
}
serial = count(1)


def base_headers() -> Headers:
    """Return the headers of every response, with a new request id."""
    return [
        (b"x-request-id", b"req_emulated%020d" % next(serial)),
        (b"openai-organization", b"org-emulated"),
        (b"openai-processing-ms", b"1"),
        (b"openai-version", b"2020-10-01"),
    ]


def usage_headers(tokens: int) -> Headers:
    """Return the headers of a generation. The limits are full again before every request and never refuse one."""
    return [
        *base_headers(),
        (b"x-ratelimit-limit-requests", b"%d" % _REQUESTS_PER_MINUTE),
        (b"x-ratelimit-limit-tokens", b"%d" % _TOKENS_PER_MINUTE),
        (b"x-ratelimit-remaining-requests", b"%d" % (_REQUESTS_PER_MINUTE - 1)),
        (b"x-ratelimit-remaining-tokens", b"%d" % max(0, _TOKENS_PER_MINUTE - tokens)),
        (b"x-ratelimit-reset-requests", b"%dms" % (60_000 // _REQUESTS_PER_MINUTE)),
        (b"x-ratelimit-reset-tokens", b"%dms" % (60_000 * tokens // _TOKENS_PER_MINUTE)),
    ]


def _describe_error(status: int, message: str | None, code: str | None) -> Body:
    kind, usual_code, text = by_status(_ERRORS, status)
    if code in _CODES:
        kind, text = _CODES[code]
    return {"error": {"message": message or text, "type": kind, "param": None, "code": code or usual_code}}


def _retry_headers(seconds: float) -> Headers:
    return [*retry_header(seconds), (b"retry-after-ms", b"%d" % (seconds * 1000))]


error, error_frame = build_errors(_describe_error, headers=lambda _: base_headers(), retry_headers=_retry_headers)


class InvalidRequestError(Refusal):
    """A request that the API refuses with an `invalid_request_error`, usually with the status 400."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400) -> None:
        body = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}
        super().__init__(json_response(body, status=status, headers=base_headers()))
