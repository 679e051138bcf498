"""What the tests of render-service share: a small edit, a server for callbacks on this machine, and waiting."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import SimpleQueue
from typing import Any

import httpx2

from tests.emulators.process import Emulators
from tests.workers.shapes import TIMESTAMP

SMALL = {"format": "mp4", "size": {"width": 160, "height": 90}, "fps": 12}


def clip_of(asset: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Return a clip of one second, a title unless another asset is given."""
    return {"asset": asset or {"type": "title", "text": "Hello"}, "start": 0, "length": 1, **fields}


def edit_of(*clips: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return a request with one track, and `fields` beside `timeline` and `output`."""
    return {"timeline": {"tracks": [{"clips": list(clips) or [clip_of()]}]}, "output": SMALL, **fields}


def render_of(response: httpx2.Response, status: int) -> dict[str, Any]:
    """Return the body of a response that shows a render, in the platform's success shape."""
    body: dict[str, Any] = response.json()
    assert response.status_code == status, body
    assert body["success"] is True
    assert body["request_id"] == response.headers["X-Request-ID"]
    assert TIMESTAMP.fullmatch(body["timestamp"])
    assert body["metadata"]["provider"] == "shotstack"
    return body


def wait_for_end(client: httpx2.Client, render_id: str) -> dict[str, Any]:
    """Wait until a render is done or has failed, and return it."""
    for _ in range(4):
        body = render_of(client.get(f"/render/{render_id}", params={"wait_seconds": 20}), 200)
        if body["status"] in {"done", "failed"}:
            return body
    raise AssertionError(f"the render never ended: {body}")


def render_to_end(client: httpx2.Client, edit: dict[str, Any]) -> dict[str, Any]:
    """Submit an edit, and wait until the render is done or has failed."""
    body = render_of(client.post("/render", json=edit), 202)
    return wait_for_end(client, body["render_id"])


def submissions(emulators: Emulators) -> list[dict[str, Any]]:
    """Return what was submitted to Shotstack, without the lookups, which may be of earlier tests' renders."""
    return [request for request in emulators.requests("shotstack") if request["method"] == "POST"]


class CallbackServer:
    """A web server for callbacks: the calls it received, and the statuses of its next responses (204 afterwards)."""

    def __init__(self) -> None:
        self.calls: SimpleQueue[tuple[dict[str, str], bytes]] = SimpleQueue()
        self.statuses: list[int] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))

    @property
    def url(self) -> str:
        """Return the address for `callback_url`."""
        return f"http://127.0.0.1:{self._server.server_port}/hook"

    @classmethod
    @contextmanager
    def start(cls) -> Iterator[CallbackServer]:
        """Serve until the block ends."""
        server = cls()
        thread = threading.Thread(target=server._server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield server
        finally:
            server._server.shutdown()
            server._server.server_close()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    owner: CallbackServer

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.owner.calls.put(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.owner.statuses.pop(0) if self.owner.statuses else 204)
        self.send_header("Location", "/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the standard library's name
        pass
