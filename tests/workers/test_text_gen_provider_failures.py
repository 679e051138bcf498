"""Providers that interrupt a response, fall silent, or return what cannot be read."""

from typing import Any

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.workers.shapes import error_of, success_of

MODELS = {"anthropic": "anthropic:claude-sonnet-4-6", "openai": "openai:gpt-4o"}
TITLES = {"anthropic": "Anthropic", "openai": "OpenAI"}
BOTH = pytest.mark.parametrize("vendor", list(MODELS))


def ask(platform: Platform, vendor: str, *, worker: str = "text-gen", path: str = "/generate") -> Any:
    return platform.client(worker).post(path, json={"prompt": "Grüß Gott", "model": MODELS[vendor]})


@BOTH
@pytest.mark.parametrize("kind", ["empty", "broken_json", "truncate"])
def test_unreadable_response_is_502_and_not_retried(
    platform: Platform, emulators: Emulators, vendor: str, kind: str
) -> None:
    emulators.add_fault(vendor, kind=kind)

    error = error_of(ask(platform, vendor), 502, "PROVIDER_ERROR")

    assert TITLES[vendor] in error["error"]
    assert len(emulators.requests(vendor)) == 1


@BOTH
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirect_is_not_followed(platform: Platform, emulators: Emulators, vendor: str, status: int) -> None:
    emulators.add_fault(vendor, kind="redirect", status=status)

    error = error_of(ask(platform, vendor), 502, "PROVIDER_ERROR")

    assert error["details"]["status"] == status
    assert len(emulators.requests(vendor)) == 1


@BOTH
@pytest.mark.parametrize("path", ["/generate", "/generate/stream"])
def test_connection_cut_before_the_response_is_retried(
    platform: Platform, emulators: Emulators, vendor: str, path: str
) -> None:
    emulators.add_fault(vendor, kind="cut", after=0)

    answer = ask(platform, vendor, path=path)

    assert answer.status_code == 200
    assert len(emulators.requests(vendor)) == 2
    assert platform.log_lines(answer.headers["X-Request-ID"], event="retry")


def test_connection_always_cut_is_502(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("anthropic", kind="cut", after=0, times=9)

    error_of(ask(platform, "anthropic"), 502, "PROVIDER_UNREACHABLE")

    assert len(emulators.requests("anthropic")) == 3


@BOTH
def test_connection_cut_in_the_response_is_502(platform: Platform, emulators: Emulators, vendor: str) -> None:
    emulators.add_fault(vendor, kind="cut", after=1)

    error = error_of(ask(platform, vendor), 502, "PROVIDER_ERROR")

    assert error["error"] == f"{TITLES[vendor]}'s response was interrupted"
    assert len(emulators.requests(vendor)) == 1


@BOTH
@pytest.mark.parametrize("path", ["/generate", "/generate/stream"])
def test_silent_provider_is_504_and_not_retried(
    platform: Platform, emulators: Emulators, vendor: str, path: str
) -> None:
    emulators.add_fault(vendor, kind="slow_first_byte", seconds=60)

    answer = ask(platform, vendor, worker="text-gen-impatient", path=path)

    error = error_of(answer, 504, "GATEWAY_TIMEOUT")
    assert error["error"] == f"{TITLES[vendor]} took too long; the call may be charged, so it was not repeated"
    (call,) = wait_for(lambda: [call for call in emulators.requests(vendor) if call["aborted"]])
    assert call["status"] is None


@BOTH
def test_provider_silent_in_the_response_is_504(platform: Platform, emulators: Emulators, vendor: str) -> None:
    emulators.add_fault(vendor, kind="stall")

    error_of(ask(platform, vendor, worker="text-gen-impatient"), 504, "GATEWAY_TIMEOUT")

    assert wait_for(lambda: [call["aborted"] for call in emulators.requests(vendor) if call["aborted"]]) == [True]


@BOTH
def test_slow_provider_is_waited_for(platform: Platform, emulators: Emulators, vendor: str) -> None:
    emulators.add_fault(vendor, kind="slow_first_byte", seconds=0.2)

    body = success_of(ask(platform, vendor, worker="text-gen-impatient"))

    assert body["metadata"]["generation_time_ms"] >= 100  # half of it: clocks are coarse
    (row,) = platform.usage_rows(body["request_id"])
    assert row["latency_ms"] >= row["upstream_ms"] >= 100


@BOTH
def test_response_in_single_bytes_loses_no_character(platform: Platform, emulators: Emulators, vendor: str) -> None:
    intact = success_of(ask(platform, vendor))["text"]
    emulators.add_fault(vendor, kind="split_utf8")

    assert success_of(ask(platform, vendor))["text"] == intact


def test_request_after_a_failure_succeeds(platform: Platform, emulators: Emulators) -> None:
    for kind in ("cut", "stall", "broken_json", "truncate"):
        emulators.add_fault("anthropic", kind=kind)
        assert ask(platform, "anthropic", worker="text-gen-impatient").status_code in {502, 504}

    success_of(ask(platform, "anthropic", worker="text-gen-impatient"))
