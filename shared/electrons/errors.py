"""Every error of the platform, and the one JSON shape in which a caller sees it.

An error carries facts (status, code, provider, retry-after, cause); `middleware/errors.py` is the one place that
turns it into a response. Raise with `from` so that the cause reaches the log.

    ElectronsError                     500 INTERNAL_ERROR
    ├── RequestError                   400 INVALID_REQUEST       the caller can correct it
    │   ├── InvalidJSONError           400 INVALID_JSON
    │   ├── UnknownProviderError       400 UNKNOWN_PROVIDER
    │   ├── UnauthorizedError          401 UNAUTHORIZED
    │   ├── ForbiddenError             403 FORBIDDEN
    │   ├── NotFoundError              404 NOT_FOUND
    │   │   └── RouteNotFoundError     404 ROUTE_NOT_FOUND
    │   ├── MethodNotAllowedError      405 METHOD_NOT_ALLOWED
    │   ├── ConflictError              409 CONFLICT
    │   │   ├── IdempotencyInProgressError  409 IDEMPOTENCY_IN_PROGRESS
    │   │   └── IdempotencyOutcomeUnknownError  409 IDEMPOTENCY_OUTCOME_UNKNOWN
    │   ├── IdempotencyKeyReusedError  422 IDEMPOTENCY_KEY_REUSED
    │   ├── BodyTimeoutError           408 REQUEST_TIMEOUT
    │   ├── PayloadTooLargeError       413 PAYLOAD_TOO_LARGE
    │   ├── RangeNotSatisfiableError   416 RANGE_NOT_SATISFIABLE
    │   ├── RateLimitedError           429 RATE_LIMITED
    │   ├── BudgetExceededError        402 BUDGET_EXCEEDED
    │   ├── PriceUnknownError          400 PRICE_UNKNOWN
    │   └── ClientClosedError          499 CLIENT_CLOSED_REQUEST  the caller left; seen only in logs and the ledger
    ├── ConfigurationError             500 CONFIGURATION_ERROR   the owner of the deployment can correct it
    │   ├── MissingAPIKeyError         500 MISSING_API_KEY
    │   └── MissingCredentialsError    500 MISSING_CREDENTIALS
    ├── UnavailableError               503 SERVICE_UNAVAILABLE   a part of the platform cannot be reached
    │   ├── BudgetUnavailableError     503 BUDGET_UNAVAILABLE
    │   └── DatabaseError              503 SERVICE_UNAVAILABLE
    ├── ProviderError                  502 PROVIDER_ERROR        the provider failed: 5xx, 529, an unreadable response
    │   ├── ProviderAuthError          502 PROVIDER_AUTH_FAILED
    │   ├── ProviderQuotaError         502 PROVIDER_QUOTA_EXHAUSTED
    │   ├── ProviderRateLimitError     429 PROVIDER_RATE_LIMIT
    │   ├── ProviderRejectedError      422 PROVIDER_REJECTED
    │   ├── DeploymentFailedError      502 DEPLOYMENT_FAILED
    │   ├── CommitFailedError          502 COMMIT_FAILED
    │   ├── ProviderUnreachableError   502 PROVIDER_UNREACHABLE
    │   └── ProviderTimeoutError       504 GATEWAY_TIMEOUT
    └── InvalidModelOutputError        422 INVALID_MODEL_OUTPUT  the answers were paid for, and are no JSON
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

Details = dict[str, Any]

RETRY_AFTER_LIMIT_SECONDS = 24 * 60 * 60
"""The longest pause that is passed on; a provider may say anything."""


class ElectronsError(Exception):
    """Base of all. `message` says what to do about it and is shown to the caller, so it must not contain a secret.

    `result` is what was produced before the error. It is the caller's: shown as `details.result`, and never logged.
    """

    status: int = 500
    code: ClassVar[str] = "INTERNAL_ERROR"

    def __init__(self, message: str, *, details: Details | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.result: Details | None = None
        self.error_code = code or self.code
        self.headers: list[tuple[str, str]] = []

    def extend(self, sentence: str = "", **details: Any) -> Self:
        """Return a copy whose message ends with `sentence` and whose details also have these fields.

        A raised error is never changed; code that knows more raises a copy of it.
        """
        extended = type(self).__new__(type(self), *self.args)
        vars(extended).update(vars(self))
        if sentence:
            extended.message = f"{self.message.rstrip('.')}. {sentence}"
        if details:
            extended.details = {**(self.details or {}), **details}
        extended.headers = [*self.headers]
        return extended

    def to_body(self, request_id: str) -> dict[str, Any]:
        """Return `{"success": false, "error", "error_code", "request_id", "details"?}`."""
        body: dict[str, Any] = {
            "success": False,
            "error": self.message,
            "error_code": self.error_code,
            "request_id": request_id,
        }
        if details := {**(self.details or {}), **({"result": self.result} if self.result else {})}:
            body["details"] = details
        return body


class RequestError(ElectronsError):
    """The request is wrong. If it is because of fields, `details` has the first `fields` and the `count` of all."""

    status = 400
    code = "INVALID_REQUEST"

    @classmethod
    def for_field(cls, field: str, message: str, *, text: str | None = None) -> Self:
        """Return the error for one wrong field; the error's `text` is the message unless it is given."""
        return cls(text or message, details={"fields": [{"field": field, "message": message}], "count": 1})


class InvalidJSONError(RequestError):
    """The body is not a JSON object."""

    code = "INVALID_JSON"


class UnknownProviderError(RequestError):
    """The provider part of `model` is not a known provider."""

    code = "UNKNOWN_PROVIDER"


class UnauthorizedError(RequestError):
    """No key, or one that is not valid."""

    status = 401
    code = "UNAUTHORIZED"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.headers.append(("WWW-Authenticate", "Bearer"))


class ForbiddenError(RequestError):
    """The key lacks the scope."""

    status = 403
    code = "FORBIDDEN"


class NotFoundError(RequestError):
    """The named thing does not exist."""

    status = 404
    code = "NOT_FOUND"


class RouteNotFoundError(NotFoundError):
    """No route has this path."""

    code = "ROUTE_NOT_FOUND"

    def __init__(self) -> None:
        super().__init__("Not Found")


class MethodNotAllowedError(RequestError):
    """The path exists, but not with this method; `Allow` lists its methods (RFC 9110, 15.5.6)."""

    status = 405
    code = "METHOD_NOT_ALLOWED"

    def __init__(self, allowed: list[str]) -> None:
        super().__init__(f"Method not allowed; use {', '.join(allowed)}")
        self.headers.append(("Allow", ", ".join(allowed)))


class ConflictError(RequestError):
    """What the request is based on has changed meanwhile; nothing was done."""

    status = 409
    code = "CONFLICT"


class IdempotencyInProgressError(ConflictError):
    """The first request with this idempotency key has not ended yet."""

    code = "IDEMPOTENCY_IN_PROGRESS"


class IdempotencyOutcomeUnknownError(ConflictError):
    """The first request with this idempotency key may have done its work, but there is no answer to repeat."""

    code = "IDEMPOTENCY_OUTCOME_UNKNOWN"

    def __init__(
        self,
        message: str = (
            "The first request with this `Idempotency-Key` may have done its work, but its answer was not kept; it is "
            "not repeated. Use a new key to do the work again"
        ),
    ) -> None:
        super().__init__(message)
        self.headers.append(("x-should-retry", "false"))


class IdempotencyKeyReusedError(RequestError):
    """The idempotency key was already used for another request."""

    status = 422
    code = "IDEMPOTENCY_KEY_REUSED"

    def __init__(self) -> None:
        super().__init__("This `Idempotency-Key` was used with another body; use a new one")


class BodyTimeoutError(RequestError):
    """The body did not arrive in time."""

    status = 408
    code = "REQUEST_TIMEOUT"

    def __init__(self, seconds: float) -> None:
        super().__init__(f"The request body did not arrive within {seconds:g} seconds; send the request again")


class PayloadTooLargeError(RequestError):
    """The body is larger than the route takes."""

    status = 413
    code = "PAYLOAD_TOO_LARGE"

    def __init__(self, limit: int) -> None:
        super().__init__(f"The request body is larger than {limit} bytes", details={"limit_bytes": limit})


class RangeNotSatisfiableError(RequestError):
    """The requested range is outside the object, whose size is in `Content-Range` (RFC 9110, 15.5.17)."""

    status = 416
    code = "RANGE_NOT_SATISFIABLE"

    def __init__(self, size: int) -> None:
        super().__init__(f"The object has {size} bytes; ask for a range within them", details={"size_bytes": size})
        self.headers.append(("Content-Range", f"bytes */{size}"))


class RateLimitedError(RequestError):
    """The caller used up a quota of this deployment. `headers` carry `Retry-After`, unless waiting cannot help."""

    status = 429
    code = "RATE_LIMITED"


class BudgetExceededError(RequestError):
    """The call could cost more than is left; `details` say of which budget, how much is left, and when it renews."""

    status = 402
    code = "BUDGET_EXCEEDED"


class PriceUnknownError(RequestError):
    """A budget applies, and the model has no known price."""

    code = "PRICE_UNKNOWN"


class ClientClosedError(RequestError):
    """The caller closed the connection before the response was ready (the status is nginx's convention)."""

    status = 499
    code = "CLIENT_CLOSED_REQUEST"


class ConfigurationError(ElectronsError):
    """The deployment is not set up for this request; the text names the setting in backticks."""

    code = "CONFIGURATION_ERROR"


class MissingAPIKeyError(ConfigurationError):
    """The provider's secret is not set."""

    code = "MISSING_API_KEY"

    def __init__(self, *, provider: str, setting: str) -> None:
        super().__init__(
            f"{provider} API key not configured: set the secret `{setting}` "
            f"(`npx wrangler secret put {setting}`, or `.dev.vars` locally)"
        )


class MissingCredentialsError(ConfigurationError):
    """The deployment has no access to the account that the route works on. `title` is, for example, `GitHub PAT`."""

    code = "MISSING_CREDENTIALS"

    def __init__(self, title: str, *, settings: tuple[str, ...]) -> None:
        names = " and ".join(f"`{name}`" for name in settings)
        super().__init__(f"{title} not configured: set {names} (`npx wrangler secret put`, or `.dev.vars` locally)")


class UnavailableError(ElectronsError):
    """A part of the platform that the request needs cannot be reached."""

    status = 503
    code = "SERVICE_UNAVAILABLE"


class BudgetUnavailableError(UnavailableError):
    """A budget applies and cannot be asked, so nothing was called."""

    code = "BUDGET_UNAVAILABLE"

    def __init__(self) -> None:
        super().__init__("The budget cannot be checked, so the provider was not called; try again shortly")


class DatabaseError(UnavailableError):
    """D1 refused a statement or did not answer. `reason` is D1's own message, for the log and not for callers."""

    def __init__(self, reason: str) -> None:
        super().__init__("The database cannot be used; the log has the details under this request_id")
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


class ProviderError(ElectronsError):
    """The provider failed. `upstream_status` is None without an answer; `retry_after` is in seconds, a day at most.

    `was_called` is false where the call was not even made, because it would have failed.

    `content` is the body of the provider's answer without secrets, for routes that pass it on.

    The message can have the provider's own words, which may quote the prompt: it is for the caller, not for the log.
    """

    status = 502
    code = "PROVIDER_ERROR"

    def __init__(
        self,
        message: str,
        *,
        provider: str,
        upstream_status: int | None = None,
        upstream_code: str | None = None,
        upstream_request_id: str | None = None,
        retry_after: float | None = None,
        was_called: bool = True,
    ) -> None:
        facts = {
            "provider": provider,
            "status": upstream_status,
            "code": upstream_code,
            "provider_request_id": upstream_request_id,
        }
        super().__init__(message, details={name: value for name, value in facts.items() if value is not None})
        self.provider = provider
        self.upstream_status = upstream_status
        self.was_called = was_called
        self.content = b""
        self.retry_after: float | None = None
        if retry_after is not None and not math.isnan(retry_after):
            self.retry_after = min(max(retry_after, 0), RETRY_AFTER_LIMIT_SECONDS)
            self.headers.append(("Retry-After", str(math.ceil(self.retry_after))))

    @property
    def may_be_paid(self) -> bool:
        """Whether the provider may have done the work: it does not itself say that it has failed."""
        return self.was_called and (self.upstream_status is None or self.upstream_status < 400)

    @property
    def log_message(self) -> str:
        """Return what the log may have of the error: the provider, its status and its code."""
        facts = [(self.details or {}).get(name) for name in ("provider", "status", "code")]
        return " ".join(str(fact) for fact in facts if fact is not None)


class ProviderAuthError(ProviderError):
    """The provider rejects our credentials. Never a 401 to the caller, whose own key is valid."""

    code = "PROVIDER_AUTH_FAILED"


class ProviderQuotaError(ProviderError):
    """Our account with the provider has no credit left, or is on the wrong plan. Never retried."""

    code = "PROVIDER_QUOTA_EXHAUSTED"


class ProviderRateLimitError(ProviderError):
    """The provider's own rate limit."""

    status = 429
    code = "PROVIDER_RATE_LIMIT"


class ProviderRejectedError(ProviderError):
    """The provider says that the request is wrong."""

    status = 422
    code = "PROVIDER_REJECTED"


class InvalidModelOutputError(ElectronsError):
    """The model's answer is not the JSON that was asked for. `details` have the `reason` and the `text`.

    It is not an error of the provider: the answers were paid for, so no other model is asked.
    """

    status = 422
    code = "INVALID_MODEL_OUTPUT"


class DeploymentFailedError(ProviderError):
    """Cloudflare refused a deployment or failed to carry it out.

    `errors` are Cloudflare's own, each `{"code", "message"}`. They may quote the caller's code, so they are in the
    response (`details.errors`) but never in the log.
    """

    code = "DEPLOYMENT_FAILED"

    def __init__(self, cause: ProviderError, *, errors: list[Details]) -> None:
        """Take over what `cause` says."""
        super().__init__(
            cause.message, provider=cause.provider, retry_after=cause.retry_after, was_called=cause.was_called
        )
        self.upstream_status = cause.upstream_status
        self.details = cause.details
        self.errors = errors

    def to_body(self, request_id: str) -> dict[str, Any]:
        """Return the base's body with `details.errors`."""
        body = super().to_body(request_id)
        return {**body, "details": {**body.get("details", {}), "errors": self.errors}}


class CommitFailedError(ProviderError):
    """GitHub refused a commit or failed to carry it out."""

    code = "COMMIT_FAILED"

    def __init__(self, cause: ProviderError) -> None:
        """Take over what `cause` says."""
        super().__init__(
            cause.message, provider=cause.provider, retry_after=cause.retry_after, was_called=cause.was_called
        )
        self.upstream_status = cause.upstream_status
        self.details = cause.details


class ProviderUnreachableError(ProviderError):
    """There was no connection, or it was lost before a response."""

    code = "PROVIDER_UNREACHABLE"


class ProviderTimeoutError(ProviderError):
    """The provider was too slow."""

    status = 504
    code = "GATEWAY_TIMEOUT"
