"""`GET /health`: that the worker runs; with `?deep=1`, whether it could do its work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from electrons.context import Context
from electrons.http import Response
from electrons.logs import timestamp
from electrons.upstream.provider import Provider
from electrons.upstream.quota import read_quotas

_CHECK_TIMEOUT_SECONDS = 5


def create_health_handler(
    providers: Sequence[Provider], *, reports_providers: bool
) -> Callable[[Context], Awaitable[Response]]:
    """Return the handler. It calls no provider; a deep check touches each binding and looks for the credentials.

    `checks` maps names to `ok` or what is wrong; anything wrong makes the worker `degraded` (503). `quotas` has what
    the providers that report a quota last said about it. With `reports_providers`, `checks` always says of each
    provider whether it is configured.
    """

    async def health(context: Context) -> Response:
        """`GET /health`: whether the worker runs; with `deep=1`, also whether it could do its work."""
        body: dict[str, object] = {"status": "healthy", "service": context.service, "timestamp": timestamp()}
        configured = {provider.name: provider.is_configured(context.settings) for provider in providers}
        if context.request.query.get("deep") != "1":
            return Response.json({**body, "checks": configured} if reports_providers else body)
        checks: dict[str, str | bool] = await _check_bindings(context)
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
        if quotas := await read_quotas(context, providers):
            body["quotas"] = quotas
        return Response.json(body, status=200 if healthy else 503)

    return health


async def _check_bindings(context: Context) -> dict[str, str | bool]:
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
