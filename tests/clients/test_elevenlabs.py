"""The official `elevenlabs` SDK gets real speech from the emulator, and what else it would get from the vendor."""

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
def narrator_session(running_emulators: Emulators) -> Iterator[ElevenLabs]:
    with httpx.Client(trust_env=False, timeout=60) as http:
        yield ElevenLabs(api_key="any", base_url=running_emulators.url_of("elevenlabs"), httpx_client=http)


@pytest.fixture
def narrator(narrator_session: ElevenLabs, emulators: Emulators) -> ElevenLabs:
    return narrator_session


@pytest.fixture
async def async_narrator(emulators: Emulators) -> AsyncIterator[AsyncElevenLabs]:
    async with httpx.AsyncClient(trust_env=False, timeout=60) as http:
        yield AsyncElevenLabs(api_key="any", base_url=emulators.url_of("elevenlabs"), httpx_client=http)


def decode(audio: bytes, *source: str) -> list[int]:
    """The samples at 8 kHz, mono, as ffmpeg understands the audio."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source, "-i", "pipe:0"]
    output = ["-f", "s16le", "-ac", "1", "-ar", "8000", "pipe:1"]
    decoded = subprocess.run([*command, *output], input=audio, stdout=subprocess.PIPE, check=True).stdout
    return array("h", decoded).tolist()


def loudness(samples: list[int]) -> float:
    """The root mean square."""
    return math.sqrt(sum(sample * sample for sample in samples) / len(samples))


def test_convert_when_asked_then_answers_with_an_mp3_of_audible_speech(narrator: ElevenLabs) -> None:
    audio = b"".join(narrator.text_to_speech.convert(GEORGE, text=TEXT, output_format="mp3_44100_128"))

    samples = decode(audio, "-f", "mp3")
    assert 2 < len(samples) / 8000 < 5
    assert loudness(samples) > 500


def test_convert_when_asked_twice_then_the_same_bytes_and_others_for_other_words_or_voices(
    narrator: ElevenLabs,
) -> None:
    def speak(text: str, voice: str) -> bytes:
        return b"".join(narrator.text_to_speech.convert(voice, text=text))

    first = speak("Once more.", GEORGE)
    # More texts than the emulator remembers, so that it speaks the first one anew.
    others = [speak(f"Number {number}.", GEORGE) for number in range(9)]

    assert speak("Once more.", GEORGE) == first
    assert len({first, *others, speak("Once more.", RACHEL)}) == 11


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
def test_convert_when_a_format_is_asked_for_then_the_same_speech_comes_in_it(
    narrator: ElevenLabs, output_format: str, content_type: str, source: list[str]
) -> None:
    expected = decode(b"".join(narrator.text_to_speech.convert(GEORGE, text=TEXT, output_format="wav_8000")))
    call = narrator.text_to_speech.with_raw_response.convert(GEORGE, text=TEXT, output_format=output_format)
    with call as answer:
        audio = b"".join(answer.data)

    samples = decode(audio, *source)
    assert answer.headers["content-type"] == content_type
    assert abs(len(samples) - len(expected)) / 8000 < 0.12
    assert abs(loudness(samples) / loudness(expected) - 1) < 0.1


def test_wav_when_asked_for_then_its_header_knows_the_length(narrator: ElevenLabs) -> None:
    audio = b"".join(narrator.text_to_speech.convert(GEORGE, text=TEXT, output_format="wav_22050"))

    with wave.open(io.BytesIO(audio)) as sound:
        assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (22050, 1, 2)
        assert sound.getnframes() == (len(audio) - 44) // 2


def test_speed_when_given_then_the_speech_is_shorter_or_longer(narrator: ElevenLabs) -> None:
    def size(speed: float) -> int:
        settings = VoiceSettings(speed=speed)
        return len(b"".join(narrator.text_to_speech.convert(GEORGE, text=TEXT, voice_settings=settings)))

    assert size(1.2) < size(1.0) < size(0.7)


def test_language_when_the_model_heeds_it_then_changes_the_speech_and_else_does_nothing(narrator: ElevenLabs) -> None:
    def speak(model: str, language: str | None) -> bytes:
        return b"".join(
            narrator.text_to_speech.convert(GEORGE, text="Die Maus", model_id=model, language_code=language)
        )

    assert speak("eleven_flash_v2_5", "de") != speak("eleven_flash_v2_5", None)
    assert speak("eleven_multilingual_v2", "de") == speak("eleven_multilingual_v2", None)
    assert speak("eleven_flash_v2_5", "xx") == speak("eleven_flash_v2_5", None)


@pytest.mark.parametrize("text", ["...", "🎲", "好的", "Добрый день", "a\nb"])
def test_convert_when_the_text_is_unusual_then_still_answers_with_audio(narrator: ElevenLabs, text: str) -> None:
    assert len(b"".join(narrator.text_to_speech.convert(GEORGE, text=text))) > 500


def test_stream_when_read_to_the_end_then_is_the_audio_of_convert_in_pieces(narrator: ElevenLabs) -> None:
    with narrator.text_to_speech.with_raw_response.stream(GEORGE, text=TEXT) as answer:
        pieces = list(answer.data)

    assert len(pieces) > 3
    assert answer.headers["transfer-encoding"] == "chunked"
    assert b"".join(pieces) == b"".join(narrator.text_to_speech.convert(GEORGE, text=TEXT))


async def test_async_client_when_it_converts_and_streams_then_gets_what_the_sync_client_gets(
    narrator: ElevenLabs, async_narrator: AsyncElevenLabs
) -> None:
    expected = b"".join(narrator.text_to_speech.convert(GEORGE, text=TEXT))

    assert b"".join([piece async for piece in async_narrator.text_to_speech.convert(GEORGE, text=TEXT)]) == expected
    assert b"".join([piece async for piece in async_narrator.text_to_speech.stream(GEORGE, text=TEXT)]) == expected


def test_timestamps_when_asked_for_then_every_character_has_its_time_within_the_audio(narrator: ElevenLabs) -> None:
    answer = narrator.text_to_speech.convert_with_timestamps(GEORGE, text=TEXT)

    audio = base64.b64decode(answer.audio_base_64)
    assert audio == b"".join(narrator.text_to_speech.convert(GEORGE, text=TEXT))
    assert answer.alignment is not None
    assert "".join(answer.alignment.characters) == TEXT
    starts, ends = answer.alignment.character_start_times_seconds, answer.alignment.character_end_times_seconds
    assert starts[0] == 0
    assert starts == sorted(starts)
    assert ends[:-1] == starts[1:]
    assert abs(ends[-1] - len(decode(audio)) / 8000) < 0.12


def test_timestamps_when_words_are_long_or_short_then_so_are_their_times(narrator: ElevenLabs) -> None:
    text = "A, incomprehensibilities, a."
    alignment = narrator.text_to_speech.convert_with_timestamps(GEORGE, text=text).alignment

    assert alignment is not None
    starts = alignment.character_start_times_seconds
    first, second, third = (starts[text.index(word)] for word in ("A,", "incomp", "a."))
    assert third - second > 2 * (second - first) > 0


def test_stream_with_timestamps_when_read_then_the_lines_make_up_the_whole(narrator: ElevenLabs) -> None:
    whole = narrator.text_to_speech.convert_with_timestamps(GEORGE, text=TEXT)
    lines = list(narrator.text_to_speech.stream_with_timestamps(GEORGE, text=TEXT))

    assert len(lines) > 3
    assert b"".join(base64.b64decode(line.audio_base_64) for line in lines) == base64.b64decode(whole.audio_base_64)
    aligned = [line.alignment for line in lines if line.alignment]
    assert whole.alignment is not None
    assert [c for part in aligned for c in part.characters] == whole.alignment.characters
    assert [t for part in aligned for t in part.character_start_times_seconds] == (
        whole.alignment.character_start_times_seconds
    )


def test_headers_when_spoken_then_tell_the_cost_and_the_request(narrator: ElevenLabs) -> None:
    def ask(model: str) -> httpx.Headers:
        with narrator.text_to_speech.with_raw_response.convert(GEORGE, text="x" * 11, model_id=model) as answer:
            return httpx.Headers(answer.headers)

    full, half = ask("eleven_multilingual_v2"), ask("eleven_flash_v2_5")

    assert (full["character-cost"], half["character-cost"]) == ("11", "6")
    assert (full["maximum-concurrent-requests"], half["maximum-concurrent-requests"]) == ("15", "30")
    assert full["current-concurrent-requests"] == "1"
    assert full["request-id"] != half["request-id"]
    assert full["history-item-id"] != half["history-item-id"]


def test_voices_when_listed_then_name_the_defaults_with_previews_that_play(narrator: ElevenLabs) -> None:
    voices = {voice.voice_id: voice for voice in narrator.voices.get_all().voices}

    rachel = narrator.voices.get(RACHEL)
    assert voices[GEORGE].name == "George"
    assert rachel == voices[RACHEL]
    assert rachel.preview_url
    whole = httpx2.get(rachel.preview_url)
    part = httpx2.get(rachel.preview_url, headers={"range": "bytes=-100"})
    assert loudness(decode(whole.content, "-f", "mp3")) > 500
    assert (part.status_code, part.content) == (206, whole.content[-100:])


def test_voices_when_searched_then_are_filtered_sorted_and_paged(narrator: ElevenLabs) -> None:
    first = narrator.voices.search(sort="name", sort_direction="asc", page_size=5)
    second = narrator.voices.search(
        sort="name", sort_direction="asc", page_size=100, next_page_token=first.next_page_token
    )
    british = narrator.voices.search(search="british")

    names = [voice.name for voice in [*first.voices, *second.voices]]
    assert len(first.voices) == 5
    assert (first.has_more, second.has_more) == (True, False)
    assert names == sorted(names)
    assert len(names) == first.total_count
    assert {voice.name for voice in british.voices} == {"George", "Alice", "Daniel"}


def test_models_when_listed_then_tell_their_limits(narrator: ElevenLabs) -> None:
    models = {model.model_id: model for model in narrator.models.list()}

    assert models["eleven_multilingual_v2"].maximum_text_length_per_request == 10_000
    assert models["eleven_v3"].maximum_text_length_per_request == 5_000
    assert models["eleven_flash_v2_5"].model_rates.character_cost_multiplier == 0.5


def test_subscription_when_characters_were_spoken_then_counts_them(narrator: ElevenLabs) -> None:
    before = narrator.user.subscription.get()
    b"".join(narrator.text_to_speech.convert(GEORGE, text="Twelve chars"))
    after = narrator.user.subscription.get()

    assert (after.tier, after.status) == ("business", "active")
    assert after.character_count - before.character_count == 12


def test_speech_when_it_takes_long_then_other_vendors_answer_meanwhile(
    narrator: ElevenLabs, emulators: Emulators
) -> None:
    text = "Meanwhile the others go on with what they do. " * 60

    with ThreadPoolExecutor(1) as threads:
        speech = threads.submit(lambda: b"".join(narrator.text_to_speech.convert(GEORGE, text=text)))
        answered = 0
        while not speech.done():
            httpx2.get(f"{emulators.url_of('openai')}/models", headers={"authorization": "Bearer any"})
            answered += 1

    assert answered > 3
    assert len(decode(speech.result(), "-f", "mp3")) / 8000 > 100
