"""`POST /synthesize`: the file that a text becomes, and the request that the provider gets."""

import hashlib
import json
import re
from urllib.parse import urlsplit

import pytest

from electrons.media.audio import AudioFormat
from electrons.providers.elevenlabs import ElevenLabsProvider
from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.shapes import success_of
from tests.workers.speech import TEXT, ask, fetch, speak

SECONDS = 3.49
"""How long the emulated voice speaks `TEXT`."""

DEFAULT_VOICE = "21m00Tcm4TlvDq8ikWAM"


def test_text_alone_becomes_an_mp3_with_metadata(platform: Platform, emulators: Emulators) -> None:
    body = speak(platform)

    assert body.keys() == {"success", "audio_url", "duration_seconds", "metadata", "request_id", "timestamp"}
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/audio/[0-9a-f]{32}\.mp3", body["audio_url"])
    assert body["duration_seconds"] == pytest.approx(SECONDS, abs=0.1)
    content = fetch(platform, body["audio_url"]).content
    took = body["metadata"].pop("generation_time_ms")
    assert isinstance(took, int) and took >= 0
    assert body["metadata"] == {
        "provider": "elevenlabs",
        "voice_id": DEFAULT_VOICE,
        "model_id": "eleven_multilingual_v2",
        "output_format": "mp3_44100_128",
        "character_count": len(TEXT),
        "size_bytes": len(content),
        "warnings": ["No price is known for `elevenlabs:eleven_multilingual_v2`, so this call has no estimated cost"],
    }


def test_text_alone_is_sent_with_the_defaults(platform: Platform, emulators: Emulators) -> None:
    speak(platform)

    (call,) = emulators.requests("elevenlabs")
    assert (call["method"], call["path"]) == ("POST", f"/v1/text-to-speech/{DEFAULT_VOICE}")
    assert call["body"] == {
        "text": TEXT,
        "model_id": "eleven_multilingual_v2",
        "voice_settings": {"stability": 0.5, "similarity_boost": 0.75, "style": 0.0, "use_speaker_boost": True},
    }


def test_zero_settings_reach_the_provider(platform: Platform, emulators: Emulators) -> None:
    settings = {"stability": 0, "similarity_boost": 0, "style": 0, "use_speaker_boost": False}

    speak(platform, options={**settings, "speed": 1.2})

    (call,) = emulators.requests("elevenlabs")
    assert call["body"]["voice_settings"] == {**settings, "speed": 1.2}


def test_synthesize_when_voice_and_model_are_named_then_those(platform: Platform, emulators: Emulators) -> None:
    body = speak(platform, voice_id="JBFqnCBsd6RMkjVDRZzb", model_id="eleven_flash_v2_5")

    (call,) = emulators.requests("elevenlabs")
    assert call["path"] == "/v1/text-to-speech/JBFqnCBsd6RMkjVDRZzb"
    assert call["body"]["model_id"] == "eleven_flash_v2_5"
    assert (body["metadata"]["voice_id"], body["metadata"]["model_id"]) == ("JBFqnCBsd6RMkjVDRZzb", "eleven_flash_v2_5")


def test_other_defaults_of_a_deployment_are_used(platform: Platform) -> None:
    body = speak(platform, worker="audio-gen-with-another-default")

    assert (body["metadata"]["voice_id"], body["metadata"]["model_id"]) == ("JBFqnCBsd6RMkjVDRZzb", "eleven_flash_v2_5")


def test_link_is_below_the_public_base_url(platform: Platform) -> None:
    body = speak(platform, worker="audio-gen-behind-a-domain")

    assert re.fullmatch(r"https://media\.example/de/audio/[0-9a-f]{32}\.mp3", body["audio_url"])


@pytest.mark.parametrize("name", ElevenLabsProvider.formats)
def test_format_decides_the_file_its_type_and_duration(platform: Platform, name: str) -> None:
    audio_format = AudioFormat.parse(name)

    body = speak(platform, options={"output_format": name})

    answer = fetch(platform, body["audio_url"])
    assert body["audio_url"].endswith(f".{audio_format.codec}")
    assert answer.headers["Content-Type"] == audio_format.content_type
    assert body["duration_seconds"] == pytest.approx(SECONDS, abs=0.1)
    assert body["metadata"]["output_format"] == name
    assert len(answer.content) == body["metadata"]["size_bytes"] == int(answer.headers["Content-Length"])
    beginning = {"wav": b"RIFF", "opus": b"OggS"}.get(audio_format.codec, b"")
    assert answer.content.startswith(beginning)


@pytest.mark.parametrize("name", ["mp3_44100_128", "pcm_16000"])
def test_stored_audio_has_the_providers_bytes_and_all_metadata(platform: Platform, name: str) -> None:
    labels = {"instance_id": "../i", "project_id": "Köln 好"}

    body = speak(platform, options={"output_format": name}, **labels)

    (stored,) = platform.stored_objects(body["request_id"])
    content = fetch(platform, body["audio_url"]).content
    assert stored["key"] == urlsplit(body["audio_url"]).path.removeprefix("/")
    assert stored["size"] == len(content)
    assert stored["etag"] == hashlib.md5(content, usedforsecurity=False).hexdigest()
    metadata = json.loads(stored["custom_metadata"])
    assert metadata.pop("created").endswith("Z")
    assert metadata == {
        "worker": "audio-gen",
        "request_id": body["request_id"],
        "provider": "elevenlabs",
        "model": "eleven_multilingual_v2",
        **labels,
    }


@pytest.mark.parametrize("name", ["mp3_44100_128", "opus_48000_32", "ulaw_8000", "alaw_8000"])
def test_timestamps_are_stored_as_words_and_subtitles(platform: Platform, name: str) -> None:
    body = speak(platform, timestamps=True, options={"output_format": name})

    links = body["timestamps"]
    stem, _, _ = body["audio_url"].rpartition(".")
    assert links == {f"{kind}_url": f"{stem}.{kind}" for kind in ("json", "srt", "vtt")}
    words = fetch(platform, links["json_url"]).json()
    assert [word["text"] for word in words] == TEXT.split()
    assert words[-1]["end"] == pytest.approx(body["duration_seconds"], abs=0.1)
    srt, vtt = fetch(platform, links["srt_url"]), fetch(platform, links["vtt_url"])
    assert srt.headers["Content-Type"] == "application/x-subrip; charset=utf-8"
    assert srt.text.startswith("1\n00:00:00,000 --> 00:00:02,")
    assert "Hello there, this is a test.\n\n2\n" in srt.text
    assert vtt.headers["Content-Type"] == "text/vtt; charset=utf-8"
    assert vtt.text.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:02.")
    assert len(platform.stored_objects(body["request_id"])) == 4


def test_longest_text_is_spoken(platform: Platform) -> None:
    text = ("It goes on and on. " * 300)[:5000]

    body = success_of(ask(platform, text=text))

    assert body["metadata"]["character_count"] == 5000
    assert body["duration_seconds"] > 120


def test_text_in_many_scripts_arrives_unchanged(platform: Platform, emulators: Emulators) -> None:
    text = "Grüß Gott, 好, 👋 “quoted”\n\tend"

    body = speak(platform, text=text)

    (call,) = emulators.requests("elevenlabs")
    assert call["body"]["text"] == text
    assert body["metadata"]["character_count"] == len(text)
