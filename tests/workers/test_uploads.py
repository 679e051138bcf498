"""Bodies that do not come, and requests that are not well-formed, sent over a bare socket."""

from __future__ import annotations

import json
import socket
import uuid
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.platform import Platform


def send(platform: Platform, worker: str, *lines: str, body: bytes = b"") -> socket.socket:
    """Send the lines of a request's head and the beginning of its body; return the open connection."""
    url = urlsplit(platform.urls[worker])
    head = [*lines, *(f"{name}: {value}" for name, value in platform.headers(worker).items()), "Connection: close"]
    connection = socket.create_connection((url.hostname or "", url.port or 0), timeout=20)
    connection.sendall("\r\n".join([*head, "", ""]).encode() + body)
    return connection


def read_error(connection: socket.socket) -> tuple[int, dict[str, Any]]:
    """Return the status and the body of the error that is the response."""
    received = b""
    with connection:
        while chunk := connection.recv(65536):
            received += chunk
    head, _, body = received.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body[body.index(b"{") : body.rindex(b"}") + 1])


@pytest.mark.parametrize("size", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_body_that_does_not_come_is_a_timeout(platform: Platform, size: str) -> None:
    lines = ("POST /generate HTTP/1.1", "Host: localhost", "Content-Type: application/json", size)

    status, error = read_error(send(platform, "text-gen-with-slow-uploads", *lines))

    assert (status, error["error_code"]) == (408, "REQUEST_TIMEOUT")


@pytest.mark.parametrize(
    ("size", "body", "expected"),
    [
        ("Content-Length: 100", b'{"prompt": ', (499, "CLIENT_CLOSED_REQUEST")),
        ("Transfer-Encoding: chunked", b'5\r\n{"pro\r\n', (400, "INVALID_REQUEST")),
    ],
)
def test_upload_when_caller_leaves_then_logged_without_failure(
    platform: Platform, size: str, body: bytes, expected: tuple[int, str]
) -> None:
    request_id = str(uuid.uuid4())
    lines = ("POST /generate HTTP/1.1", "Host: localhost", size, f"X-Request-ID: {request_id}")

    send(platform, "text-gen", *lines, body=body).close()

    (line,) = platform.log_lines(request_id)
    assert (line["status"], line["error_code"]) == expected
    assert not platform.has_logged(request_id, event="failure")


def test_broken_chunks_are_a_wrong_request(platform: Platform) -> None:
    request_id = str(uuid.uuid4())
    lines = ("POST /generate HTTP/1.1", "Host: localhost", "Transfer-Encoding: chunked", f"X-Request-ID: {request_id}")

    status, error = read_error(send(platform, "text-gen", *lines, body=b'5\r\n{"pro\r\nzz\r\n'))

    assert (status, error["error_code"]) == (400, "INVALID_REQUEST")
    assert not platform.has_logged(request_id, event="failure")


@pytest.mark.parametrize("host", ["[foo]", "[", "a b", "a:b:c"])
def test_malformed_host_is_answered_in_our_shape(platform: Platform, host: str) -> None:
    status, error = read_error(send(platform, "text-gen", "GET /health HTTP/1.1", f"Host: {host}"))

    assert (status, error["error_code"]) == (400, "INVALID_REQUEST")


def test_page_of_another_site_gets_nothing_from_a_local_run(platform: Platform) -> None:
    client = platform.client("text-gen")
    body = json.dumps({"prompt": "Hello"}).encode()
    headers = {"Content-Type": "text/plain", "Origin": "https://evil.example"}

    answer = client.post("/generate", content=body, headers=headers)
    rebound = client.post("/generate", content=body, headers={"Host": "evil.example"})

    for refusal in (answer, rebound):
        assert (refusal.status_code, refusal.json()["error_code"]) == (403, "FORBIDDEN_ORIGIN")
    assert client.post("/generate", content=body, headers={"Origin": "http://localhost:3000"}).status_code == 200
