"""Measure how long a piece of audio is, in seconds, from the audio itself.

MP3: ISO/IEC 11172-3, 2.4.1.3 and 13818-3 (frame headers); WAV: the RIFF chunks `fmt ` and `data`; Opus in Ogg: RFC
3533, 6 (pages) and RFC 7845, 4.5 and 5.1 (granule position, pre-skip). All raise ValueError for anything else.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from electrons.media.audio import AudioFormat

OPUS_RATE = 48_000
"""Opus always counts its samples at 48 kHz (RFC 7845, 5.1)."""

WAV_HEADER_BYTES = 44
"""The size of the usual header, which has only `fmt ` and the beginning of `data`."""

# kbit/s by bitrate index, layer III: MPEG-1, and MPEG-2 with MPEG-2.5.
_BITRATES_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_BITRATES_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
# Hz by version and sample rate index; version 1 is reserved.
_SAMPLE_RATES = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}

# A layer III header, or a tag that is not audio. The search for either runs over all the bytes between them.
_TAG = re.compile(rb"ID3|TAG|APETAGEX")
_HEADER_OR_TAG = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb][\x10-\xef]|ID3|TAG|APETAGEX")
_ENCODER_TAG = re.compile(rb"Xing|Info|VBRI")
_ENCODER_TAG_BYTES = 64
"""An encoder's tag begins within so many bytes of its frame."""

_ID3V2_VERSIONS = {2, 3, 4}
_ID3V1_BYTES = 128
_APE_HEADER_BYTES = 32
_UNKNOWN_SIZE = 0xFFFFFFFF


def measure(content: bytes, audio_format: AudioFormat) -> float:
    """Return the duration of audio in that format."""
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
    """Return the duration of uncompressed audio by its size in bytes; for `wav`, without the usual header."""
    header = WAV_HEADER_BYTES if audio_format.codec == "wav" else 0
    return max(0, size - header) / audio_format.bytes_per_second


def measure_mp3(content: bytes) -> float:
    """Return the duration of all whole frames, whatever their bitrates, except those that only hold an encoder's tag.

    Tags and damage between frames are skipped, so files that were joined have the sum of their durations.
    """
    seconds, frames, at = 0.0, 0, 0
    in_sync = False
    while True:
        frame = _parse_frame(content, at) if in_sync else None
        if frame is None:
            found = _HEADER_OR_TAG.search(content, at)
            if found is None:
                break
            at = found.start()
            if (tag_size := _tag_size(content, at)) is not None:
                at += tag_size
                # What follows a tag is a frame, if it looks like one.
                in_sync = True
                continue
            frame = _parse_frame(content, at)
            if frame is None or not _is_followed(content, at, frame):
                at += 1
                in_sync = False
                continue
        elif (tag := _find_tag_inside(content, at, frame)) is not None:
            # The frame was cut short where the files were joined.
            at = tag
            in_sync = False
            continue
        if at + frame.size > len(content):
            break
        frames += 1
        if not _ENCODER_TAG.search(content, at, at + _ENCODER_TAG_BYTES):
            seconds += frame.samples / frame.rate
        at += frame.size
        in_sync = True
    if not frames:
        raise ValueError("it has no MP3 frame")
    return seconds


def measure_wav(content: bytes) -> float:
    """Return the size of `data` divided by the bytes per second in `fmt `.

    A stream's writer cannot know the size; then all the bytes that are there count.
    """
    if content[:4] != b"RIFF" or content[8:12] != b"WAVE":
        raise ValueError("it is not a WAV file")
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
    raise ValueError("the WAV file has no audio in it")


def measure_opus(content: bytes) -> float:
    """Return the last granule position without the pre-skip, of the Ogg stream with which the file begins."""
    pages = _iterate_pages(content)
    first = next(pages, None)
    if first is None or not first[1].startswith(b"OpusHead") or len(first[1]) < 12:
        raise ValueError("it is not Opus in Ogg")
    pre_skip = int.from_bytes(first[1][10:12], "little")
    # A page on which no packet ends has the position -1.
    last = max((position for position, _ in pages), default=-1)
    if last < 0:
        raise ValueError("the Ogg stream has no audio in it")
    return max(0, last - pre_skip) / OPUS_RATE


def _iterate_pages(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the granule position of each whole page, and the beginning of its content."""
    at = 0
    while content[at : at + 4] == b"OggS" and at + 27 <= len(content):
        position = int.from_bytes(content[at + 6 : at + 14], "little", signed=True)
        body = at + 27 + content[at + 26]
        end = body + sum(content[at + 27 : body])
        if end > len(content):
            return
        yield position, content[body : min(end, body + 32)]
        at = end


@dataclass(frozen=True, slots=True)
class _Frame:
    """A frame by its header: its size in bytes, its number of samples, and their rate in Hz."""

    size: int
    samples: int
    rate: int


def _parse_frame(content: bytes, at: int) -> _Frame | None:
    """Return the frame whose header is at that place, None if no header of layer III is."""
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
    return _Frame(samples // 8 * bitrate // rate + padding, samples, rate)


def _is_followed(content: bytes, at: int, frame: _Frame) -> bool:
    """Return whether another frame of the same rate, a tag or the end follows: noise may look like one header."""
    end = at + frame.size
    if end == len(content):
        return True
    following = _parse_frame(content, end)
    if following is not None:
        return following.rate == frame.rate
    return _tag_size(content, end) is not None


def _find_tag_inside(content: bytes, at: int, frame: _Frame) -> int | None:
    """Return where a tag begins inside a frame that nothing follows, None if there is none."""
    if _is_followed(content, at, frame):
        return None
    for found in _TAG.finditer(content, at, at + frame.size):
        if _tag_size(content, found.start()) is not None:
            return found.start()
    return None


def _tag_size(content: bytes, at: int) -> int | None:
    """Return the size of the tag that begins at that place, None if none does.

    ID3v2 (id3.org, 3.1) has a size of seven bits a byte, ID3v1 is the last 128 bytes of a file, an APE tag (version 2)
    has its size after eight letters and a version.
    """
    if content.startswith(b"ID3", at):
        size_bytes = content[at + 6 : at + 10]
        if len(size_bytes) < 4 or max(size_bytes) >= 0x80 or content[at + 3] not in _ID3V2_VERSIONS:
            return None
        size = 0
        for byte in size_bytes:
            size = size << 7 | byte
        has_footer = content[at + 5] & 0x10
        return size + (20 if has_footer else 10)
    if content.startswith(b"APETAGEX", at):
        size = int.from_bytes(content[at + 12 : at + 16], "little")
        is_header = len(content) >= at + 24 and content[at + 23] & 0x20
        return _APE_HEADER_BYTES + (size if is_header else 0)
    if content.startswith(b"TAG", at):
        end = at + _ID3V1_BYTES
        return _ID3V1_BYTES if end >= len(content) or _starts_file(content, end) else None
    return None


def _starts_file(content: bytes, at: int) -> bool:
    return content.startswith((b"ID3", b"APETAGEX"), at) or _parse_frame(content, at) is not None
