"""Parts of the Cloudflare emulator that need no workerd: SQL with several statements, WebSockets, crons."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from urllib.parse import urlsplit

import pytest

from tests.emulators.vendors.cloudflare.crons import parse_cron
from tests.emulators.vendors.cloudflare.statements import split_statements
from tests.emulators.vendors.cloudflare.websockets import Connection, WebSocketServer

TRIGGER = "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET b = 1; DELETE FROM c; END;"


@pytest.mark.parametrize(
    ("sql", "statements"),
    [
        ("SELECT 1", ["SELECT 1"]),
        ("SELECT 1;SELECT 2;", ["SELECT 1;", "SELECT 2;"]),
        ("SELECT 'a;b'; SELECT \"c;d\", [e;f]", ["SELECT 'a;b';", 'SELECT "c;d", [e;f]']),
        ("SELECT 'it''s; one'", ["SELECT 'it''s; one'"]),
        (f"{TRIGGER} SELECT 1", [TRIGGER, "SELECT 1"]),
        ("SELECT 1 -- a; b\n; /* c; d */ SELECT 2", ["SELECT 1 -- a; b\n;", "/* c; d */ SELECT 2"]),
        ("-- only; comments\n/* and; spaces */ ;;\n", []),
        ("", []),
        ("SELECT 'never closed; SELECT 2", ["SELECT 'never closed; SELECT 2"]),
    ],
)
def test_statements_are_split_where_sqlite_ends_them(sql: str, statements: list[str]) -> None:
    assert split_statements(sql) == statements


class Clients:
    """The clients of a server, as it sees them."""

    def __init__(self) -> None:
        self.joined: list[Connection] = []
        self.server = WebSocketServer(join=self._join, leave=self._leave)

    def _join(self, path: str, connection: Connection) -> str | None:
        if path != "/known":
            return None
        self.joined.append(connection)
        return "trace-v1"

    def _leave(self, _path: str, connection: Connection) -> None:
        self.joined.remove(connection)


@contextmanager
def connect(clients: Clients, path: str, *headers: str) -> Iterator[tuple[socket.socket, bytes]]:
    """Send the handshake of RFC 6455, section 1.3; yield the connection and the response's head."""
    url = urlsplit(clients.server.url(path))
    with socket.create_connection((url.hostname, url.port), timeout=5) as client:
        key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
        head = [f"GET {path} HTTP/1.1", "Host: localhost", "Upgrade: websocket", key, *headers]
        client.sendall("\r\n".join([*head, "", ""]).encode())
        received = b""
        while b"\r\n\r\n" not in received:
            received += client.recv(1024)
        yield client, received


def read_exactly(client: socket.socket, size: int) -> bytes:
    received = b""
    while len(received) < size:
        received += client.recv(size - len(received))
    return received


def test_websocket_accepts_like_the_example_of_rfc_6455() -> None:
    with connect(Clients(), "/known") as (_, head):
        assert head.startswith(b"HTTP/1.1 101 ")
        assert b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" in head


def test_websocket_takes_frames_with_and_without_mask() -> None:
    with connect(Clients(), "/known") as (client, _):
        client.sendall(b"\x81\x05Hello")
        client.sendall(b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")
        client.sendall(b"\x89\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58")

        assert read_exactly(client, 7) == b"\x8a\x05Hello"


@pytest.mark.parametrize(
    ("size", "head"),
    [(5, b"\x82\x05"), (300, b"\x82\x7e\x01\x2c"), (70_000, b"\x82\x7f\x00\x00\x00\x00\x00\x01\x11\x70")],
)
def test_websocket_sends_messages_of_any_size(size: int, head: bytes) -> None:
    clients = Clients()
    with connect(clients, "/known") as (client, _):
        clients.joined[0].send(b"x" * size)

        assert read_exactly(client, len(head) + size) == head + b"x" * size


def test_websocket_answers_a_close_and_forgets_the_client() -> None:
    clients = Clients()
    with connect(clients, "/known") as (client, _):
        client.sendall(b"\x88\x02\x03\xe8")

        assert read_exactly(client, 4) == b"\x88\x02\x03\xe8"
        assert client.recv(1) == b""
    assert clients.joined == []


@pytest.mark.parametrize(("path", "headers"), [("/unknown", ()), ("/known", ("Origin: https://example.com",))])
def test_websocket_refuses_strangers(path: str, headers: tuple[str, ...]) -> None:
    with connect(Clients(), path, *headers) as (_, head):
        assert head.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize(
    ("cron", "time", "due"),
    [
        ("* * * * *", "2026-11-25T23:59", True),
        ("*/15 * * * *", "2026-11-25T00:45", True),
        ("*/15 * * * *", "2026-11-25T00:46", False),
        ("5/20 * * * *", "2026-11-25T00:25", True),
        ("0 3 * * *", "2026-11-25T03:00", True),
        ("0 3 * * *", "2026-11-25T15:00", False),
        ("0,30 9-17 * * MON-FRI", "2026-11-27T17:30", True),
        ("0,30 9-17 * * MON-FRI", "2026-11-28T17:30", False),
        ("0 17 * * sun", "2026-11-29T17:00", True),
        ("0 17 * * 1", "2026-11-29T17:00", True),
        ("0 17 * * 7", "2026-11-28T17:00", True),
        ("0 0 1 jan *", "2027-01-01T00:00", True),
        ("0 0 1 * MON", "2026-11-30T00:00", True),
        ("0 0 1 * MON", "2026-12-01T00:00", True),
        ("0 0 1 * MON", "2026-12-02T00:00", False),
    ],
)
def test_cron_matches_its_minutes(cron: str, time: str, due: bool) -> None:
    assert parse_cron(cron).matches(datetime.fromisoformat(time)) is due


@pytest.mark.parametrize(
    "cron", ["often", "* * * *", "* * * * * *", "60 * * * *", "* * 0 * *", "* * * * 0", "5-1 * * * *", "*/0 * * * *"]
)
def test_cron_when_wrong_then_value_error(cron: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_cron(cron)
