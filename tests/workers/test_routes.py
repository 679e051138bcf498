"""Paths, methods and request ids, which all workers treat alike."""

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.shapes import UUID4, error_of, success_of


def test_path_when_unknown_then_404(platform: Platform) -> None:
    body = error_of(platform.client("text-gen").get("/nothing-here"), 404, "ROUTE_NOT_FOUND")

    assert body["error"] == "Not Found"


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/generate", "OPTIONS, POST"),
        ("PUT", "/generate", "OPTIONS, POST"),
        ("DELETE", "/generate/stream", "OPTIONS, POST"),
        ("POST", "/health", "GET, HEAD, OPTIONS"),
    ],
)
def test_method_when_the_path_has_others_then_405_names_them(
    platform: Platform, method: str, path: str, allowed: str
) -> None:
    answer = platform.client("text-gen").request(method, path)

    error_of(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"] == allowed


@pytest.mark.parametrize(("path", "status"), [("/health", 200), ("/nothing-here", 404), ("/generate", 405)])
def test_head_when_asked_then_it_is_get_without_the_body(platform: Platform, path: str, status: int) -> None:
    client = platform.client("text-gen")

    head, get = client.head(path), client.get(path)

    assert (head.status_code, get.status_code) == (status, status)
    assert head.content == b""
    assert head.headers["Content-Type"] == get.headers["Content-Type"]
    assert head.headers["Access-Control-Allow-Origin"] == "*"
    assert UUID4.fullmatch(head.headers["X-Request-ID"])


@pytest.mark.parametrize("given", ["a", "order-7.retry_2", "x" * 128])
def test_request_id_when_well_formed_then_it_is_kept_everywhere(platform: Platform, given: str) -> None:
    client, headers = platform.client("text-gen"), {"X-Request-ID": given}

    success = client.post("/generate", json={"prompt": "Hello"}, headers=headers)
    failure = client.post("/generate", json={}, headers=headers)
    stream = client.post("/generate/stream", json={"prompt": "Hello"}, headers=headers)

    assert success_of(success)["request_id"] == given
    assert error_of(failure, 400, "INVALID_REQUEST")["request_id"] == given
    assert stream.headers["X-Request-ID"] == given
    assert platform.log_lines(given)
    assert platform.usage_rows(given)


@pytest.mark.parametrize("given", ["", "x" * 129, "a b", "a/b", "é", "a,b", '"><script>'])
def test_request_id_when_malformed_then_replaced_by_a_new_one(platform: Platform, given: str) -> None:
    answer = platform.client("text-gen").get("/nothing-here", headers={b"X-Request-ID": given.encode()})

    assert UUID4.fullmatch(error_of(answer, 404, "ROUTE_NOT_FOUND")["request_id"])


def test_request_id_when_absent_then_each_request_has_its_own(platform: Platform) -> None:
    client = platform.client("text-gen")

    ids = [client.get("/health").headers["X-Request-ID"] for _ in range(3)]

    assert all(UUID4.fullmatch(request_id) for request_id in ids)
    assert len(set(ids)) == 3


def test_request_id_when_provider_accepts_one_then_sent_on(platform: Platform, emulators: Emulators) -> None:
    platform.client("text-gen").post(
        "/generate", json={"prompt": "Hello", "model": "openai:gpt-4o"}, headers={"X-Request-ID": "mine-1"}
    )

    (call,) = emulators.requests("openai")
    assert call["headers"]["x-client-request-id"] == "mine-1"
