"""The audio formats of the platform: `mp3_44100_128` is codec, sample rate, kbit/s. A provider declares which it has.

The names are ElevenLabs' (https://elevenlabs.io/docs/api-reference/text-to-speech/convert); another provider maps them
to its own. All are mono; `pcm` and `wav` have 16-bit samples, little-endian.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

DEFAULT_FORMAT = "mp3_44100_128"

_RATES = (8000, 16000, 22050, 24000, 32000, 44100, 48000)
_BITRATES = (32, 64, 96, 128, 192)

FORMATS = (
    "mp3_22050_32",
    "mp3_24000_48",
    *(f"mp3_44100_{kbit}" for kbit in _BITRATES),
    *(f"opus_48000_{kbit}" for kbit in _BITRATES),
    *(f"{codec}_{rate}" for codec in ("pcm", "wav") for rate in _RATES),
    "ulaw_8000",
    "alaw_8000",
    # Of a vendor that does not say the bit rate.
    "mp3_24000",
    "opus_48000",
)

_CONTENT_TYPES: Mapping[str, str] = {
    "mp3": "audio/mpeg",  # RFC 3003
    "opus": "audio/ogg; codecs=opus",  # RFC 7845, 9
    "pcm": "audio/pcm",
    "wav": "audio/wav",
    "ulaw": "audio/basic",  # RFC 2046, 4.3: mu-law, 8 kHz, mono
    "alaw": "audio/x-alaw-basic",
}
_SAMPLE_BYTES: Mapping[str, int] = {"pcm": 2, "wav": 2, "ulaw": 1, "alaw": 1}


@dataclass(frozen=True, slots=True)
class AudioFormat:
    """One of `FORMATS`. The codec is also the file extension; `sample_rate` is in Hz."""

    name: str
    codec: str
    sample_rate: int

    @classmethod
    def parse(cls, name: str) -> AudioFormat:
        """Return the format of that name. Raises ValueError."""
        if name not in FORMATS:
            raise ValueError(f"no audio format: {name!r}")
        codec, sample_rate, *_ = name.split("_")
        return cls(name, codec, int(sample_rate))

    @property
    def content_type(self) -> str:
        """The media type."""
        return _CONTENT_TYPES[self.codec]

    @property
    def is_compressed(self) -> bool:
        """Whether a second has no fixed number of bytes, so that only the frames say how long it is."""
        return self.codec not in _SAMPLE_BYTES

    @property
    def bytes_per_second(self) -> int:
        """Bytes per second of an uncompressed format. Raises KeyError for a compressed one."""
        return self.sample_rate * _SAMPLE_BYTES[self.codec]
