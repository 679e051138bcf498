"""What becomes of a provider's error answer: its kind, its text, and the pause that it asks for."""

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from electrons.errors import (
    RETRY_AFTER_LIMIT_SECONDS,
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderRejectedError,
)
from electrons.providers.elevenlabs import ElevenLabsProvider
from electrons.providers.github.provider import GitHubProvider
from electrons.upstream.errors import (
    classify_error,
    parse_json_error,
    parse_retry_after,
    status_of_code,
)

ELEVENLABS = ElevenLabsProvider()
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        (200, ProviderError, "ElevenLabs reported an error: retry later (Oh no)"),
        (302, ProviderError, "ElevenLabs answered with status 302: check `ELEVENLABS_BASE_URL` (Oh no)"),
        (400, ProviderRejectedError, "ElevenLabs rejected the request: Oh no."),
        (401, ProviderAuthError, "ElevenLabs rejected the API key: check `ELEVENLABS_API_KEY` (Oh no)"),
        (402, ProviderQuotaError, "ElevenLabs's quota or credit is used up: check its plan and billing (Oh no)"),
        (403, ProviderAuthError, "ElevenLabs refused access: check the permissions of `ELEVENLABS_API_KEY` (Oh no)"),
        (404, ProviderRejectedError, "ElevenLabs did not find what the request names: Oh no."),
        (405, ProviderError, "ElevenLabs answered with status 405: check `ELEVENLABS_BASE_URL` (Oh no)"),
        (409, ProviderError, "ElevenLabs failed with status 409: retry later (Oh no)"),
        (429, ProviderRateLimitError, "ElevenLabs's rate limit is reached: retry later (Oh no)"),
        (500, ProviderError, "ElevenLabs failed with status 500: retry later (Oh no)"),
    ],
)  # fmt: skip
def test_error_text_says_who_and_what_to_do(status: int, kind: type[ProviderError], text: str) -> None:
    error = classify_error("Oh\n no.", provider=ELEVENLABS, status=status)

    assert type(error) is kind
    assert error.message == text


@pytest.mark.parametrize("message", [None, "", 5, {"a": 1}, ["x"]])
def test_error_without_words_has_ours_alone(message: object) -> None:
    error = classify_error(message, provider=ELEVENLABS, status=400)

    assert error.message == "ElevenLabs rejected the request (status 400)"


def test_token_is_called_a_token() -> None:
    error = classify_error("Bad credentials", provider=GitHubProvider(), status=401)

    assert error.message == "GitHub rejected the token: check `GITHUB_PAT` (Bad credentials)"


def test_error_text_has_the_pause() -> None:
    error = classify_error("Busy", provider=ELEVENLABS, status=503, retry_after=6.2)

    assert error.message == "ElevenLabs failed with status 503: retry after 7 s (Busy)"
    assert error.headers == [("Retry-After", "7")]


@pytest.mark.parametrize(
    ("code", "kept"), [("busy", "busy"), (429, "429"), ("x" * 101, None), (["a"], None), (True, None), ("", None)]
)
def test_code_that_is_none_is_left_out(code: object, kept: str | None) -> None:
    error = classify_error("No", provider=ELEVENLABS, status=400, code=code, request_id=code)

    assert (error.details or {}).get("code") == kept
    assert json.dumps(error.to_body("request-1"))


@pytest.mark.parametrize(
    ("codes", "status"),
    [
        (["insufficient_quota", "invalid_request_error"], 402),
        ([None, "rate_limit_error"], 429),
        (["invalid_api_key", "invalid_request_error"], 401),
        (["Too_Many_Requests"], 429),
        ([429], 429),
        (["503", "x"], 503),
        ([200, 99999, 10**15, True, {}, "new"], 200),
        ([], 200),
    ],
)
def test_first_known_code_gives_the_status(codes: list[object], status: int) -> None:
    assert status_of_code(*codes, default=200) == status


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "7.5"}, 7.5),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "-5"}, 0),
        ({"retry-after": "99999999999999999999"}, RETRY_AFTER_LIMIT_SECONDS),
        ({"retry-after": "1e999"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": ""}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after-ms": "6500", "retry-after": "7"}, 6.5),
        ({"retry-after-ms": "soon", "retry-after": "7"}, 7),
        ({"retry-after": DATE, "date": "Sun, 06 Nov 1994 08:49:07 GMT"}, 30),
        ({"retry-after": "Sunday, 06-Nov-94 08:49:37 GMT", "date": "Sun, 06 Nov 1994 08:49:07 GMT"}, 30),
        ({"retry-after": "Sun Nov  6 08:49:37 1994", "date": "Sun, 06 Nov 1994 08:49:07 GMT"}, 30),
        ({"retry-after": DATE, "date": "Sun, 06 Nov 1994 08:50:07 GMT"}, 0),
        ({"retry-after": "Sun, 06 Nov 2094 08:49:37 GMT", "date": DATE}, RETRY_AFTER_LIMIT_SECONDS),
        ({"retry-after": DATE, "date": "long ago"}, 0),
        ({"retry-after": "Sun, 99 Nov 1994 08:49:37 GMT"}, None),
        ({"retry-after": "Sun, 06 Nov 99999 08:49:37 GMT"}, None),
    ],
)
def test_retry_after_is_seconds_within_a_day(headers: dict[str, str], seconds: float | None) -> None:
    assert parse_retry_after(headers) == seconds


def test_retry_after_date_without_a_clock_is_by_ours() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=60)

    seconds = parse_retry_after({"retry-after": format_datetime(moment, usegmt=True)})

    assert seconds is not None
    assert 55 <= seconds <= 60


@pytest.mark.parametrize("retry_after", [10.0**12, float("inf")])
def test_computed_pause_is_clamped(retry_after: float) -> None:
    error = classify_error("No", provider=ELEVENLABS, status=429, retry_after=retry_after)

    assert error.retry_after == RETRY_AFTER_LIMIT_SECONDS


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"null", b"\xff", b"[" * 5000])
def test_error_body_that_is_no_object_is_empty(content: bytes) -> None:
    assert parse_json_error(content) == {}
