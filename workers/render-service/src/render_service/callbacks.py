"""The call to `callback_url`: one POST that reports how a render ended, repeated until it gets a 2xx response.

    X-Electrons-Timestamp: 1795462254
    X-Electrons-Signature: sha256=<HMAC-SHA256 of `{timestamp}.{body}` with CALLBACK_SIGNING_SECRET, hexadecimal>

The receiver computes the same over the raw body, compares in constant time and refuses old timestamps.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

import httpx2

from electrons.context import Context
from electrons.logs import timestamp
from electrons.upstream.client import USER_AGENT
from electrons.workflows import Steps
from render_service.renders import describe
from render_service.settings import RenderSettings
from render_service.storage import Render, Renders

LONGEST_PAUSE_SECONDS = 3600.0

_TIMEOUT = {"connect": 10.0, "first_byte": 10.0, "read": 10.0}


def sign(secret: str, *, moment: int, body: bytes) -> str:
    """Return the value of `X-Electrons-Signature`; `moment` is in seconds since the epoch."""
    return "sha256=" + hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()


async def call_back(steps: Steps, context: Context, load: Callable[[], Awaitable[Render]]) -> None:
    """Call until a response is 2xx, or the pauses add up to `CALLBACK_GIVE_UP_SECONDS`. `load()` returns the row."""
    settings = context.settings_as(RenderSettings)
    for number, pause in enumerate([*pauses(settings), None], start=1):
        last = pause is None
        is_due = await steps.do(f"call back {number}", partial(attempt, context, load, last=last))
        if not is_due or pause is None:
            return
        await steps.sleep(f"pause before call {number + 1}", seconds=pause)


def pauses(settings: RenderSettings) -> Iterator[float]:
    """Yield the seconds between two calls: doubled each time, together no more than the time to give up."""
    pause, remaining = settings.callback_retry_seconds, settings.callback_give_up_seconds
    while 0 < pause <= remaining:
        yield pause
        remaining -= pause
        pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


async def attempt(context: Context, load: Callable[[], Awaitable[Render]], *, last: bool) -> bool:
    """Make one call, and return whether another one is due."""
    render = await load()
    if render.callback_url is None or render.callback_status != "pending":
        return False
    status = await send_callback(context, render, render.callback_url)
    delivered = status is not None and 200 <= status < 300
    await Renders(context.bindings.database).note(
        render.id,
        callback_status="delivered" if delivered else "given_up" if last else "pending",
        callback_attempts=render.callback_attempts + 1,
        callback_last_status=status,
    )
    context.log.info("callback", request_id=render.request_id, render_id=render.id, status=status, last=last)
    return not delivered


async def send_callback(context: Context, render: Render, url: str) -> int | None:
    """Send the POST, and return the status of the response, None if there was none. Redirects are not followed."""
    secret = context.settings_as(RenderSettings).callback_signing_secret.reveal()
    if not secret:  # removed since the render was requested; an unsigned call would prove nothing
        context.log.error("callback", request_id=render.request_id, error="CALLBACK_SIGNING_SECRET is not set")
        return None
    document = describe(context, render)
    document.request_id, document.timestamp = render.request_id, timestamp()
    body = document.model_dump_json(exclude_none=True, exclude={"callback"}).encode()
    moment = int(time.time())
    headers = {
        "Content-Type": "application/json",
        "User-Agent": USER_AGENT,
        "X-Request-ID": render.request_id,
        "traceparent": context.trace.header,
        "X-Electrons-Timestamp": str(moment),
        "X-Electrons-Signature": sign(secret, moment=moment, body=body),
    }
    try:
        request = httpx2.Request("POST", url, headers=headers, content=body, extensions={"timeout": _TIMEOUT})
        response = await context.http.handle_async_request(request)
    except (httpx2.TransportError, httpx2.InvalidURL):
        return None
    await response.aclose()
    return response.status_code
