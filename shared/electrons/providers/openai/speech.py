"""OpenAI's text to speech, a capability of `OpenAIProvider`: the response is the audio.

Wire format: https://developers.openai.com/api/reference/resources/audio (2026-11). All its models shut down on
2027-01-06: https://developers.openai.com/api/docs/deprecations.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any

import httpx2

from electrons.capabilities.speech import SpeechCall, SpeechProvider, Voice, leave_out
from electrons.errors import RequestError
from electrons.upstream.provider import ProviderRequest

TEXT_LIMIT = 4096
"""Characters of a text."""

# The platform's names of formats, and OpenAI's: it has one sample rate for each.
_FORMATS = MappingProxyType({"mp3_24000": "mp3", "opus_48000": "opus", "wav_24000": "wav", "pcm_24000": "pcm"})
_NAMES = (
    *("alloy", "ash", "ballad", "coral", "echo", "fable", "onyx", "nova"),
    *("sage", "shimmer", "verse", "marin", "cedar"),
)


class OpenAISpeech(SpeechProvider):
    """Thirteen voices, of which there is no list to ask for; a voice of one's own has an id instead of a name."""

    default_model = "gpt-4o-mini-tts"
    default_voice = "alloy"
    formats = tuple(_FORMATS)
    fixed_voices = tuple(
        Voice(voice_id=name, name=name.capitalize(), category="premade", labels={}, preview_url=None) for name in _NAMES
    )

    def fit_speech(self, call: SpeechCall, *, explicit: frozenset[str]) -> tuple[SpeechCall, list[str]]:
        """Leave out what only other vendors have. Raises `RequestError` for a text that is too long."""
        if len(call.text) > TEXT_LIMIT:
            message = f"OpenAI speaks at most {TEXT_LIMIT} characters at once; send the text in parts"
            raise RequestError(message, code="TEXT_TOO_LONG", details={"limit": TEXT_LIMIT})
        options = ("stability", "similarity_boost", "style", "use_speaker_boost")
        return leave_out(call, *options, explicit=explicit, title=call.model)

    def build_speech(self, call: SpeechCall, *, timestamps: bool) -> ProviderRequest:
        """Build `POST /audio/speech`."""
        own = call.voice_id in _NAMES
        document: dict[str, Any] = {
            "model": call.model,
            "input": call.text,
            "voice": call.voice_id if own else {"id": call.voice_id},
            "response_format": _FORMATS[call.audio_format.name],
        }
        if call.speed is not None:
            document["speed"] = call.speed
        return ProviderRequest.json("/audio/speech", document, headers=[])

    def parse_characters(self, headers: httpx2.Headers) -> int | None:
        """Return None: OpenAI does not say what it charges."""
        return None
