"""What a vendor last reported about our quota: logged each time, and stored in KV for `GET /health?deep=1`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from electrons.context import Context
from electrons.logs import timestamp
from electrons.upstream.provider import Provider
from electrons.upstream.reading import as_object

KEPT_SECONDS = 31 * 24 * 60 * 60
"""As long as the longest quota of a month."""

_READ_TIMEOUT_SECONDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """The calls that a vendor allows in a period, how many are left, and when the next one starts (ISO 8601, UTC)."""

    limit: int
    remaining: int
    resets_at: str


def note_quota(context: Context, provider: Provider, quota: Quota) -> None:
    """Log the quota, and store it after the response is out."""
    context.log.info("provider_quota", request_id=context.request_id, provider=provider.name, **asdict(quota))

    async def store() -> None:
        text = json.dumps({**asdict(quota), "seen_at": timestamp()})
        try:
            await context.bindings.cache.put(_key(provider), text, ttl_seconds=KEPT_SECONDS)
        except Exception as error:  # noqa: BLE001  # KV takes one write a second for a key; the next call writes again
            context.log.warning("quota_not_kept", request_id=context.request_id, error=str(error))

    context.defer(store)


async def read_quotas(context: Context, providers: Sequence[Provider]) -> dict[str, dict[str, Any]]:
    """Return the stored quotas by the provider's name: the fields of `Quota`, and `seen_at`."""
    found = await asyncio.gather(*(_read(context, provider) for provider in providers))
    return {provider.name: quota for provider, quota in zip(providers, found, strict=True) if quota}


async def _read(context: Context, provider: Provider) -> dict[str, Any]:
    try:
        async with asyncio.timeout(_READ_TIMEOUT_SECONDS):
            text = await context.bindings.cache.get(_key(provider))
        return as_object(json.loads(text or "null"))
    except Exception:  # noqa: BLE001  # the check of the binding says what is wrong with it
        return {}


def _key(provider: Provider) -> str:
    return f"quota:{provider.name}"
