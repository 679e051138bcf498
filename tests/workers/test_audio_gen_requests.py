"""Requests that audio-gen refuses before it calls a provider."""

from typing import Any

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.shapes import error_of
from tests.workers.speech import ask, speak


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '"text"', "\xff"])
def test_body_that_is_not_a_json_object_is_400(platform: Platform, content: str) -> None:
    answer = platform.client("audio-gen").post("/synthesize", content=content.encode("latin-1"))

    error_of(answer, 400, "INVALID_JSON")


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": " \n\t"}])
def test_text_when_missing_or_blank_then_400_says_so(
    platform: Platform, emulators: Emulators, body: dict[str, Any]
) -> None:
    error = error_of(platform.client("audio-gen").post("/synthesize", json=body), 400, "INVALID_REQUEST")

    assert error["error"] == "Text is required"
    assert error["details"]["fields"] == [{"field": "text", "message": "Text is required"}]
    assert emulators.requests("elevenlabs") == []


def test_too_long_text_is_400_with_the_limit(platform: Platform, emulators: Emulators) -> None:
    answer = ask(platform, text="x" * 5001)

    error = error_of(answer, 400, "TEXT_TOO_LONG")
    assert "5000 characters" in error["error"]
    assert error["details"] == {"characters": 5001, "limit": 5000}
    assert emulators.requests("elevenlabs") == []
    assert platform.stored_objects(answer.headers["X-Request-ID"]) == []


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"voice_id": "../../v1/user"}, "voice_id"),
        ({"voice_id": 5}, "voice_id"),
        ({"model_id": "a/b"}, "model_id"),
        ({"voice_id": ".."}, "voice_id"),
        ({"options": {"stability": 2}}, "options.stability"),
        ({"options": {"similarity_boost": "high"}}, "options.similarity_boost"),
        ({"options": {"output_format": "aiff_44100"}}, "options.output_format"),
        ({"options": []}, "options"),
        ({"timestamps": 1}, "timestamps"),
        ({"timestamps": True, "options": {"output_format": "wav_48000"}}, "timestamps"),
        ({"instance_id": "x" * 257}, "instance_id"),
    ],
)
def test_wrong_field_is_400_that_names_it(
    platform: Platform, emulators: Emulators, fields: dict[str, Any], field: str
) -> None:
    error = error_of(ask(platform, **fields), 400, "INVALID_REQUEST")

    assert [problem["field"] for problem in error["details"]["fields"]] == [field]
    assert emulators.requests("elevenlabs") == []


def test_body_when_larger_than_the_route_takes_then_413(platform: Platform) -> None:
    error_of(ask(platform, text="x" * 1_100_000), 413, "PAYLOAD_TOO_LARGE")


@pytest.mark.parametrize(("method", "path"), [("GET", "/synthesize"), ("POST", "/voices"), ("DELETE", "/audio/a.mp3")])
def test_method_when_it_is_the_wrong_one_then_405(platform: Platform, method: str, path: str) -> None:
    answer = platform.client("audio-gen").request(method, path)

    error_of(answer, 405, "METHOD_NOT_ALLOWED")
    assert answer.headers["Allow"]


@pytest.mark.parametrize("path", ["/synthesize", "/voices"])
def test_missing_key_is_500_that_names_the_secret(platform: Platform, path: str) -> None:
    client = platform.client("audio-gen-without-keys")

    answer = client.get(path) if path == "/voices" else client.post(path, json={"text": "Hello"})

    error = error_of(answer, 500, "MISSING_API_KEY")
    assert "API key not configured" in error["error"]
    assert "`ELEVENLABS_API_KEY`" in error["error"]


def test_limit_of_characters_is_429_without_a_call(platform: Platform, emulators: Emulators) -> None:
    speak(platform, worker="audio-gen-metered", text="x " * 20)  # 40 of 100
    speak(platform, worker="audio-gen-metered", text="x " * 20)

    answer = ask(platform, worker="audio-gen-metered", text="x " * 20)

    error = error_of(answer, 429, "RATE_LIMITED")
    assert error["details"]["limits"] == ["characters"]
    assert int(answer.headers["Retry-After"]) > 0
    assert 'qu="characters"' in answer.headers["RateLimit-Policy"]
    assert len(emulators.requests("elevenlabs")) == 2


def test_limit_when_a_text_alone_is_larger_then_429(platform: Platform) -> None:
    answer = ask(platform, worker="audio-gen-metered", text="x" * 101)

    error_of(answer, 429, "RATE_LIMITED")
    assert "Retry-After" not in answer.headers
