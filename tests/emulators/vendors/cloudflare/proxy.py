"""`/workers.dev/<name>/...`: what answers at `https://<name>.<subdomain>.workers.dev/...` in the world.

The Worker sees that URL as its own. Where it throws, there is the page of Cloudflare's error 1101; where it keeps its
thread busy for longer than `limits.cpu_ms`, that of 1102, and it is started anew. Answers come whole, not as streams.
"""

import threading
from concurrent.futures import Future
from contextlib import suppress
from html import escape

import httpx2

from ...vendor import Answer, Call, Headers
from .store import Script, find_public

_PREFIX = "/workers.dev/"
_CPU_SECONDS = 5.0
"""How long a Worker may be busy that sets no limit of its own; Cloudflare's limit is 30 seconds."""

_PATIENCE_SECONDS = 100.0
# RFC 9110, section 7.6.1; the length is that of what is sent on, and the host that of workers.dev.
_HOP_BY_HOP = {"connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "host", "content-length"}
_client = httpx2.Client(timeout=None, trust_env=False, limits=httpx2.Limits(max_keepalive_connections=0))


def answer_public(call: Call) -> Answer:
    """The Worker's own answer, or the page of Cloudflare's error in its place."""
    name = call.params["name"]
    found = find_public(name)
    if found is None:
        return _page(404, "There is nothing here yet", "No Worker of this name is enabled on workers.dev.")
    account, script = found
    public_host = f"{name}.{account.subdomain}.workers.dev"
    answer = _ask(script, call, host=public_host)
    headers = [
        (name, _localize(value, call, public_host) if name == b"location" else value) for name, value in answer.headers
    ]
    return Answer(answer.status, headers, answer.frames)


def _ask(script: Script, call: Call, *, host: str) -> Answer:
    version, instance = script.pick()
    target = call.target.removeprefix(_PREFIX + call.params["name"])
    headers = [(name, value) for name, value in call.headers.items() if name not in _HOP_BY_HOP]
    edge = [("host", host), ("cf-connecting-ip", "127.0.0.1"), ("x-forwarded-proto", "https")]
    # Not through the client's own defaults: no header is added to those of the caller.
    url = instance.url + (target if target.startswith("/") else f"/{target}")
    request = httpx2.Request(call.method, url, headers=[*edge, *headers], content=call.body)
    coming = _send(request)
    busy_seconds = version.upload.metadata.limits.get("cpu_ms", _CPU_SECONDS * 1000) / 1000
    try:
        for _ in range(max(1, round(_PATIENCE_SECONDS / busy_seconds))):
            with suppress(TimeoutError):
                return coming.result(timeout=busy_seconds)
            if not _has_pulse(instance.url, busy_seconds):
                break
        else:
            return _page(524, "A timeout occurred", "Error 524")
    except httpx2.TransportError:
        pass  # another request has found it stuck, and ended it
    script.restart(version, instance)
    return _page(503, "Worker exceeded resource limits", "Error 1102")


def _send(request: httpx2.Request) -> Future[Answer]:
    coming: Future[Answer] = Future()

    def send() -> None:
        try:
            coming.set_result(_receive(request))
        except Exception as error:  # noqa: BLE001 - whoever waits for the future sees it
            coming.set_exception(error)

    # A daemon: a Worker that never answers must not hold up the emulators' end.
    threading.Thread(target=send, daemon=True).start()
    return coming


def _receive(request: httpx2.Request) -> Answer:
    response = _client.send(request, stream=True)
    # Raw: what the Worker has compressed stays so.
    body = b"".join(response.iter_raw())
    response.close()
    if "x-emulator-threw" in response.headers:
        return _page(500, "Worker threw exception", f"Error 1101\n{body.decode()}")
    headers: Headers = [
        (name.lower(), value)
        for name, value in response.headers.raw
        if name.lower().decode("latin-1") not in _HOP_BY_HOP
    ]
    return Answer(response.status_code, headers, [body])


def _has_pulse(url: str, seconds: float) -> bool:
    try:
        _client.send(httpx2.Request("GET", url, headers={"host": "pulse"}, extensions={"timeout": {"read": seconds}}))
    except httpx2.TransportError:
        return False
    return True


def _localize(location: bytes, call: Call, host: str) -> bytes:
    """A redirect within the Worker's site, as a path of this server."""
    path = location.decode("latin-1").removeprefix(f"https://{host}")
    if not path.startswith("/") or path.startswith("//"):
        return location
    return f"/cloudflare{_PREFIX}{call.params['name']}{path}".encode("latin-1")


def _page(status: int, title: str, text: str) -> Answer:
    head = f"<!DOCTYPE html><html><head><title>{title}</title></head>"
    page = f"{head}<body><h1>{title}</h1><pre>{escape(text)}</pre></body></html>"
    return Answer(status, [(b"content-type", b"text/html; charset=UTF-8")], [page.encode()])
