"""From workerd's `fetch` event to `App.handle` and back.

One asyncio task lasts as long as a request: it makes the response, writes a streamed body to its end, and then runs the
deferred work. `waitUntil` keeps it, so it outlives both the response and a caller who leaves; when a caller leaves
early, the task is cancelled, which cancels the call to the provider, and the deferred work still runs.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from pyodide.ffi import JsException, create_once_callable

from electrons.app import App
from electrons.bindings import Bindings
from electrons.context import Context
from electrons.errors import (
    BodyTimeoutError,
    ClientClosedError,
    ElectronsError,
    PayloadTooLargeError,
    RequestError,
)
from electrons.http import Headers, Request, Response
from electrons.logs import Level, Logger
from electrons.middleware.request_id import choose_request_id
from electrons.runtime.bindings import create_bindings
from electrons.runtime.convert import from_js_headers, new_promise, read_stream
from electrons.runtime.fetch import FetchTransport
from electrons.runtime.js_globals import js
from electrons.runtime.loop import SharedTimers, run_task
from electrons.runtime.loop import install as install_loop
from electrons.runtime.responses import Answer, send, to_js_response
from electrons.schedule import run_tasks

_CONSOLE = {"info": "log", "warning": "warn", "error": "error"}


def create_handlers(app: App) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Return the functions to export as `on_fetch` and `on_scheduled`.

    A class would need less of wrangler.toml (the flag `disable_python_no_global_handlers`). But for each event workerd
    makes an instance of it, and the SDK converts its arguments and its result: that takes as long as a whole chat's
    middleware.
    """
    install_loop()
    gc.freeze()  # what has been imported stays, so no collection has to look at it
    isolate: Isolate | None = None

    def on_fetch(request: Any, env: Any, ctx: Any, *_more: Any) -> Any:
        """Return the response to one request; never raises, because such an error would have no JSON shape."""
        nonlocal isolate
        if isolate is None:
            try:
                isolate = Isolate(app, env)
            except ElectronsError as error:  # a setting that cannot be read
                return _refuse(app, error, _from_js_request(request))
        return _serve(app, isolate, request, ctx)

    async def on_scheduled(_controller: Any, env: Any, _ctx: Any) -> None:
        """Do what is due when the Cron Trigger fires. Raises `ConfigurationError`, which Cloudflare records."""
        context = Isolate(app, env).create_context(Request(method="SCHEDULE", url=""))
        await run_tasks(context, app.scheduled_tasks)
        await context.finish()

    # Where Pyodide can read a signature, it binds the arguments to it at each call, to leave out those too many.
    vars(on_fetch)["__signature__"] = "unreadable"
    return on_fetch, on_scheduled


class Isolate:
    """What all requests of one isolate share. `env` is the runtime's own object."""

    def __init__(self, app: App, env: Any) -> None:
        self.service = app.service
        self.settings = app.read_settings(lambda name: _text(getattr(env, name, None)))
        self.bindings: Bindings = create_bindings(env)
        self.http = FetchTransport()
        self.start_work = list(app.start_work)
        self.log = Logger(worker=app.service, write=_write, pretty=self.settings.log_format == "pretty")

    def create_context(self, request: Request) -> Context:
        """Return the context of a new request."""
        return Context(
            service=self.service,
            request=request,
            settings=self.settings,
            bindings=self.bindings,
            http=self.http,
            log=self.log,
        )


def _serve(app: App, isolate: Isolate, js_request: Any, ctx: Any) -> Any:
    request = _from_js_request(js_request, body_timeout_seconds=isolate.settings.body_timeout_seconds)
    context = isolate.create_context(request)
    while isolate.start_work:
        context.defer(partial(isolate.start_work.pop(), context))
    answer = Answer()

    async def live() -> None:
        with SharedTimers():
            try:
                await _respond(app, context, answer)
            finally:
                # Deferred work runs even when the caller has left.
                await context.finish()

    task = run_task(live())
    if not task.done():
        _keep(task, js_request, ctx)
    return answer.take()


def _keep(task: asyncio.Task[None], js_request: Any, ctx: Any) -> None:
    """Keep the request alive until the task is done, and cancel the task when the caller leaves."""
    has_left = False

    def leave(_event: Any) -> None:
        nonlocal has_left
        has_left = True
        task.cancel()

    lifetime, signal, on_abort = new_promise(), js_request.signal, create_once_callable(leave)
    ctx.waitUntil(lifetime.promise)
    signal.onabort = on_abort

    def release(_task: asyncio.Task[None]) -> None:
        if not has_left:  # or else it has destroyed itself
            signal.onabort = None
            on_abort.destroy()
        lifetime.resolve()

    task.add_done_callback(release)


async def _respond(app: App, context: Context, answer: Answer) -> None:
    try:
        await send(await app.handle(context), answer)
    except asyncio.CancelledError:
        context.status, context.error_code = ClientClosedError.status, ClientClosedError.code
    finally:
        if not answer.is_given:
            answer.give(js.Response.new(None, status=503))


def _from_js_request(js_request: Any, *, body_timeout_seconds: float = 0) -> Request:
    async def read(length: int | None, limit: int) -> bytes:
        if (length or 0) > limit:
            raise PayloadTooLargeError(limit)
        try:
            async with asyncio.timeout(body_timeout_seconds or None):
                if length is None:
                    content, is_cut = await read_stream(js_request.body, limit)
                else:
                    content, is_cut = (await js_request.arrayBuffer()).to_bytes(), False
        except TimeoutError as error:
            raise BodyTimeoutError(body_timeout_seconds) from error
        except JsException as error:
            # The runtime says "Network connection lost" of every body, but one whose length is known can break in one
            # way only: the caller has left.
            if length is not None:
                raise ClientClosedError("The caller left before the whole body was sent") from error
            raise RequestError("The request body cannot be read: its chunks are broken or cut off") from error
        if is_cut:
            raise PayloadTooLargeError(limit)
        return content

    headers = Headers(from_js_headers(js_request.headers))
    return Request(method=js_request.method, url=js_request.url, headers=headers, reader=read)


def _refuse(app: App, error: ElectronsError, request: Request) -> Any:
    """Return the response of a deployment whose settings cannot be read, so that the app cannot be called."""
    request_id = choose_request_id(request)
    Logger(worker=app.service, write=_write).error("misconfigured", request_id=request_id, error=error.message)
    response = Response.json(error.to_body(request_id), status=error.status)
    response.headers += [("X-Request-ID", request_id), ("Access-Control-Allow-Origin", "*")]
    return to_js_response(response)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _write(level: Level, line: str) -> None:
    _find_console(level)(line)


@cache
def _find_console(level: Level) -> Any:
    # On first use, because a memory snapshot must not hold it.
    return getattr(js.console, _CONSOLE[level])
