"""Text to real speech: eSpeak NG speaks (`speaker.py`), ffmpeg encodes, and every character gets its time.

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

import imageio_ffmpeg  # type: ignore[import-untyped]

_SPEAKER = Path(__file__).with_name("speaker.py")
_CONTENT_TYPES = {
    "mp3": "audio/mpeg",
    "pcm": "audio/pcm",
    "wav": "audio/wav",
    "ulaw": "audio/basic",
    "alaw": "audio/x-alaw-basic",
    "opus": "audio/ogg",
}
FORMATS = frozenset(
    {
        "mp3_22050_32",
        "mp3_24000_48",
        *(f"mp3_44100_{kbit}" for kbit in (32, 64, 96, 128, 192)),
        *(f"{codec}_{rate}" for codec in ("pcm", "wav") for rate in (8000, 16000, 22050, 24000, 32000, 44100, 48000)),
        "ulaw_8000",
        "alaw_8000",
        *(f"opus_48000_{kbit}" for kbit in (32, 64, 96, 128, 192)),
    }
)


@dataclass(frozen=True, slots=True)
class Voice:
    """How eSpeak NG is to sound: its voice (`en-us+f2`), words a minute, pitch and its range (0-100 each)."""

    name: str
    rate: int
    pitch: int
    pitch_range: int


@dataclass(frozen=True, slots=True)
class Speech:
    """Encoded speech. `times` has one entry more than the text: each character's start, and the end of the last."""

    audio: bytes
    content_type: str
    seconds: float
    times: Sequence[float]


@lru_cache(maxsize=8)
def synthesise(text: str, *, voice: Voice, output_format: str) -> Speech:
    """Speak the text. `output_format` is one of `FORMATS`; about two seconds for 5,000 characters."""
    order = {
        "text": text,
        "voice": voice.name,
        "rate": voice.rate,
        "pitch": voice.pitch,
        "range": voice.pitch_range,
    }
    command = [sys.executable, "-I", str(_SPEAKER)]
    spoken = subprocess.run(command, input=json.dumps(order).encode(), stdout=subprocess.PIPE, check=True).stdout
    head, _, samples = spoken.partition(b"\n")
    heading = json.loads(head)
    sample_rate = heading["sample_rate"]
    times = _times(len(text), heading["marks"], samples=len(samples) // 2)
    codec = output_format.partition("_")[0]
    return Speech(
        audio=_encode(samples, sample_rate, output_format),
        content_type=_CONTENT_TYPES[codec],
        seconds=len(samples) / 2 / sample_rate,
        times=[round(time / sample_rate, 3) for time in times],
    )


def _times(characters: int, marks: Sequence[tuple[int, int]], *, samples: int) -> list[float]:
    """The sample at which each character starts, and the end: straight lines from one mark to the next."""
    offsets, at = [0], [0]
    for offset, sample in marks:
        # eSpeak reads a number word by word and goes back in it; only its way forward counts.
        if offsets[-1] < offset < characters and sample >= at[-1]:
            offsets.append(offset)
            at.append(sample)
    offsets.append(characters)
    at.append(samples)

    def sample_of(character: int) -> float:
        left = min(bisect_right(offsets, character), len(offsets) - 1) - 1
        share = (character - offsets[left]) / (offsets[left + 1] - offsets[left])
        return at[left] + share * (at[left + 1] - at[left])

    return [sample_of(character) for character in range(characters + 1)]


def _encode(samples: bytes, sample_rate: int, output_format: str) -> bytes:
    codec, rate, *kbit = output_format.split("_")
    encoders = {
        "mp3": ["-c:a", "libmp3lame", "-compression_level", "7", "-write_xing", "0", "-f", "mp3"],
        "pcm": ["-f", "s16le"],
        "wav": ["-f", "s16le"],
        "ulaw": ["-f", "mulaw"],
        "alaw": ["-f", "alaw"],
        # Bit-exact, as Ogg streams have a random serial number otherwise.
        "opus": ["-c:a", "libopus", "-compression_level", "3", "-fflags", "+bitexact", "-f", "ogg"],
    }
    source = ["-f", "s16le", "-ar", str(sample_rate), "-ac", "1", "-i", "pipe:0"]
    bitrate = ["-b:a", f"{kbit[0]}k"] if kbit else []
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", *source, "-ar", rate, *bitrate, *encoders[codec]]
    encoded = subprocess.run([*command, "pipe:1"], input=samples, stdout=subprocess.PIPE, check=True).stdout
    if codec != "wav":
        return encoded
    # Python writes this header, as ffmpeg cannot know the length when it writes to a pipe.
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 2, int(rate), 0, "NONE", ""))
        sound.writeframes(encoded)
    return file.getvalue()
