"""Callers who leave before the end, as a killed program does, with a reset.

After a mere half-close, which HTTP allows, a caller may still wait for its answer.
"""

import json
import socket
import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

_RESET = struct.pack("ii", 1, 0)  # linger on, for no time


@contextmanager
def asking(url: str, path: str, body: Mapping[str, Any], headers: Mapping[str, str]) -> Iterator[HTTPConnection]:
    """Send a POST and yield its connection, which is closed at the end of the block."""
    connection = HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request("POST", path, json.dumps(body), dict(headers))
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    try:
        yield connection
    finally:
        connection.close()
