"""How a request for speech becomes a call, with a second vendor that has fewer options."""

from collections.abc import Sequence
from typing import Any

import httpx2
import pytest

from audio_gen.calls import PreparedSpeech, prepare_speech
from audio_gen.models import SpeechRequest
from audio_gen.settings import AudioSettings
from electrons.app import App
from electrons.capabilities.speech import SpeechCall, SpeechProvider, Voice, leave_out
from electrons.errors import ConfigurationError, MissingAPIKeyError, ProviderError, RequestError, UnknownProviderError
from electrons.http import HeaderPairs
from electrons.providers.elevenlabs import ElevenLabsProvider
from electrons.settings import Secret
from electrons.testing import TestClient
from electrons.upstream.provider import ProviderRequest


class PlainProvider(SpeechProvider):
    """A vendor that takes nothing but a text, a voice and a speed."""

    name = "plain"
    title = "Plain"
    base_url = "https://plain.example"
    model_prefixes = ("say-",)
    default_model = "say-1"
    default_voice = "ada"
    formats = ("mp3_24000_48", "wav_24000")

    def fit_speech(self, call: SpeechCall, *, explicit: frozenset[str]) -> tuple[SpeechCall, list[str]]:
        options = ("stability", "similarity_boost", "style", "use_speaker_boost")
        return leave_out(call, *options, explicit=explicit, title=f"{self.title} {call.model}")

    def build_headers(self, api_key: str, request_id: str) -> HeaderPairs:
        return []

    def build_speech(self, call: SpeechCall, *, timestamps: bool) -> ProviderRequest:
        return ProviderRequest(path="/say")

    def parse_characters(self, headers: httpx2.Headers) -> int | None:
        return None

    def build_voices(self) -> ProviderRequest:
        return ProviderRequest(path="/voices")

    def parse_voices(self, document: dict[str, Any]) -> list[Voice | None]:
        return []

    def parse_error(self, status: int, headers: dict[str, str], content: bytes) -> ProviderError:
        return ProviderError("no", provider=self.name)


BOTH = (ElevenLabsProvider(), PlainProvider())
KEYS = {"ELEVENLABS_API_KEY": Secret("key-1"), "PLAIN_API_KEY": Secret("key-2")}


def prepare(
    *, settings: AudioSettings | None = None, providers: Sequence[SpeechProvider] = BOTH, **fields: Any
) -> PreparedSpeech:
    settings = settings or AudioSettings(declared=KEYS)
    context = TestClient(App("audio-gen", settings=AudioSettings), settings=settings).create_context("POST", "/")
    return prepare_speech(context, SpeechRequest.model_validate({"text": "Hello", **fields}), providers)


def test_request_without_names_gets_the_default_providers_own() -> None:
    prepared = prepare()

    assert prepared.provider.name == "elevenlabs"
    assert prepared.call == SpeechCall(
        text="Hello",
        voice_id="21m00Tcm4TlvDq8ikWAM",
        model="eleven_multilingual_v2",
        audio_format=prepared.call.audio_format,
        stability=0.5,
        similarity_boost=0.75,
        style=0.0,
        use_speaker_boost=True,
    )
    assert prepared.call.audio_format.name == "mp3_44100_128"
    assert prepared.warnings == []


def test_second_vendor_gets_only_what_it_takes() -> None:
    prepared = prepare(model_id="plain:say-2", options={"speed": 1.1})

    assert prepared.provider.name == "plain"
    assert prepared.call == SpeechCall(
        text="Hello", voice_id="ada", model="say-2", audio_format=prepared.call.audio_format, speed=1.1
    )
    assert prepared.call.audio_format.name == "mp3_24000_48"
    assert prepared.warnings == []


def test_option_that_is_not_taken_is_left_out_with_a_warning() -> None:
    prepared = prepare(model_id="plain:say-2", options={"stability": 0.0, "use_speaker_boost": False})

    assert (prepared.call.stability, prepared.call.use_speaker_boost) == (None, None)
    assert prepared.warnings == [
        "Plain say-2 does not take stability; it was left out",
        "Plain say-2 does not take use_speaker_boost; it was left out",
    ]


@pytest.mark.parametrize(
    ("model_id", "provider", "model"),
    [
        ("say-9", "plain", "say-9"),
        ("Plain:any", "plain", "any"),
        ("eleven_v3", "elevenlabs", "eleven_v3"),
        ("elevenlabs:mine", "elevenlabs", "mine"),
        ("unknown", "elevenlabs", "unknown"),
        ("eleven_monolingual_v1", "elevenlabs", "eleven_multilingual_v2"),
        ("eleven_multilingual_v1", "elevenlabs", "eleven_multilingual_v2"),
        ("eleven_turbo_v2", "elevenlabs", "eleven_flash_v2"),
        ("elevenlabs:eleven_turbo_v2_5", "elevenlabs", "eleven_flash_v2_5"),
    ],
)
def test_model_names_its_provider(model_id: str, provider: str, model: str) -> None:
    prepared = prepare(model_id=model_id)

    assert (prepared.provider.name, prepared.call.model) == (provider, model)


def test_default_model_decides_the_default_provider() -> None:
    settings = AudioSettings(declared=KEYS, default_speech_model="plain:say-3", default_voice_id="bob")

    assert prepare(settings=settings).call.voice_id == "bob"
    assert prepare(settings=settings).call.model == "say-3"
    assert prepare(settings=settings, model_id="mine").provider.name == "plain"
    assert prepare(settings=settings, model_id="eleven_v3").call.voice_id == "21m00Tcm4TlvDq8ikWAM"


def test_voice_of_the_request_is_used_with_every_provider() -> None:
    assert prepare(voice_id="v1").call.voice_id == "v1"
    assert prepare(voice_id="v1", model_id="plain:say-1").call.voice_id == "v1"


def test_format_that_the_vendor_does_not_have_is_refused() -> None:
    with pytest.raises(RequestError, match="Plain cannot return opus_48000_64; use one of: mp3_24000_48, wav_24000"):
        prepare(model_id="plain:say-1", options={"output_format": "opus_48000_64"})
    assert prepare(model_id="plain:say-1", options={"output_format": "wav_24000"}).call.audio_format.codec == "wav"


def test_unavailable_timestamps_are_refused() -> None:
    with pytest.raises(RequestError, match="Plain has no timestamps"):
        prepare(model_id="plain:say-1", timestamps=True)
    with pytest.raises(RequestError, match="timestamps are available for mp3, opus, ulaw, alaw only") as caught:
        prepare(timestamps=True, options={"output_format": "pcm_16000"})
    assert caught.value.details is not None
    assert caught.value.details["fields"][0]["field"] == "timestamps"


def test_unknown_provider_is_refused_with_the_known_ones() -> None:
    with pytest.raises(UnknownProviderError, match="elevenlabs, plain"):
        prepare(model_id="openai:tts-1")


def test_unknown_default_provider_is_a_configuration_error() -> None:
    settings = AudioSettings(declared=KEYS, default_speech_model="openai:tts-1")

    with pytest.raises(ConfigurationError, match="`DEFAULT_SPEECH_MODEL`: Unknown provider"):
        prepare(settings=settings)


def test_missing_key_is_reported_before_anything_else() -> None:
    settings = AudioSettings(declared={"ELEVENLABS_API_KEY": Secret("key-1")})

    with pytest.raises(MissingAPIKeyError, match="`PLAIN_API_KEY`"):
        prepare(settings=settings, model_id="plain:say-1", text="x" * 5001)
