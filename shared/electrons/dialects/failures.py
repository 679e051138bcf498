"""What a client of another vendor's API is told about an error, before `openai.py` or `anthropic.py` writes it.

The official clients choose their exception by the status alone and retry 408, 409, 429 and 5xx by themselves, unless
`x-should-retry` says otherwise. So an error that a retry cannot mend, or that could be paid for twice, says `false`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from electrons.errors import (
    BudgetExceededError,
    BudgetUnavailableError,
    ConfigurationError,
    ElectronsError,
    IdempotencyInProgressError,
    PriceUnknownError,
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderTimeoutError,
    RateLimitedError,
    UnknownProviderError,
)
from electrons.http import HeaderPairs
from electrons.logs import redact_tokens
from electrons.routing import Dialect
from electrons.upstream.errors import parse_code, parse_json_error
from electrons.upstream.reading import as_object, as_string

MESSAGE_LIMIT = 4000
"""Characters of a vendor's message that are passed on."""

LONGEST_WAIT_SECONDS = 120
"""How long a client may wait for a limit of ours: Anthropic's clients would sleep for as long as `Retry-After` says."""

TOO_LONG = "prompt is too long"
"""How Anthropic's message begins when the context window is full; clients look for it."""

_NEVER_RETRIED = (
    *(BudgetExceededError, BudgetUnavailableError, PriceUnknownError),
    *(ConfigurationError, ProviderAuthError, ProviderQuotaError, ProviderTimeoutError),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error as a client sees it.

    `house_code` is the platform's own code. `type`, `code` and `param` are the vendor's, where one has answered in
    `dialect`; an error of the platform has none of these but `param`, the field that is wrong. `details` is what
    Anthropic's clients decide by beyond the type.
    """

    status: int
    message: str
    house_code: str
    headers: HeaderPairs
    dialect: Dialect | None = None
    type: str | None = None
    code: str | None = None
    param: str | None = None
    details: Mapping[str, Any] | None = None

    @property
    def is_too_long(self) -> bool:
        """Whether the prompt does not fit into the model's context."""
        return self.code == "context_length_exceeded" or self.message.lower().startswith(TOO_LONG)


def describe_failure(error: ElectronsError) -> Failure:
    """Return what a client is told.

    The provider's own words and status pass, except about our key and our quota: those are not the caller's.
    """
    headers = [*error.headers, *_retry_headers(error)]
    if isinstance(error, ProviderError) and not isinstance(error, ProviderAuthError | ProviderQuotaError):
        return _describe_provider_failure(error, headers)
    fields = (error.details or {}).get("fields") or [{}]
    return Failure(
        status=_status(error),
        message=error.message,
        house_code=error.error_code,
        headers=headers,
        param=as_string(as_object(fields[0]).get("field")),
    )


def _describe_provider_failure(error: ProviderError, headers: HeaderPairs) -> Failure:
    document = parse_json_error(error.content)
    reported = as_object(document.get("error"))
    message = as_string(reported.get("message"), limit=None)
    is_anthropic = document.get("type") == "error"
    return Failure(
        status=_status(error),
        message=redact_tokens(message)[:MESSAGE_LIMIT] if message else error.message,
        house_code=error.error_code,
        headers=headers,
        dialect=("anthropic" if is_anthropic else "openai") if message else None,
        type=as_string(reported.get("type"), limit=MESSAGE_LIMIT),
        code=parse_code(reported.get("code")),
        param=as_string(reported.get("param"), limit=MESSAGE_LIMIT),
        details=_read_details(reported) if is_anthropic else None,
    )


def _read_details(reported: dict[str, Any]) -> dict[str, Any] | None:
    details = as_object(reported.get("details"))
    text = json.dumps(details)
    return details if details and len(text) <= MESSAGE_LIMIT and redact_tokens(text) == text else None


def _status(error: ElectronsError) -> int:
    if isinstance(error, UnknownProviderError):
        return 404  # the model does not exist
    if isinstance(error, ProviderQuotaError):
        return 429
    if isinstance(error, ProviderError) and not isinstance(error, ProviderAuthError | ProviderRateLimitError):
        status = error.upstream_status or 0
        return status if 400 <= status <= 599 else error.status
    return error.status


def _retry_headers(error: ElectronsError) -> HeaderPairs:
    if isinstance(error, IdempotencyInProgressError):
        return [("x-should-retry", "true")]
    is_final = isinstance(error, _NEVER_RETRIED) or (isinstance(error, RateLimitedError) and not _ends_soon(error))
    return [("x-should-retry", "false")] if is_final else []


def _ends_soon(error: RateLimitedError) -> bool:
    wait = dict(error.headers).get("Retry-After", "")
    return wait.isdecimal() and int(wait) <= LONGEST_WAIT_SECONDS
