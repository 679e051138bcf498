"""A WebSocket server on loopback that only sends (RFC 6455), for tails.

It takes frames without a mask, as Cloudflare does, because the first frame of `wrangler tail` has none.
"""

import base64
import hashlib
import socket
import socketserver
import struct
import threading
from collections.abc import Callable

_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_BINARY, _CLOSE, _PING, _PONG = 0x2, 0x8, 0x9, 0xA
_MAX_HEAD_BYTES = 16_384


class Connection:
    """One client."""

    def __init__(self, stream: socket.socket) -> None:
        self._socket = stream
        self._lock = threading.Lock()

    def send(self, message: bytes) -> None:
        """Send one message. A client that has gone gets nothing."""
        self.send_frame(_BINARY, message)

    def send_frame(self, opcode: int, payload: bytes) -> None:
        """Send one frame."""
        size = len(payload)
        if size < 126:
            length = struct.pack("!B", size)
        elif size < 65_536:
            length = struct.pack("!BH", 126, size)
        else:
            length = struct.pack("!BQ", 127, size)
        try:
            with self._lock:
                self._socket.sendall(bytes([0x80 | opcode]) + length + payload)
        except OSError:
            self.close()

    def close(self) -> None:
        """Close the connection; its thread ends."""
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


class WebSocketServer:
    """The server, which starts with the first use of `url` and ends with the process.

    `join` is called with the path of the URL and the connection, and returns the subprotocol, or `None` to refuse.
    `leave` is called when the client has gone.
    """

    def __init__(
        self, *, join: Callable[[str, Connection], str | None], leave: Callable[[str, Connection], None]
    ) -> None:
        self._join = join
        self._leave = leave
        self._lock = threading.Lock()
        self._server: socketserver.ThreadingTCPServer | None = None

    def url(self, path: str) -> str:
        """Return the URL of a path."""
        with self._lock:
            if self._server is None:
                self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), self._handler())
                self._server.daemon_threads = True
                threading.Thread(target=self._server.serve_forever, daemon=True).start()
            return f"ws://127.0.0.1:{self._server.server_address[1]}{path}"

    def _handler(self) -> type[socketserver.StreamRequestHandler]:
        join, leave = self._join, self._leave

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                head = _read_head(self.rfile.readline)
                path, headers = head if head else ("", {})
                key = headers.get("sec-websocket-key")
                connection = Connection(self.connection)
                protocol = join(path, connection) if key and "origin" not in headers else None
                if not key or protocol is None:
                    self.wfile.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                    return
                self.wfile.write(_accept(key, protocol))
                try:
                    _answer_frames(self.rfile.read, connection)
                except OSError:
                    pass
                finally:
                    leave(path, connection)

        return Handler


def _read_head(read_line: Callable[[int], bytes]) -> tuple[str, dict[str, str]] | None:
    """Return the path and the headers of a request, or `None` if it is none."""
    lines = []
    size = 0
    while (line := read_line(_MAX_HEAD_BYTES)) not in {b"", b"\r\n"}:
        size += len(line)
        if size > _MAX_HEAD_BYTES:
            return None
        lines.append(line.decode("latin-1").strip())
    parts = lines[0].split(" ") if lines else []
    if len(parts) != 3:
        return None
    pairs = [line.partition(":") for line in lines[1:]]
    return parts[1], {name.strip().lower(): value.strip() for name, _, value in pairs}


def _accept(key: str, protocol: str) -> bytes:
    # SHA-1 is what RFC 6455 prescribes; nothing depends on its strength.
    digest = hashlib.sha1((key + _GUID).encode(), usedforsecurity=False).digest()
    lines = [
        "HTTP/1.1 101 Switching Protocols",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Accept: {base64.b64encode(digest).decode()}",
        f"Sec-WebSocket-Protocol: {protocol}",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def _answer_frames(read: Callable[[int], bytes], connection: Connection) -> None:
    """Answer pings until the client closes; what it says is ignored."""
    while True:
        head = read(2)
        if len(head) < 2:
            return
        opcode, masked, size = head[0] & 0x0F, bool(head[1] & 0x80), head[1] & 0x7F
        if size == 126:
            (size,) = struct.unpack("!H", read(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", read(8))
        mask = read(4) if masked else bytes(4)
        payload = bytes(byte ^ mask[index % 4] for index, byte in enumerate(read(size)))
        if opcode == _PING:
            connection.send_frame(_PONG, payload)
        elif opcode == _CLOSE:
            connection.send_frame(_CLOSE, payload)
            return
