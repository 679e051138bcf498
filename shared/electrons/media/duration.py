"""How long a sound is, in seconds, from the sound itself.

MP3: ISO/IEC 11172-3, 2.4.1.3 and 13818-3 (frame headers); WAV: the RIFF chunks `fmt ` and `data`; Opus in Ogg: RFC
3533, 6 (pages) and RFC 7845, 4.5 and 5.1 (granule position, pre-skip). ValueError is for something else.
"""

from __future__ import annotations

from collections.abc import Iterator

from electrons.media.audio import AudioFormat

OPUS_RATE = 48_000
"""Opus always counts its samples at 48 kHz (RFC 7845, 5.1)."""

WAV_HEADER_BYTES = 44
"""Of the usual header, with nothing but `fmt ` and `data` in it."""

# kbit/s by bitrate index, layer III: MPEG-1, and MPEG-2 with MPEG-2.5.
_BITRATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
# Hz by version and sample rate index; version 1 is reserved.
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}

_TAGS = (b"Xing", b"Info", b"VBRI")
_UNKNOWN_SIZE = 0xFFFFFFFF


def measure(content: bytes, audio_format: AudioFormat) -> float:
    """The duration of a sound in that format."""
    match audio_format.codec:
        case "mp3":
            return measure_mp3(content)
        case "opus":
            return measure_opus(content)
        case "wav":
            return measure_wav(content)
        case _:
            return measure_samples(len(content), audio_format)


def measure_samples(size: int, audio_format: AudioFormat) -> float:
    """The duration of uncompressed sound by its size in bytes; for `wav`, the usual header is taken off."""
    header = WAV_HEADER_BYTES if audio_format.codec == "wav" else 0
    return max(0, size - header) / audio_format.bytes_per_second


def measure_mp3(content: bytes) -> float:
    """The frames, counted, so that a variable bitrate is no matter. The frame that only holds an encoder's tag is none.

    What is between frames (ID3, damage) is passed over, and so is a last frame that is not whole.
    """
    seconds, frames, at = 0.0, 0, _skip_id3(content)
    while (at := content.find(b"\xff", at)) >= 0:
        header = _parse_header(content, at)
        if header is None:
            at += 1
            continue
        size, samples, rate = header
        if at + size > len(content):
            break
        # A frame by chance is no frame: behind a real one comes another, or the end, or a tag.
        if frames == 0 and at + size < len(content) and _parse_header(content, at + size) is None:
            at += 1
            continue
        frames += 1
        if frames > 1 or not any(tag in content[at : at + 64] for tag in _TAGS):
            seconds += samples / rate
        at += size
    if not frames:
        raise ValueError("there is no MP3 frame in it")
    return seconds


def measure_wav(content: bytes) -> float:
    """The size of `data` by the bytes per second in `fmt `. A size that a stream could not know is what is there."""
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError("it is no WAV file")
    at, byte_rate = 12, 0
    while at + 8 <= len(content):
        name, size = content[at : at + 4], int.from_bytes(content[at + 4 : at + 8], "little")
        at += 8
        if name == b"fmt " and size >= 16:
            byte_rate = int.from_bytes(content[at + 8 : at + 12], "little")
        elif name == b"data":
            if not byte_rate:
                break
            present = len(content) - at
            return (present if size == _UNKNOWN_SIZE else min(size, present)) / byte_rate
        at += size + size % 2
    raise ValueError("the WAV file has no sound in it")


def measure_opus(content: bytes) -> float:
    """The last granule position less the pre-skip, of the Ogg stream with which the file begins."""
    pages = _iterate_pages(content)
    first = next(pages, None)
    if first is None or not first[1].startswith(b"OpusHead") or len(first[1]) < 12:
        raise ValueError("it is no Opus in Ogg")
    pre_skip = int.from_bytes(first[1][10:12], "little")
    # -1 is the position of a page on which no packet ends.
    last = max((position for position, _ in pages), default=-1)
    if last < 0:
        raise ValueError("the Ogg stream has no sound in it")
    return max(0, last - pre_skip) / OPUS_RATE


def _iterate_pages(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The granule position of each whole page, and the beginning of what is on it."""
    at = 0
    while content[at : at + 4] == b"OggS" and at + 27 <= len(content):
        position = int.from_bytes(content[at + 6 : at + 14], "little", signed=True)
        body = at + 27 + content[at + 26]
        end = body + sum(content[at + 27 : body])
        if end > len(content):
            return
        yield position, content[body : min(end, body + 32)]
        at = end


def _skip_id3(content: bytes) -> int:
    """Where the sound begins: behind an ID3v2 tag (id3.org, 3.1), whose size has seven bits in each byte."""
    if content[:3] != b"ID3" or len(content) < 10:
        return 0
    size = 0
    for byte in content[6:10]:
        size = size << 7 | byte & 0x7F
    return 10 + size


def _parse_header(content: bytes, at: int) -> tuple[int, int, int] | None:
    """The frame's size in bytes, its samples and their rate; None when there is no header of layer III."""
    if len(content) < at + 4 or content[at] != 0xFF or content[at + 1] & 0xE6 != 0xE2:
        return None
    version = content[at + 1] >> 3 & 3
    bitrate_index, rate_index = content[at + 2] >> 4, content[at + 2] >> 2 & 3
    if version == 1 or bitrate_index in {0, 15} or rate_index == 3:
        return None
    rate = _SAMPLE_RATES[version][rate_index]
    bitrate = (_BITRATES_1 if version == 3 else _BITRATES_2)[bitrate_index] * 1000
    samples = 1152 if version == 3 else 576
    padding = content[at + 2] >> 1 & 1
    return samples // 8 * bitrate // rate + padding, samples, rate
