"""Speech synthesis: eSpeak NG (`speaker.py`), ffmpeg for the format, and the time of every character.

The same text, voice and format always give the same bytes. Both programs come with PyPI packages.
"""

import io
import json
import subprocess
import sys
import wave
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ..ffmpeg import run_ffmpeg

_SPEAKER = Path(__file__).with_name("speaker.py")
_CONTENT_TYPES = {
    "mp3": "audio/mpeg",
    "pcm": "audio/pcm",
    "wav": "audio/wav",
    "ulaw": "audio/basic",
    "alaw": "audio/x-alaw-basic",
    "opus": "audio/ogg",
    "aac": "audio/aac",
    "flac": "audio/flac",
}


@dataclass(frozen=True, slots=True)
class EspeakVoice:
    """A voice of eSpeak NG: its name (`en-us+f2`), words per minute, pitch and pitch range (0-100 each)."""

    name: str
    rate: int
    pitch: int
    pitch_range: int


@dataclass(frozen=True, slots=True)
class Speech:
    """Encoded speech. `times` has the start of each character in seconds, and the end of the last one."""

    audio: bytes
    content_type: str
    seconds: float
    times: Sequence[float]


@lru_cache(maxsize=8)
def synthesise(text: str, *, voice: EspeakVoice, output_format: str) -> Speech:
    """Speak the text, which takes about two seconds for 5,000 characters.

    The format is the codec, the samples a second and the bit rate: `mp3_44100_128`, `pcm_24000`.
    """
    request = {
        "text": text,
        "voice": voice.name,
        "rate": voice.rate,
        "pitch": voice.pitch,
        "range": voice.pitch_range,
    }
    command = [sys.executable, "-I", str(_SPEAKER)]
    # This interpreter runs a file of this package.
    output = subprocess.run(  # noqa: S603
        command,
        input=json.dumps(request).encode(),
        stdout=subprocess.PIPE,
        check=True,
    ).stdout
    heading_line, _, samples = output.partition(b"\n")
    heading = json.loads(heading_line)
    sample_rate = heading["sample_rate"]
    times = _character_times(len(text), heading["marks"], samples=len(samples) // 2)
    codec = output_format.partition("_")[0]
    return Speech(
        audio=_encode(samples, sample_rate, output_format),
        content_type=_CONTENT_TYPES[codec],
        seconds=len(samples) / 2 / sample_rate,
        times=[round(time / sample_rate, 3) for time in times],
    )


def _character_times(characters: int, marks: Sequence[tuple[int, int]], *, samples: int) -> list[float]:
    """Return the sample where each character starts, and the end, interpolated linearly between the marks."""
    offsets, marked = [0], [0]
    for offset, sample in marks:
        # eSpeak speaks a number as several words and its marks go back then; only forward steps count.
        if offsets[-1] < offset < characters and sample >= marked[-1]:
            offsets.append(offset)
            marked.append(sample)
    offsets.append(characters)
    marked.append(samples)

    def sample_of(character: int) -> float:
        left = min(bisect_right(offsets, character), len(offsets) - 1) - 1
        share = (character - offsets[left]) / (offsets[left + 1] - offsets[left])
        return marked[left] + share * (marked[left + 1] - marked[left])

    return [sample_of(character) for character in range(characters + 1)]


def _encode(samples: bytes, sample_rate: int, output_format: str) -> bytes:
    codec, rate, *kbit = output_format.split("_")
    encoders = {
        "mp3": ["-c:a", "libmp3lame", "-compression_level", "7", "-write_xing", "0", "-f", "mp3"],
        "pcm": ["-f", "s16le"],
        "wav": ["-f", "s16le"],
        "ulaw": ["-f", "mulaw"],
        "alaw": ["-f", "alaw"],
        "aac": ["-c:a", "aac", "-f", "adts"],
        "flac": ["-c:a", "flac", "-fflags", "+bitexact", "-f", "flac"],
        # Bit-exact, because Ogg streams have a random serial number otherwise.
        "opus": ["-c:a", "libopus", "-compression_level", "3", "-fflags", "+bitexact", "-f", "ogg"],
    }
    source = ["-f", "s16le", "-ar", str(sample_rate), "-ac", "1", "-i", "pipe:0"]
    bitrate = ["-b:a", f"{kbit[0]}k"] if kbit else []
    encoded = run_ffmpeg([*source, "-ar", rate, *bitrate, *encoders[codec], "pipe:1"], stdin=samples)
    if codec != "wav":
        return encoded
    # Python writes this header, because ffmpeg does not know the length when it writes to a pipe.
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setparams((1, 2, int(rate), 0, "NONE", ""))
        audio.writeframes(encoded)
    return file.getvalue()
