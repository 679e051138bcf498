"""`python -m tests.emulators --port 8800`: serve all emulators until SIGTERM, SIGINT or, on request, the end of stdin.

Prints one JSON line when it accepts connections:
`{"event": "ready", "url": "http://127.0.0.1:8800", "base_urls": {"openai": "http://127.0.0.1:8800/openai/v1", ...}}`,
with `state`, the folder of their data on disk (`--state`): git repositories in `github/<owner>/<name>.git`.
"""

import argparse
import contextlib
import json
import os
import signal
import socket
import sys
import tempfile
import threading
from pathlib import Path

import uvicorn

from .app import create_app, find_vendors
from .server import create_server, listen


def main() -> int:
    """Parse the command line and serve; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.emulators", description="The providers' APIs on loopback.")
    parser.add_argument("--port", type=int, default=8800, help="port on 127.0.0.1; 0 means a free one (default: 8800)")
    parser.add_argument("--state", type=Path, help="folder for data on disk (default: a temporary one)")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when standard input closes")
    arguments = parser.parse_args()
    try:
        listener = listen(arguments.port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        print(f"emulators: cannot listen on 127.0.0.1:{arguments.port}: {reason}", file=sys.stderr)
        return 1
    # uvicorn raises the signal again when it has stopped; then this exit runs the cleanup that ends running renders.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.ExitStack() as cleanup:
        temporary = arguments.state or cleanup.enter_context(tempfile.TemporaryDirectory(prefix="emulators-"))
        serve(listener, state=Path(temporary).resolve(), exit_with_parent=arguments.exit_with_parent)
    return 0


def serve(listener: socket.socket, *, state: Path, exit_with_parent: bool) -> None:
    """Start the vendors, print their URLs, and serve until a signal or the end of standard input."""
    vendors = find_vendors()
    for vendor in vendors:
        if vendor.start:
            folder = state / vendor.name
            folder.mkdir(parents=True, exist_ok=True)
            vendor.start(folder)
    server = create_server(create_app(vendors))
    if exit_with_parent:
        threading.Thread(target=_stop_at_end_of_input, args=[server], daemon=True).start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    base_urls = {vendor.name: f"{url}/{vendor.name}{vendor.base_path}" for vendor in vendors}
    ready = {"event": "ready", "url": url, "base_urls": base_urls, "state": str(state)}
    print(json.dumps(ready), flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.run(sockets=[listener])


def _stop_at_end_of_input(server: uvicorn.Server) -> None:
    # Not through `sys.stdin`: a daemon thread that holds its lock would make the interpreter's exit fail.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())
