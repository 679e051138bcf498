"""ElevenLabs' wire format: https://elevenlabs.io/docs/api-reference/text-to-speech/convert."""

import base64
import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from electrons.capabilities.speech import Voice
from electrons.errors import (
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderRejectedError,
    RequestError,
)
from electrons.media.subtitles import Alignment
from electrons.providers.elevenlabs import ElevenLabsProvider
from tests.providers.cases import SPEECH_CALL, Case, Cases, body_of

PROVIDER = ElevenLabsProvider()
SOUND = "bytes of audio"
AUDIO = {"Content-Type": "audio/mpeg", "character-cost": "11"}

TIMES: dict[str, Any] = {
    "characters": ["H", "i"],
    "character_start_times_seconds": [0, 0.1],
    "character_end_times_seconds": [0.1, 0.25],
}
TIMED = {"audio_base64": base64.b64encode(SOUND.encode()).decode(), "alignment": TIMES, "normalized_alignment": TIMES}
ALIGNMENT = Alignment(["H", "i"], [0.0, 0.1], [0.1, 0.25])

VOICES = {
    "voices": [
        {
            "voice_id": "JBFqnCBsd6RMkjVDRZzb",
            "name": "George",
            "category": "premade",
            "labels": {"accent": "british", "gender": "male"},
            "preview_url": "https://example/george.mp3",
            "samples": None,
        },
        {"voice_id": "v2", "name": "Mine", "category": None, "labels": None, "preview_url": None},
    ]
}


def error(kind: str, code: str, message: str, status: str | None = None) -> dict[str, Any]:
    detail = {"type": kind, "code": code, "message": message, "status": status or code, "request_id": "trace-1"}
    return {"detail": detail}


ERRORS = {
    "400": Case(
        status=400, body=error("validation_error", "invalid_text", "Invalid text"), expected=ProviderRejectedError
    ),
    "401": Case(
        status=401,
        body=error("authentication_error", "unauthorized", "Invalid API key", "invalid_api_key"),
        expected=ProviderAuthError,
    ),
    "401 quota": Case(
        status=401,
        body={"detail": {"status": "quota_exceeded", "message": "This request exceeds your quota"}},
        expected=ProviderQuotaError,
    ),
    "402": Case(
        status=402,
        body=error("payment_required", "paid_plan_required", "Free users cannot use library voices"),
        expected=ProviderQuotaError,
    ),
    "403": Case(
        status=403, body=error("authorization_error", "voice_access_denied", "Not yours"), expected=ProviderAuthError
    ),
    "403 plan": Case(
        status=403,
        body=error("authorization_error", "subscription_required", "Upgrade", "output_format_not_allowed"),
        expected=ProviderQuotaError,
    ),
    "404": Case(
        status=404, body=error("not_found", "voice_not_found", "A voice was not found."), expected=ProviderRejectedError
    ),
    "422": Case(
        status=422,
        body={"detail": [{"type": "missing", "loc": ["body", "text"], "msg": "Field required", "input": None}]},
        expected=ProviderRejectedError,
    ),
    "429": Case(
        status=429,
        body=error("rate_limit_error", "concurrent_limit_exceeded", "Too many", "too_many_concurrent_requests"),
        expected=ProviderRateLimitError,
    ),
    "5xx": Case(status=500, body=error("internal_error", "internal_error", "Unexpected"), expected=ProviderError),
    "503": Case(status=503, body="<html>", expected=ProviderError),
}

TIMED_NEEDED = {
    *("audio_base64", "alignment.characters", "alignment.characters[]"),
    *("alignment.character_start_times_seconds", "alignment.character_start_times_seconds[]"),
    *("alignment.character_end_times_seconds", "alignment.character_end_times_seconds[]"),
}

CASES: Cases = {
    "speech": {
        **ERRORS,
        "success": Case(headers=AUDIO, body=SOUND, expected=SOUND.encode()),
        "another type": Case(headers={"Content-Type": "application/octet-stream"}, body=SOUND, expected=SOUND.encode()),
        "type in capitals": Case(headers={"Content-Type": "Audio/MPEG"}, body=SOUND, expected=SOUND.encode()),
        "json instead of audio": Case(
            headers={"Content-Type": "application/json"}, body={"detail": "?"}, expected=ProviderError
        ),
        "a page instead of audio": Case(headers={"Content-Type": "text/html"}, body="<html>", expected=ProviderError),
    },
    "timed_speech": {
        **ERRORS,
        "success": Case(body=TIMED, needed=TIMED_NEEDED, expected=(SOUND.encode(), ALIGNMENT)),
        "normalized only": Case(body={**TIMED, "alignment": None}, expected=(SOUND.encode(), ALIGNMENT)),
        "no times": Case(body={**TIMED, "alignment": None, "normalized_alignment": None}, expected=ProviderError),
        "times missing": Case(body={**TIMED, "alignment": {**TIMES, "characters": ["H"]}}, expected=ProviderError),
        "characters of another type": Case(
            body={**TIMED, "alignment": {**TIMES, "characters": ["H", None]}}, expected=ProviderError
        ),
        "times of another type": Case(
            body={**TIMED, "alignment": {**TIMES, "character_end_times_seconds": [0.1, True]}}, expected=ProviderError
        ),
        "times as strings": Case(
            body={**TIMED, "alignment": {**TIMES, "character_end_times_seconds": [0.1, "0.2"]}}, expected=ProviderError
        ),
        "infinite times": Case(
            body=json.dumps({**TIMED, "alignment": TIMES}).replace("0.25", "1e999"), expected=ProviderError
        ),
        "times of no number": Case(
            body=json.dumps({**TIMED, "alignment": TIMES}).replace("0.25", "NaN"), expected=ProviderError
        ),
        "times past every length": Case(
            body={**TIMED, "alignment": {**TIMES, "character_end_times_seconds": [0.1, 10**400]}},
            expected=ProviderError,
        ),
        "times before the beginning": Case(
            body={**TIMED, "alignment": {**TIMES, "character_start_times_seconds": [-0.01, 0.1]}},
            expected=(SOUND.encode(), Alignment(["H", "i"], [-0.01, 0.1], [0.1, 0.25])),
        ),
        "audio null": Case(body={**TIMED, "audio_base64": None}, expected=ProviderError),
        "audio not ASCII": Case(body={**TIMED, "audio_base64": "ä"}, expected=ProviderError),
        "no base64": Case(body={**TIMED, "audio_base64": "*"}, expected=ProviderError),
        "no json": Case(body="ID3", expected=ProviderError),
    },
    "voices": {
        **ERRORS,
        "success": Case(
            body=VOICES,
            needed={"voices"},
            expected=[
                Voice(
                    voice_id="JBFqnCBsd6RMkjVDRZzb",
                    name="George",
                    category="premade",
                    labels={"accent": "british", "gender": "male"},
                    preview_url="https://example/george.mp3",
                ),
                Voice(voice_id="v2", name="Mine", category="unknown", labels={}, preview_url=None),
            ],
        ),
        "values of other types": Case(
            body={
                "voices": [
                    {"voice_id": None, "name": "None"},
                    {"voice_id": "v1", "name": None},
                    {"voice_id": "v2", "name": True},
                    {"voice_id": 5, "name": "Five"},
                    {"name": "No id"},
                    "George",
                    None,
                    {
                        "voice_id": "v3",
                        "name": "Mia",
                        "category": 5,
                        "labels": {"a": "b", "c": None, "d": True, "e": 1},
                    },
                    {"voice_id": "v4", "name": "Ida", "labels": ["x"], "preview_url": False},
                ]
            },
            expected=[
                Voice(voice_id="v3", name="Mia", category="unknown", labels={"a": "b"}, preview_url=None),
                Voice(voice_id="v4", name="Ida", category="unknown", labels={}, preview_url=None),
            ],
        ),
        "no voice": Case(body={"voices": []}, expected=[]),
        "no voice that can be read": Case(body={"voices": [{"voice_id": None}, 5]}, expected=ProviderError),
        "voices of another type": Case(body={"voices": {"voice_id": "v1", "name": "Ada"}}, expected=ProviderError),
        "voices null": Case(body={"voices": None}, expected=ProviderError),
        "no voices": Case(body={"detail": "?"}, expected=ProviderError),
        "a list": Case(body=[], expected=ProviderError),
    },
}


def test_headers_when_built_then_only_the_key() -> None:
    assert PROVIDER.build_headers("key-1", "request-1") == [("xi-api-key", "key-1")]


def test_speech_request_has_every_setting_zero_included() -> None:
    request = PROVIDER.build_speech(SPEECH_CALL, timestamps=False)

    assert (request.method, request.path) == ("POST", "/v1/text-to-speech/voice-1?output_format=mp3_44100_128")
    assert body_of(request.content) == {
        "text": "Hello there",
        "model_id": "model-1",
        "voice_settings": {"stability": 0.5, "similarity_boost": 0.75, "style": 0.0, "use_speaker_boost": True},
    }


def test_speed_and_timestamps_are_sent() -> None:
    request = PROVIDER.build_speech(replace(SPEECH_CALL, speed=1.1), timestamps=True)

    assert request.path == "/v1/text-to-speech/voice-1/with-timestamps?output_format=mp3_44100_128"
    assert body_of(request.content)["voice_settings"]["speed"] == 1.1


def test_voice_with_odd_characters_is_one_segment_of_the_path() -> None:
    request = PROVIDER.build_speech(replace(SPEECH_CALL, voice_id="../a?b"), timestamps=False)

    assert request.path == "/v1/text-to-speech/..%2Fa%3Fb?output_format=mp3_44100_128"


@pytest.mark.parametrize("voice_id", [".", "..", ""])
def test_voice_that_would_climb_in_the_path_is_refused(voice_id: str) -> None:
    with pytest.raises(RequestError, match="`voice_id` cannot be") as caught:
        PROVIDER.build_speech(replace(SPEECH_CALL, voice_id=voice_id), timestamps=False)

    assert caught.value.details is not None
    assert caught.value.details["fields"][0]["field"] == "voice_id"


def test_voice_of_three_dots_is_a_segment() -> None:
    request = PROVIDER.build_speech(replace(SPEECH_CALL, voice_id="..."), timestamps=False)

    assert request.path.startswith("/v1/text-to-speech/...?")


@pytest.mark.parametrize(
    ("value", "characters"),
    [
        ("11", 11),
        ("0", 0),
        ("", None),
        ("1.5", None),
        ("-1", None),
        ("²", None),
        ("999999999", 999999999),
        ("1000000000", None),
        ("9" * 5000, None),
    ],
)
def test_characters_when_the_header_is_a_number_then_that(value: str, characters: int | None) -> None:
    assert PROVIDER.parse_characters(httpx2.Headers([(b"character-cost", value.encode())])) == characters


def test_characters_when_there_is_no_header_then_unknown() -> None:
    assert PROVIDER.parse_characters(httpx2.Headers()) is None


def test_error_has_all_facts_of_the_response() -> None:
    content = json.dumps(error("rate_limit_error", "system_busy", "Busy")).encode()

    parsed = PROVIDER.parse_error(429, {"retry-after": "7"}, content)

    assert parsed.message == "ElevenLabs's rate limit is reached: retry after 7 s (Busy)"
    assert parsed.retry_after == 7
    assert parsed.details == {
        "provider": "elevenlabs",
        "status": 429,
        "code": "system_busy",
        "provider_request_id": "trace-1",
    }


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"detail": "Not Found"}, "Not Found"),
        (
            {"detail": [{"loc": ["body", "text"], "msg": "Field required"}, {"loc": None, "msg": "No"}]},
            "body.text: Field required; No",
        ),
        ({"detail": []}, ""),
        ([], ""),
    ],
)
def test_parse_error_when_it_has_an_older_shape_then_its_text(document: object, message: str) -> None:
    parsed = PROVIDER.parse_error(404, {"x-trace-id": "trace-2"}, json.dumps(document).encode())

    found_nothing = "ElevenLabs did not find what the request names"
    assert parsed.message == f"{found_nothing}{f': {message}' if message else ' (status 404)'}"
    assert (parsed.details or {})["provider_request_id"] == "trace-2"


def test_quota_code_of_a_failing_server_is_its_failure() -> None:
    content = json.dumps(error("internal_error", "quota_exceeded", "?")).encode()

    assert type(PROVIDER.parse_error(500, {}, content)) is ProviderError
