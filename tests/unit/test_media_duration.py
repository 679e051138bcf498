"""Durations of files made by hand; tests/workers measures those of real encoders."""

import contextlib
import io
import struct
import time
import wave

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.media.audio import FORMATS, AudioFormat
from electrons.media.duration import measure, measure_mp3, measure_opus, measure_samples, measure_wav

FRAME_128 = b"\xff\xfb\x90\xc4" + bytes(413)
"""MPEG-1, layer III, 128 kbit/s, 44.1 kHz: 417 bytes."""
FRAME_64 = b"\xff\xfb\x50\xc4" + bytes(204)
"""The same at 64 kbit/s: 208 bytes."""
FRAME_MPEG2 = b"\xff\xf3\x40\xc4" + bytes(100)
"""MPEG-2, 32 kbit/s, 22.05 kHz: 104 bytes."""
TAG_FRAME = b"\xff\xfb\x90\xc4" + bytes(32) + b"Info" + bytes(377)
SECONDS = 1152 / 44100

FRAMES_INSIDE = FRAME_128 * 4 + b"x"
"""Content of a tag, a picture for example, that looks like audio."""
ID3V2 = b"ID3\x04\0\0" + bytes([0, 0, len(FRAMES_INSIDE) >> 7, len(FRAMES_INSIDE) & 127]) + FRAMES_INSIDE
ID3V2_WITH_FOOTER = ID3V2[:5] + b"\x10" + ID3V2[6:] + b"3DI" + ID3V2[3:10]
ID3V1 = b"TAG" + b"\xff\xfb\x90\xc4" + bytes(121)


def ape_tag(content: bytes) -> bytes:
    def end(flags: int) -> bytes:
        return b"APETAGEX" + struct.pack("<IIII", 2000, len(content) + 32, 1, flags) + bytes(8)

    return end(0xA0000000) + content + end(0x80000000)


def ogg_page(position: int, content: bytes) -> bytes:
    lacing = bytes([255] * (len(content) // 255) + [len(content) % 255])
    return b"OggS\0\0" + struct.pack("<q", position) + bytes(12) + bytes([len(lacing)]) + lacing + content


def opus_head(pre_skip: int) -> bytes:
    return ogg_page(0, b"OpusHead\x01\x01" + struct.pack("<HIhB", pre_skip, 48000, 0, 0))


@pytest.mark.parametrize(
    ("content", "seconds"),
    [
        (FRAME_128, SECONDS),
        (FRAME_128 * 100, 100 * SECONDS),
        ((FRAME_128 + FRAME_64) * 10, 20 * SECONDS),
        (FRAME_MPEG2 * 10, 10 * 576 / 22050),
        (TAG_FRAME + FRAME_128 * 10, 10 * SECONDS),
        (b"ID3\x04\0\0" + bytes([0, 0, 2, 1]) + b"\xff\xfb\x90\xc4" * 64 + b"x" + FRAME_128 * 10, 10 * SECONDS),
        (FRAME_128 * 10 + b"TAG" + bytes(125), 10 * SECONDS),
        (FRAME_128 * 10 + FRAME_128[:200], 10 * SECONDS),
        (b"\xff\xfb\x90 noise" + FRAME_128 * 10, 10 * SECONDS),
        (FRAME_128 * 5 + b"\xff\xff\xff damage" + FRAME_128 * 5, 10 * SECONDS),
    ],
    ids=["one", "many", "variable", "mpeg-2", "tag frame", "ID3v2", "ID3v1", "cut", "noise before", "noise between"],
)
def test_mp3_has_the_duration_of_its_whole_frames(content: bytes, seconds: float) -> None:
    assert measure_mp3(content) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "between",
    [
        b"",
        ID3V2,
        ID3V2_WITH_FOOTER,
        ID3V1,
        ID3V1 + ID3V2,
        ID3V1 + ape_tag(FRAMES_INSIDE),
        ape_tag(FRAMES_INSIDE) + ID3V1,
        TAG_FRAME,
        ID3V1 + ID3V2 + TAG_FRAME,
        FRAME_128[:200] + ID3V2,
        b"x\xff\xfb\x90\xc4 one header by chance " * 3,
        b"ID3 in a comment, not a tag",
        b"TAG",
    ],
    ids=lambda value: f"{value[:3]!r} {len(value)} bytes",
)
@pytest.mark.parametrize("start", [b"", ID3V2, TAG_FRAME, ID3V2 + TAG_FRAME])
@pytest.mark.parametrize("end", [b"", ID3V1, ape_tag(FRAMES_INSIDE) + ID3V1])
def test_joined_mp3s_have_the_sum_of_their_durations(start: bytes, between: bytes, end: bytes) -> None:
    content = start + FRAME_128 * 10 + between + FRAME_64 * 5 + between + FRAME_128 * 20 + end

    assert measure_mp3(content) == pytest.approx(35 * SECONDS)


@pytest.mark.parametrize("noise", [b"\xff", b"\xff\xfb", b"\xff\xfb\x90\xc4", b"ID3", b"TAG", b"APETAGEX"])
def test_mp3_of_megabytes_of_noise_is_measured_quickly(noise: bytes) -> None:
    content = noise * (1_000_000 // len(noise))
    started = time.process_time()

    with contextlib.suppress(ValueError):
        measure_mp3(content + FRAME_128)

    assert time.process_time() - started < 10


@pytest.mark.parametrize("content", [b"", b"\xff", b'{"detail": "no"}', b"\xff\xfb\x90\xc4", b"\xff" * 1000])
def test_mp3_without_a_frame_raises_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match="no MP3 frame"):
        measure_mp3(content)


def wav(rate: int, samples: int) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, rate, 0, "NONE", ""))
        sound.writeframes(bytes(2 * samples))
    return file.getvalue()


def test_wav_when_measured_then_its_samples() -> None:
    assert measure_wav(wav(22050, 11025)) == 0.5


def test_wav_chunks_before_the_audio_are_skipped() -> None:
    content = wav(8000, 8000)

    assert measure_wav(content[:12] + b"LIST\x03\0\0\0abc\0" + content[12:]) == 1


def test_wav_when_its_size_was_not_known_then_what_is_there() -> None:
    content = bytearray(wav(8000, 8000))
    content[40:44] = b"\xff\xff\xff\xff"

    assert measure_wav(bytes(content)) == 1


@pytest.mark.parametrize("content", [b"", b"RIFF", wav(8000, 8)[:20], b"RIFF\0\0\0\0WAVEdata\x04\0\0\0abcd"])
def test_other_content_than_wav_raises_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match="WAV"):
        measure_wav(content)


@pytest.mark.parametrize(
    ("pages", "seconds"),
    [
        ([(0, b"OpusTags"), (48312, b"x" * 5000)], 1),
        ([(0, b"OpusTags"), (24312, b"x"), (-1, b"y" * 300), (48312, b"z")], 1),
        ([(48312, b"x" * 255)], 1),
        ([(100, b"x")], 0),
    ],
)
def test_opus_has_its_last_position_without_the_pre_skip(pages: list[tuple[int, bytes]], seconds: float) -> None:
    assert measure_opus(opus_head(312) + b"".join(ogg_page(*page) for page in pages)) == seconds


@pytest.mark.parametrize("content", [b"", b"OggS", opus_head(312)[:40], ogg_page(0, b"\x01vorbis"), opus_head(0)])
def test_other_content_than_opus_raises_value_error(content: bytes) -> None:
    with pytest.raises(ValueError, match=r"Opus|audio"):
        measure_opus(content)


@pytest.mark.parametrize(
    ("name", "size", "seconds"),
    [
        ("pcm_16000", 32000, 1),
        ("pcm_44100", 88200, 1),
        ("ulaw_8000", 4000, 0.5),
        ("alaw_8000", 8000, 1),
        ("wav_24000", 48044, 1),
        ("wav_24000", 10, 0),
    ],
)
def test_samples_when_measured_then_by_their_size(name: str, size: int, seconds: float) -> None:
    assert measure_samples(size, AudioFormat.parse(name)) == seconds


def test_measure_when_the_format_is_known_then_its_own_way() -> None:
    assert measure(FRAME_128, AudioFormat.parse("mp3_44100_128")) == pytest.approx(SECONDS)
    assert measure(wav(8000, 8000), AudioFormat.parse("wav_8000")) == 1
    assert measure(bytes(8000), AudioFormat.parse("ulaw_8000")) == 1
    assert measure(opus_head(0) + ogg_page(48000, b"x"), AudioFormat.parse("opus_48000_32")) == 1


@given(
    st.sampled_from(FORMATS),
    st.binary(max_size=2000),
    st.sampled_from([b"", b"RIFF\0\0\0\0WAVE", b"OggS", b"\xff\xfb"]),
)
def test_any_bytes_have_a_duration_or_raise_value_error(name: str, content: bytes, start: bytes) -> None:
    with contextlib.suppress(ValueError):
        assert measure(start + content, AudioFormat.parse(name)) >= 0


@pytest.mark.parametrize(
    ("name", "codec", "rate", "content_type", "compressed"),
    [
        ("mp3_22050_32", "mp3", 22050, "audio/mpeg", True),
        ("opus_48000_192", "opus", 48000, "audio/ogg; codecs=opus", True),
        ("pcm_8000", "pcm", 8000, "audio/pcm", False),
        ("wav_48000", "wav", 48000, "audio/wav", False),
        ("ulaw_8000", "ulaw", 8000, "audio/basic", False),
        ("alaw_8000", "alaw", 8000, "audio/x-alaw-basic", False),
    ],
)
def test_format_when_parsed_then_its_parts(
    name: str, codec: str, rate: int, content_type: str, compressed: bool
) -> None:
    parsed = AudioFormat.parse(name)

    assert (parsed.codec, parsed.sample_rate, parsed.content_type, parsed.is_compressed) == (
        codec,
        rate,
        content_type,
        compressed,
    )


@pytest.mark.parametrize("name", ["", "mp3", "mp3_1_2", "MP3_44100_128", "flac_44100"])
def test_format_when_unknown_then_value_error(name: str) -> None:
    with pytest.raises(ValueError, match="no audio format"):
        AudioFormat.parse(name)
