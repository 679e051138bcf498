"""`/workers.dev/<name>/...`: the deployed Workers, in place of `https://<name>.<subdomain>.workers.dev/...`.

`<version>-<name>` is the preview of a version, if it is deployed or the newest. A Worker sees that URL as its own. If
it throws, the caller gets the page of Cloudflare's error 1101; if it blocks its thread for longer than `limits.cpu_ms`,
that of 1102, and the Worker starts again. Responses are not streamed.
"""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from html import escape
from typing import Any

import httpx2
from pydantic_core import from_json

from ...vendor import Call, Headers, Response
from .accounts import Account, find_public
from .releases import Version
from .runtime import Instance
from .store import Script

_PREFIX = "/workers.dev/"
# What `worker_options.mjs` reads: for which Worker a request is, and by which schedule.
_TARGET = "x-emulator-worker"
_CRON = "x-emulator-cron"
_CPU_SECONDS = 5.0
"""The CPU limit of a Worker without `limits.cpu_ms`; Cloudflare's is 30 seconds."""

_TIMEOUT_SECONDS = 100.0
# RFC 9110, section 7.6.1, and the headers that this proxy sets itself.
_HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", "content-length"}
_client = httpx2.Client(timeout=None, trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0))


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
    return Response(response.status, headers, response.frames)


def run_scheduled(account: Account, script: Script, *, cron: str, time: datetime) -> dict[str, Any]:
    """Run a script's `scheduled` handler; return its outcome."""
    version, _ = script.pick()
    headers = [("host", "scheduled"), (_CRON, cron), ("date", format_datetime(time, usegmt=True))]
    with _running(account, script, version) as target:
        response = _exchange(httpx2.Request("GET", target.url, headers=[*headers, (_TARGET, target.worker)]), target)
    if response.status != 200:
        return {"outcome": "exceededCpu" if response.status == 503 else "exception", "noRetry": False}
    outcome: dict[str, Any] = from_json(response.frames[0])
    return outcome


def _forward(account: Account, script: Script, previewed: Version | None, call: Call, *, host: str) -> Response:
    path = call.target.removeprefix(_PREFIX + call.params["name"])
    with _running(account, script, previewed or script.pick()[0]) as target:
        headers = [(name, value) for name, value in call.headers.items() if name not in _HOP_BY_HOP | {_CRON, _TARGET}]
        added = [
            ("host", host),
            ("cf-connecting-ip", "127.0.0.1"),
            ("x-forwarded-proto", "https"),
            (_TARGET, target.worker),
        ]
        url = target.url + (path if path.startswith("/") else f"/{path}")
        # A plain request, because the client would add headers to those of the caller.
        return _exchange(httpx2.Request(call.method, url, headers=[*added, *headers], content=call.body), target)


@dataclass(frozen=True, slots=True)
class _Target:
    """A Worker on a workerd that listens at `url`, and how long it may block its thread."""

    url: str
    worker: str
    busy_seconds: float
    restart: Callable[[], None]


@contextmanager
def _running(account: Account, script: Script, version: Version) -> Iterator[_Target]:
    busy_seconds = version.upload.metadata.limits.get("cpu_ms", _CPU_SECONDS * 1000) / 1000
    instance = script.running[version.id]
    if isinstance(instance, Instance):
        yield _Target(instance.url, "worker", busy_seconds, lambda: script.restart(version, instance))
        return
    with account.platform.running() as serving:
        name = script.worker_name(version)
        yield _Target(serving.url, name, busy_seconds, lambda: account.platform.restart(serving))


def _exchange(request: httpx2.Request, target: _Target) -> Response:
    pending = _send(request)
    try:
        for _ in range(max(1, round(_TIMEOUT_SECONDS / target.busy_seconds))):
            with suppress(TimeoutError):
                return pending.result(timeout=target.busy_seconds)
            if not _is_alive(target.url, target.busy_seconds):
                break
        else:
            return _page(524, "A timeout occurred", "Error 524")
    except httpx2.TransportError:
        pass  # another request found it blocked and ended it
    target.restart()
    return _page(503, "Worker exceeded resource limits", "Error 1102")


def _send(request: httpx2.Request) -> Future[Response]:
    pending: Future[Response] = Future()

    def send() -> None:
        try:
            pending.set_result(_receive(request))
        except Exception as error:  # noqa: BLE001 - raised again by `result()`
            pending.set_exception(error)

    # A daemon, because a Worker that never responds must not delay the end of the emulators.
    threading.Thread(target=send, daemon=True).start()
    return pending


def _receive(request: httpx2.Request) -> Response:
    response = _client.send(request, stream=True)
    # Raw, so that a compressed body stays compressed.
    body = b"".join(response.iter_raw())
    response.close()
    if "x-emulator-threw" in response.headers:
        return _page(500, "Worker threw exception", f"Error 1101\n{body.decode()}")
    headers: Headers = [
        (name.lower(), value)
        for name, value in response.headers.raw
        if name.lower().decode("latin-1") not in _HOP_BY_HOP
    ]
    return Response(response.status_code, headers, [body])


def _is_alive(url: str, seconds: float) -> bool:
    try:
        _client.send(httpx2.Request("GET", url, headers={"host": "pulse"}, extensions={"timeout": {"read": seconds}}))
    except httpx2.TransportError:
        return False
    return True


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
