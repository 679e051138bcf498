"""`npm run bench:media`: measure the time and memory that render-service takes to store and serve a large video.

It uses the public routes. Shotstack is replaced by a server that responds like it and generates a video of 200 MB while
it sends it.
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

import local
import setup
from benchmark.processes import measure_workerd

SIZE = 200 * 1024 * 1024
CHUNK = bytes(1024 * 1024)
FIRST_CHUNK = (24).to_bytes(4) + b"ftypisom" + bytes(4) + b"isomiso2" + CHUNK[24:]
"""The first box of an MP4 file and zeros: render-service stores nothing that is not in the format of the render."""
EDIT = {
    "timeline": {"tracks": [{"clips": [{"asset": {"type": "title", "text": "x"}, "start": 0, "length": 1}]}]},
    "output": {"format": "mp4", "resolution": "sd"},
}


def main() -> int:
    """Measure everything and print the table; return the exit status."""
    with tempfile.TemporaryDirectory() as state, serve_shotstack() as shotstack:
        local.migrate(Path(state))
        vars_ = {"AUTH_MODE": "open", "SHOTSTACK_API_KEY": "any", "SHOTSTACK_BASE_URL": shotstack, **local.LOCAL_VARS}
        options = {"state": state, "workers": ["rate-limiter", "render-service"], "vars": {"*": vars_}, "warm": True}
        workers = local.start_workers(options)
        try:
            url = workers.wait_until_ready()["workers"]["render-service"]
            workers.drain()
            print(f"{SIZE / 1e6:.0f} MB{'seconds':>22}{'MB before':>12}{'MB at most':>12}")
            video = measure("copied into R2", workers, lambda: render_video(url))
            measure("served", workers, lambda: download(video))
            measure("served, 100 ranges", workers, lambda: download_in_ranges(video))
        finally:
            workers.stop()
    return 0


def measure(title: str, workers: local.Part, work: Callable[[], Any]) -> Any:
    """Do the work, print its time and workerd's resident memory before it and at its peak; return the work's result."""
    before = peak = measure_workerd(workers.process.pid).memory_mb
    done = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.05):
            peak = max(peak, measure_workerd(workers.process.pid).memory_mb)

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


def render_video(url: str) -> str:
    """Have the video rendered and wait for it; return the URL of the copy in R2."""
    request = urllib.request.Request(f"{url}/render", json.dumps(EDIT).encode())  # noqa: S310
    with urllib.request.urlopen(request) as answer:  # noqa: S310  # our own worker
        render = json.load(answer)
    while render["status"] not in {"done", "failed"}:
        with urllib.request.urlopen(f"{url}/render/{render['render_id']}?wait_seconds=20") as answer:  # noqa: S310
            render = json.load(answer)
    if render["status"] != "done":
        raise RuntimeError(f"the render failed: {render.get('error') or render}")
    video: str = render["url"]
    return video


def download(video: str, *, first: int | None = None) -> None:
    """Read all of the video, or a hundredth from the byte `first`. Raises ValueError if the length is wrong."""
    wanted = SIZE if first is None else SIZE // 100
    headers = {} if first is None else {"Range": f"bytes={first}-{first + wanted - 1}"}
    with urllib.request.urlopen(urllib.request.Request(video, headers=headers)) as answer:  # noqa: S310
        size = 0
        while chunk := answer.read(1 << 20):
            size += len(chunk)
    if size != wanted:
        raise ValueError(f"render-service sent {size} bytes of {video}, not {wanted}")


def download_in_ranges(video: str) -> None:
    """Read all of the video, in a hundred requests."""
    for at in range(100):
        download(video, first=at * SIZE // 100)


@contextmanager
def serve_shotstack() -> Iterator[str]:
    """Yield the base URL of a Shotstack that finishes every render at once."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.respond(201, {"message": "Render Successfully Queued", "id": "2b5eb6a8-93d1-4a22-a2b3-5f1c5a1b6f3d"})

        def do_GET(self) -> None:
            if self.path != "/video.mp4":
                render_id = self.path.split("?")[0].rsplit("/", 1)[1]
                video = f"http://{self.headers['Host']}/video.mp4"
                self.respond(200, {"id": render_id, "owner": "x", "status": "done", "url": video, "data": None})
                return
            self.send_response(200)
            self.send_header("Content-Type", "video/mp4")
            self.send_header("Content-Length", str(SIZE))
            self.end_headers()
            self.wfile.write(FIRST_CHUNK)
            for _ in range(SIZE // len(CHUNK) - 1):
                self.wfile.write(CHUNK)

        def respond(self, status: int, response: dict[str, Any]) -> None:
            content = json.dumps({"success": True, "message": "OK", "response": response}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the base class's name
            """Log nothing."""

    server = ThreadingHTTPServer((local.HOST, 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{local.HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


if __name__ == "__main__":
    setup.run_script(main)
