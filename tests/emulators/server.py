"""The emulators' HTTP server: uvicorn with httptools, on a loopback socket that listens before it is announced."""

import asyncio
import socket

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class EmulatorProtocol(HttpToolsProtocol):
    """Hands the application the connection itself, as ASGI has no word for closing one in the middle of an answer."""

    transport: asyncio.Transport

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["state"]["transport"] = self.transport


def listen(port: int) -> socket.socket:
    """A listening socket on 127.0.0.1; port 0 takes a free one. Raises `OSError` when the port is taken."""
    # With the protocol named, asyncio sets TCP_NODELAY; without it, each answer waits 40 ms for a delayed ACK.
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
    """A server that stops on SIGTERM and SIGINT without waiting for stalled streams."""
    config = uvicorn.Config(
        app,
        http=EmulatorProtocol,
        ws="none",
        lifespan="off",
        log_level="critical",
        access_log=False,
        server_header=False,
        # Longer than any client keeps an idle connection, so that it is always the client who closes.
        timeout_keep_alive=3600,
        timeout_graceful_shutdown=0,
    )
    return uvicorn.Server(config)
