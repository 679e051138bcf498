"""Log lines: one per request with what an operator needs, and without prompts, texts and keys."""

from typing import Any

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.shapes import TIMESTAMP

PATHS = pytest.mark.parametrize("path", ["/generate", "/generate/stream"])


@PATHS
def test_success_has_one_line_with_its_figures(platform: Platform, path: str) -> None:
    answer = platform.client("text-gen").post(path, json={"prompt": "Hello there"})

    request_id = answer.headers["X-Request-ID"]
    (row,) = platform.usage_rows(request_id)
    (line,) = platform.log_lines(request_id)
    assert TIMESTAMP.fullmatch(line.pop("timestamp"))
    assert len(line.pop("trace_id")) == 2 * len(line.pop("span_id")) == 32
    assert line.pop("ms") >= line.pop("upstream_ms") >= 0
    assert line == {
        "level": "info",
        "worker": "text-gen",
        "event": "request",
        "request_id": request_id,
        "method": "POST",
        "route": path,
        "status": 200,
        "provider": "anthropic",
        "model": "claude-sonnet-4-6",
        "input_units": row["input_units"],
        "output_units": row["output_units"],
    }


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/health", ("/health", 200, None)),
        ("OPTIONS", "/generate", (None, 204, None)),
        ("GET", "/secret-in-the-path", (None, 404, "ROUTE_NOT_FOUND")),
        ("GET", "/generate", (None, 405, "METHOD_NOT_ALLOWED")),
        ("POST", "/generate", ("/generate", 400, "INVALID_JSON")),
    ],
)
def test_line_without_a_provider_has_no_figures(
    platform: Platform, method: str, path: str, expected: tuple[str | None, int, str | None]
) -> None:
    answer = platform.client("text-gen").request(method, path)

    (line,) = platform.log_lines(answer.headers["X-Request-ID"])
    assert line["method"] == method
    assert (line.get("route"), line["status"], line.get("error_code")) == expected
    assert not {"provider", "model", "input_units"} & line.keys()
    assert "secret-in-the-path" not in platform.logged()


@PATHS
@pytest.mark.parametrize(
    "fault",
    [
        None,
        {"kind": "status", "status": 500, "times": 9, "retry_after": 0.01},
        {"kind": "broken_json", "after": 6},
        {"kind": "cut", "after": 6},
        {"kind": "truncate", "after": 6},
    ],
    ids=lambda fault: fault["kind"] if fault else "success",
)
def test_log_has_no_prompt_text_or_key(
    platform: Platform, emulators: Emulators, path: str, fault: dict[str, Any] | None
) -> None:
    if fault:
        emulators.add_fault("anthropic", **fault)
    body = {"prompt": "the tulip plan", "options": {"system_prompt": "the rose plan"}}
    headers = {"Authorization": "Bearer caller-key-9876", "X-API-Key": "caller-key-9876", "Cookie": "c=caller-key-9876"}

    answer = platform.client("text-gen").post(path, json=body, headers=headers)

    assert len(platform.log_lines(answer.headers["X-Request-ID"])) == 1
    logged = platform.logged()
    for private in ("tulip", "rose plan", "No model was asked", "caller-key"):
        assert private not in logged


@PATHS
def test_log_has_no_content_of_a_refused_body(platform: Platform, path: str) -> None:
    answer = platform.client("text-gen").post(path, json={"prompt": ["the tulip plan"], "project_id": 7})

    assert platform.log_lines(answer.headers["X-Request-ID"])
    assert "tulip" not in platform.logged()


def test_providers_failure_is_logged_as_a_warning(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("anthropic", kind="status", status=401, message="no such key")

    answer = platform.client("text-gen").post("/generate", json={"prompt": "Hello"})

    request_id = answer.headers["X-Request-ID"]
    (line,) = platform.log_lines(request_id)
    assert (line["status"], line["error_code"]) == (502, "PROVIDER_AUTH_FAILED")
    (warning,) = platform.log_lines(request_id, event="failed")
    assert (warning["level"], warning["error_code"]) == ("warning", "PROVIDER_AUTH_FAILED")
    assert warning["details"]["status"] == 401
    assert "no such key" not in platform.logged()
