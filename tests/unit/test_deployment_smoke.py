"""How a deployed worker is tried, against a server that answers like one, or not."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from deployment import smoke
from deployment.wrangler import mask

Answers = dict[tuple[str, str], tuple[int, object]]

INDEX = {"routes": [{"method": "POST", "path": "/generate", "scope": "text", "fields": ["prompt"]}]}
HEALTHY: Answers = {
    ("GET", "/health"): (200, {"status": "healthy", "commit": "abc"}),
    ("GET", "/health?deep=1"): (200, {"checks": {"DB": "ok", "OPENAI_API_KEY": "not configured"}}),
    ("GET", "/"): (200, INDEX),
    ("POST", "/generate"): (401, {"error_code": "UNAUTHORIZED"}),
    ("POST key", "/generate"): (400, {"error_code": "INVALID_REQUEST"}),
}


@contextmanager
def served(answers: Answers) -> Iterator[str]:
    """Serve the answers on loopback; a path without one gets a closed connection."""

    class Handler(BaseHTTPRequestHandler):
        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            kind = f"{self.command} key" if self.headers.get("Authorization") else self.command
            if (kind, self.path) not in answers:
                self.close_connection = True
                return
            status, document = answers[kind, self.path]
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = answer  # noqa: N815  # http.server's names

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def _without_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke, "_PAUSE_SECONDS", 0.01)
    monkeypatch.setattr(smoke, "START_SECONDS", 0.2)


def test_worker_that_works_passes_with_a_warning_about_credentials() -> None:
    with served(HEALTHY) as url:
        assert smoke.try_worker(f"{url}", "key", commit="abc") == ["not configured: OPENAI_API_KEY"]


@pytest.mark.parametrize(
    ("kind", "path", "answer", "reason"),
    [
        ("GET", "/health", (500, {"error_code": "INTERNAL"}), r"GET /health: 500 \(INTERNAL\)"),
        ("GET", "/health", (200, {"commit": "old"}), "still the version from commit old"),
        ("GET", "/health", None, "GET /health: no response"),
        ("GET", "/health?deep=1", (200, {"checks": {"DB": "unreachable"}}), "DB cannot be reached"),
        ("GET", "/health?deep=1", (500, {}), "returned 500 and no `checks`"),
        ("GET", "/health?deep=1", None, "returned no response and no `checks`"),
        ("GET", "/", None, "GET / returned no response"),
        ("POST", "/generate", (200, {}), "without a key returned 200 instead of 401"),
        ("POST", "/generate", None, "without a key returned no response instead of 401"),
        ("POST key", "/generate", (503, {"error_code": "AUTH_UNAVAILABLE"}), r"returned 503 \(AUTH_UNAVAILABLE\)"),
        ("POST key", "/generate", (200, {}), "returned 200, not 400"),
    ],
)
def test_worker_that_does_not_work_fails(kind: str, path: str, answer: tuple[int, object] | None, reason: str) -> None:
    answers = {key: value for key, value in HEALTHY.items() if key != (kind, path)}
    if answer is not None:
        answers[kind, path] = answer

    with served(answers) as url, pytest.raises(smoke.SmokeError, match=reason):
        smoke.try_worker(url, "key", commit="abc")


def test_secrets_are_masked_in_what_wrangler_prints() -> None:
    assert mask("a secret-1 b secret-12 c", ["secret-1", "secret-12", "a", ""]) == "a *** b *** c"
