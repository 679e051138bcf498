"""`GET /health`: that the worker runs; with `?deep=1`, whether it could do its work."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial

from electrons.context import Context
from electrons.http import Response
from electrons.logs import timestamp
from electrons.providers.base import Provider
from electrons.providers.quota import read_quotas

_CHECK_TIMEOUT_SECONDS = 5


def create_health_handler(
    providers: Sequence[Provider], *, configured: Mapping[str, Sequence[str]]
) -> Callable[[Context], Awaitable[Response]]:
    """The handler. No provider is called; a deep check touches each binding and looks for the providers' secrets.

    `checks` maps names to `ok` or what is wrong; anything wrong makes the worker `degraded` (503). `quotas` has what
    the providers that tell of one last said about it. `configured` has accounts by name with the settings that each
    needs; `checks` then always says, true or false, whether they are there.
    """

    async def health(context: Context) -> Response:
        body: dict[str, object] = {"status": "healthy", "service": context.service, "timestamp": timestamp()}
        accounts = {
            name: all(context.settings.get_text(setting) for setting in needed) for name, needed in configured.items()
        }
        if context.request.query.get("deep") != "1":
            return Response.json({**body, "checks": accounts} if accounts else body)
        checks: dict[str, str | bool] = {**await _check_bindings(context), **accounts}
        for provider in providers:
            there = bool(context.settings.get_text(provider.api_key_setting))
            checks[provider.api_key_setting] = "ok" if there else "not configured"
        healthy = all(result in ("ok", True) for result in checks.values())
        body |= {"status": "healthy" if healthy else "degraded", "checks": checks}
        if quotas := await read_quotas(context, providers):
            body["quotas"] = quotas
        return Response.json(body, status=200 if healthy else 503)

    return health


async def _check_bindings(context: Context) -> dict[str, str]:
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
