"""`GET /health`: that the worker runs; with `?deep=1`, whether it could do its work."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from electrons.context import Context
from electrons.errors import ElectronsError
from electrons.http import Response
from electrons.logs import timestamp
from electrons.middleware.auth import authenticate, read_credential
from electrons.upstream.provider import Provider
from electrons.upstream.quota import read_quotas
from electrons.version import VERSION

CHECKED_SECONDS = 10
"""How long the results of a deep check are remembered."""

_CHECK_TIMEOUT_SECONDS = 5


def create_health_handler(
    providers: Sequence[Provider], *, reports_providers: bool
) -> Callable[[Context], Awaitable[Response]]:
    """Return the handler. It calls no provider; a deep check tries each binding and looks for the credentials.

    `checks` maps names to `ok` or what is wrong; anything wrong makes the worker `degraded` (503). What the bindings
    said is remembered for `CHECKED_SECONDS`, because the route is public. `quotas` has what the providers that report
    a quota last said about it, for callers whom `AUTH_MODE` admits. With `reports_providers`, `checks` always says of
    each provider whether it is configured.
    """

    async def health(context: Context) -> Response:
        """`GET /health`: whether the worker runs; with `deep=1`, also whether it could do its work."""
        body: dict[str, object] = {
            "status": "healthy",
            "service": context.service,
            "version": VERSION,
            "commit": context.settings.deployed_commit or "unknown",
            "timestamp": timestamp(),
        }
        configured = {provider.name: provider.is_configured(context.settings) for provider in providers}
        if context.request.query.get("deep") != "1":
            return Response.json({**body, "checks": configured} if reports_providers else body)
        checks: dict[str, str | bool] = {**await context.bindings.memory(_BindingChecks).results(context)}
        if reports_providers:
            checks |= configured
        else:
            checks |= {
                credential.name: "ok" if context.settings.get(credential) else "not configured"
                for provider in providers
                for credential in provider.credentials
            }
        healthy = all(result in ("ok", True) for result in checks.values())
        body |= {"status": "healthy" if healthy else "degraded", "checks": checks}
        if await _is_admitted(context) and (quotas := await read_quotas(context, providers)):
            body["quotas"] = quotas
        return Response.json(body, status=200 if healthy else 503)

    return health


async def _is_admitted(context: Context) -> bool:
    """Return whether the caller needs no key or has sent a valid one."""
    if context.settings.auth_mode == "open" and not context.route.never_open:
        return True
    if read_credential(context.request.headers) is None:
        return False
    try:
        await authenticate(context)
    except ElectronsError:
        return False
    return True


class _BindingChecks:
    """What the bindings of an isolate said when they were last tried."""

    def __init__(self) -> None:
        self._results: dict[str, str] = {}
        self._tried_at = -math.inf

    async def results(self, context: Context) -> dict[str, str]:
        """Return `ok` or what is wrong by the name of each binding, `CHECKED_SECONDS` old at most."""
        now = time.monotonic()
        if now - self._tried_at >= CHECKED_SECONDS or not self._results:
            self._tried_at = now  # meanwhile others get the earlier results
            self._results = await _try_bindings(context)
        return self._results


async def _try_bindings(context: Context) -> dict[str, str]:
    bindings = context.bindings
    probes: dict[str, Callable[[], Awaitable[object]]] = {}
    if bindings.DB is not None:
        probes["DB"] = lambda: bindings.database.query("SELECT 1 FROM usage LIMIT 1")
    if bindings.CACHE is not None:
        probes["CACHE"] = lambda: bindings.cache.get("health")
    if bindings.RATE_LIMITER is not None:
        probes["RATE_LIMITER"] = lambda: bindings.rate_limiter.reserve(
            "health", reservation_id=None, policy='"health";q=1;w=1', costs={}
        )
    for name, bucket in bindings.buckets.items():
        probes[name] = partial(bucket.head, "health")
    results = await asyncio.gather(*(_probe(context, name, probe) for name, probe in probes.items()))
    return dict(zip(probes, results, strict=True))


async def _probe(context: Context, name: str, probe: Callable[[], Awaitable[object]]) -> str:
    try:
        async with asyncio.timeout(_CHECK_TIMEOUT_SECONDS):
            await probe()
    except Exception as error:  # noqa: BLE001  # whatever is wrong with a binding is what the check is to show
        context.log.warning("health", binding=name, error=str(error))
        return "unreachable"
    return "ok"
