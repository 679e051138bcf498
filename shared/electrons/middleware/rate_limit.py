"""Holds callers to their key's limits or the deployment's: reserves a request and provider units, and settles later."""

import asyncio
import uuid

from electrons.context import Context
from electrons.errors import RateLimitedError, UnavailableError
from electrons.http import Response
from electrons.middleware import CallNext
from electrons.ratelimit.limiter import LimiterUnreachableError, Verdict
from electrons.settings import NO_LIMITS


async def rate_limit(context: Context, call_next: CallNext) -> Response:
    """Refuses with 429 what is over a limit, at no cost; the limits stand in the headers of every answer.

    When the limiter cannot be reached, `RATE_LIMIT_FAILURE` decides: `open` lets the request go on, `closed` answers
    503.
    """
    route, settings = context.route, context.settings
    policy = context.principal.rate_limit_policy or settings.rate_limit_policy
    if route.public or policy == NO_LIMITS:
        return await call_next(context)

    estimate = dict(route.estimate(context.body)) if route.estimate else {}
    key = f"{context.service}:{context.principal.id}"
    # Not the request's id: the caller may choose that, and two calls in flight must not share a reservation.
    reservation_id = str(uuid.uuid4()) if estimate else None

    async def settle() -> None:
        if reservation_id is not None:
            used = context.usage
            actual = {unit: used.total_units if used and used.unit == unit else 0 for unit in estimate}
            async with asyncio.timeout(settings.rate_limit_timeout_seconds or None):
                await context.bindings.rate_limiter.settle(
                    key, reservation_id=reservation_id, policy=policy, actual=actual
                )

    try:
        async with asyncio.timeout(settings.rate_limit_timeout_seconds or None):
            verdict = await context.bindings.rate_limiter.reserve(
                key,
                reservation_id=reservation_id,
                policy=policy,
                costs={"requests": 1, **estimate},
            )
    except (LimiterUnreachableError, TimeoutError) as error:
        context.log.warning("rate_limiter_unreachable", request_id=context.request_id, error=str(error))
        if isinstance(error, TimeoutError):
            context.defer(settle)  # it may have been reserved all the same
        if settings.rate_limit_failure == "closed":
            raise UnavailableError(
                "The rate limiter cannot be reached; try again shortly", code="RATE_LIMITER_UNAVAILABLE"
            ) from error
        return await call_next(context)

    context.headers += verdict.headers
    if not verdict.allowed:
        raise _refusal(verdict)
    context.defer(settle)
    return await call_next(context)


def _refusal(verdict: Verdict) -> RateLimitedError:
    names = ", ".join(verdict.violated)
    if verdict.impossible:
        text = f"This request alone is larger than the limit of {names}; make it smaller (a lower `max_tokens`, say)"
    else:
        text = f"Over the limit of {names}; try again after the seconds in `Retry-After`"
    return RateLimitedError(text, details={"limits": list(verdict.violated)})
