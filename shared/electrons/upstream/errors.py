"""Turn a provider's error answer into the platform's own error.

A vendor's words alone ("Unauthorized", "model: x") do not say whose they are or what to do, so `classify_error` puts
both around them.
"""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from electrons.errors import (
    RETRY_AFTER_LIMIT_SECONDS,
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderRejectedError,
)
from electrons.logs import redact
from electrons.upstream.provider import Provider
from electrons.upstream.reading import as_integer, as_object, as_string, load_json

MESSAGE_LIMIT = 500
"""Characters of a provider's own message that are passed on."""

CODE_LIMIT = 100
"""Characters of an error code or a request id; what is longer is neither."""

# What an error means that comes without a status of its own: in a stream that has begun, or in an answer with 200.
_STATUSES = {
    "api_error": 500,
    "server_error": 500,
    "invalid_request_error": 400,
    "context_length_exceeded": 400,
    "content_policy_violation": 400,
    "content_filter": 400,
    "authentication_error": 401,
    "invalid_api_key": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "model_not_found": 404,
    "request_too_large": 413,
    "billing_error": 402,
    "billing_not_active": 402,
    "billing_hard_limit_reached": 402,
    "credit_balance_exhausted": 402,
    "enforced_spend_limit_reached": 402,
    "contract_spend_limit_reached": 402,
    "insufficient_balance": 402,
    "insufficient_credits": 402,
    "insufficient_quota": 402,
    "quota_exceeded": 402,
    "rate_limit_error": 429,
    "rate_limit_exceeded": 429,
    "rate_limited": 429,
    "slow_down": 429,
    "too_many_requests": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
    "server_is_overloaded": 503,
    "service_unavailable_error": 503,
}

_TRIED_AGAIN = {408, 409, 425}


def classify_error(
    message: object,
    *,
    provider: Provider,
    status: int,
    code: object = None,
    request_id: object = None,
    retry_after: float | None = None,
    out_of_quota: bool = False,
    kind: type[ProviderError] | None = None,
) -> ProviderError:
    """Return the error for a provider's answer, by its status and its code, or of `kind`.

    `message` is the provider's own, if it has one; `code` and `request_id` are what the answer has in their places.
    `out_of_quota` when the vendor says that in a way of its own.
    """
    kind = kind or _kind_of(402 if out_of_quota else status, parse_code(code))
    if retry_after is not None:
        retry_after = min(max(retry_after, 0), RETRY_AFTER_LIMIT_SECONDS)
    words = redact(" ".join((as_string(message, limit=None) or "").split()))[:MESSAGE_LIMIT]
    return kind(
        _describe(kind, words, provider=provider, status=status, retry_after=retry_after),
        provider=provider.name,
        upstream_status=status,
        upstream_code=parse_code(code),
        upstream_request_id=as_string(request_id, limit=CODE_LIMIT),
        retry_after=retry_after,
    )


def status_of_code(*codes: object, default: int) -> int:
    """Return the status that an error's codes stand for, the most telling code first; `default` if none is known.

    Some vendors put the number of the status there.
    """
    for code in codes:
        name = parse_code(code) or ""
        number = int(name) if name.isascii() and name.isdecimal() and len(name) == 3 else 0
        if known := _STATUSES.get(name.lower()) or (number if 400 <= number <= 599 else None):
            return known
    return default


def parse_code(value: object) -> str | None:
    """Return an error code, which may be a string or a number, None for anything else."""
    number = as_integer(value)
    return as_string(value, limit=CODE_LIMIT) if number is None else str(number)


def parse_retry_after(headers: dict[str, str]) -> float | None:
    """Return the seconds in `retry-after-ms` or `Retry-After` (RFC 9110, 10.2.3), None when there are none.

    A date is compared with the provider's own clock (`Date`), where it shows one.
    """
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        value = headers.get(name, "").strip()
        seconds = _parse_seconds(value)
        seconds = _seconds_until(value, headers.get("date", "")) if seconds is None else seconds / scale
        if seconds is not None:
            return min(max(seconds, 0), RETRY_AFTER_LIMIT_SECONDS)
    return None


def parse_json_error(content: bytes) -> dict[str, Any]:
    """Return the JSON object in an error body, an empty one when it is something else (an HTML page of a proxy)."""
    try:
        return as_object(load_json(content))
    except ValueError:
        return {}


def _kind_of(status: int, code: str | None) -> type[ProviderError]:
    meaning = status_of_code(code, default=status) if status < 500 else status
    if 402 in {status, meaning}:
        return ProviderQuotaError
    if meaning == 429:
        return ProviderRateLimitError
    if status in {401, 403}:
        return ProviderAuthError
    if status == 429:
        return ProviderRateLimitError
    return ProviderRejectedError if status in {400, 404, 413, 422} else ProviderError


def _describe(
    kind: type[ProviderError], words: str, *, provider: Provider, status: int, retry_after: float | None
) -> str:
    title, credential = provider.title, f"`{provider.credentials[0].name}`"
    secret = "API key" if credential.endswith("_KEY`") else "token"
    pause = f"retry after {math.ceil(retry_after)} s" if retry_after else "retry later"
    in_brackets = f" ({words.rstrip('. ')})" if words else ""
    if issubclass(kind, ProviderQuotaError):
        return f"{title}'s quota or credit is used up: check its plan and billing{in_brackets}"
    if issubclass(kind, ProviderAuthError) and status == 403:
        return f"{title} refused access: check the permissions of {credential}{in_brackets}"
    if issubclass(kind, ProviderAuthError):
        return f"{title} rejected the {secret}: check {credential}{in_brackets}"
    if issubclass(kind, ProviderRateLimitError):
        return f"{title}'s rate limit is reached: {pause}{in_brackets}"
    if issubclass(kind, ProviderRejectedError):
        reason = "did not find what the request names" if status == 404 else "rejected the request"
        return f"{title} {reason}: {words}" if words else f"{title} {reason} (status {status})"
    if status < 300:
        return f"{title} reported an error: {pause}{in_brackets}"
    if status < 500 and status not in _TRIED_AGAIN:
        return f"{title} answered with status {status}: check `{provider.base_url_setting.name}`{in_brackets}"
    return f"{title} failed with status {status}: {pause}{in_brackets}"


def _parse_seconds(value: str) -> float | None:
    try:
        seconds = float(value)
    except ValueError:
        return None
    return seconds if math.isfinite(seconds) else None


def _seconds_until(value: str, now: str) -> float | None:
    moment = _parse_date(value)
    return (moment - (_parse_date(now) or datetime.now(UTC))).total_seconds() if moment is not None else None


def _parse_date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value)
        # The oldest of HTTP's three forms has no time zone; it is UTC.
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (LookupError, TypeError, ValueError, OverflowError):
        return None
