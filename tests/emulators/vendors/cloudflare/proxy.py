"""`/workers.dev/<name>/...`: the deployed Workers, in place of `https://<name>.<subdomain>.workers.dev/...`.

`<version>-<name>` is the preview of a version, if it is deployed or the newest. A Worker sees that URL as its own. If
it throws, the caller gets the page of Cloudflare's error 1101; if it blocks its thread for longer than `limits.cpu_ms`,
that of 1102, and the Worker starts again.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import format_datetime
from functools import partial
from html import escape
from typing import Any, TypeVar

import httpx2
from pydantic_core import from_json

from ...vendor import Call, Headers, Refusal, Response
from .accounts import Account, find_public
from .releases import Version
from .runtime import Instance
from .store import Script
from .streams import Exchange, is_alive

_PREFIX = "/workers.dev/"
# What `worker_options.mjs` reads: for which Worker a request is, and by which schedule.
_TARGET = "x-emulator-worker"
_CRON = "x-emulator-cron"
_CPU_SECONDS = 5.0
"""The CPU limit of a Worker without `limits.cpu_ms`; Cloudflare's is 30 seconds."""

_TIMEOUT_SECONDS = 100.0
_PICKS, _PICK_SECONDS = 200, 0.02
# RFC 9110, section 7.6.1, and the headers that this proxy sets itself.
_HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", "content-length"}
_Result = TypeVar("_Result")


def call_worker(call: Call) -> Response:
    """Return the Worker's response, or the page of Cloudflare's error."""
    name = call.params["name"]
    found = find_public(name)
    if found is None:
        return _page(404, "There is nothing here yet", "No Worker of this name is enabled on workers.dev.")
    account, script, version = found
    public_host = f"{name}.{account.subdomain}.workers.dev"
    response = _forward(account, script, version, call, host=public_host)
    headers = [
        (name, _localize(value, call, public_host) if name == b"location" else value)
        for name, value in response.headers
    ]
    return replace(response, headers=headers)


def run_scheduled(account: Account, script: Script, *, cron: str, minute: datetime) -> dict[str, Any]:
    """Run a script's `scheduled` handler; return its outcome."""
    headers = [("host", "scheduled"), (_CRON, cron), ("date", format_datetime(minute, usegmt=True))]
    with _running(account, script) as target:
        request = httpx2.Request("GET", target.url, headers=[*headers, (_TARGET, target.worker)])
        response = _receive(Exchange(request), target)
    if response.status != 200:
        return {"outcome": "exceededCpu" if response.status == 503 else "exception", "noRetry": False}
    outcome: dict[str, Any] = from_json(response.frames[0])
    return outcome


def _forward(account: Account, script: Script, previewed: Version | None, call: Call, *, host: str) -> Response:
    path = call.target.removeprefix(_PREFIX + call.params["name"])
    with ExitStack() as held:
        target = held.enter_context(_running(account, script, previewed))
        headers = [(name, value) for name, value in call.headers.items() if name not in _HOP_BY_HOP | {_CRON, _TARGET}]
        added = [
            ("host", host),
            ("cf-connecting-ip", "127.0.0.1"),
            ("x-forwarded-proto", "https"),
            (_TARGET, target.worker),
        ]
        url = target.url + (path if path.startswith("/") else f"/{path}")
        # A plain request, because the client would add headers to those of the caller.
        exchange = Exchange(httpx2.Request(call.method, url, headers=[*added, *headers], content=call.body))
        response = _receive(exchange, target)
        if response.streamed:
            rest = _Rest(exchange, target, held.pop_all())
            response = replace(response, rest=rest)
    return response


@dataclass(frozen=True, slots=True)
class _Target:
    """A Worker on a workerd that listens at `url`, and how long it may block its thread."""

    url: str
    worker: str
    busy_seconds: float
    restart: Callable[[], None]


@contextmanager
def _running(account: Account, script: Script, previewed: Version | None = None) -> Iterator[_Target]:
    """Yield the version that is next, or the one that is previewed."""
    version, instance = (previewed, script.running.get(previewed.id)) if previewed else script.pick()
    if isinstance(instance, Instance):
        restart = partial(script.restart, version, instance)
        yield _Target(instance.url, "worker", _busy_seconds(version), restart)
        return
    for _ in range(_PICKS):
        with account.platform.running() as serving:
            # What runs can have changed while this waited for it.
            version = previewed or script.pick()[0]
            if name := serving.names.get(version.id):
                yield _Target(serving.url, name, _busy_seconds(version), partial(account.platform.restart, serving))
                return
        time.sleep(_PICK_SECONDS)
    raise Refusal(_page(404, "There is nothing here yet", "This version does not run any more."))


def _busy_seconds(version: Version) -> float:
    return version.upload.metadata.limits.get("cpu_ms", _CPU_SECONDS * 1000) / 1000


class _Rest:
    """The body of a response that a Worker streams; meanwhile a deployment waits, but not for long."""

    def __init__(self, exchange: Exchange, target: _Target, held: ExitStack) -> None:
        self._exchange = exchange
        self._target = target
        self._held = held

    def read(self) -> bytes:
        """Return what comes next. Raises `OSError` if the Worker blocks, or has gone."""
        try:
            return _watch(self._target, lambda seconds: self._exchange.read(timeout=seconds))
        except (_ExceededError, TimeoutError, httpx2.TransportError) as problem:
            raise OSError(str(problem)) from problem

    def close(self) -> None:
        """Disconnect from the Worker."""
        self._exchange.close()
        self._held.close()


class _ExceededError(Exception):
    """A Worker that blocked its thread for too long, and was ended."""


def _watch(target: _Target, wait: Callable[[float], _Result]) -> _Result:
    """Wait for what a Worker does, however long it takes; raise `_ExceededError` once it blocks its thread."""
    for _ in range(max(1, round(_TIMEOUT_SECONDS / target.busy_seconds))):
        with suppress(TimeoutError):
            return wait(target.busy_seconds)
        if not is_alive(target.url, seconds=target.busy_seconds):
            target.restart()
            raise _ExceededError
    raise TimeoutError


def _receive(exchange: Exchange, target: _Target) -> Response:
    """Return the response: whole, or `streamed` without its body if the Worker does not say how long that is."""
    try:
        head = _watch(target, lambda seconds: exchange.head.result(timeout=seconds))
        headers: Headers = [
            (name.lower(), value)
            for name, value in head.headers.raw
            if name.lower().decode("latin-1") not in _HOP_BY_HOP
        ]
        threw = "x-emulator-threw" in head.headers
        if "transfer-encoding" in head.headers and not threw:
            return Response(head.status_code, headers, [], streamed=True)
        parts = []
        while part := _watch(target, lambda seconds: exchange.read(timeout=seconds)):
            parts.append(part)
    except TimeoutError:
        return _page(524, "A timeout occurred", "Error 524")
    except httpx2.TransportError:
        # Another request found it blocked and ended it.
        target.restart()
        return _page(503, "Worker exceeded resource limits", "Error 1102")
    except _ExceededError:
        return _page(503, "Worker exceeded resource limits", "Error 1102")
    if threw:
        return _page(500, "Worker threw exception", f"Error 1101\n{b''.join(parts).decode()}")
    return Response(head.status_code, headers, [b"".join(parts)])


def _localize(location: bytes, call: Call, host: str) -> bytes:
    """Return a redirect within the Worker's site as a path of this server."""
    path = location.decode("latin-1").removeprefix(f"https://{host}")
    if not path.startswith("/") or path.startswith("//"):
        return location
    return f"/cloudflare{_PREFIX}{call.params['name']}{path}".encode("latin-1")


def _page(status: int, title: str, text: str) -> Response:
    head = f"<!DOCTYPE html><html><head><title>{title}</title></head>"
    page = f"{head}<body><h1>{title}</h1><pre>{escape(text)}</pre></body></html>"
    return Response(status, [(b"content-type", b"text/html; charset=UTF-8")], [page.encode()])
