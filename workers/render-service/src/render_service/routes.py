"""Renders: submitted once, then followed in the background (`follow.py`); here they are asked for and shown."""

import asyncio
import time
import uuid
from typing import Any
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from electrons.app import App
from electrons.capabilities.render import is_refusal, look_up_render, submit_render
from electrons.context import Context
from electrons.errors import ConfigurationError, NotFoundError, ProviderError, RequestError, UnavailableError
from electrons.http import Response
from electrons.models import ResponseModel
from electrons.storage.ledger import UsageLedger
from electrons.usage import Usage
from render_service.models import WAIT_LIMIT_SECONDS, RenderRequest, RenderResponse
from render_service.renders import (
    FILES,
    LOOK_AGAIN,
    PROVIDER,
    UNCONFIRMED,
    describe,
    longest_pause,
    submission_is_lost,
    usage_row,
)
from render_service.renders import webhook_url as webhook_url_of
from render_service.settings import RenderSettings
from render_service.storage import Render, Renders
from render_service.urls import find_url_problem

app = App("render-service", scope="render", providers=(PROVIDER,), settings=RenderSettings)
app.serve_media(FILES)

_RESUMED = 20
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 4.0  # a Worker has 50 queries to D1 on the free plan, and a request may wait for two minutes


class WebhookCall(BaseModel):
    """A webhook as its vendor sends it. It is not signed, so it proves nothing; only the render's id is read from it."""

    model_config = ConfigDict(extra="allow")


@app.post("/render", needs=(PROVIDER, FILES), body_limit=4 * 1024 * 1024)
async def post_render(context: Context, body: RenderRequest) -> RenderResponse:
    """`POST /render`: 202, or 200 when the caller waited to the end."""
    check_urls(context, body)
    settings = context.settings_as(RenderSettings)
    if body.callback_url and not settings.callback_signing_secret.reveal():
        raise ConfigurationError("`callback_url` needs the secret `CALLBACK_SIGNING_SECRET`, which signs the call")
    render = await create_row(context, body)
    edit = body.edit
    if announced_at := webhook_url_of(settings, render.id):
        edit["callback"] = announced_at
    try:
        # First, so that nothing is ever paid for that nobody follows.
        await context.bindings.render_workflow.create(render.id)
    except UnavailableError as error:
        await renders_of(context).advance(render.id, "failed", error=error.message)
        raise
    await context.see_through(submit(context, render, edit))
    return answer(context, await wait_for_end(context, render.id, seconds=body.wait_seconds), unfinished=202)


@app.get("/render/")
async def get_nothing(_context: Context) -> Response:
    """`GET /render/`: the id is missing."""
    raise RequestError("Render ID is required")


@app.get("/render/{render_id}")
async def get_render(context: Context) -> RenderResponse:
    """`GET /render/{render_id}`: the state of a render, at once or after up to `wait_seconds`."""
    seconds = read_wait_seconds(context.request.query.get("wait_seconds", "0"))
    render = await find(context, context.path_parameters["render_id"])
    if submission_is_lost(render, context.settings_as(RenderSettings)):
        await renders_of(context).advance(render.id, "failed", error=UNCONFIRMED)
    elif not render.ended and render.idle_seconds > 2 * longest_pause(context.settings_as(RenderSettings)):
        await wake(context, render.id)
    return answer(context, await wait_for_end(context, render.id, seconds=seconds), unfinished=200)


@app.post(f"/webhooks/{PROVIDER.name}/{{render_id}}", public=True, body_limit=64 * 1024)
async def post_webhook(context: Context, body: WebhookCall) -> ResponseModel:
    """`POST /webhooks/shotstack/{render_id}`: ask Shotstack at once how far the render is, whatever the body claims.

    A render whose submission was not confirmed is found again here, if Shotstack itself reports that it was told to
    call this very address about the render of that id. Without `PUBLIC_BASE_URL` it was never told any address.
    """
    render = await find(context, context.path_parameters["render_id"])
    expected = webhook_url_of(context.settings_as(RenderSettings), render.id)
    provider_id = PROVIDER.parse_webhook(body.model_dump())
    if expected and provider_id and render.provider_id is None and not render.ended:
        state = await look_up_render(context, PROVIDER, provider_id, environment=render.environment, with_edit=True)
        if state.callback == expected:
            await renders_of(context).advance(render.id, "queued", provider_id=provider_id, error=None)
    if not render.ended:
        await wake(context, render.id)
    return ResponseModel()


@app.on_start
async def resume(context: Context) -> None:
    """Wakes what is unfinished. Cloudflare does that by itself, but nobody else does after a local run was killed."""
    for render_id in await renders_of(context).find_unfinished(limit=_RESUMED):
        await wake(context, render_id)


def renders_of(context: Context) -> Renders:
    """The table of renders."""
    return Renders(context.bindings.database)


async def find(context: Context, render_id: str) -> Render:
    """The row of a render. Raises `NotFoundError`."""
    render = await renders_of(context).find(render_id)
    if render is None:
        raise NotFoundError("Render not found", code="RENDER_NOT_FOUND")
    return render


def check_urls(context: Context, body: RenderRequest) -> None:
    """Raises `RequestError` for URLs that are not public."""
    allow_loopback = context.settings_as(RenderSettings).allow_loopback_urls == "true"
    problems = [
        {"field": path, "message": problem}
        for path, url in body.urls()
        if (problem := find_url_problem(url, allow_loopback=allow_loopback))
    ]
    if problems:
        text = "; ".join(f"{problem['field']}: {problem['message']}" for problem in problems)
        raise RequestError(text, details={"fields": problems})


def read_wait_seconds(text: str) -> float:
    """The query parameter. Raises `RequestError`."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= WAIT_LIMIT_SECONDS:
        message = f"must be seconds from 0 to {WAIT_LIMIT_SECONDS}"
        fields = [{"field": "wait_seconds", "message": message}]
        raise RequestError(f"wait_seconds: {message}", details={"fields": fields})
    return seconds


async def create_row(context: Context, body: RenderRequest) -> Render:
    """The row of a new render, which is in D1 before anything is submitted."""
    output, request_url = body.edit["output"], urlsplit(context.request.url)
    size = output.get("size")
    return await renders_of(context).create(
        Render(
            id=str(uuid.uuid4()),
            request_id=context.request_id,
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
    """Submits and notes what came of it. Raises `ProviderError`."""
    context.usage = Usage(provider=render.provider, model=f"edit-{render.environment}", unit="seconds")
    try:
        provider_id = await submit_render(context, PROVIDER, edit)
    except ProviderError as error:
        error.details = {**(error.details or {}), "render_id": render.id}
        if is_refusal(error):
            await renders_of(context).advance(render.id, "failed", error=error.message)
        else:
            error.message = f"{error.message}. {UNCONFIRMED}"
            await renders_of(context).advance(render.id, "unconfirmed", error=error.message)
        row = usage_row(context, render, status=error.status, error_code=error.error_code)
        await context.bindings.table(UsageLedger).write(row)
        raise
    await renders_of(context).advance(render.id, "queued", provider_id=provider_id)


async def wait_for_end(context: Context, render_id: str, *, seconds: float) -> Render:
    """The render when it has ended, or as it is when the time is over."""
    deadline, pause = time.monotonic() + seconds, _FIRST_PAUSE_SECONDS
    while True:
        render = await find(context, render_id)
        remaining = deadline - time.monotonic()
        if render.ended or render.status == "unconfirmed" or remaining <= 0:
            return render
        await asyncio.sleep(min(pause, remaining))
        pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)


async def wake(context: Context, render_id: str) -> None:
    """Has the background work look at once; that it cannot be told is no failure of the request."""
    try:
        await context.bindings.render_workflow.send(render_id, event=LOOK_AGAIN)
    except UnavailableError as error:
        context.log.warning("wake", request_id=context.request_id, render_id=render_id, error=error.message)


def answer(context: Context, render: Render, *, unfinished: int) -> RenderResponse:
    """Return the body that shows a render; `unfinished` is the status of one that has not ended."""
    shown = describe(context, render)
    return shown.with_status(200 if shown.status in {"done", "failed"} else unfinished)
