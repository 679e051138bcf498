"""A provider's own errors: their status, code and retries, and what the caller sees of them."""

from typing import Any

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.shapes import error_of, success_of

MODELS = {"anthropic": "anthropic:claude-sonnet-4-6", "openai": "openai:gpt-4o"}
TITLES = {"anthropic": "Anthropic", "openai": "OpenAI"}
BOTH = pytest.mark.parametrize("vendor", list(MODELS))
NEVER_TRIED_AGAIN = {
    400: (422, "PROVIDER_REJECTED"),
    401: (502, "PROVIDER_AUTH_FAILED"),
    402: (502, "PROVIDER_QUOTA_EXHAUSTED"),
    403: (502, "PROVIDER_AUTH_FAILED"),
    404: (422, "PROVIDER_REJECTED"),
    413: (422, "PROVIDER_REJECTED"),
    422: (422, "PROVIDER_REJECTED"),
}
SOON = 0.01
"""Seconds in `Retry-After` that make the retries quick."""


def ask(platform: Platform, vendor: str, *, worker: str = "text-gen", path: str = "/generate") -> Any:
    return platform.client(worker).post(path, json={"prompt": "Hello", "model": MODELS[vendor]})


@BOTH
@pytest.mark.parametrize("path", ["/generate", "/generate/stream"])
@pytest.mark.parametrize("status", NEVER_TRIED_AGAIN)
def test_lasting_error_is_not_retried(
    platform: Platform, emulators: Emulators, vendor: str, path: str, status: int
) -> None:
    emulators.add_fault(vendor, kind="status", status=status, message="That was no good", retry_after=SOON)

    error = error_of(ask(platform, vendor, path=path), *NEVER_TRIED_AGAIN[status])

    assert error["error"].startswith(TITLES[vendor])
    assert "That was no good" in error["error"]
    assert error["details"]["provider"] == vendor
    assert error["details"]["status"] == status
    assert error["details"]["provider_request_id"].startswith("req_emulated")
    assert len(emulators.requests(vendor)) == 1


@pytest.mark.parametrize(
    ("vendor", "status", "code"),
    [
        ("openai", 429, "insufficient_quota"),
        ("openai", 429, "credit_balance_exhausted"),
        ("anthropic", 429, "enforced_spend_limit_reached"),
        ("anthropic", 400, "contract_spend_limit_reached"),
    ],
)
def test_out_of_credit_is_502_and_not_retried(
    platform: Platform, emulators: Emulators, vendor: str, status: int, code: str
) -> None:
    emulators.add_fault(vendor, kind="status", status=status, error_code=code, retry_after=SOON)

    error = error_of(ask(platform, vendor), 502, "PROVIDER_QUOTA_EXHAUSTED")

    assert error["details"]["code"] == code
    assert len(emulators.requests(vendor)) == 1


@BOTH
@pytest.mark.parametrize("path", ["/generate", "/generate/stream"])
def test_long_retry_after_is_passed_on_with_429(
    platform: Platform, emulators: Emulators, vendor: str, path: str
) -> None:
    emulators.add_fault(vendor, kind="status", status=429, retry_after=37)

    answer = ask(platform, vendor, path=path)

    error_of(answer, 429, "PROVIDER_RATE_LIMIT")
    assert answer.headers["Retry-After"] == "37"
    assert len(emulators.requests(vendor)) == 1


@BOTH
def test_lasting_rate_limit_is_429_after_all_tries(platform: Platform, emulators: Emulators, vendor: str) -> None:
    emulators.add_fault(vendor, kind="status", status=429, times=9, retry_after=SOON)

    answer = ask(platform, vendor)

    error_of(answer, 429, "PROVIDER_RATE_LIMIT")
    assert answer.headers["Retry-After"] == "1"
    assert len(emulators.requests(vendor)) == 3


@pytest.mark.parametrize("path", ["/generate", "/generate/stream"])
@pytest.mark.parametrize(
    ("vendor", "status"),
    [(vendor, status) for vendor in MODELS for status in (408, 409, 429, 500, 503, 529)],
)
def test_passing_error_is_retried_unseen(
    platform: Platform, emulators: Emulators, vendor: str, status: int, path: str
) -> None:
    emulators.add_fault(vendor, kind="status", status=status, times=2, retry_after=SOON)

    answer = ask(platform, vendor, path=path)

    assert answer.status_code == 200
    assert "Retry-After" not in answer.headers
    tries = emulators.requests(vendor)
    assert [call["status"] for call in tries] == [status, status, 200]
    assert tries[0]["body"] == tries[1]["body"] == tries[2]["body"]
    retries = platform.log_lines(answer.headers["X-Request-ID"], event="retry", count=2)
    assert [(line["attempt"], line["status"]) for line in retries] == [(1, status), (2, status)]


@BOTH
@pytest.mark.parametrize("status", [500, 502, 503, 504, 529])
def test_lasting_failure_is_502_after_all_tries(
    platform: Platform, emulators: Emulators, vendor: str, status: int
) -> None:
    emulators.add_fault(vendor, kind="status", status=status, times=9, message="Overloaded", retry_after=SOON)

    error = error_of(ask(platform, vendor), 502, "PROVIDER_ERROR")

    assert error["error"] == f"{TITLES[vendor]} failed with status {status}: retry after 1 s (Overloaded)"
    assert error["details"]["status"] == status
    assert len(emulators.requests(vendor)) == 3


@BOTH
def test_switched_off_retries_make_one_try(platform: Platform, emulators: Emulators, vendor: str) -> None:
    emulators.add_fault(vendor, kind="status", status=500)

    error_of(ask(platform, vendor, worker="text-gen-without-retries"), 502, "PROVIDER_ERROR")

    assert len(emulators.requests(vendor)) == 1


@BOTH
def test_retries_without_retry_after_have_pauses(platform: Platform, emulators: Emulators, vendor: str) -> None:
    emulators.add_fault(vendor, kind="status", status=500)

    body = success_of(ask(platform, vendor))

    (retry,) = platform.log_lines(body["request_id"], event="retry")
    assert 375 <= retry["pause_ms"] <= 500


@BOTH
def test_long_and_wild_error_text_is_cleaned(platform: Platform, emulators: Emulators, vendor: str) -> None:
    message = "No\n\n  good, api_key=abcdef123456 " + "x" * 5000
    emulators.add_fault(vendor, kind="status", status=400, message=message)

    error = error_of(ask(platform, vendor), 422, "PROVIDER_REJECTED")

    prefix = f"{TITLES[vendor]} rejected the request: "
    assert error["error"].startswith(f"{prefix}No good, api_key=*** xxx")
    assert len(error["error"]) == len(prefix) + 500


@BOTH
@pytest.mark.parametrize("status", [400, 403, 429, 502])
def test_html_page_of_a_proxy_is_not_shown(platform: Platform, emulators: Emulators, vendor: str, status: int) -> None:
    emulators.add_fault(vendor, kind="html", status=status)

    answer = ask(platform, vendor, worker="text-gen-without-retries")

    ours, code, text = {
        400: (422, "PROVIDER_REJECTED", " rejected the request (status 400)"),
        403: (502, "PROVIDER_AUTH_FAILED", f" refused access: check the permissions of `{vendor.upper()}_API_KEY`"),
        429: (429, "PROVIDER_RATE_LIMIT", "'s rate limit is reached: retry later"),
        502: (502, "PROVIDER_ERROR", " failed with status 502: retry later"),
    }[status]
    assert error_of(answer, ours, code)["error"] == TITLES[vendor] + text
    assert "<" not in answer.text
