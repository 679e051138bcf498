"""The emulators' HTTP server: uvicorn with httptools, on a loopback socket that listens before it is announced."""

import asyncio
import socket

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class EmulatorProtocol(HttpToolsProtocol):
    """An HTTP connection whose transport is in the ASGI scope, so that the application can cut it during a response."""

    transport: asyncio.Transport

    def on_message_begin(self) -> None:
        """Add the transport to the scope of the next request."""
        super().on_message_begin()
        self.scope["state"]["transport"] = self.transport


def listen(port: int) -> socket.socket:
    """Return a listening socket on 127.0.0.1; port 0 means a free one. Raises `OSError` if the port is taken."""
    # asyncio sets TCP_NODELAY only if the protocol is named; otherwise each response waits 40 ms for a delayed ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    return listener


def create_server(app: Starlette) -> uvicorn.Server:
    """Return a server that stops on SIGTERM and SIGINT without waiting for stalled streams."""
    config = uvicorn.Config(
        app,
        http=EmulatorProtocol,
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        server_header=False,
        # Longer than any client keeps an idle connection, so that only clients close connections.
        timeout_keep_alive=3600,
        timeout_graceful_shutdown=0,
    )
    return uvicorn.Server(config)
