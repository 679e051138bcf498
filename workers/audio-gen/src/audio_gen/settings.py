"""The settings of this worker."""

from __future__ import annotations

from dataclasses import dataclass

from electrons.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioSettings(Settings):
    """The shared settings and those of audio-gen."""

    default_voice_id: str = ""
    default_speech_model: str = "eleven_multilingual_v2"
    voices_cache_seconds: int = 3600
