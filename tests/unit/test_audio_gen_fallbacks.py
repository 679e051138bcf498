"""Speech of another provider when the first one fails."""

import json
from dataclasses import replace
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
    declared={"OPENAI_API_KEY": Secret("test-key-0001"), "ELEVENLABS_API_KEY": Secret("test-key-0002")},
)
# One silent frame of MPEG-2, layer III, 24 kHz, 48 kbit/s.
MP3 = b"\xff\xf3\x64\xc4" + bytes(140)
OPENAI = {"X-DE-Fallbacks": "openai:gpt-4o-mini-tts"}


async def ask(
    path: str, body: dict[str, Any], *, headers: dict[str, str] = OPENAI, elevenlabs: int = 500, **settings: Any
) -> tuple[TestResponse, list[httpx2.Request]]:
    requests: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        if request.url.host == "api.elevenlabs.io":
            return httpx2.Response(elevenlabs, json={"detail": {"message": "No", "status": "any"}})
        return httpx2.Response(200, headers={"Content-Type": "audio/mpeg"}, content=MP3 * 10)

    client = TestClient(
        app,
        settings=replace(SETTINGS, **settings),
        bindings=create_memory_bindings(),
        http=httpx2.MockTransport(respond),
    )
    return await client.request("POST", path, json=body, headers=headers), requests


@pytest.mark.parametrize("status", [500, 401, 402, 429])
async def test_openai_speaks_when_elevenlabs_fails(status: int) -> None:
    body = {"text": "Hello", "voice_id": "voice-1", "options": {"stability": 0.1, "output_format": "mp3_44100_64"}}

    answer, requests = await ask("/synthesize", body, elevenlabs=status)

    assert answer.status == 200
    assert len(requests) == 2
    sent = {"model": "gpt-4o-mini-tts", "input": "Hello", "voice": "alloy", "response_format": "mp3"}
    assert json.loads(requests[1].content) == sent
    metadata = answer.json()["metadata"]
    assert (metadata["provider"], metadata["voice_id"], metadata["output_format"]) == ("openai", "alloy", "mp3_24000")
    assert metadata["warnings"] == [
        "gpt-4o-mini-tts does not take stability; it was left out",
        "No price is known for `openai:gpt-4o-mini-tts`, so this call has no estimated cost",
    ]


@pytest.mark.parametrize("elevenlabs", [400, 422])
async def test_refused_text_is_not_spoken_by_another(elevenlabs: int) -> None:
    answer, requests = await ask("/synthesize", {"text": "Hello"}, elevenlabs=elevenlabs)

    assert (answer.status, len(requests)) == (422, 1)


async def test_without_the_callers_leave_nobody_else_speaks() -> None:
    answer, requests = await ask("/synthesize", {"text": "Hello"}, headers={}, max_retries=0)

    assert (answer.status, len(requests)) == (502, 1)


async def test_fallback_without_the_format_is_passed_over() -> None:
    answer, requests = await ask("/synthesize", {"text": "Hello", "options": {"output_format": "ulaw_8000"}})

    assert (answer.status, answer.json()["error_code"], len(requests)) == (502, "PROVIDER_ERROR", 1)


async def test_openais_own_route_falls_back_with_another_voice() -> None:
    body = {"model": "elevenlabs:eleven_flash_v2_5", "input": "Hello", "voice": "voice-1"}

    answer, requests = await ask("/v1/audio/speech", body)

    assert (answer.status, answer.body) == (200, MP3 * 10)
    assert json.loads(requests[1].content) == {"model": "gpt-4o-mini-tts", "input": "Hello", "voice": "alloy"}
    assert answer.headers.get("X-DE-Provider") == "openai"
