"""`POST /v1/audio/speech`, OpenAI's own route, with the voices of any provider."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from audio_gen.models import TEXT_LIMIT
from electrons.app import App
from electrons.capabilities.speech import SpeechCall, SpeechProvider
from electrons.context import Context
from electrons.dialects.requests import VendorRequest
from electrons.errors import RequestError
from electrons.fallbacks import call_first, name_models, start_usage
from electrons.http import Response
from electrons.media.audio import AudioFormat
from electrons.passing import pass_file
from electrons.registry import choose_vendor_model, resolve_model
from electrons.routing import RouteDocs
from electrons.upstream.provider import ProviderRequest
from electrons.usage import Units, Usage

_FORMATS: Mapping[str, Mapping[str, str]] = {
    "elevenlabs": {"mp3": "mp3_44100_128", "opus": "opus_48000_64", "wav": "wav_24000", "pcm": "pcm_24000"}
}
"""What OpenAI's names of formats mean to another provider. OpenAI's samples are at 24 kHz."""

_SPEEDS = (0.7, 1.2)
"""Slower and faster than that, no other provider speaks."""


class SpeechFields(VendorRequest):
    """OpenAI's request for speech."""

    input: str
    voice: Any = None
    response_format: str | None = None
    speed: float | None = None
    instructions: str | None = None
    stream_format: str | None = None


def estimate(body: SpeechFields) -> Mapping[str, int]:
    """Return what a call can use at most."""
    return {"characters": len(body.input)}


def add_vendor_routes(app: App, providers: Sequence[SpeechProvider]) -> None:
    """Register the route."""

    @app.post(
        "/v1/audio/speech",
        dialect="openai",
        estimate=estimate,
        docs=RouteDocs(example={"model": "tts-1", "voice": "alloy", "input": "Hello."}, produces=("audio/mpeg",)),
    )
    async def speech(context: Context, body: SpeechFields) -> Response:
        """`POST /v1/audio/speech`: speak a text and return the audio itself."""
        models = name_models(context, body.model)
        for name in models[1:]:
            resolve_model(name, providers)

        async def call_model(name: str) -> Response:
            provider, model = choose_vendor_model(context, name, providers)
            is_asked = name == models[0] or provider is resolve_model(models[0], providers)[0]
            request = build_request(provider, model, body if is_asked else body.model_copy(update={"voice": None}))
            request = replace(request, most=Units(len(body.input), 0))
            usage = Usage(provider=provider.name, model=model, unit="characters")
            used = start_usage(context, usage)
            return await pass_file(context, provider, request, charge=lambda: used.note_input(len(body.input)))

        return await call_first(context, models, call_model)


def build_request(provider: SpeechProvider, model: str, body: SpeechFields) -> ProviderRequest:
    """Return the provider's request: for OpenAI the caller's own. Raises `RequestError` that names a field."""
    if provider.name == "openai":
        headers = [("Content-Type", "application/json")]
        if body.voice is None and "voice" in body.document:
            document = {**body.document, "model": model, "voice": provider.default_voice}
            return ProviderRequest.json("/audio/speech", document, headers=[])
        return ProviderRequest(path="/audio/speech", headers=headers, content=body.content_for(model))
    if not body.input.strip():
        raise RequestError.for_field("input", "Input is required")
    if len(body.input) > TEXT_LIMIT:
        raise RequestError.for_field("input", f"must have at most {TEXT_LIMIT} characters")
    for name in ("instructions", "stream_format"):
        if getattr(body, name) not in {None, "", "audio"}:
            raise RequestError.for_field(name, f"{provider.title} does not take `{name}`")
    if body.speed is not None and not _SPEEDS[0] <= body.speed <= _SPEEDS[1]:
        raise RequestError.for_field("speed", f"{provider.title} takes a speed from {_SPEEDS[0]} to {_SPEEDS[1]}")
    formats = _FORMATS[provider.name]
    if (body.response_format or "mp3") not in formats:
        raise RequestError.for_field("response_format", f"{provider.title} takes {', '.join(formats)}")
    call = SpeechCall(
        text=body.input,
        voice_id=_read_voice(body.voice) or provider.default_voice,
        model=model,
        audio_format=AudioFormat.parse(formats[body.response_format or "mp3"]),
        speed=body.speed,
    )
    call, _ = provider.fit_speech(call, explicit=frozenset())
    return provider.build_speech(call, timestamps=False)


def _read_voice(voice: object) -> str | None:
    name = voice.get("id") if isinstance(voice, dict) else voice
    if name is None or isinstance(name, str):
        return name
    raise RequestError.for_field("voice", "must be the id of a voice")
