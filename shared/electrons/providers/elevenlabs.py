"""ElevenLabs' text to speech.

Wire format: https://elevenlabs.io/docs/api-reference/text-to-speech/convert; errors:
https://elevenlabs.io/docs/eleven-api/resources/errors (2026-11). An error's `code` is the newer name of its `status`;
schema errors are FastAPI's list instead.
"""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.parse import quote

import httpx2

from electrons.capabilities.speech import SpeechCall, SpeechProvider, Voice
from electrons.errors import ProviderError
from electrons.http import HeaderPairs
from electrons.media.subtitles import Alignment
from electrons.upstream.errors import classify_error, parse_json_error, parse_retry_after
from electrons.upstream.provider import ProviderRequest
from electrons.upstream.reading import as_object, as_text

# 402 says it by its status; these come with 401 and 403.
_QUOTA_CODES = {
    "quota_exceeded",
    "insufficient_credits",
    "paid_plan_required",
    "subscription_required",
    "only_for_creator+",
}


class ElevenLabsProvider(SpeechProvider):
    """ElevenLabs. What is charged is counted in credits, about one per character; cheaper models charge less."""

    name = "elevenlabs"
    title = "ElevenLabs"
    base_url = "https://api.elevenlabs.io"

    def build_headers(self, api_key: str, request_id: str) -> HeaderPairs:
        """`xi-api-key`; ElevenLabs takes no request id of ours."""
        return [("xi-api-key", api_key)]

    def build_speech(self, call: SpeechCall, *, timestamps: bool) -> ProviderRequest:
        """`POST /v1/text-to-speech/{voice_id}`, or its `/with-timestamps`."""
        settings = {
            "stability": call.stability,
            "similarity_boost": call.similarity_boost,
            "style": call.style,
            "use_speaker_boost": call.use_speaker_boost,
            "speed": call.speed,
        }
        path = f"/v1/text-to-speech/{quote(call.voice_id, safe='')}{'/with-timestamps' if timestamps else ''}"
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
        """The header `character-cost`."""
        cost = headers.get("character-cost", "")
        return int(cost) if cost.isascii() and cost.isdecimal() else None

    def parse_timed_speech(self, document: dict[str, Any]) -> tuple[bytes, Alignment]:
        """`{"audio_base64", "alignment": {"characters", "character_start_times_seconds", "..._end_times_..."}}`."""
        times = document["alignment"] or document["normalized_alignment"]
        alignment = Alignment(
            [str(character) for character in times["characters"]],
            [float(start) for start in times["character_start_times_seconds"]],
            [float(end) for end in times["character_end_times_seconds"]],
        )
        return base64.b64decode(document["audio_base64"], validate=True), alignment

    def build_voices(self) -> ProviderRequest:
        """`GET /v1/voices`, which gives all voices at once."""
        return ProviderRequest(path="/v1/voices", method="GET")

    def parse_voices(self, document: dict[str, Any]) -> list[Voice]:
        """`{"voices": [{"voice_id", "name", "category", "labels", "preview_url"?}]}`."""
        return [
            Voice(
                voice_id=str(voice["voice_id"]),
                name=str(voice["name"]),
                category=as_text(voice.get("category")) or "unknown",
                labels={str(name): str(value) for name, value in as_object(voice.get("labels")).items()},
                preview_url=as_text(voice.get("preview_url")),
            )
            for voice in document["voices"]
        ]

    def parse_error(self, status: int, headers: dict[str, str], content: bytes) -> ProviderError:
        """`{"detail": {"type", "code", "message", "status", "request_id"}}`; 422 has a list, a lost path a text."""
        detail = parse_json_error(content).get("detail")
        facts = as_object(detail)
        codes = [code for member in ("code", "status") if (code := as_text(facts.get(member)))]
        return classify_error(
            as_text(facts.get("message")) or _describe(detail),
            provider=self,
            status=status,
            code=codes[0] if codes else None,
            request_id=as_text(facts.get("request_id")) or headers.get("x-trace-id") or headers.get("request-id"),
            retry_after=parse_retry_after(headers),
            out_of_quota=status < 500 and not _QUOTA_CODES.isdisjoint(codes),
        )


def _describe(detail: object) -> str | None:
    """The text in a detail that is none of ElevenLabs' own errors."""
    if not isinstance(detail, list):
        return as_text(detail)
    problems = [as_object(problem) for problem in detail]
    return "; ".join(f"{_place(problem.get('loc'))}: {problem.get('msg')}" for problem in problems) or None


def _place(loc: object) -> str:
    return ".".join(str(part) for part in loc) if isinstance(loc, list) else json.dumps(loc)
