"""Adapt Pyodide's event loop to a server.

Unchanged, each step of a task is a JavaScript timer that is called through a stack switch. And a timer that is
cancelled stays alive, with all that it refers to, until it would have fired: a request that sets a timeout of five
minutes, and is done after ten milliseconds, keeps its memory for five minutes. Here what a promise or a timer makes
ready runs at once, in the same call from JavaScript, and all else that is ready in one microtask; a cancelled timer is
removed. A step can no longer block on a promise with `run_sync`. The timers of a request share one of JavaScript's.
"""

from __future__ import annotations

import asyncio
import contextvars
import math
import sys
import time
from collections import deque
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, TypeVar

from _pyodide import _future_helper
from pyodide.ffi import create_once_callable, create_proxy
from pyodide.webloop import WebLoop

from electrons.runtime.js_globals import js
from electrons.tasks import start_task

_ready: deque[asyncio.Handle] = deque()
_is_running = False
_run_ready_proxy: Any = None  # made on first use, because a memory snapshot must not hold it

Context = contextvars.Context | None
T = TypeVar("T")


# What the changes rely on; a Pyodide without it keeps its own loop.
_NEEDED = ("_install_running_loop", "_asyncgen_finalizer_hook", "call_soon", "call_later", "call_at", "create_future")
_NEEDED_OF_PROMISES = ("set_result", "set_exception")


def install() -> None:
    """Change the loop of the whole isolate."""
    if not all(hasattr(WebLoop, name) for name in _NEEDED):
        return
    if not all(hasattr(_future_helper, name) for name in _NEEDED_OF_PROMISES):
        return
    WebLoop.call_soon = _call_soon
    WebLoop.call_later = _call_later
    WebLoop.call_at = _call_at
    WebLoop.create_future = staticmethod(asyncio.Future)
    WebLoop.time = staticmethod(time.monotonic)
    WebLoop.get_debug = staticmethod(bool)  # False: the mode does nothing, but each future and task asks for it
    _future_helper.set_result = _set_result
    _future_helper.set_exception = _set_exception


def run_task(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Start a task in a call from JavaScript; it has run as far as it can when this returns."""
    return _run(asyncio.get_event_loop(), start_task, work)


def _call_soon(self: WebLoop, callback: Callable[..., Any], *args: Any, context: Context = None) -> asyncio.Handle:
    step = asyncio.Handle(callback, args, self, context)
    if not _ready and not _is_running:
        _run_soon(self)
    _ready.append(step)
    return step


def _run_soon(loop: WebLoop) -> None:
    global _run_ready_proxy  # noqa: PLW0603
    if _run_ready_proxy is None:
        _run_ready_proxy = create_proxy(partial(_run, loop, _do_nothing))
    js.queueMicrotask(_run_ready_proxy)


def _do_nothing() -> None:
    """Be what is called where only what is ready has to run."""


def _run(loop: WebLoop, callback: Callable[..., T], *args: Any) -> T:
    """Return the result of what JavaScript has called Python for, once all that is ready has run as well."""
    global _is_running  # noqa: PLW0603
    if _is_running:  # a step has called what called back
        return callback(*args)
    _enter(loop)
    _is_running = True
    try:
        result = callback(*args)
        while _ready:
            step = _ready.popleft()
            if not step._cancelled:  # noqa: SLF001  # as every loop does
                step._run()  # noqa: SLF001
    finally:
        _is_running = False
        if _ready:
            _run_soon(loop)
    return result


def _set_result(future: asyncio.Future[Any], value: Any) -> None:
    if not future.done():
        _run(future.get_loop(), future.set_result, value)


def _set_exception(future: asyncio.Future[Any], error: BaseException) -> None:
    if not future.done():
        _run(future.get_loop(), future.set_exception, error)


def _call_later(
    self: WebLoop, delay: float, callback: Callable[..., Any], *args: Any, context: Context = None
) -> asyncio.Handle:
    return _call_at(self, time.monotonic() + delay, callback, *args, context=context)


def _call_at(
    self: WebLoop, when: float, callback: Callable[..., Any], *args: Any, context: Context = None
) -> asyncio.Handle:
    delay = when - time.monotonic()
    if delay <= 0:
        return _call_soon(self, callback, *args, context=context)
    timers = _timers.get()
    if timers is None:
        return _Timer(self, delay, callback, args, context)
    handle = _SharedTimer(timers, callback, args, self, context)
    timers.add(when, handle)
    return handle


class SharedTimers:
    """Let all timers within the block, which is one request's, share one of JavaScript's.

    It is set for the earliest of them, and stays when that is cancelled: nearly all are timeouts that nobody reaches,
    and the others come later than the first one.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[asyncio.Handle, float] = {}
        self._timer: _Timer | None = None
        self._until = math.inf

    def __enter__(self) -> None:
        _timers.set(self)

    def __exit__(self, *_error: object) -> None:
        # Without a reference to itself, not even by a token, it goes at once and not in a garbage collection.
        _timers.set(None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def add(self, when: float, handle: asyncio.Handle) -> None:
        """Run the handle's callback at `when`, by the monotonic clock."""
        self._waiting[handle] = when
        if when < self._until:
            self._set(when)

    def remove(self, handle: asyncio.Handle) -> None:
        """Forget a handle, if it is waiting."""
        self._waiting.pop(handle, None)

    def _set(self, when: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._until = when
        self._timer = _Timer(self._loop, when - time.monotonic(), self._fire, (), None)

    def _fire(self) -> None:
        # The clock of a Worker has whole milliseconds, and may be behind.
        now = max(time.monotonic(), self._until)
        self._timer, self._until = None, math.inf
        for handle in [handle for handle, when in self._waiting.items() if when <= now]:
            if self._waiting.pop(handle, None) is not None:  # or else an earlier one has cancelled it
                handle._run()  # noqa: SLF001  # as every loop does
        if self._waiting and (when := min(self._waiting.values())) < self._until:
            self._set(when)


class _SharedTimer(asyncio.Handle):
    """A callback that waits for its time with others."""

    __slots__ = ("_timers",)

    def __init__(
        self, timers: SharedTimers, callback: Callable[..., Any], args: tuple[Any, ...], loop: WebLoop, context: Context
    ) -> None:
        super().__init__(callback, args, loop, context)
        self._timers = timers

    def cancel(self) -> None:
        """Forget the callback, and what it refers to, at once."""
        super().cancel()
        self._timers.remove(self)


_timers: contextvars.ContextVar[SharedTimers | None] = contextvars.ContextVar("timers", default=None)


class _Timer(asyncio.Handle):
    """A callback that waits for its time in a JavaScript timer."""

    __slots__ = ("_proxy", "_timer", "_web_loop")

    def __init__(
        self, loop: WebLoop, delay: float, callback: Callable[..., Any], args: tuple[Any, ...], context: Context
    ) -> None:
        super().__init__(callback, args, loop, context)
        self._web_loop = loop
        self._proxy = create_once_callable(self._fire)
        self._timer = js.setTimeout(self._proxy, math.ceil(delay * 1000))

    def cancel(self) -> None:
        """Remove the timer, and what it refers to, at once."""
        super().cancel()
        if self._proxy is not None:
            js.clearTimeout(self._timer)
            self._proxy.destroy()
            self._proxy = None

    def _fire(self) -> None:
        self._proxy = None  # it destroys itself once it has been called
        _run(self._web_loop, self._run)


def _enter(loop: WebLoop) -> None:
    # Each call from JavaScript may come on another thread state.
    if asyncio._get_running_loop() is not loop:  # noqa: SLF001
        loop._install_running_loop()  # noqa: SLF001
    if sys.get_asyncgen_hooks().finalizer != loop._asyncgen_finalizer_hook:  # noqa: SLF001
        # Without the hook that lists all generators for the day when the loop is closed, which does not come.
        sys.set_asyncgen_hooks(firstiter=None, finalizer=loop._asyncgen_finalizer_hook)  # noqa: SLF001
