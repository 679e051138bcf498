"""Renders that nobody follows any longer: their Workflow was never started, or it failed."""

from __future__ import annotations

from electrons.context import Context
from electrons.errors import UnavailableError
from render_service.follow import check, record_usage
from render_service.renders import CHECK_NOW, longest_pause
from render_service.settings import RenderSettings
from render_service.storage import Renders

RESUME_LIMIT = 20


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

    Return how many there were, 20 at most in one run. Raises `DatabaseError`.
    """
    settings = context.settings_as(RenderSettings)
    idle_seconds = 10 * longest_pause(settings) + 60
    renders = Renders(context.bindings.database)
    found = await renders.find_unfinished(idle_seconds=idle_seconds, limit=RESUME_LIMIT)
    for render_id in found:
        is_followed = await wake(context, render_id) or await _start(context, render_id)
        render = await renders.find(render_id)
        is_late = render is not None and render.age_seconds > settings.render_timeout_seconds + idle_seconds
        # An instance that has ended or failed may take the event all the same.
        if (is_late or not is_followed) and await check(context, render_id) == "end":
            await record_usage(context, render_id)
        await renders.note(render_id)  # the next run begins with others
    return len(found)


async def _start(context: Context, render_id: str) -> bool:
    """Start the background work; return False if it was started before."""
    try:
        await context.bindings.render_workflow.create(render_id)
    except UnavailableError:
        return False
    return True
