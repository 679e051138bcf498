"""audio-gen without a runtime: what becomes of a provider's answers."""

import base64
import json
from typing import Any

import httpx2
import pytest

from audio_gen.routes import app
from audio_gen.settings import AudioSettings
from electrons.settings import Secret
from electrons.testing import TestClient

FRAME = b"\xff\xfb\x90\xc4" + bytes(413)
AUDIO = FRAME * 200
SECONDS = 5.224
PRICES = '{"elevenlabs:*": {"characters": 220}}'

COLLAPSED = {
    "characters": list("ab cd. ef gh"),
    "character_start_times_seconds": [0, 0.1, 0.2, *[0.3] * 9],
    "character_end_times_seconds": [0.1, 0.2, *[0.3] * 10],
}


def create_client(response: httpx2.Response, prices: str = PRICES) -> TestClient:
    settings = AudioSettings(auth_mode="open", declared={"ELEVENLABS_API_KEY": Secret("key-1")}, prices=prices)
    return TestClient(app, settings=settings, http=httpx2.MockTransport(lambda _: response))


async def synthesize(client: TestClient, **fields: Any) -> dict[str, Any]:
    response = await client.request("POST", "/synthesize", json={"text": "ab cd. ef gh", **fields})
    assert response.status == 200, response.body
    return dict(response.json())


async def read_file(client: TestClient, url: str) -> str:
    response = await client.request("GET", "/" + url.split("/", 3)[3])
    return response.body.decode()


async def test_collapsed_timestamps_give_cues_within_the_audio() -> None:
    document = {"audio_base64": base64.b64encode(AUDIO).decode(), "alignment": COLLAPSED}
    client = create_client(httpx2.Response(200, json=document))

    body = await synthesize(client, timestamps=True)

    assert body["duration_seconds"] == SECONDS
    links = body["timestamps"]
    words = json.loads(await read_file(client, links["json_url"]))
    assert [word["text"] for word in words] == ["ab", "cd.", "ef", "gh"]
    assert all(0 <= word["start"] < word["end"] <= SECONDS for word in words)
    assert await read_file(client, links["vtt_url"]) == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:02.410\nab cd.\n\n00:00:02.410 --> 00:00:05.224\nef gh\n"
    )
    assert await read_file(client, links["srt_url"]) == (
        "1\n00:00:00,000 --> 00:00:02,410\nab cd.\n\n2\n00:00:02,410 --> 00:00:05,224\nef gh\n"
    )


@pytest.mark.parametrize("content_type", ["audio/mpeg", "Audio/MPEG", "AUDIO/MPEG; x=y", "Application/Octet-Stream"])
async def test_audio_is_accepted_whatever_the_case_of_its_type(content_type: str) -> None:
    client = create_client(httpx2.Response(200, headers={"Content-Type": content_type}, content=AUDIO))

    body = await synthesize(client)

    assert body["duration_seconds"] == SECONDS
    assert body["metadata"]["size_bytes"] == len(AUDIO)
    assert "warnings" not in body["metadata"]


async def test_speech_costs_what_the_deployment_pays_for_a_credit() -> None:
    headers = {"Content-Type": "audio/mpeg", "character-cost": "6"}
    client = create_client(httpx2.Response(200, headers=headers, content=AUDIO))

    response = await client.request("POST", "/synthesize", json={"text": "ab cd. ef gh"})

    assert response.headers.get("X-Estimated-Cost-USD") == response.headers.get("X-DE-Cost") == "0.001320"


async def test_speech_without_a_price_has_a_warning_and_no_cost() -> None:
    client = create_client(httpx2.Response(200, headers={"Content-Type": "audio/mpeg"}, content=AUDIO), prices="")

    response = await client.request("POST", "/synthesize", json={"text": "ab cd. ef gh"})

    assert response.headers.get("X-Estimated-Cost-USD") is None
    (warning,) = response.json()["metadata"]["warnings"]
    assert warning.startswith("No price is known for `elevenlabs:eleven_multilingual_v2`")


@pytest.mark.parametrize("absent", [None, ""])
async def test_null_and_empty_fields_count_as_absent(absent: str | None) -> None:
    client = create_client(httpx2.Response(200, headers={"Content-Type": "audio/mpeg"}, content=AUDIO))
    options = dict.fromkeys(("stability", "style", "use_speaker_boost", "speed", "output_format"), absent)

    body = await synthesize(client, voice_id=absent, model_id=absent, timestamps=absent, options=options, pitch=1)

    assert body["metadata"]["voice_id"] == "21m00Tcm4TlvDq8ikWAM"
    assert body["metadata"]["model_id"] == "eleven_multilingual_v2"
    (warning,) = body["metadata"]["warnings"]
    assert "`pitch`" in warning


@pytest.mark.parametrize("voice_id", [".", ".."])
async def test_voice_that_would_climb_in_the_path_is_refused(voice_id: str) -> None:
    client = create_client(httpx2.Response(500))

    response = await client.request("POST", "/synthesize", json={"text": "Hi", "voice_id": voice_id})

    assert response.status == 400
    assert response.json()["details"]["fields"][0]["field"] == "voice_id"


async def test_voices_that_cannot_be_read_are_left_out() -> None:
    voices = [{"voice_id": "v1", "name": None}, {"voice_id": "v2", "name": "Mia", "labels": {"age": None, "a": "b"}}]
    client = create_client(httpx2.Response(200, json={"voices": voices}))

    response = await client.request("GET", "/voices")

    assert response.json()["warnings"] == ["1 of 2 voices of ElevenLabs could not be read and were left out"]
    assert response.json()["voices"] == [{"voice_id": "v2", "name": "Mia", "category": "unknown", "labels": {"a": "b"}}]


@pytest.mark.parametrize("frames", [200, 2000])
async def test_timed_audio_of_any_size_is_stored_unchanged(frames: int) -> None:
    audio = FRAME * frames
    document = {"audio_base64": base64.b64encode(audio).decode(), "alignment": COLLAPSED}
    client = create_client(httpx2.Response(200, json=document))

    body = await synthesize(client, timestamps=True)

    assert body["metadata"]["size_bytes"] == len(audio)
    path = "/" + body["audio_url"].split("/", 3)[3]
    assert (await client.request("GET", path)).body == audio


async def test_timed_audio_that_is_not_base64_is_a_provider_error() -> None:
    document = {"audio_base64": "QQ==" * 100_000, "alignment": COLLAPSED}
    client = create_client(httpx2.Response(200, json=document))

    response = await client.request("POST", "/synthesize", json={"text": "Hi", "timestamps": True})

    assert (response.status, response.json()["error_code"]) == (502, "PROVIDER_ERROR")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"<html>busy</html>",
        b"{",
        b'{"audio_base64": 5}',
        b"\xff",
        b"ID3",
        bytes(2000),
        FRAME[:40],
        b"RIFF",
    ],
)
@pytest.mark.parametrize("timestamps", [False, True])
async def test_audio_that_is_none_is_a_502_and_is_recorded(content: bytes, timestamps: bool) -> None:
    client = create_client(httpx2.Response(200, headers={"Content-Type": "audio/mpeg"}, content=content))

    response = await client.request("POST", "/synthesize", json={"text": "ab cd.", "timestamps": timestamps})

    assert (response.status, response.json()["error_code"]) == (502, "PROVIDER_ERROR"), response.body
    (row,) = await client.bindings.database.query("SELECT * FROM usage")
    assert (row["status"], row["unit"]) == (502, "characters")
