"""Turn a provider's error answer into the platform's own error."""

from __future__ import annotations

from typing import Any

from pydantic_core import from_json

from electrons.errors import (
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderRejectedError,
)
from electrons.logs import redact
from electrons.upstream.reading import as_object

MESSAGE_LIMIT = 500
"""Characters of a provider's own message that are passed on."""


def classify_error(
    message: str,
    *,
    provider: str,
    status: int,
    code: str | None = None,
    request_id: str | None = None,
    retry_after: float | None = None,
    out_of_quota: bool = False,
    kind: type[ProviderError] | None = None,
) -> ProviderError:
    """The error for a provider's answer, by its status, or of `kind`; `out_of_quota` when its code says that."""
    if kind is not None:
        pass
    elif out_of_quota or status == 402:
        kind = ProviderQuotaError
    elif status in {401, 403}:
        kind = ProviderAuthError
    elif status == 429:
        kind = ProviderRateLimitError
    elif status in {400, 404, 413, 422}:
        kind = ProviderRejectedError
    else:
        kind = ProviderError
    return kind(
        redact(" ".join(message.split()))[:MESSAGE_LIMIT],
        provider=provider,
        upstream_status=status,
        upstream_code=code,
        upstream_request_id=request_id,
        retry_after=retry_after,
    )


def parse_retry_after(headers: dict[str, str]) -> float | None:
    """Seconds in `retry-after-ms` or `Retry-After` (RFC 9110, 10.2.3; the delay form), None when there are none."""
    for name, scale in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / scale
        except (KeyError, ValueError):
            continue
        if 0 <= seconds < float("inf"):
            return seconds
    return None


def parse_json_error(content: bytes) -> dict[str, Any]:
    """The JSON object in an error body, an empty one when it is something else (an HTML page of a proxy, say)."""
    try:
        return as_object(from_json(content))
    except ValueError:
        return {}
