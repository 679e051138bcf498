"""What requests and background work share: the provider, the folder of files, and how a row is shown and recorded."""

import math

from electrons.capabilities.render import RenderProvider, RenderStatus
from electrons.context import Context, Labels
from electrons.http import Request
from electrons.providers.shotstack.provider import ShotstackProvider
from electrons.storage.ledger import Row, build_row
from electrons.storage.media import MediaFolder
from electrons.tracing import continue_trace
from electrons.usage import Usage
from render_service.models import CallbackState, RenderMetadata, RenderResponse
from render_service.settings import RenderSettings
from render_service.storage import Render, Renders

PROVIDER: RenderProvider = ShotstackProvider()

FILES = MediaFolder(
    bucket="RENDER_STORAGE",
    path="/renders",
    not_found="Render file not found",
    content_types=("video/mp4", "image/gif", "image/jpeg", "image/png", "audio/mpeg"),
)

CHECK_NOW = "check-now"
"""The event that ends a pause of the background work."""

UNCONFIRMED = (
    f"{PROVIDER.title} did not confirm the render, so it may or may not be rendering, and be paid for; "
    f"look at your {PROVIDER.title} dashboard before you send it again"
)

_SHOWN: dict[str, RenderStatus] = {"submitting": "queued", "unconfirmed": "failed"}

_PROGRESS = {
    "queued": 0,
    "fetching": 10,
    "preprocessing": 25,
    "rendering": 50,
    "saving": 90,
    "done": 100,
    "failed": 100,
}


def file_name(render: Render, extension: str | None = None) -> str:
    """Return the name of a render's file, or of another file that belongs to it."""
    return f"{render.id}.{extension or render.format}"


def model_name(render: Render) -> str:
    """Return what the usage ledger and stored files call the model: the vendor's API and its environment."""
    return f"edit-{render.environment}"


def webhook_url(settings: RenderSettings, render_id: str) -> str | None:
    """Return the address at which the vendor may announce the end of a render, None if it cannot be reached."""
    base = settings.public_base_url.rstrip("/")
    return f"{base}/webhooks/{PROVIDER.name}/{render_id}" if base else None


def longest_pause(settings: RenderSettings) -> float:
    """Return the seconds between two checks of a render, once the pauses have grown."""
    return settings.render_poll_seconds * 15


def is_submission_lost(render: Render, settings: RenderSettings) -> bool:
    """Return whether no request can still be waiting for the response to the submission."""
    return render.status == "submitting" and render.age_seconds > settings.total_timeout_seconds + 60


async def load_render(context: Context, render_id: str) -> Render:
    """Return the row of a render, and make the context that of the request that asked for it. Raises LookupError."""
    render = await Renders(context.bindings.database).find(render_id)
    if render is None:
        raise LookupError(f"the render {render_id} has no row")
    context.request_id, context.trace = render.request_id, continue_trace(render.traceparent)
    context.request = Request(method="WORKFLOW", url=render.base_url)
    context.labels = Labels(instance_id=render.instance_id, project_id=render.project_id)
    return render


def describe(context: Context, render: Render) -> RenderResponse:
    """Return a row as callers see it."""
    status = _SHOWN.get(render.status, render.status)
    callback = None
    if render.callback_url and render.callback_status:
        callback = CallbackState(
            url=render.callback_url,
            status=render.callback_status,
            attempts=render.callback_attempts,
            last_status=render.callback_last_status,
        )
    return RenderResponse(
        render_id=render.id,
        status=status,
        progress=_PROGRESS[status],
        url=FILES.url(context, file_name(render)) if status == "done" else None,
        error=render.error if status == "failed" else None,
        metadata=RenderMetadata(
            provider=render.provider,
            format=render.format,
            resolution=render.resolution,
            duration_seconds=render.duration_seconds,
            size_bytes=render.size_bytes,
            render_time_ms=render.render_time_ms,
        ),
        callback=callback,
    )


def measure_usage(render: Render) -> Usage:
    """Return what a render has used that has ended: units are seconds of video, the time is Shotstack's."""
    return Usage(
        provider=render.provider,
        model=model_name(render),
        unit="seconds",
        output_units=math.ceil(render.duration_seconds or 0),
        upstream_ms=render.render_time_ms or 0,
    )


def usage_row(context: Context, render: Render, usage: Usage, *, status: int, error_code: str | None) -> Row:
    """Return the usage ledger's row of a render, whose latency is the time since it was asked for.

    Its time is that of the render whenever it is made, so that a render has one row.
    """
    return build_row(
        context,
        usage.checked(),
        request_id=render.request_id,
        created_at=render.created_at,
        route="/render",
        key_id=render.key_id,
        instance_id=render.instance_id,
        project_id=render.project_id,
        status=status,
        error_code=error_code,
        latency_ms=round(render.age_seconds * 1000),
    )
