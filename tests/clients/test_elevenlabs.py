"""The official `elevenlabs` SDK gets real speech from the emulator, and otherwise the same as from the vendor."""

import base64
import io
import math
import subprocess
import wave
from array import array
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import httpx2
import imageio_ffmpeg  # type: ignore[import-untyped]
import pytest
from elevenlabs import VoiceSettings
from elevenlabs.client import AsyncElevenLabs, ElevenLabs

from tests.emulators.process import Emulators

GEORGE = "JBFqnCBsd6RMkjVDRZzb"
RACHEL = "21m00Tcm4TlvDq8ikWAM"
TEXT = "The first move is what sets everything in motion."


@pytest.fixture(scope="session")
def shared_elevenlabs_client(running_emulators: Emulators) -> Iterator[ElevenLabs]:
    with httpx.Client(trust_env=False, timeout=60) as http:
        yield ElevenLabs(api_key="any", base_url=running_emulators.url_of("elevenlabs"), httpx_client=http)


@pytest.fixture
def elevenlabs_client(shared_elevenlabs_client: ElevenLabs, emulators: Emulators) -> ElevenLabs:
    return shared_elevenlabs_client


@pytest.fixture
async def async_elevenlabs_client(emulators: Emulators) -> AsyncIterator[AsyncElevenLabs]:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        yield AsyncElevenLabs(api_key="any", base_url=emulators.url_of("elevenlabs"), httpx_client=http)


def decode_audio(audio: bytes, *source: str) -> list[int]:
    """Return the samples that ffmpeg decodes, mono at 8 kHz."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source, "-i", "pipe:0"]
    output = ["-f", "s16le", "-ac", "1", "-ar", "8000", "pipe:1"]
    decoded = subprocess.run([*command, *output], input=audio, stdout=subprocess.PIPE, check=True).stdout
    return array("h", decoded).tolist()


def loudness(samples: list[int]) -> float:
    """Return the root mean square of the samples."""
    return math.sqrt(sum(sample * sample for sample in samples) / len(samples))


def test_convert_when_called_then_an_mp3_with_audible_speech(elevenlabs_client: ElevenLabs) -> None:
    audio = b"".join(elevenlabs_client.text_to_speech.convert(GEORGE, text=TEXT, output_format="mp3_44100_128"))

    samples = decode_audio(audio, "-f", "mp3")
    assert 2 < len(samples) / 8000 < 5
    assert loudness(samples) > 500


def test_convert_when_text_and_voice_are_equal_then_so_is_audio(
    elevenlabs_client: ElevenLabs,
) -> None:
    def convert_text(text: str, voice: str) -> bytes:
        return b"".join(elevenlabs_client.text_to_speech.convert(voice, text=text))

    first = convert_text("Once more.", GEORGE)
    # More texts than the emulator caches, so that it generates the first one again.
    others = [convert_text(f"Number {number}.", GEORGE) for number in range(9)]

    assert convert_text("Once more.", GEORGE) == first
    assert len({first, *others, convert_text("Once more.", RACHEL)}) == 11


@pytest.mark.parametrize(
    ("output_format", "content_type", "source"),
    [
        ("mp3_22050_32", "audio/mpeg", ["-f", "mp3"]),
        ("mp3_44100_192", "audio/mpeg", ["-f", "mp3"]),
        ("pcm_16000", "audio/pcm", ["-f", "s16le", "-ar", "16000"]),
        ("pcm_44100", "audio/pcm", ["-f", "s16le", "-ar", "44100"]),
        ("wav_24000", "audio/wav", ["-f", "wav"]),
        ("ulaw_8000", "audio/basic", ["-f", "mulaw", "-ar", "8000"]),
        ("alaw_8000", "audio/x-alaw-basic", ["-f", "alaw", "-ar", "8000"]),
        ("opus_48000_64", "audio/ogg", ["-f", "ogg"]),
    ],
)
def test_convert_when_a_format_is_given_then_the_same_speech(
    elevenlabs_client: ElevenLabs, output_format: str, content_type: str, source: list[str]
) -> None:
    expected = decode_audio(
        b"".join(elevenlabs_client.text_to_speech.convert(GEORGE, text=TEXT, output_format="wav_8000"))
    )
    call = elevenlabs_client.text_to_speech.with_raw_response.convert(GEORGE, text=TEXT, output_format=output_format)
    with call as answer:
        audio = b"".join(answer.data)

    samples = decode_audio(audio, *source)
    assert answer.headers["content-type"] == content_type
    assert abs(len(samples) - len(expected)) / 8000 < 0.12
    assert abs(loudness(samples) / loudness(expected) - 1) < 0.1


def test_wav_when_requested_then_its_header_has_the_length(elevenlabs_client: ElevenLabs) -> None:
    audio = b"".join(elevenlabs_client.text_to_speech.convert(GEORGE, text=TEXT, output_format="wav_22050"))

    with wave.open(io.BytesIO(audio)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (22050, 1, 2)
        assert sound.getnframes() == (len(audio) - 44) // 2


def test_speed_when_higher_then_the_speech_is_shorter(elevenlabs_client: ElevenLabs) -> None:
    def size(speed: float) -> int:
        settings = VoiceSettings(speed=speed)
        return len(b"".join(elevenlabs_client.text_to_speech.convert(GEORGE, text=TEXT, voice_settings=settings)))

    assert size(1.2) < size(1.0) < size(0.7)


def test_language_when_the_model_uses_it_then_speech_differs(elevenlabs_client: ElevenLabs) -> None:
    def convert_text(model: str, language: str | None) -> bytes:
        return b"".join(
            elevenlabs_client.text_to_speech.convert(GEORGE, text="Die Maus", model_id=model, language_code=language)
        )

    assert convert_text("eleven_flash_v2_5", "de") != convert_text("eleven_flash_v2_5", None)
    assert convert_text("eleven_multilingual_v2", "de") == convert_text("eleven_multilingual_v2", None)
    assert convert_text("eleven_flash_v2_5", "xx") == convert_text("eleven_flash_v2_5", None)


@pytest.mark.parametrize("text", ["...", "🎲", "好的", "Добрый день", "a\nb"])
def test_convert_when_the_text_is_unusual_then_audio(elevenlabs_client: ElevenLabs, text: str) -> None:
    assert len(b"".join(elevenlabs_client.text_to_speech.convert(GEORGE, text=text))) > 500


def test_stream_when_read_then_the_audio_of_convert_in_chunks(elevenlabs_client: ElevenLabs) -> None:
    with elevenlabs_client.text_to_speech.with_raw_response.stream(GEORGE, text=TEXT) as answer:
        chunks = list(answer.data)

    assert len(chunks) > 3
    assert answer.headers["transfer-encoding"] == "chunked"
    assert b"".join(chunks) == b"".join(elevenlabs_client.text_to_speech.convert(GEORGE, text=TEXT))


async def test_async_client_when_it_converts_then_the_same_audio(
    elevenlabs_client: ElevenLabs, async_elevenlabs_client: AsyncElevenLabs
) -> None:
    expected = b"".join(elevenlabs_client.text_to_speech.convert(GEORGE, text=TEXT))

    assert (
        b"".join([chunk async for chunk in async_elevenlabs_client.text_to_speech.convert(GEORGE, text=TEXT)])
        == expected
    )
    assert (
        b"".join([chunk async for chunk in async_elevenlabs_client.text_to_speech.stream(GEORGE, text=TEXT)])
        == expected
    )


def test_timestamps_when_requested_then_every_character_has_one(elevenlabs_client: ElevenLabs) -> None:
    answer = elevenlabs_client.text_to_speech.convert_with_timestamps(GEORGE, text=TEXT)

    audio = base64.b64decode(answer.audio_base_64)
    assert audio == b"".join(elevenlabs_client.text_to_speech.convert(GEORGE, text=TEXT))
    assert answer.alignment is not None
    assert "".join(answer.alignment.characters) == TEXT
    starts, ends = answer.alignment.character_start_times_seconds, answer.alignment.character_end_times_seconds
    assert starts[0] == 0
    assert starts == sorted(starts)
    assert ends[:-1] == starts[1:]
    assert abs(ends[-1] - len(decode_audio(audio)) / 8000) < 0.12


def test_timestamps_when_a_word_is_longer_then_so_is_its_time(elevenlabs_client: ElevenLabs) -> None:
    text = "A, incomprehensibilities, a."
    alignment = elevenlabs_client.text_to_speech.convert_with_timestamps(GEORGE, text=text).alignment

    assert alignment is not None
    starts = alignment.character_start_times_seconds
    first, second, third = (starts[text.index(word)] for word in ("A,", "incomp", "a."))
    assert third - second > 2 * (second - first) > 0


def test_stream_with_timestamps_when_joined_then_all_of_convert(elevenlabs_client: ElevenLabs) -> None:
    whole = elevenlabs_client.text_to_speech.convert_with_timestamps(GEORGE, text=TEXT)
    lines = list(elevenlabs_client.text_to_speech.stream_with_timestamps(GEORGE, text=TEXT))

    assert len(lines) > 3
    assert b"".join(base64.b64decode(line.audio_base_64) for line in lines) == base64.b64decode(whole.audio_base_64)
    aligned = [line.alignment for line in lines if line.alignment]
    assert whole.alignment is not None
    assert [c for part in aligned for c in part.characters] == whole.alignment.characters
    assert [t for part in aligned for t in part.character_start_times_seconds] == (
        whole.alignment.character_start_times_seconds
    )


def test_headers_when_converted_then_cost_and_request_id(elevenlabs_client: ElevenLabs) -> None:
    def load_headers(model: str) -> httpx.Headers:
        with elevenlabs_client.text_to_speech.with_raw_response.convert(
            GEORGE, text="x" * 11, model_id=model
        ) as answer:
            return httpx.Headers(answer.headers)

    full, half = load_headers("eleven_multilingual_v2"), load_headers("eleven_flash_v2_5")

    assert (full["character-cost"], half["character-cost"]) == ("11", "6")
    assert (full["maximum-concurrent-requests"], half["maximum-concurrent-requests"]) == ("15", "30")
    assert full["current-concurrent-requests"] == "1"
    assert full["request-id"] != half["request-id"]
    assert full["history-item-id"] != half["history-item-id"]


def test_voices_when_listed_then_their_previews_play(elevenlabs_client: ElevenLabs) -> None:
    voices = {voice.voice_id: voice for voice in elevenlabs_client.voices.get_all().voices}

    rachel = elevenlabs_client.voices.get(RACHEL)
    assert voices[GEORGE].name == "George"
    assert rachel == voices[RACHEL]
    assert rachel.preview_url
    whole = httpx2.get(rachel.preview_url)
    part = httpx2.get(rachel.preview_url, headers={"range": "bytes=-100"})
    assert loudness(decode_audio(whole.content, "-f", "mp3")) > 500
    assert (part.status_code, part.content) == (206, whole.content[-100:])


def test_voices_when_searched_then_filtered_sorted_and_paged(elevenlabs_client: ElevenLabs) -> None:
    first = elevenlabs_client.voices.search(sort="name", sort_direction="asc", page_size=5)
    second = elevenlabs_client.voices.search(
        sort="name", sort_direction="asc", page_size=100, next_page_token=first.next_page_token
    )
    british = elevenlabs_client.voices.search(search="british")

    names = [voice.name for voice in [*first.voices, *second.voices]]
    assert len(first.voices) == 5
    assert (first.has_more, second.has_more) == (True, False)
    assert names == sorted(names)
    assert len(names) == first.total_count
    assert {voice.name for voice in british.voices} == {"George", "Alice", "Daniel"}


def test_models_when_listed_then_they_have_their_limits(elevenlabs_client: ElevenLabs) -> None:
    models = {model.model_id: model for model in elevenlabs_client.models.list()}

    assert models["eleven_multilingual_v2"].maximum_text_length_per_request == 10_000
    assert models["eleven_v3"].maximum_text_length_per_request == 5_000
    assert models["eleven_flash_v2_5"].model_rates.character_cost_multiplier == 0.5


def test_subscription_when_text_is_converted_then_it_is_counted(elevenlabs_client: ElevenLabs) -> None:
    before = elevenlabs_client.user.subscription.get()
    b"".join(elevenlabs_client.text_to_speech.convert(GEORGE, text="Twelve chars"))
    after = elevenlabs_client.user.subscription.get()

    assert (after.tier, after.status) == ("business", "active")
    assert after.character_count - before.character_count == 12


def test_speech_when_it_takes_long_then_other_vendors_respond(
    elevenlabs_client: ElevenLabs, emulators: Emulators
) -> None:
    text = "Meanwhile the others go on with what they do. " * 60

    with ThreadPoolExecutor(1) as threads:
        speech = threads.submit(lambda: b"".join(elevenlabs_client.text_to_speech.convert(GEORGE, text=text)))
        answered = 0
        while not speech.done():
            httpx2.get(f"{emulators.url_of('openai')}/models", headers={"authorization": "Bearer any"})
            answered += 1

    assert answered > 3
    assert len(decode_audio(speech.result(), "-f", "mp3")) / 8000 > 100
