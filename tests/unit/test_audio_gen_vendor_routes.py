"""`POST /v1/audio/speech`: OpenAI's request to OpenAI, and to ElevenLabs."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from audio_gen.routes import app
from audio_gen.settings import AudioSettings
from electrons.settings import Secret
from electrons.testing import TestClient, TestResponse
from electrons.testing.bindings import create_memory_bindings

SETTINGS = AudioSettings(
    auth_mode="open",
    max_retries=0,
    declared={"OPENAI_API_KEY": Secret("test-key-0001"), "ELEVENLABS_API_KEY": Secret("test-key-0002")},
)
AUDIO = b"\xff\xfb\x90audio"


async def speak(
    response: httpx2.Response, **fields: Any
) -> tuple[TestResponse, list[httpx2.Request], list[dict[str, Any]]]:
    requests: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return response

    bindings = create_memory_bindings()
    client = TestClient(app, settings=SETTINGS, bindings=bindings, http=httpx2.MockTransport(respond))
    body = {"model": "gpt-4o-mini-tts", "input": "Hello", "voice": "alloy", **fields}
    answer = await client.request("POST", "/v1/audio/speech", json=body)
    return answer, requests, [dict(row) for row in await bindings.database.query("SELECT * FROM usage")]


async def test_openais_request_and_audio_pass_unchanged() -> None:
    response = httpx2.Response(200, headers={"Content-Type": "audio/mpeg"}, content=AUDIO)

    answer, (request,), (row,) = await speak(response, model="openai:tts-1", instructions="Softly", odd=1)

    assert (answer.status, answer.body, answer.headers.get("Content-Type")) == (200, AUDIO, "audio/mpeg")
    assert str(request.url) == "https://api.openai.com/v1/audio/speech"
    sent = {"model": "tts-1", "input": "Hello", "voice": "alloy", "instructions": "Softly", "odd": 1}
    assert json.loads(request.content) == sent
    assert (row["provider"], row["unit"], row["input_units"]) == ("openai", "characters", 5)


async def test_elevenlabs_speaks_in_the_format_that_was_asked_for() -> None:
    response = httpx2.Response(200, headers={"Content-Type": "audio/mpeg"}, content=AUDIO)

    answer, (request,), (row,) = await speak(
        response, model="elevenlabs:eleven_flash_v2_5", voice="voice-1", response_format="pcm", speed=1.1
    )

    assert answer.body == AUDIO
    assert str(request.url).endswith("/v1/text-to-speech/voice-1?output_format=pcm_24000")
    sent = {"text": "Hello", "model_id": "eleven_flash_v2_5", "voice_settings": {"speed": 1.1}}
    assert json.loads(request.content) == sent
    assert (row["provider"], row["input_units"]) == ("elevenlabs", 5)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("input", " "),
        ("input", "x" * 5001),
        ("response_format", "flac"),
        ("speed", 4.0),
        ("instructions", "Softly"),
        ("stream_format", "sse"),
        ("voice", 7),
    ],
)
async def test_what_elevenlabs_cannot_do_is_refused_by_its_field(field: str, value: object) -> None:
    answer, requests, rows = await speak(httpx2.Response(200), model="elevenlabs:eleven_flash_v2_5", **{field: value})

    assert (answer.status, answer.json()["error"]["param"]) == (400, field)
    assert (requests, rows) == ([], [])


async def test_unknown_model_is_named() -> None:
    answer, _, _ = await speak(httpx2.Response(200), model="nobody:voice")

    assert (answer.status, answer.json()["error"]["code"]) == (404, "model_not_found")


async def test_error_of_openai_passes() -> None:
    error = {"message": "Bad voice", "type": "invalid_request_error", "param": "voice", "code": None}

    answer, _, (row,) = await speak(httpx2.Response(400, json={"error": error}))

    assert (answer.status, answer.json()) == (400, {"error": error})
    assert row["error_code"] == "PROVIDER_REJECTED"


async def test_interrupted_audio_is_logged_as_a_failure() -> None:
    async def body() -> AsyncIterator[bytes]:
        yield AUDIO
        raise httpx2.ReadError("lost")

    answer, _, (row,) = await speak(httpx2.Response(200, headers={"Content-Type": "audio/mpeg"}, content=body()))

    assert answer.body == AUDIO
    assert (row["error_code"], row["input_units"]) == ("PROVIDER_ERROR", 5)
