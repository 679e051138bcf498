"""The submission of an edit: made once, with its outcome saved whatever else fails."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from electrons.capabilities.render import is_refusal, submit_render
from electrons.context import Context
from electrons.errors import DatabaseError, ProviderError, UnavailableError
from electrons.storage.ledger import UsageLedger
from electrons.usage import Usage
from render_service.models import RenderRequest
from render_service.renders import PROVIDER, UNCONFIRMED, model_name, usage_row
from render_service.storage import Render, Renders, Status

_SAVE_PAUSES_SECONDS = (0.1, 0.4, 1.0)


async def create_render(context: Context, body: RenderRequest) -> Render:
    """Insert the row of a new render, which must exist before anything is submitted. Raises `DatabaseError`."""
    output, request_url = body.edit["output"], urlsplit(context.request.url)
    size = output.get("size")
    return await Renders(context.bindings.database).create(
        Render(
            id=str(uuid.uuid4()),
            request_id=context.request_id,
            traceparent=context.trace.header,
            key_id=context.principal.key_id,
            instance_id=context.labels.instance_id,
            project_id=context.labels.project_id,
            provider=PROVIDER.name,
            environment=PROVIDER.environment(context.settings),
            format=output["format"],
            resolution=f"{size['width']}x{size['height']}" if size else output.get("resolution"),
            base_url=f"{request_url.scheme}://{request_url.netloc}",
            callback_url=body.callback_url,
            callback_status="pending" if body.callback_url else None,
        )
    )


async def submit(context: Context, render: Render, edit: dict[str, Any]) -> None:
    """Submit an edit and save the vendor's id of the render. Raises `ProviderError` and `UnavailableError`."""
    usage = context.usage = Usage(provider=render.provider, model=model_name(render), unit="seconds")
    renders = Renders(context.bindings.database)
    try:
        provider_id = await submit_render(context, PROVIDER, edit)
    except ProviderError as error:
        refused = is_refusal(error)
        extended = error.extend("" if refused else UNCONFIRMED, render_id=render.id)
        status: Status = "failed" if refused else "unconfirmed"
        await save(context, render, lambda: renders.advance(render.id, status, error=extended.message))
        row = usage_row(context, render, usage, status=error.status, error_code=error.error_code)
        await save(context, render, lambda: context.bindings.table(UsageLedger).write_now(row))
        raise extended from error
    if not await save(context, render, lambda: renders.advance(render.id, "queued", provider_id=provider_id)):
        raise UnavailableError(
            f"{PROVIDER.title} accepted the render as {provider_id}, but the database could not save that. Look for it "
            f"in your {PROVIDER.title} dashboard before you send it again.",
            details={"render_id": render.id, "provider_id": provider_id},
        )


async def save(context: Context, render: Render, write: Callable[[], Awaitable[None]]) -> bool:
    """Write to the database, up to four times; return whether that succeeded.

    A failure is logged and not raised: it must not hide what happened to the submission.
    """
    for pause in (*_SAVE_PAUSES_SECONDS, None):
        try:
            await write()
        except DatabaseError as error:
            context.log.warning(
                "save", request_id=render.request_id, render_id=render.id, error=error.reason, last=pause is None
            )
            if pause is not None:
                await asyncio.sleep(pause)
        else:
            return True
    return False
