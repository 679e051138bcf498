"""`python -m tests.emulators --port 8800`: serve all emulators until SIGTERM, SIGINT or, on request, the end of stdin.

Prints one JSON line when it accepts connections:
`{"event": "ready", "url": "http://127.0.0.1:8800", "base_urls": {"openai": "http://127.0.0.1:8800/openai/v1", ...}}`,
and `state`, the folder of what they keep on disk (`--state`): git repositories in `github/<owner>/<name>.git`.
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
    parser = argparse.ArgumentParser(prog="python -m tests.emulators", description="The providers' APIs on loopback.")
    parser.add_argument("--port", type=int, default=8800, help="port on 127.0.0.1; 0 takes a free one (default: 8800)")
    parser.add_argument("--state", type=Path, help="folder for what is kept on disk (default: one that ends with this)")
    parser.add_argument("--exit-with-parent", action="store_true", help="end when standard input closes")
    arguments = parser.parse_args()
    try:
        listener = listen(arguments.port)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or error
        print(f"emulators: cannot listen on 127.0.0.1:{arguments.port}: {reason}", file=sys.stderr)
        return 1
    # uvicorn hands the signal on when it has stopped; the exit then is an orderly one, which also ends running renders.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with contextlib.ExitStack() as until_the_end:
        temporary = arguments.state or until_the_end.enter_context(tempfile.TemporaryDirectory(prefix="emulators-"))
        serve(listener, state=Path(temporary).resolve(), exit_with_parent=arguments.exit_with_parent)
    return 0


def serve(listener: socket.socket, *, state: Path, exit_with_parent: bool) -> None:
    """Start the vendors, say where they are, and serve until told to stop."""
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
    # Not through `sys.stdin`: its lock, held by a daemon thread, would make the interpreter's exit fail.
    while os.read(sys.stdin.fileno(), 4096):
        pass
    server.should_exit = True


if __name__ == "__main__":
    sys.exit(main())
