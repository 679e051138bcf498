"""Changes of Workers at Cloudflare that take many calls of its API, and how they are undone if one of them fails."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

from electrons.context import Context
from electrons.errors import ElectronsError, ProviderError
from electrons.providers.cloudflare.provider import (
    ACCOUNT_ID,
    NO_SUBDOMAIN,
    NOT_FOUND,
    CloudflareError,
    CloudflareProvider,
    Live,
    Script,
    Upload,
    Uploaded,
    WorkersDev,
)
from electrons.settings import Settings
from electrons.upstream.client import call_provider, iterate_body, open_response
from electrons.upstream.errors import parse_json_error
from electrons.upstream.failures import unreadable

CLOUDFLARE = CloudflareProvider()

Outcome = Literal["unchanged", "restored", "unknown"]
"""What a failure left: `unchanged`, nothing was done; `restored`, it was undone; `unknown`, it may be live."""


@dataclass(frozen=True, slots=True)
class Before:
    """A Worker before it is changed. `live` is None if there is no such Worker."""

    live: Live | None
    workers_dev: WorkersDev | None = None


def name_script(settings: Settings, name: str) -> Script:
    """Return a Worker in the deployment's account. Raises `MissingCredentialsError`."""
    CLOUDFLARE.api_key(settings)
    return Script(settings.get(ACCOUNT_ID), name)


async def read_subdomain(context: Context, script: Script) -> str:
    """Return the account's name below workers.dev. Raises `CloudflareError` if it has none."""
    subdomain = await call_provider(
        context, CLOUDFLARE, CLOUDFLARE.build_subdomain(script.account_id), CLOUDFLARE.parse_subdomain
    )
    if subdomain is None:
        message = (
            "The Cloudflare account has no workers.dev subdomain: choose one in Cloudflare's dashboard, under Workers"
        )
        errors = [{"code": NO_SUBDOMAIN, "message": message}]
        raise CloudflareError(ProviderError(message, provider=CLOUDFLARE.name), errors=errors)
    return subdomain


async def read_live(context: Context, script: Script) -> Live | None:
    """Return what serves requests, None if there is no such Worker."""
    try:
        return await call_provider(context, CLOUDFLARE, CLOUDFLARE.build_live(script), CLOUDFLARE.parse_live)
    except CloudflareError as error:
        if _is_not_found(error):
            return None
        raise


async def read_before(context: Context, script: Script) -> Before:
    """Read everything that `undo_on_failure` restores."""
    live = await read_live(context, script)
    if live is None:
        return Before(None)
    return Before(
        live,
        await call_provider(context, CLOUDFLARE, CLOUDFLARE.build_workers_dev(script), CLOUDFLARE.parse_workers_dev),
    )


async def upload_script(context: Context, script: Script, upload: Upload) -> tuple[Uploaded, str]:
    """Put a new version live; return the upload and the version's id. Raises `ProviderError`."""
    uploaded = await call_provider(
        context, CLOUDFLARE, CLOUDFLARE.build_upload(script, upload), CLOUDFLARE.parse_upload
    )
    live = await read_live(context, script)
    if live is None:
        raise unreadable(CLOUDFLARE)
    return uploaded, live.version


async def put_live(context: Context, script: Script, live: Live) -> None:
    """Make versions live that were uploaded before, with the secrets that they were uploaded with."""
    await call_provider(context, CLOUDFLARE, CLOUDFLARE.build_traffic(script, live), CLOUDFLARE.parse_traffic)


async def publish_on_workers_dev(context: Context, script: Script, enabled: bool, *, before: WorkersDev | None) -> None:
    """Publish a Worker on workers.dev, or stop that, unless it is so `before`."""
    if before is None or before.enabled != enabled:
        state = WorkersDev(enabled, before is not None and before.previews_enabled)
        await call_provider(
            context, CLOUDFLARE, CLOUDFLARE.build_workers_dev(script, state), CLOUDFLARE.parse_workers_dev
        )


async def remove_script(context: Context, script: Script) -> None:
    """Delete a Worker with its versions and secrets, if it still exists."""
    try:
        async with open_response(context, CLOUDFLARE, CLOUDFLARE.build_removal(script)) as response:
            content = b"".join([chunk async for chunk in iterate_body(CLOUDFLARE, response)])
        if parse_json_error(content).get("success") is False:
            raise CLOUDFLARE.parse_error(200, {}, content)
    except CloudflareError as error:
        if not _is_not_found(error):
            raise


@asynccontextmanager
async def undo_on_failure(context: Context, script: Script, before: Before) -> AsyncIterator[None]:
    """Undo the block if it fails: the versions of before become live again, and a new Worker is deleted.

    The error says what is live now, in words and as `details.outcome`.
    """
    try:
        yield
    except Exception as error:
        # Whatever failed, Cloudflare or our own database: no deployment may be left half done.
        outcome, sentence = await _undo(context, script, before, error)
        if isinstance(error, ElectronsError):
            raise error.extend(sentence, outcome=outcome) from error
        raise


def find_outcome(error: Exception) -> Outcome:
    """Return what a failure left: as `undo_on_failure` recorded, else what the error of a single call means."""
    recorded: Outcome | None = (error.details or {}).get("outcome") if isinstance(error, ElectronsError) else None
    return recorded or ("unknown" if _may_still_happen(error) else "unchanged")


async def _undo(context: Context, script: Script, before: Before, error: Exception) -> tuple[Outcome, str]:
    try:
        if await read_live(context, script) == before.live:
            if _may_still_happen(error):
                return (
                    "unknown",
                    "Nothing has changed so far, but the response was lost: check the Worker before you try again",
                )
            return "unchanged", "Nothing was changed"
        if before.live is None:
            await remove_script(context, script)
            return "restored", "The new Worker was deleted again"
        await put_live(context, script, before.live)
        if before.workers_dev is not None:
            request = CLOUDFLARE.build_workers_dev(script, before.workers_dev)
            await call_provider(context, CLOUDFLARE, request, CLOUDFLARE.parse_workers_dev)
    except ElectronsError as failure:
        return "unknown", f"Undoing it failed too ({failure.message}): the new version may be live"
    return "restored", "The version before is live again"


def _may_still_happen(error: Exception) -> bool:
    """Return whether the call may still take effect: its response was lost, or may be that of a gateway."""
    status = error.upstream_status if isinstance(error, ProviderError) else None
    return isinstance(error, ProviderError) and (status is None or status >= 500)


def _is_not_found(error: CloudflareError) -> bool:
    return any(item["code"] == NOT_FOUND for item in error.errors)
