"""Debian's Chromium without a window, over the DevTools protocol (https://chromedevtools.github.io/devtools-protocol/)."""

from __future__ import annotations

import base64
import itertools
import json
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

_START_SECONDS = 30


class Page:
    """One page: what it requested, and what it complained about."""

    def __init__(self, connection: ClientConnection) -> None:
        self.requests: list[str] = []
        self.problems: list[str] = []
        self._connection = connection
        self._ids = itertools.count(1)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the result of a command; events that come meanwhile are kept."""
        number = next(self._ids)
        self._connection.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._connection.recv(timeout=30))
            if message.get("id") == number:
                return dict(message.get("result", {}))
            self._note(message)

    def open(self, url: str, *, width: int, height: int) -> None:
        """Open a URL in a window of this size."""
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        self.call("Page.navigate", url=url)

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        # There is no result while a page is replaced by the next.
        return self.call("Runtime.evaluate", expression=expression, returnByValue=True).get("result", {}).get("value")

    def wait_for(self, expression: str, *, seconds: float = 20) -> Any:
        """Return the value of an expression as soon as it is true."""
        deadline = time.monotonic() + seconds
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < deadline, (
                f"{expression} did not become true: {self.problems}, last requests {self.requests[-3:]}"
            )
            time.sleep(0.1)
        return value

    def screenshot(self, path: Path) -> None:
        """Write a picture of the window."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def _note(self, message: dict[str, Any]) -> None:
        parameters = message.get("params", {})
        match message.get("method"):
            case "Network.requestWillBeSent":
                self.requests.append(parameters["request"]["url"])
            case "Runtime.exceptionThrown":
                self.problems.append(json.dumps(parameters["exceptionDetails"])[:500])
            case "Log.entryAdded" if parameters["entry"]["level"] == "error":
                self.problems.append(parameters["entry"]["text"])


@contextmanager
def open_page(folder: Path) -> Iterator[Page]:
    """Run Chromium with its profile in a folder and yield its page."""
    assert PROGRAM is not None
    command = [
        PROGRAM,
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--no-first-run",
        f"--user-data-dir={folder}",
    ]
    command += ["--remote-debugging-port=0", "--disable-background-networking", "about:blank"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            with connect(_find_page(folder), max_size=None) as connection:
                yield Page(connection)
        finally:
            process.terminate()


def _find_page(folder: Path) -> str:
    file, deadline = folder / "DevToolsActivePort", time.monotonic() + _START_SECONDS
    while not (file.exists() and file.read_text().strip()):
        assert time.monotonic() < deadline, "Chromium did not start"
        time.sleep(0.1)
    port = file.read_text().splitlines()[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json/list") as response:  # loopback
        (address,) = [page["webSocketDebuggerUrl"] for page in json.load(response) if page["type"] == "page"]
    return str(address)
