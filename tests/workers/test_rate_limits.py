"""The rate limiter: how many calls a caller may make, what they cost, and its headers."""

import asyncio
import re
from collections import Counter
from typing import Any

import httpx2
import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.workers.shapes import error_of, success_of

LIMITED = '"requests";q=100;w=3600'
METERED = '"requests";q=1000;w=3600, "tokens";q=5000;qu="tokens";w=3600'
TINY: dict[str, Any] = {"options": {"max_tokens": 1}}
"""A call of three tokens at most."""


def ask(platform: Platform, worker: str, address: str, **members: Any) -> httpx2.Response:
    """One call of the caller at `address`."""
    return platform.client(worker).post(
        "/generate", json={"prompt": "Hello", **members}, headers={"CF-Connecting-IP": address}
    )


def remaining(answer: httpx2.Response) -> dict[str, int]:
    """Return what is left of each limit, by its name."""
    return {name: int(left) for name, left in re.findall(r'"(\w+)";r=(\d+)', answer.headers["RateLimit"])}


def test_limits_when_call_admitted_then_headers_show_remaining(platform: Platform) -> None:
    answers = [ask(platform, "text-gen-limited", "192.0.2.10") for _ in range(2)]

    for answer in answers:
        success_of(answer)
        assert answer.headers["RateLimit-Policy"] == LIMITED
        assert "Retry-After" not in answer.headers
    assert [answer.headers["RateLimit"] for answer in answers] == [
        '"requests";r=99;t=36',
        '"requests";r=98;t=36',
    ]


def test_limits_when_stream_or_failure_then_headers_are_present(platform: Platform, emulators: Emulators) -> None:
    client, headers = platform.client("text-gen-limited"), {"CF-Connecting-IP": "192.0.2.11"}
    emulators.add_fault("anthropic", kind="status", status=400)

    failure = client.post("/generate", json={"prompt": "Hello"}, headers=headers)
    stream = client.post("/generate/stream", json={"prompt": "Hello"}, headers=headers)

    assert (failure.status_code, stream.status_code) == (422, 200)
    assert [remaining(answer)["requests"] for answer in (failure, stream)] == [99, 98]


def test_limits_when_500_calls_at_once_then_100_are_admitted(platform: Platform) -> None:
    async def call_all() -> list[httpx2.Response]:
        limits = httpx2.Limits(max_connections=500)
        url = platform.urls["text-gen-limited"]
        async with httpx2.AsyncClient(base_url=url, limits=limits, timeout=60, trust_env=False) as client:
            headers = {"CF-Connecting-IP": "192.0.2.12", **platform.headers("text-gen-limited")}
            body = {"prompt": "Hello", "options": {"max_tokens": 1}}
            calls = [client.post("/generate", json=body, headers=headers) for _ in range(500)]
            return await asyncio.gather(*calls)

    answers = asyncio.run(call_all())

    assert Counter(answer.status_code for answer in answers) == {200: 100, 429: 400}
    admitted = [remaining(answer)["requests"] for answer in answers if answer.status_code == 200]
    assert sorted(admitted) == list(range(100))
    refused = next(answer for answer in answers if answer.status_code == 429)
    error = error_of(refused, 429, "RATE_LIMITED")
    assert error["details"] == {"limits": ["requests"]}
    wait = int(refused.headers["Retry-After"])
    assert 1 <= wait <= 36  # 100 an hour: one every 36 seconds
    assert refused.headers["RateLimit-Policy"] == LIMITED
    assert refused.headers["RateLimit"] == f'"requests";r=0;t={wait}'

    # 400 refusals have cost nothing: the wait is still for one call only. Nobody else is held up.
    again = ask(platform, "text-gen-limited", "192.0.2.12")
    assert again.status_code == 429
    assert int(again.headers["Retry-After"]) <= wait
    assert remaining(ask(platform, "text-gen-limited", "192.0.2.13"))["requests"] == 99


def test_leases_when_calls_follow_each_other_then_headers_are_exact(platform: Platform) -> None:
    answers = [ask(platform, "text-gen-metered", "192.0.2.14", **TINY) for _ in range(20)]

    assert [remaining(answer)["requests"] for answer in answers] == list(range(999, 979, -1))


def test_leases_when_held_then_others_cannot_use_them(platform: Platform) -> None:
    for _ in range(9):  # the fifth brought a lease of eight, of which four are left
        success_of(ask(platform, "text-gen-leased", "192.0.2.15"))

    assert remaining(ask(platform, "text-gen-leased-too", "192.0.2.15"))["requests"] == 1000 - 9 - 4 - 1


def test_leases_when_they_end_then_what_is_left_goes_back(platform: Platform) -> None:
    for _ in range(9):
        success_of(ask(platform, "text-gen-metered", "192.0.2.17", **TINY))
    calls = 0

    def all_are_counted() -> bool:
        nonlocal calls
        calls += 1
        return remaining(ask(platform, "text-gen-metered-too", "192.0.2.17", **TINY))["requests"] == 1000 - 9 - calls

    assert wait_for(all_are_counted)


def test_leases_when_two_isolates_are_asked_then_never_over(platform: Platform) -> None:
    async def call_all() -> list[httpx2.Response]:
        limits = httpx2.Limits(max_connections=100)
        async with httpx2.AsyncClient(limits=limits, timeout=60, trust_env=False) as client:
            body = {"prompt": "Hello", "options": {"max_tokens": 1}}
            calls = [
                client.post(
                    f"{platform.urls[name]}/generate",
                    json=body,
                    headers={"CF-Connecting-IP": "192.0.2.16", **platform.headers(name)},
                )
                for _ in range(100)
                for name in ("text-gen-limited", "text-gen-limited-too")
            ]
            return await asyncio.gather(*calls)

    counts = Counter(answer.status_code for answer in asyncio.run(call_all()))
    admitted = counts[200]
    while ask(platform, "text-gen-limited", "192.0.2.16", **TINY).status_code == 200:
        admitted += 1

    assert set(counts) == {200, 429}
    assert admitted <= 100
    # What a lease had left is back when it ends.
    assert wait_for(lambda: ask(platform, "text-gen-limited-too", "192.0.2.16", **TINY).status_code == 429)


def test_tokens_when_reserved_then_maximum_usage_is_taken(platform: Platform) -> None:
    answer = ask(platform, "text-gen-metered", "192.0.2.20", options={"max_tokens": 1500, "system_prompt": "x" * 40})

    assert answer.headers["RateLimit-Policy"] == METERED
    assert remaining(answer) == {"requests": 999, "tokens": 5000 - (2 + 10 + 1500)}


def test_tokens_when_call_used_less_then_rest_is_refunded(platform: Platform) -> None:
    address = "192.0.2.21"
    # Each may use 2000 and uses about 100: without giving back, the third would be refused.
    used = 0
    for _ in range(5):
        answer = ask(platform, "text-gen-metered", address, options={"max_tokens": 2000})
        body = success_of(answer)
        used += body["metadata"]["tokens_used"]
        assert platform.usage_rows(body["request_id"])

    assert used < 1000
    assert wait_for(lambda: remaining(ask(platform, "text-gen-metered", address, **TINY))["tokens"] > 5000 - used - 200)


@pytest.mark.parametrize("path", ["/generate", "/generate/stream"])
def test_tokens_when_the_call_fails_then_all_are_given_back(
    platform: Platform, emulators: Emulators, path: str
) -> None:
    client, headers = platform.client("text-gen-metered"), {"CF-Connecting-IP": f"192.0.2.{22 + len(path)}"}
    emulators.add_fault("anthropic", kind="status", status=400, times=5)
    body = {"prompt": "Hello", "options": {"max_tokens": 2000}}

    for _ in range(5):
        answer = client.post(path, json=body, headers=headers)
        assert answer.status_code == 422
        assert platform.usage_rows(answer.headers["X-Request-ID"])


def test_tokens_when_call_exceeds_the_burst_then_no_retry_after(platform: Platform, emulators: Emulators) -> None:
    answer = ask(platform, "text-gen-metered", "192.0.2.24", options={"max_tokens": 5001})

    error = error_of(answer, 429, "RATE_LIMITED")
    assert error["details"] == {"limits": ["tokens"]}
    assert "larger than the limit of tokens" in error["error"]
    assert "Retry-After" not in answer.headers
    assert emulators.requests("anthropic") == []


def test_limits_when_call_is_refused_then_nothing_is_charged(platform: Platform) -> None:
    address = "192.0.2.25"
    refused = [ask(platform, "text-gen-metered", address, options={"max_tokens": 6000}) for _ in range(3)]

    assert [remaining(answer) for answer in refused] == [{"requests": 1000, "tokens": 5000}] * 3
    assert remaining(ask(platform, "text-gen-metered", address, **TINY)) == {"requests": 999, "tokens": 5000 - 3}


@pytest.mark.parametrize("body", [{}, {"prompt": ""}, {"prompt": 7}])
def test_wrong_body_costs_one_request(platform: Platform, body: dict[str, Any]) -> None:
    headers = {"CF-Connecting-IP": f"192.0.2.{30 + len(str(body))}"}

    answer = platform.client("text-gen-limited").post("/generate", json=body, headers=headers)

    assert answer.status_code == 400
    assert remaining(answer)["requests"] == 99
    after = platform.client("text-gen-limited").post("/generate", json={"prompt": "Hello"}, headers=headers)
    assert remaining(after)["requests"] == 98


def test_limiter_when_unreachable_and_open_then_calls_succeed(platform: Platform) -> None:
    answer = ask(platform, "text-gen-limiter-open", "192.0.2.40")

    body = success_of(answer)
    assert "RateLimit" not in answer.headers
    (line,) = platform.log_lines(body["request_id"], event="rate_limiter_unreachable")
    assert line["level"] == "warning"


@pytest.mark.parametrize("path", ["/generate", "/generate/stream"])
def test_limiter_when_unreachable_and_closed_then_503(platform: Platform, emulators: Emulators, path: str) -> None:
    answer = platform.client("text-gen-limiter-closed").post(path, json={"prompt": "Hello"})

    error = error_of(answer, 503, "RATE_LIMITER_UNAVAILABLE")
    assert "rate limiter" in error["error"]
    assert emulators.requests("anthropic") == []
    assert platform.client("text-gen-limiter-closed").get("/health").status_code == 200
