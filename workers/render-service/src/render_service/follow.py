"""The background work of one render: ask for its progress until it ends, copy the file, and call the caller back.

It runs as a Workflow, so it outlives the request, the isolate and the process. Its instance id is the render's id.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Literal

from electrons.capabilities.render import look_up_render
from electrons.context import Context
from electrons.errors import ProviderError, ProviderRejectedError
from electrons.storage.ledger import UsageLedger
from electrons.workflows import Retries, Steps
from render_service.callbacks import call_back
from render_service.copying import copy_file, give_up_copy
from render_service.renders import (
    CHECK_NOW,
    PROVIDER,
    UNCONFIRMED,
    is_submission_lost,
    load_render,
    longest_pause,
    measure_usage,
    usage_row,
    webhook_url,
)
from render_service.settings import RenderSettings
from render_service.storage import Render, Renders

NextStep = Literal["wait", "copy", "end", "stop"]
"""What follows a check: another one, the copy of the file, the end, or nothing because the caller knows already."""

_COPY_RETRIES = Retries(limit=4, first_pause_seconds=2)
_RECORD_RETRIES = Retries(limit=8, first_pause_seconds=2)
_SETTLING_SECONDS = 60


async def follow(steps: Steps, context: Context, render_id: str) -> None:
    """Follow a render to its end."""
    settings = context.settings_as(RenderSettings)
    next_step: NextStep = "wait"
    for number, seconds in enumerate(pauses(settings), start=1):
        next_step = await steps.do(f"check {number}", lambda: check(context, render_id))
        if next_step != "wait":
            break
        if webhook_url(settings, render_id):
            await steps.wait(f"pause {number}", event=CHECK_NOW, seconds=seconds)
        else:
            await steps.sleep(f"pause {number}", seconds=seconds)
    if next_step == "stop":
        return
    if next_step == "copy":
        attempts = itertools.count()
        try:
            await steps.do(
                "copy", lambda: copy_file(context, render_id, is_repeat=next(attempts) > 0), retries=_COPY_RETRIES
            )
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller must hear of an end
            context.log.warning("copy", request_id=context.request_id, render_id=render_id, error=type(error).__name__)
            await steps.do("give up", lambda: give_up_copy(context, render_id))
    try:
        await steps.do("record usage", lambda: record_usage(context, render_id), retries=_RECORD_RETRIES)
    except Exception as error:  # noqa: BLE001  # the caller is still waiting for the callback
        context.log.error("record", cause=error, request_id=context.request_id, render_id=render_id)
    await call_back(steps, context, lambda: load_render(context, render_id))


def pauses(settings: RenderSettings) -> Iterator[float]:
    """Yield the growing seconds between two checks, without end."""
    first, longest = settings.render_poll_seconds, longest_pause(settings)
    return (min(first * 1.5**number, longest) for number in itertools.count())


async def check(context: Context, render_id: str) -> NextStep:
    """Check the row, ask the vendor for the progress, and save what has changed."""
    render = await load_render(context, render_id)
    renders, settings = Renders(context.bindings.database), context.settings_as(RenderSettings)
    if render.ended:
        return "stop"
    if is_submission_lost(render, settings):
        await renders.advance(render_id, "failed", error=UNCONFIRMED)
        return "end"
    if render.age_seconds > settings.render_timeout_seconds:
        await renders.advance(render_id, "failed", error=timeout_text(render, settings))
        return "end"
    if render.status == "unconfirmed" and webhook_url(settings, render_id) is None:
        await renders.advance(render_id, "failed", error=render.error)
        return "stop"
    if render.provider_id is None:
        await renders.note(render_id)
        return "wait"
    return await check_progress(context, render, render.provider_id)


def timeout_text(render: Render, settings: RenderSettings) -> str:
    """Return why a render is not followed any longer."""
    if render.status == "unconfirmed" and render.error:
        return render.error
    seconds = f"{settings.render_timeout_seconds:g} seconds"
    if render.status == "saving":
        return f"{PROVIDER.title} finished the render, but gave no link to its file within {seconds}"
    return f"The render did not end within {seconds}"


async def check_progress(context: Context, render: Render, provider_id: str) -> NextStep:
    """Ask the vendor. A failed call does not end a render: the next one may succeed."""
    renders = Renders(context.bindings.database)
    try:
        progress = await look_up_render(context, PROVIDER, provider_id, environment=render.environment)
    except ProviderError as error:
        context.log.warning(
            "check",
            request_id=render.request_id,
            render_id=render.id,
            error_code=error.error_code,
            status=error.upstream_status,
        )
        if isinstance(error, ProviderRejectedError) and render.age_seconds > _SETTLING_SECONDS:
            text = f"{PROVIDER.title} no longer knows the render: {error.message}"
            await renders.advance(render.id, "failed", error=text)
            return "end"
        await renders.note(render.id)
        return "wait"
    if progress.status == "failed":
        text = progress.error or f"{PROVIDER.title} could not render the edit and gave no reason"
        await renders.advance(render.id, "failed", error=text)
        return "end"
    if progress.status != "done":
        await renders.advance(render.id, progress.status)
        return "wait"
    await renders.advance(
        render.id,
        "saving",
        provider_url=progress.url,
        duration_seconds=progress.duration_seconds,
        render_time_ms=progress.render_time_ms,
    )
    return "copy" if progress.url else "wait"


async def record_usage(context: Context, render_id: str) -> None:
    """Write the render's row into the usage ledger, and return only when it is there. Raises `DatabaseError`.

    An unconfirmed submission has its row already. What the render really used takes its place, if anybody knows that.
    """
    render = await load_render(context, render_id)
    failed = render.status != "done"
    row = usage_row(
        context,
        render,
        measure_usage(render),
        status=502 if failed else 200,
        error_code="RENDER_FAILED" if failed else None,
    )
    ledger = context.bindings.table(UsageLedger)
    await (ledger.replace(row) if render.provider_id else ledger.write_now(row))
