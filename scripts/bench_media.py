"""`npm run bench:media`: a large film is copied from its provider into R2 and served, and what memory that takes.

Through render-service's public routes. In the place of Shotstack stands a server that answers like it, with a file of
200 MB that it makes up as it sends it.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import bench
import local
import setup

SIZE = 200 * 1024 * 1024
CHUNK = bytes(1024 * 1024)
EDIT = {
    "timeline": {"tracks": [{"clips": [{"asset": {"type": "title", "text": "x"}, "start": 0, "length": 1}]}]},
    "output": {"format": "mp4", "resolution": "sd"},
}


def main() -> int:
    """Prints the table."""
    with tempfile.TemporaryDirectory() as state, serve_film() as shotstack:
        local.migrate(Path(state))
        vars_ = {"AUTH_MODE": "open", "SHOTSTACK_API_KEY": "any", "SHOTSTACK_BASE_URL": shotstack, **local.LOCAL_VARS}
        options = {"state": state, "workers": ["rate-limiter", "render-service"], "vars": {"*": vars_}, "warm": True}
        workers = local.start_workers(options)
        try:
            url = workers.wait_until_ready()["workers"]["render-service"]
            workers.drain()
            print(f"{SIZE / 1e6:.0f} MB{'seconds':>22}{'MB before':>12}{'MB at most':>12}")
            film = measure("copied into R2", workers, lambda: copy(url))
            measure("served", workers, lambda: download(film))
            measure("served, 100 ranges", workers, lambda: download_in_ranges(film))
        finally:
            workers.stop()
    return 0


def measure(title: str, workers: local.Part, work: Callable[[], Any]) -> Any:
    """Does the work and prints its time, and workerd's resident memory before it and at its peak."""
    before = peak = bench.resident_megabytes(workers.process.pid)
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.05):
            peak = max(peak, bench.resident_megabytes(workers.process.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.monotonic()
    try:
        result = work()
    finally:
        seconds = time.monotonic() - started
        done.set()
        watcher.join()
    print(f"{title:<20}{seconds:>8.1f}{before:>12.0f}{peak:>12.0f}", flush=True)
    return result


def copy(url: str) -> str:
    """Has the film rendered; the URL of the copy."""
    request = urllib.request.Request(f"{url}/render", json.dumps(EDIT).encode())  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310  # our own worker
        render = json.load(answer)
    while render["status"] not in {"done", "failed"}:
        with urllib.request.urlopen(f"{url}/render/{render['render_id']}?wait_seconds=20") as answer:  # noqa: S310
            render = json.load(answer)
    film: str = render["url"]
    return film


def download(film: str, *, first: int | None = None) -> None:
    """Reads all of it, or a hundredth from a place on. Raises ValueError when it is not as long as it should be."""
    wanted = SIZE if first is None else SIZE // 100
    headers = {} if first is None else {"Range": f"bytes={first}-{first + wanted - 1}"}
    with urllib.request.urlopen(urllib.request.Request(film, headers=headers)) as answer:  # noqa: S310
        size = 0
        while chunk := answer.read(1 << 20):
            size += len(chunk)
    if size != wanted:
        raise ValueError(f"{size} bytes came, not {wanted}")


def download_in_ranges(film: str) -> None:
    """Reads all of it, in a hundred requests."""
    for at in range(100):
        download(film, first=at * SIZE // 100)


@contextmanager
def serve_film() -> Iterator[str]:
    """The base URL of a Shotstack whose every render is done at once."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(201, {"message": "Render Successfully Queued", "id": "2b5eb6a8-93d1-4a22-a2b3-5f1c5a1b6f3d"})

        def do_GET(self) -> None:
            if self.path != "/film.mp4":
                render_id = self.path.split("?")[0].rsplit("/", 1)[1]
                film = f"http://{self.headers['Host']}/film.mp4"
                self.answer(200, {"id": render_id, "owner": "x", "status": "done", "url": film, "data": None})
                return
            self.send_response(200)
            self.send_header("Content-Type", "video/mp4")
            self.send_header("Content-Length", str(SIZE))
            self.end_headers()
            for _ in range(SIZE // len(CHUNK)):
                self.wfile.write(CHUNK)

        def answer(self, status: int, response: dict[str, Any]) -> None:
            content = json.dumps({"success": True, "message": "OK", "response": response}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the base class's name
            """Says nothing."""

    server = ThreadingHTTPServer((local.HOST, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{local.HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    setup.run_script(main)
