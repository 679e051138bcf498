"""From workerd's `fetch` event to `App.handle` and back.

One asyncio task lasts as long as a request: it makes the response, writes a streamed body to its end, and then runs the
deferred work. `waitUntil` keeps it, so it outlives both the response and a caller who leaves; when a caller leaves
early, the task is cancelled, which cancels the call to the provider, and the deferred work still runs.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import aclosing
from functools import cache, partial
from typing import Any

from pyodide.ffi import JsException, create_once_callable, to_js

from electrons.app import App
from electrons.bindings import Bindings
from electrons.context import Context
from electrons.errors import (
    BodyTimeoutError,
    ClientClosedError,
    ElectronsError,
    PayloadTooLargeError,
    ProviderError,
    RequestError,
)
from electrons.http import Headers, Request, Response, join_fields
from electrons.logs import Level, Logger
from electrons.middleware.request_id import choose_request_id
from electrons.runtime.bindings import create_bindings
from electrons.runtime.callbacks import EditedStream, Outbox
from electrons.runtime.convert import (
    from_js_headers,
    new_promise,
    read_stream,
    to_js_body,
    to_js_object,
)
from electrons.runtime.fetch import FetchStream, FetchTransport
from electrons.runtime.js_globals import js
from electrons.runtime.loop import SharedTimers, run_task
from electrons.runtime.loop import install as install_loop
from electrons.runtime.r2 import R2Body
from electrons.schedule import run_tasks
from electrons.upstream.failures import reading
from electrons.upstream.relay import Relay

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

    def on_fetch(request: Any, env: Any, ctx: Any) -> Any:
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
    answer = _Answer()

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


class _Answer:
    """The response to one request, as the runtime takes it: itself if it is there at once, else a promise.

    A promise of JavaScript's own: one of a Python future or coroutine costs several turns of the event loop.
    """

    def __init__(self) -> None:
        self.is_given = False
        self._response: Any = None
        self._promised: Any = None

    def give(self, response: Any) -> None:
        """Hand out a `Response` of JavaScript's."""
        self.is_given = True
        if self._promised is None:
            self._response = response
        else:
            self._promised.resolve(response)

    def take(self) -> Any:
        """Return the response, or a promise of it."""
        if self.is_given:
            return self._response
        self._promised = new_promise()
        return self._promised.promise


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


async def _respond(app: App, context: Context, answer: _Answer) -> None:
    try:
        response = await app.handle(context)
        if isinstance(response.body, Relay):
            await _relay(response, response.body, answer)
        elif not isinstance(response.body, str | bytes) and isinstance(response.body, AsyncGenerator):
            await _pump(response.body, response, answer)
        else:
            answer.give(_to_js_response(response))
    except asyncio.CancelledError:
        context.status, context.error_code = ClientClosedError.status, ClientClosedError.code
    finally:
        if not answer.is_given:
            answer.give(js.Response.new(None, status=503))


async def _relay(response: Response, relay: Relay, answer: _Answer) -> None:
    source, watcher = relay.response.stream, relay.watcher
    if not isinstance(source, FetchStream):
        raise TypeError(f"not a stream of the runtime: {source!r}")
    if not watcher.edits:
        stream = js.IdentityTransformStream.new()
        handing_on = source.hand_on(stream.writable, watcher.feed if watcher.reads else None)
        await _hand_on(response, relay, handing_on, stream=stream, answer=answer)
        return
    edited = EditedStream(watcher, first=relay.first)
    try:
        handing_on = source.hand_on_edited(edited)
        await _hand_on(response, relay, handing_on, stream=edited, answer=answer)
    finally:
        edited.destroy()


async def _hand_on(
    response: Response,
    relay: Relay,
    handing_on: Coroutine[Any, Any, None],
    *,
    stream: Any,
    answer: _Answer,
) -> None:
    answer.give(_to_js_response(response, stream.readable))
    edited = stream if isinstance(stream, EditedStream) else None
    error: ProviderError | None = None
    try:
        async with relay.scope:
            with reading(relay.provider):
                await handing_on
    except ProviderError as failure:
        error = failure
    except BaseException:
        if edited is None or not edited.has_ended:
            relay.watcher.leave()
        raise
    if edited is not None:
        if edited.has_ended:
            return
        edited.stop()
    writer = stream.writable.getWriter()
    if not isinstance(writer.desiredSize, int):  # null: the reader is gone, and that is why the pipe broke
        relay.watcher.leave()
        raise asyncio.CancelledError
    rest = relay.watcher.end(error)
    if rest is None:
        writer.abort("the response was interrupted")
        return
    try:
        if rest:
            await writer.write(to_js(rest))
        await writer.close()
    except JsException as gone:
        raise asyncio.CancelledError from gone


async def _pump(
    chunks: AsyncGenerator[str, None] | AsyncGenerator[bytes, None],
    response: Response,
    answer: _Answer,
) -> None:
    outbox = Outbox()
    answer.give(_to_js_response(response, outbox.readable))
    try:
        async with aclosing(chunks) as source:
            async for chunk in source:
                await outbox.put(chunk.encode() if isinstance(chunk, str) else chunk)
        outbox.close()
    except JsException as error:  # the reader is gone
        raise asyncio.CancelledError from error
    except BaseException:
        # Without this the caller would wait for the rest forever.
        outbox.fail("the stream was interrupted")
        raise
    finally:
        outbox.destroy()


def _from_js_request(js_request: Any, *, body_timeout_seconds: float = 0) -> Request:
    async def read(limit: int) -> bytes:
        if (request.content_length or 0) > limit:
            raise PayloadTooLargeError(limit)
        try:
            async with asyncio.timeout(body_timeout_seconds or None):
                if request.content_length is None:
                    content, is_cut = await read_stream(js_request.body, limit)
                else:
                    content, is_cut = (await js_request.arrayBuffer()).to_bytes(), False
        except TimeoutError as error:
            raise BodyTimeoutError(body_timeout_seconds) from error
        except JsException as error:
            # The runtime says "Network connection lost" of every body, but one whose length is known can break in one
            # way only: the caller has left.
            if request.content_length is not None:
                raise ClientClosedError("The caller left before the whole body was sent") from error
            raise RequestError("The request body cannot be read: its chunks are broken or cut off") from error
        if is_cut:
            raise PayloadTooLargeError(limit)
        return content

    headers = Headers(from_js_headers(js_request.headers))
    request = Request(method=js_request.method, url=js_request.url, headers=headers, reader=read)
    return request


def _to_js_response(response: Response, stream: Any = None) -> Any:
    body = stream
    if isinstance(response.body, str):
        body = response.body
    elif isinstance(response.body, bytes):
        body = to_js_body(response.body)
    elif isinstance(response.body, R2Body):
        body = response.body.readable
    headers = join_fields(response.headers)
    options: dict[str, Any] = {"status": response.status, "headers": headers}
    if "Content-Encoding" in headers:
        options["encodeBody"] = "manual"  # the body is already encoded
    return js.Response.new(body, to_js_object(options))


def _refuse(app: App, error: ElectronsError, request: Request) -> Any:
    """Return the response of a deployment whose settings cannot be read, so that the app cannot be called."""
    request_id = choose_request_id(request)
    Logger(worker=app.service, write=_write).error("misconfigured", request_id=request_id, error=error.message)
    response = Response.json(error.to_body(request_id), status=error.status)
    response.headers += [("X-Request-ID", request_id), ("Access-Control-Allow-Origin", "*")]
    return _to_js_response(response)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _write(level: Level, line: str) -> None:
    _find_console(level)(line)


@cache
def _find_console(level: Level) -> Any:
    # On first use, because a memory snapshot must not hold it.
    return getattr(js.console, _CONSOLE[level])
