"""A web server on loopback that serves media files and receives webhooks."""

import json
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from PIL import Image

from tests.emulators.ffmpeg import run_ffmpeg


class LoopbackServer:
    """A web server with its URL and the bodies posted to it. `refusals` are the next statuses, before 200."""

    def __init__(self, directory: Path) -> None:
        self.posted: SimpleQueue[dict[str, Any]] = SimpleQueue()
        self.refusals: list[int] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, self, directory))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @classmethod
    @contextmanager
    def start(cls, directory: Path) -> Iterator["LoopbackServer"]:
        """Serve the directory until the block ends."""
        loopback = cls(directory)
        thread = threading.Thread(target=loopback._server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield loopback
        finally:
            loopback._server.shutdown()
            loopback._server.server_close()
            thread.join()


class _Handler(SimpleHTTPRequestHandler):
    def __init__(self, loopback: LoopbackServer, directory: Path, *arguments: Any) -> None:
        self._loopback = loopback
        super().__init__(*arguments, directory=str(directory))

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self._loopback.posted.put(body)
        self.send_response(self._loopback.refusals.pop(0) if self._loopback.refusals else 200)
        self.send_header("content-length", "0")
        self.end_headers()

    def copyfile(self, source: Any, outputfile: Any) -> None:
        shutil.copyfileobj(source, outputfile)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the standard library's name
        """Print nothing, so that only pytest writes output."""


def write_media(directory: Path) -> None:
    """Write `red.mp4` and, with sound, `blue.mp4` of 4 s and 320x180, `tone.mp3` of 3 s, and a square `green.png`."""
    encoding = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    red, blue = (["-f", "lavfi", "-i", f"color=c={colour}:s=320x180:r=25:d=4"] for colour in ("red", "blue"))
    tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=4"]
    run_ffmpeg([*red, *encoding, directory / "red.mp4"])
    run_ffmpeg([*blue, *tone, *encoding, "-c:a", "aac", directory / "blue.mp4"])
    run_ffmpeg([*tone, "-t", "3", "-c:a", "libmp3lame", directory / "tone.mp3"])
    Image.new("RGB", (180, 180), "lime").save(directory / "green.png")
