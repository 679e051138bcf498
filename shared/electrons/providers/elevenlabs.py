"""ElevenLabs' text to speech.

Wire format: https://elevenlabs.io/docs/api-reference/text-to-speech/convert; errors:
https://elevenlabs.io/docs/eleven-api/resources/errors (2026-11). An error's `code` is the newer name of its `status`;
schema errors are FastAPI's list instead.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import httpx2

from electrons.capabilities.speech import SpeechCall, SpeechProvider, Voice
from electrons.errors import ProviderError, RequestError
from electrons.http import HeaderPairs
from electrons.media.audio import DEFAULT_FORMAT, FORMATS
from electrons.media.subtitles import Alignment
from electrons.upstream.errors import classify_error, parse_json_error, parse_retry_after
from electrons.upstream.provider import ProviderRequest
from electrons.upstream.reading import Reader, UnreadableError, as_object, as_string

# 402 is about quota by its status; these codes come with 401 and 403.
_QUOTA_CODES = {
    "quota_exceeded",
    "insufficient_credits",
    "paid_plan_required",
    "subscription_required",
    "only_for_creator+",
}

_COST_DIGITS = 9
_LATEST_SECOND = 1e6
"""Later than any audio ends."""


class ElevenLabsProvider(SpeechProvider):
    """ElevenLabs. What is charged is counted in credits, about one per character; cheaper models charge less."""

    name = "elevenlabs"
    title = "ElevenLabs"
    base_url = "https://api.elevenlabs.io"
    model_prefixes = ("eleven_",)
    retired_models = MappingProxyType(
        {
            # https://elevenlabs.io/docs/overview/models (2026-11): removed or deprecated, and their replacements
            "eleven_monolingual_v1": "eleven_multilingual_v2",
            "eleven_multilingual_v1": "eleven_multilingual_v2",
            "eleven_turbo_v2": "eleven_flash_v2",
            "eleven_turbo_v2_5": "eleven_flash_v2_5",
        }
    )
    default_model = "eleven_multilingual_v2"
    default_voice = "21m00Tcm4TlvDq8ikWAM"
    formats = (DEFAULT_FORMAT, *(name for name in FORMATS if name not in {DEFAULT_FORMAT, "mp3_24000", "opus_48000"}))
    has_timestamps = True

    def build_headers(self, api_key: str, request_id: str) -> HeaderPairs:
        """Return `xi-api-key`; ElevenLabs takes no request id of ours."""
        return [("xi-api-key", api_key)]

    def fit_speech(self, call: SpeechCall, *, explicit: frozenset[str]) -> tuple[SpeechCall, list[str]]:
        """Return the call as it is: ElevenLabs ignores a voice setting that a model does not have."""
        return call, []

    def build_speech(self, call: SpeechCall, *, timestamps: bool) -> ProviderRequest:
        """Build `POST /v1/text-to-speech/{voice_id}`, or its `/with-timestamps`."""
        settings = {
            "stability": call.stability,
            "similarity_boost": call.similarity_boost,
            "style": call.style,
            "use_speaker_boost": call.use_speaker_boost,
            "speed": call.speed,
        }
        path = f"/v1/text-to-speech/{_quote_voice(call.voice_id)}{'/with-timestamps' if timestamps else ''}"
        return ProviderRequest.json(
            f"{path}?output_format={quote(call.audio_format.name, safe='')}",
            {
                "text": call.text,
                "model_id": call.model,
                "voice_settings": {name: value for name, value in settings.items() if value is not None},
            },
            headers=[],
        )

    def parse_characters(self, headers: httpx2.Headers) -> int | None:
        """Return the header `character-cost`."""
        cost = headers.get("character-cost", "")
        return int(cost) if len(cost) <= _COST_DIGITS and cost.isascii() and cost.isdecimal() else None

    def parse_timed_speech(self, document: dict[str, Any]) -> tuple[str, Alignment]:
        """Parse `{"audio_base64", "alignment": {"characters", "character_start_times_seconds", "..._end_..."}}`."""
        times = document.get("alignment") or document["normalized_alignment"]
        alignment = Alignment(
            [_read_character(character) for character in times["characters"]],
            [_read_seconds(start) for start in times["character_start_times_seconds"]],
            [_read_seconds(end) for end in times["character_end_times_seconds"]],
        )
        return Reader(document).string("audio_base64", limit=None), alignment

    def build_voices(self) -> ProviderRequest:
        """Build `GET /v1/voices`, which returns all voices at once."""
        return ProviderRequest(path="/v1/voices", method="GET")

    def parse_voices(self, document: dict[str, Any]) -> list[Voice | None]:
        """Parse `{"voices": [{"voice_id", "name", "category", "labels", "preview_url"?}]}`."""
        return [_parse_voice(as_object(voice)) for voice in Reader(document).array("voices")]

    def parse_error(self, status: int, headers: dict[str, str], content: bytes) -> ProviderError:
        """Parse `{"detail": {"type", "code", "message", "status", "request_id"}}`.

        With 422 the detail is a list, for an unknown path a string.
        """
        detail = parse_json_error(content).get("detail")
        facts = as_object(detail)
        codes = [code for field in ("code", "status") if (code := as_string(facts.get(field)))]
        return classify_error(
            as_string(facts.get("message")) or _describe(detail),
            provider=self,
            status=status,
            code=codes[0] if codes else None,
            request_id=as_string(facts.get("request_id")) or headers.get("x-trace-id") or headers.get("request-id"),
            retry_after=parse_retry_after(headers),
            out_of_quota=status < 500 and not _QUOTA_CODES.isdisjoint(codes),
        )


def _quote_voice(voice_id: str) -> str:
    """Return a voice's id as one segment of a path. Raises `RequestError` for one that would climb in it."""
    if voice_id in {"", ".", ".."}:
        message = f"`voice_id` cannot be `{voice_id}`; use the id of a voice that `GET /voices` lists"
        raise RequestError.for_field("voice_id", message)
    return quote(voice_id, safe="")


def _read_character(value: object) -> str:
    if not isinstance(value, str):
        raise UnreadableError("a character is not a string")
    return value


def _read_seconds(value: object) -> float:
    """Return the time. It may be negative: the alignment puts the times in order."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= _LATEST_SECOND:
        raise UnreadableError("a time is not a number of seconds")
    return float(value)


def _parse_voice(voice: dict[str, Any]) -> Voice | None:
    """Return the voice, None without an id or a name."""
    voice_id, name = as_string(voice.get("voice_id")), as_string(voice.get("name"))
    if voice_id is None or name is None:
        return None
    return Voice(
        voice_id=voice_id,
        name=name,
        category=as_string(voice.get("category")) or "unknown",
        labels={label: value for label, value in as_object(voice.get("labels")).items() if as_string(value)},
        preview_url=as_string(voice.get("preview_url")),
    )


def _describe(detail: object) -> str | None:
    """Return the text in a detail that is not one of ElevenLabs' own errors."""
    if not isinstance(detail, list):
        return as_string(detail)
    problems = [
        ": ".join(filter(None, [_describe_place(problem.get("loc")), as_string(problem.get("msg"))]))
        for problem in map(as_object, detail)
    ]
    return "; ".join(filter(None, problems)) or None


def _describe_place(loc: object) -> str:
    parts = loc if isinstance(loc, list) else [loc]
    return ".".join(str(part) for part in parts if isinstance(part, str | int) and not isinstance(part, bool))
