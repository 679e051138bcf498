"""The background work of one render: asks Shotstack until it ends, keeps the file, and calls the caller back.

It runs as a Workflow, so it outlives the request, the isolate and the process. Its name is the render's id.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Literal

from electrons.capabilities.render import look_up_render
from electrons.context import Context, Labels
from electrons.errors import ProviderError, ProviderRejectedError
from electrons.http import Request
from electrons.storage.ledger import UsageLedger
from electrons.upstream.client import open_response
from electrons.upstream.provider import ProviderRequest
from electrons.workflows import Retries, Steps
from render_service.callbacks import call_back
from render_service.renders import (
    FILES,
    LOOK_AGAIN,
    PROVIDER,
    UNCONFIRMED,
    describe,
    file_name,
    longest_pause,
    submission_is_lost,
    usage_row,
    webhook_url,
)
from render_service.settings import RenderSettings
from render_service.storage import Render, Renders
from render_service.urls import find_url_problem

NextStep = Literal["wait", "store", "end", "stop"]
"""What follows a look: another one, the copy of the file, the end, or nothing because the caller knows already."""

COPY_TIMEOUT_SECONDS = 800.0
"""For the whole file; a step has 15 minutes."""

_COPY_RETRIES = Retries(limit=4, first_pause_seconds=2)
_SETTLING_SECONDS = 60
_CONTENT_TYPES = {
    "mp4": "video/mp4", "gif": "image/gif", "mp3": "audio/mpeg", "jpg": "image/jpeg", "png": "image/png",
    "bmp": "image/bmp",
}  # fmt: skip


async def follow(steps: Steps, context: Context, render_id: str) -> None:
    """Follows a render to its end."""
    outcome: NextStep = "wait"
    for number, seconds in enumerate(pauses(context), start=1):
        outcome = await steps.do(f"look {number}", lambda: look(context, render_id))
        if outcome != "wait":
            break
        if webhook_url(context.settings_as(RenderSettings), render_id):
            await steps.wait(f"pause {number}", event=LOOK_AGAIN, seconds=seconds)
        else:
            await steps.sleep(f"pause {number}", seconds=seconds)
    if outcome == "stop":
        return
    if outcome == "store":
        try:
            await steps.do("store", lambda: store(context, render_id), retries=_COPY_RETRIES)
        except Exception as error:  # noqa: BLE001  # whatever it is, the caller must hear of an end
            reason = str(error)
            await steps.do("give up", lambda: give_up(context, render_id, reason))
    await steps.do("record usage", lambda: record(context, render_id))
    await call_back(steps, context, lambda: load(context, render_id))


def pauses(context: Context) -> Iterator[float]:
    """Seconds between two looks, growing."""
    first, longest = (
        context.settings_as(RenderSettings).render_poll_seconds,
        longest_pause(context.settings_as(RenderSettings)),
    )
    return (min(first * 1.5**number, longest) for number in itertools.count())


async def load(context: Context, render_id: str) -> Render:
    """The row. From here on the context speaks for the request that asked for the render."""
    render = await Renders(context.bindings.database).find(render_id)
    if render is None:
        raise LookupError(f"the render {render_id} has no row")
    context.request_id = render.request_id
    context.request = Request(method="WORKFLOW", url=render.base_url)
    context.labels = Labels(instance_id=render.instance_id, project_id=render.project_id)
    return render


async def look(context: Context, render_id: str) -> NextStep:
    """Looks at the row and asks the provider; notes what has changed."""
    render = await load(context, render_id)
    renders = Renders(context.bindings.database)
    if render.ended:
        return "stop"
    if submission_is_lost(render, context.settings_as(RenderSettings)):
        await renders.advance(render_id, "failed", error=UNCONFIRMED)
        return "end"
    if render.age_seconds > context.settings_as(RenderSettings).render_timeout_seconds:
        await renders.advance(render_id, "failed", error=timeout_text(render, context))
        return "end"
    if render.status == "unconfirmed" and webhook_url(context.settings_as(RenderSettings), render_id) is None:
        await renders.advance(render_id, "failed", error=render.error)
        return "stop"
    if render.provider_id is None:
        await renders.note(render_id)
        return "wait"
    return await ask(context, render, render.provider_id)


def timeout_text(render: Render, context: Context) -> str:
    """Why nobody waits for this render any longer."""
    if render.status == "unconfirmed" and render.error:
        return render.error
    return f"The render did not end within {context.settings_as(RenderSettings).render_timeout_seconds:g} seconds"


async def ask(context: Context, render: Render, provider_id: str) -> NextStep:
    """Asks the provider. That it cannot be reached is no end of a render: the next look may find it."""
    renders = Renders(context.bindings.database)
    try:
        state = await look_up_render(context, PROVIDER, provider_id, environment=render.environment)
    except ProviderError as error:
        context.log.warning("look", request_id=render.request_id, render_id=render.id, error=error.message)
        if isinstance(error, ProviderRejectedError) and render.age_seconds > _SETTLING_SECONDS:
            text = f"Shotstack does not know the render (any longer): {error.message}"
            await renders.advance(render.id, "failed", error=text)
            return "end"
        await renders.note(render.id)
        return "wait"
    if state.status == "failed":
        await renders.advance(render.id, "failed", error=state.error or "Shotstack could not render it")
        return "end"
    if state.status != "done":
        await renders.advance(render.id, state.status)
        return "wait"
    await renders.advance(
        render.id,
        "saving",
        provider_url=state.url,
        duration_seconds=state.duration_seconds,
        render_time_ms=state.render_time_ms,
    )
    return "store"


async def store(context: Context, render_id: str) -> None:
    """Copies the film into R2, with its metadata beside it. Raises what makes another try worth it."""
    render = await load(context, render_id)
    url = render.provider_url or ""
    if problem := find_url_problem(
        url, allow_loopback=context.settings_as(RenderSettings).allow_loopback_urls == "true"
    ):
        raise ValueError(f"Shotstack's link {problem}")
    request = ProviderRequest(method="GET", file_url=url)
    async with open_response(context, PROVIDER, request, total_timeout_seconds=COPY_TIMEOUT_SECONDS) as response:
        stored = await FILES.put_stream(
            context,
            file_name(render),
            response,
            content_type=_CONTENT_TYPES[render.format],
            provider=PROVIDER,
            model=f"edit-{render.environment}",
        )
    await Renders(context.bindings.database).note(render_id, size_bytes=stored.size)
    document = describe(context, replace(render, status="done", size_bytes=stored.size))
    await FILES.put_bytes(
        context,
        file_name(render, "json"),
        document.model_dump_json(exclude_none=True, exclude={"callback", "success", "timestamp"}).encode(),
        content_type="application/json",
        provider=PROVIDER.name,
        model=f"edit-{render.environment}",
    )
    await Renders(context.bindings.database).advance(render_id, "done")


async def give_up(context: Context, render_id: str, reason: str) -> None:
    """The film is made, but there is no copy of it."""
    render = await load(context, render_id)
    context.log.warning("store", request_id=render.request_id, render_id=render_id, error=reason)
    text = f"The render is made, but its file could not be copied; for a day it is at {render.provider_url}"
    await Renders(context.bindings.database).advance(render_id, "failed", error=text)


async def record(context: Context, render_id: str) -> None:
    """Writes the render's row into the usage ledger."""
    render = await load(context, render_id)
    failed = render.status != "done"
    row = usage_row(context, render, status=502 if failed else 200, error_code="RENDER_FAILED" if failed else None)
    await context.bindings.table(UsageLedger).write(row)
