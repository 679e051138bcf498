"""Renders that nobody follows any longer: their Workflow was never started, or it failed."""

from __future__ import annotations

from electrons.context import Context
from electrons.errors import ElectronsError, UnavailableError
from render_service.callbacks import attempt
from render_service.copying import copy_file, give_up_copy
from render_service.follow import check, record_usage
from render_service.renders import CHECK_NOW, load_render, longest_pause
from render_service.settings import RenderSettings
from render_service.storage import Render, Renders

RESUME_LIMIT = 20

# On the free plan D1 takes 50 queries in one invocation: two for each render, and up to eight more to end one.
_RECOVER_LIMIT = 10
_END_LIMIT = 3

_COPY_SECONDS = 86_400
"""For so long a vendor's link to the finished file works."""


async def wake(context: Context, render_id: str) -> bool:
    """Make the background work check now; return whether there is any. A failure does not fail the request."""
    try:
        await context.bindings.render_workflow.send(render_id, event=CHECK_NOW)
    except UnavailableError as error:
        context.log.warning("wake", request_id=context.request_id, render_id=render_id, error=error.message)
        return False
    return True


async def recover_renders(context: Context) -> int:
    """Have each render followed to its end that has been idle for much longer than its background work pauses.

    Return how many it has looked at, 10 at most in one run. One that fails is logged and does not stop the others.
    Raises `DatabaseError`.
    """
    settings = context.settings_as(RenderSettings)
    idle_seconds = 10 * longest_pause(settings) + 60
    renders = Renders(context.bindings.database)
    count = ended = 0
    for render_id in await renders.find_unfinished(idle_seconds=idle_seconds, limit=_RECOVER_LIMIT):
        if ended == _END_LIMIT:
            break
        count += 1
        is_followed = await wake(context, render_id) or await _start(context, render_id)
        render = await load_render(context, render_id)
        # An instance that has ended or failed may take the event all the same.
        if not is_followed or render.age_seconds > settings.render_timeout_seconds + idle_seconds:
            ended += 1
            try:
                await _end(context, render, is_followed=is_followed)
            except ElectronsError as error:
                context.log.error("recover", cause=error, request_id=render.request_id, render_id=render_id)
        await renders.note(render_id)  # the next run begins with others
    return count


async def _end(context: Context, render: Render, *, is_followed: bool) -> None:
    """Do once what the background work would do: check, copy, record the usage, call back."""
    settings = context.settings_as(RenderSettings)
    has_ended_here = False
    if not render.ended:
        is_finished = render.status == "saving" and render.provider_url is not None
        next_step = "copy" if is_finished else await check(context, render.id)
        if next_step == "copy" and not await _copy(context, render):
            return
        has_ended_here = next_step in {"copy", "end"}
        if has_ended_here:
            await record_usage(context, render.id)
    # The background work does not call back for what has ended elsewhere; before it gives up, it calls for the rest.
    is_given_up = render.age_seconds > settings.render_timeout_seconds + settings.callback_give_up_seconds
    if has_ended_here or is_given_up or not is_followed:
        await attempt(context, lambda: load_render(context, render.id), last=is_given_up)


async def _copy(context: Context, render: Render) -> bool:
    """Copy the finished file, which is paid for; return False if the next run has to try again."""
    try:
        await copy_file(context, render.id, is_repeat=True)
    except ElectronsError as error:
        context.log.warning("copy", request_id=render.request_id, render_id=render.id, error=error.message)
        if render.age_seconds <= context.settings_as(RenderSettings).render_timeout_seconds + _COPY_SECONDS:
            return False
        await give_up_copy(context, render.id)
    return True


async def _start(context: Context, render_id: str) -> bool:
    """Start the background work; return False if it was started before."""
    try:
        await context.bindings.render_workflow.create(render_id)
    except UnavailableError:
        return False
    return True
