"""The routes of render-service. A render is submitted once (`submission.py`) and then followed by `follow.py`."""

import asyncio
import time
from dataclasses import replace

from pydantic import BaseModel, ConfigDict

from electrons.app import App
from electrons.capabilities.render import look_up_render
from electrons.context import Context
from electrons.errors import ConfigurationError, DatabaseError, NotFoundError, RequestError, UnavailableError
from electrons.http import Response
from electrons.middleware.validation import invalid_fields
from electrons.models import ResponseModel
from electrons.routing import RouteDocs
from electrons.schedule import delete_rows
from render_service.models import WAIT_LIMIT_SECONDS, RenderRequest, RenderResponse
from render_service.recovery import RESUME_LIMIT, recover_renders, wake
from render_service.renders import (
    FILES,
    PROVIDER,
    UNCONFIRMED,
    describe,
    is_submission_lost,
    longest_pause,
    webhook_url,
)
from render_service.settings import RenderSettings
from render_service.storage import Render, Renders
from render_service.submission import create_render, save, submit
from render_service.urls import find_url_problem

EXAMPLE = {
    "timeline": {"tracks": [{"clips": [{"asset": {"type": "title", "text": "Hello"}, "start": 0, "length": 2}]}]},
    "output": {"format": "mp4", "resolution": "sd"},
}

app = App("render-service", scope="render", providers=(PROVIDER,), settings=RenderSettings)
app.serve_media(FILES)

_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 4.0  # a Worker has 50 queries to D1 on the free plan, and a request may wait for two minutes


class WebhookCall(BaseModel):
    """A webhook as its vendor sends it. It is not signed, so it proves nothing; only the render's id is read."""

    model_config = ConfigDict(extra="allow")


@app.post(
    "/render", needs=(PROVIDER, FILES), body_limit=4 * 1024 * 1024, docs=RouteDocs(example=EXAMPLE, statuses=(200, 202))
)
async def post_render(context: Context, body: RenderRequest) -> RenderResponse:
    """Respond to `POST /render` with 202, or with 200 if the render ended within `wait_seconds`."""
    check_urls(context, body)
    settings = context.settings_as(RenderSettings)
    if body.callback_url and not settings.callback_signing_secret.reveal():
        raise ConfigurationError("`callback_url` needs the secret `CALLBACK_SIGNING_SECRET`, which signs the call")
    render = await create_render(context, body)
    edit = body.edit
    if address := webhook_url(settings, render.id):
        edit["callback"] = address
    try:
        # First, so that nothing is ever paid for that nobody follows.
        await context.bindings.render_workflow.create(render.id)
    except UnavailableError as error:
        message = error.message
        await save(context, render, lambda: renders_of(context).advance(render.id, "failed", error=message))
        raise
    await context.see_through(submit(context, render, edit))
    queued = replace(render, status="queued")
    return respond(context, await wait_for_end(context, queued, seconds=body.wait_seconds), unfinished=202)


@app.get("/render/")
async def get_render_without_id(_context: Context) -> Response:
    """Respond to `GET /render/`, whose id is missing."""
    raise RequestError("Render ID is required")


@app.get(
    "/render/{render_id}",
    docs=RouteDocs(query={"wait_seconds": f"wait up to this long for the end, {WAIT_LIMIT_SECONDS} at most"}),
)
async def get_render(context: Context) -> RenderResponse:
    """Respond to `GET /render/{render_id}` with the state of a render, at once or after up to `wait_seconds`."""
    seconds = read_wait_seconds(context.request.query.get("wait_seconds", "0"))
    render, settings = await find_render(context), context.settings_as(RenderSettings)
    if is_submission_lost(render, settings):
        await renders_of(context).advance(render.id, "failed", error=UNCONFIRMED)
        render = await find_render(context)
    elif not render.ended and render.idle_seconds > 2 * longest_pause(settings):
        await wake(context, render.id)
    return respond(context, await wait_for_end(context, render, seconds=seconds), unfinished=200)


@app.post(f"/webhooks/{PROVIDER.name}/{{render_id}}", public=True, body_limit=64 * 1024)
async def post_webhook(context: Context, body: WebhookCall) -> ResponseModel:
    """`POST /webhooks/shotstack/{render_id}`: ask Shotstack at once how far the render is, whatever the body claims.

    A render whose submission was not confirmed is found again here, if Shotstack itself reports that it was told to
    call this very address about the render of that id. Without `PUBLIC_BASE_URL` it was never told any address.
    """
    render = await find_render(context)
    address = webhook_url(context.settings_as(RenderSettings), render.id)
    provider_id = PROVIDER.parse_webhook(body.model_dump())
    if address and provider_id and render.provider_id is None and not render.ended:
        state = await look_up_render(context, PROVIDER, provider_id, environment=render.environment, with_edit=True)
        if state.callback == address:
            await renders_of(context).advance(render.id, "queued", provider_id=provider_id, error=None)
    if not render.ended:
        await wake(context, render.id)
    return ResponseModel()


@app.on_start
async def resume_renders(context: Context) -> None:
    """Wake the unfinished renders. Cloudflare does that by itself, but a local run that was killed does not."""
    for render_id in await renders_of(context).find_unfinished(limit=RESUME_LIMIT):
        await wake(context, render_id)


app.on_schedule(recover_renders)


@app.on_schedule
async def delete_old_renders(context: Context) -> int:
    """Delete the rows of ended renders after `RECORDS_KEEP_DAYS`."""
    ended = "status IN ('done', 'failed') AND callback_status IS NOT 'pending'"
    return await delete_rows(context, "renders", keep_days=context.settings.records_keep_days, where=ended)


def renders_of(context: Context) -> Renders:
    """Return the table of renders."""
    return Renders(context.bindings.database)


async def find_render(context: Context) -> Render:
    """Return the row of the render that the path names. Raises `NotFoundError`."""
    render = await renders_of(context).find(context.path_parameters["render_id"])
    if render is None:
        raise NotFoundError("Render not found", code="RENDER_NOT_FOUND")
    return render


def check_urls(context: Context, body: RenderRequest) -> None:
    """Raise `RequestError` for URLs that are not public."""
    allow_loopback = context.settings_as(RenderSettings).allow_loopback_urls == "true"
    problems = [
        {"field": path, "message": problem}
        for path, url in body.urls()
        if (problem := find_url_problem(url, allow_loopback=allow_loopback))
    ]
    if problems:
        raise invalid_fields(problems)


def read_wait_seconds(text: str) -> float:
    """Return the seconds in the query parameter. Raises `RequestError`."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= WAIT_LIMIT_SECONDS:
        message = f"must be seconds from 0 to {WAIT_LIMIT_SECONDS}"
        raise invalid_fields([{"field": "wait_seconds", "message": message}])
    return seconds


async def wait_for_end(context: Context, render: Render, *, seconds: float) -> Render:
    """Return the render when it has ended, or as it is when the time is over.

    If the database fails meanwhile, the render is returned as it was last seen: its id must reach the caller.
    """
    deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE_SECONDS
    while not (render.ended or render.status == "unconfirmed"):
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            break
        await asyncio.sleep(min(pause, remaining))
        pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)
        try:
            render = await renders_of(context).find(render.id) or render
        except DatabaseError as error:
            context.log.warning("wait", request_id=context.request_id, render_id=render.id, error=error.reason)
    return render


def respond(context: Context, render: Render, *, unfinished: int) -> RenderResponse:
    """Return the body that shows a render; `unfinished` is the status of one that has not ended."""
    shown = describe(context, render)
    return shown.with_status(200 if shown.status in {"done", "failed"} else unfinished)
