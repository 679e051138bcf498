"""Hold callers to their key's limits or the deployment's: charge a request and provider units, and settle later.

A request is charged before its body is parsed, so that parsing is never free of charge. Where the number of units to
reserve is in the body, one call to the limiter has to be enough for both: a small body is parsed first, and if it is
wrong, the request is charged then. A large body is parsed only after its request was charged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any

from electrons.context import Context
from electrons.errors import ElectronsError, RateLimitedError, UnavailableError
from electrons.http import Response
from electrons.middleware import CallNext
from electrons.randomness import take_bytes
from electrons.ratelimit.leases import Lease
from electrons.ratelimit.limiter import LimiterUnreachableError, Verdict
from electrons.settings import NO_LIMITS

SMALL_BODY_BYTES = 64 * 1024

_REQUEST = {"requests": 1}
_HEADERS = {"RateLimit", "RateLimit-Policy", "Retry-After"}


async def charge_request(context: Context, call_next: CallNext) -> Response:
    """Charge the request, unless `charge_units` will do it; a body that is wrong is charged here in any case.

    Raises `RateLimitedError` for what is over a limit, at no cost; the limits are in the headers of every response.
    When the limiter cannot be reached, `RATE_LIMIT_FAILURE` decides: `open` lets the request go on, `closed` raises
    `UnavailableError`.
    """
    if not _is_limited(context):
        return await call_next(context)
    if not _is_charged_with_its_units(context):
        await _charge(context, _REQUEST)
        return await call_next(context)
    try:
        return await call_next(context)
    except ElectronsError:
        if context.body is None:
            await _charge(context, _REQUEST)
        raise


async def charge_units(context: Context, call_next: CallNext) -> Response:
    """Reserve the provider units that the parsed body can use at most. Raises what `charge_request` raises."""
    estimate = context.route.estimate
    if estimate is not None and _is_limited(context):
        units = dict(estimate(context.body))
        costs = {**_REQUEST, **units} if _is_charged_with_its_units(context) else units
        await _charge(context, costs, units=units)
    return await call_next(context)


def _policy(context: Context) -> str:
    return context.principal.rate_limit_policy or context.settings.rate_limit_policy


def _is_limited(context: Context) -> bool:
    return not context.route.public and _policy(context) != NO_LIMITS


def _is_charged_with_its_units(context: Context) -> bool:
    length = context.request.content_length
    return context.route.estimate is not None and length is not None and length <= SMALL_BODY_BYTES


async def _charge(context: Context, costs: Mapping[str, int], *, units: Mapping[str, int] | None = None) -> None:
    """Charge the costs; those that are `units` are settled once the response is out."""
    settings, policy, limiter = context.settings, _policy(context), context.bindings.rate_limiter
    seconds = settings.rate_limit_lease_seconds
    key = f"{context.service}:{context.principal.id}"
    # Not the request's id: the caller may choose that, and two calls in flight must not share a reservation.
    reservation_id = take_bytes(16).hex() if units else None

    def settle() -> Coroutine[Any, Any, None] | None:
        if reservation_id is None or units is None:
            return None
        used = context.usage.checked() if context.usage else None
        actual = {unit: used.total_units if used and used.unit == unit else 0 for unit in units}
        if limiter.settle_in_lease(key, reservation_id=reservation_id, policy=policy, actual=actual):
            return None
        return settle_with_the_object(reservation_id, actual)

    async def settle_with_the_object(reservation_id: str, actual: Mapping[str, int]) -> None:
        async with asyncio.timeout(settings.rate_limit_timeout_seconds or None):
            await limiter.settle(key, reservation_id=reservation_id, policy=policy, actual=actual)

    try:
        verdict = limiter.admit(key, reservation_id=reservation_id, policy=policy, costs=costs, lease_seconds=seconds)
        if verdict is None:
            verdict = await limiter.reserve(
                key,
                reservation_id=reservation_id,
                policy=policy,
                costs=costs,
                lease_seconds=seconds,
                timeout_seconds=settings.rate_limit_timeout_seconds,
            )
    except (LimiterUnreachableError, TimeoutError) as error:
        context.log.warning("rate_limiter_unreachable", request_id=context.request_id, error=str(error))
        if isinstance(error, TimeoutError):
            context.defer(settle)  # it may have been reserved after all
        if settings.rate_limit_failure == "closed":
            raise UnavailableError(
                "The rate limiter cannot be reached; try again shortly", code="RATE_LIMITER_UNAVAILABLE"
            ) from error
        return

    context.headers = [(name, value) for name, value in context.headers if name not in _HEADERS]
    context.headers += verdict.headers
    if not verdict.allowed:
        raise _refusal(verdict)
    context.defer(settle)
    if verdict.lease is not None:
        context.defer(partial(_give_back, context, key, policy=policy, lease=verdict.lease))


async def _give_back(context: Context, key: str, *, policy: str, lease: Lease) -> None:
    settings = context.settings
    timeout = settings.rate_limit_timeout_seconds
    async with asyncio.timeout((timeout and timeout + settings.rate_limit_lease_seconds) or None):
        await context.bindings.rate_limiter.give_back(key, policy=policy, lease=lease)


def _refusal(verdict: Verdict) -> RateLimitedError:
    names = ", ".join(verdict.violated)
    if verdict.impossible:
        text = f"This request alone is larger than the limit of {names}; make it smaller (a lower `max_tokens`, say)"
    else:
        text = f"Over the limit of {names}; try again after the seconds in `Retry-After`"
    return RateLimitedError(text, details={"limits": list(verdict.violated)})
