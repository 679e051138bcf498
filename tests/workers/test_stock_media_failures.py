"""Pexels' failures, and a deployment that is not set up: status, code, and the caller's error."""

import socket
import struct
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.variants import PLANTED_SECRET
from tests.workers.shapes import error_of, success_of

PATHS = pytest.mark.parametrize("path", ["/search/videos", "/search/photos", "/search"])
NEVER_TRIED_AGAIN = {
    400: (422, "PROVIDER_REJECTED"),
    401: (502, "PROVIDER_AUTH_FAILED"),
    402: (502, "PROVIDER_QUOTA_EXHAUSTED"),
    403: (502, "PROVIDER_AUTH_FAILED"),
    404: (422, "PROVIDER_REJECTED"),
    422: (422, "PROVIDER_REJECTED"),
}
SOON = 0.01
RESET = struct.pack("ii", 1, 0)
"""`SO_LINGER` for no time: the connection is reset, as that of a killed program is."""


def ask(platform: Platform, path: str = "/search/videos", *, worker: str = "stock-media-uncached") -> Any:
    return platform.client(worker).post(path, json={"keywords": ["ocean"]})


@pytest.mark.parametrize("path", ["/search/videos", "/search/photos"])
@pytest.mark.parametrize("status", NEVER_TRIED_AGAIN)
def test_final_error_is_not_retried(platform: Platform, emulators: Emulators, path: str, status: int) -> None:
    emulators.add_fault("pexels", kind="status", status=status, message="That was\n no good")

    error = error_of(ask(platform, path), *NEVER_TRIED_AGAIN[status])

    assert error["error"].startswith("Pexels")
    assert "That was no good" in error["error"]
    assert (error["details"]["provider"], error["details"]["status"]) == ("pexels", status)
    assert len(emulators.requests("pexels")) == 1


@PATHS
def test_rate_limit_with_a_long_wait_is_429_with_it(platform: Platform, emulators: Emulators, path: str) -> None:
    emulators.add_fault("pexels", kind="status", status=429, retry_after=37, times=2)

    answer = ask(platform, path)

    error_of(answer, 429, "PROVIDER_RATE_LIMIT")
    assert answer.headers["Retry-After"] == "37"


def test_rate_limit_when_no_wait_is_named_then_429_without_one(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("pexels", kind="status", status=429, times=9)

    answer = ask(platform)

    error_of(answer, 429, "PROVIDER_RATE_LIMIT")
    assert "Retry-After" not in answer.headers
    assert len(emulators.requests("pexels")) == 3


@PATHS
@pytest.mark.parametrize("status", [500, 503, 529])
def test_error_when_it_passes_then_another_try_succeeds_unseen(
    platform: Platform, emulators: Emulators, path: str, status: int
) -> None:
    emulators.add_fault("pexels", kind="status", status=status, retry_after=SOON)

    assert success_of(ask(platform, path))["media"]


@PATHS
def test_lasting_error_is_502_after_all_tries(platform: Platform, emulators: Emulators, path: str) -> None:
    emulators.add_fault("pexels", kind="status", status=503, times=9, message="Down", retry_after=SOON)

    assert error_of(ask(platform, path), 502, "PROVIDER_ERROR")["error"] == (
        "Pexels failed with status 503: retry after 1 s (Down)"
    )


@pytest.mark.parametrize("kind", ["/v1/videos/search", "/v1/search"])
def test_failure_of_one_kind_is_the_response(platform: Platform, emulators: Emulators, kind: str) -> None:
    emulators.add_fault("pexels", kind="status", status=400, message="Not that one", path_contains=kind)

    assert error_of(ask(platform, "/search"), 422, "PROVIDER_REJECTED")["error"] == (
        "Pexels rejected the request: Not that one"
    )


def test_failure_of_one_kind_cancels_the_other(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("pexels", kind="status", status=400, path_contains="/v1/search")
    emulators.add_fault("pexels", kind="slow_first_byte", seconds=60, path_contains="/v1/videos")

    error_of(ask(platform, "/search"), 422, "PROVIDER_REJECTED")

    assert wait_for(lambda: [call["path"] for call in emulators.requests("pexels") if call["aborted"]]) == [
        "/v1/videos/search"
    ]


def test_failure_of_a_later_page_is_the_response(platform: Platform, emulators: Emulators) -> None:
    topics = ["ocean city forest mountain coffee people technology space rain sunset snow river"]
    emulators.add_fault("pexels", kind="status", status=400, prompt_contains="page=2")

    answer = platform.client("stock-media-uncached").post(
        "/search/videos", json={"keywords": topics, "options": {"per_page": 80, "min_duration": 3}}
    )

    error_of(answer, 422, "PROVIDER_REJECTED")
    assert [call["status"] for call in emulators.requests("pexels")] == [200, 400]


@PATHS
@pytest.mark.parametrize("kind", ["empty", "broken_json", "truncate"])
def test_answer_when_unreadable_then_502_without_retry(
    platform: Platform, emulators: Emulators, path: str, kind: str
) -> None:
    emulators.add_fault("pexels", kind=kind)

    assert "Pexels" in error_of(ask(platform, path), 502, "PROVIDER_ERROR")["error"]


@pytest.mark.parametrize("status", [302, 307])
def test_redirect_when_sent_then_it_is_not_followed(platform: Platform, emulators: Emulators, status: int) -> None:
    emulators.add_fault("pexels", kind="redirect", status=status)

    error_of(ask(platform), 502, "PROVIDER_ERROR")

    assert len(emulators.requests("pexels")) == 1


def test_html_page_of_a_proxy_is_not_shown(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("pexels", kind="html", status=403)

    answer = ask(platform)

    assert error_of(answer, 502, "PROVIDER_AUTH_FAILED")["error"] == (
        "Pexels refused access: check the permissions of `PEXELS_API_KEY`"
    )


def test_connection_when_cut_in_the_answer_then_502(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("pexels", kind="cut", after=1)

    assert error_of(ask(platform), 502, "PROVIDER_ERROR")["error"] == "Pexels's response was interrupted"


def test_pexels_when_it_cannot_be_reached_then_502(platform: Platform) -> None:
    error = error_of(ask(platform, worker="stock-media-unreachable"), 502, "PROVIDER_UNREACHABLE")

    assert error["error"] == "Pexels cannot be reached: retry later, or check `PEXELS_BASE_URL`"


@pytest.mark.parametrize("fault", [{"kind": "slow_first_byte", "seconds": 60}, {"kind": "stall"}])
def test_pexels_when_too_slow_then_504_and_no_other_try(
    platform: Platform, emulators: Emulators, fault: dict[str, Any]
) -> None:
    emulators.add_fault("pexels", **fault)

    error_of(ask(platform, worker="stock-media-impatient"), 504, "GATEWAY_TIMEOUT")

    assert len(emulators.requests("pexels")) == 1


@PATHS
def test_secret_when_it_is_missing_then_500_says_which(platform: Platform, emulators: Emulators, path: str) -> None:
    error = error_of(ask(platform, path, worker="stock-media-without-keys"), 500, "MISSING_API_KEY")

    assert error["error"].startswith("Pexels API key not configured: set the secret `PEXELS_API_KEY`")
    assert emulators.requests("pexels") == []


@PATHS
def test_refused_secret_is_502_and_never_shown(platform: Platform, path: str) -> None:
    answer = ask(platform, path, worker="stock-media-with-wrong-keys")

    error_of(answer, 502, "PROVIDER_AUTH_FAILED")
    assert platform.log_lines(answer.headers["X-Request-ID"])
    assert PLANTED_SECRET not in answer.text + platform.logged()


def test_limits_when_used_up_then_429_and_pexels_is_not_asked(platform: Platform, emulators: Emulators) -> None:
    answers = [ask(platform, path, worker="stock-media-limited") for path in ("/search/videos", "/search", "/search")]

    assert [answer.status_code for answer in answers] == [200, 200, 429]
    error_of(answers[2], 429, "RATE_LIMITED")
    assert int(answers[2].headers["Retry-After"]) > 0
    assert answers[0].headers["RateLimit-Policy"] == '"requests";q=2;w=3600'
    assert len(emulators.requests("pexels")) == 3


def test_caller_who_leaves_cancels_both_calls_which_count(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("pexels", kind="slow_first_byte", seconds=60, times=2)
    connection = HTTPConnection(urlsplit(platform.urls["stock-media-uncached"]).netloc, timeout=10)
    headers = {"X-Request-ID": "left-search", **platform.headers("stock-media-uncached")}
    connection.request("POST", "/search", '{"keywords": ["ocean"]}', headers)
    connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    assert wait_for(lambda: len(emulators.requests("pexels")) == 2)

    connection.close()

    assert wait_for(lambda: all(call["aborted"] for call in emulators.requests("pexels")))
    (row,) = platform.usage_rows("left-search")
    assert (row["status"], row["error_code"], row["input_units"]) == (499, "CLIENT_CLOSED_REQUEST", 2)
