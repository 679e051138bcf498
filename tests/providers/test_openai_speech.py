"""OpenAI's text to speech: https://developers.openai.com/api/reference/resources/audio."""

from dataclasses import replace

import pytest

from electrons.capabilities.speech import SpeechCall, list_voices
from electrons.errors import RequestError
from electrons.media.audio import AudioFormat
from electrons.providers.openai.provider import OpenAIProvider
from tests.providers.cases import SPEECH_CALL, body_of, create_context

PROVIDER = OpenAIProvider()
CALL = SpeechCall(text="Hello", voice_id="coral", model="tts-1", audio_format=AudioFormat.parse("wav_24000"))


def test_request_has_openais_names() -> None:
    request = PROVIDER.build_speech(replace(CALL, speed=1.5), timestamps=False)

    assert (request.method, request.path) == ("POST", "/audio/speech")
    sent = {"model": "tts-1", "input": "Hello", "voice": "coral", "response_format": "wav", "speed": 1.5}
    assert body_of(request.content) == sent


def test_voice_of_ones_own_is_sent_by_its_id() -> None:
    request = PROVIDER.build_speech(replace(CALL, voice_id="voice_1"), timestamps=False)

    assert body_of(request.content)["voice"] == {"id": "voice_1"}


def test_options_of_another_vendor_are_left_out() -> None:
    call, warnings = PROVIDER.fit_speech(SPEECH_CALL, explicit=frozenset({"stability"}))

    assert (call.stability, call.style) == (None, None)
    assert warnings == ["model-1 does not take stability; it was left out"]


def test_text_that_is_too_long_is_refused() -> None:
    with pytest.raises(RequestError, match="4096 characters"):
        PROVIDER.fit_speech(replace(CALL, text="x" * 4097), explicit=frozenset())


async def test_voices_are_known_without_a_call() -> None:
    voices = await list_voices(create_context(PROVIDER, lambda _: pytest.fail("called")), PROVIDER)

    assert [voice.voice_id for voice in voices][:2] == ["alloy", "ash"]
