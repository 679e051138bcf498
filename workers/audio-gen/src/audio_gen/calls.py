"""Turn a request for speech into a provider's call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audio_gen.models import TEXT_LIMIT, SpeechRequest
from audio_gen.settings import AudioSettings
from electrons.capabilities.speech import SpeechCall, SpeechProvider
from electrons.context import Context
from electrons.errors import ConfigurationError, RequestError, UnknownProviderError
from electrons.media.audio import AudioFormat
from electrons.registry import resolve_model

_TOO_LARGE_WITH_TIMESTAMPS = {"pcm", "wav"}
"""Raw samples come in one JSON document with their times, which would be too large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedSpeech:
    """A call that its provider takes, and what was left out of it."""

    provider: SpeechProvider
    call: SpeechCall
    warnings: list[str]


def prepare_speech(
    context: Context, body: SpeechRequest, providers: Sequence[SpeechProvider], *, fallback: str | None = None
) -> PreparedSpeech:
    """Return what to say in which voice, with the model that is asked for or a `fallback`.

    A fallback of another provider speaks in its default voice, and in its own version of the format. Raises
    `RequestError`, `UnknownProviderError` and `ConfigurationError`.
    """
    settings = context.settings_as(AudioSettings)
    default_provider, default_model = find_default(settings, providers)
    provider, model = default_provider, default_model
    if body.model_id is not None:
        provider, model = resolve_speech_model(body.model_id, providers, otherwise=default_provider)
    asked, options, voice_id = provider, body.options, body.voice_id
    if fallback is not None:
        provider, model = resolve_speech_model(fallback, providers, otherwise=default_provider)
    explicit = frozenset(options.model_fields_set)
    audio_format = AudioFormat.parse(options.output_format)
    if provider is not asked:
        voice_id = None
        audio_format = _same_codec(audio_format, provider)
    provider.check(context.settings)
    _check_length(body.text)

    if voice_id is None:
        default_voice = settings.default_voice_id if provider is default_provider else ""
        voice_id = default_voice or provider.default_voice
    if "output_format" not in explicit and audio_format.name not in provider.formats:
        audio_format = AudioFormat.parse(provider.formats[0])
    call = SpeechCall(
        text=body.text,
        voice_id=voice_id,
        model=model,
        audio_format=audio_format,
        stability=options.stability,
        similarity_boost=options.similarity_boost,
        style=options.style,
        use_speaker_boost=options.use_speaker_boost,
        speed=options.speed,
    )
    _check_format(call, provider)
    if body.timestamps:
        _check_timestamps(call, provider)
    call, warnings = provider.fit_speech(call, explicit=explicit)
    return PreparedSpeech(provider=provider, call=call, warnings=warnings)


def find_default(settings: AudioSettings, providers: Sequence[SpeechProvider]) -> tuple[SpeechProvider, str]:
    """Return the deployment's default provider and model. Raises `ConfigurationError` for an unknown provider."""
    try:
        return resolve_speech_model(settings.default_speech_model, providers)
    except UnknownProviderError as error:
        raise ConfigurationError(f"`DEFAULT_SPEECH_MODEL`: {error.message}") from error


def resolve_speech_model(
    name: str, providers: Sequence[SpeechProvider], *, otherwise: SpeechProvider | None = None
) -> tuple[SpeechProvider, str]:
    """Return the provider and its own name of a model, which is `provider:model` or the bare name.

    A bare name belongs to the provider whose names begin like it, to `otherwise` or the first one if none does.
    """
    if ":" in name:
        return resolve_model(name, providers)
    for provider in providers:
        if any(prefix and name.lower().startswith(prefix) for prefix in provider.model_prefixes):
            return provider, provider.find_model(name)
    provider = otherwise or providers[0]
    return provider, provider.find_model(name)


def _same_codec(audio_format: AudioFormat, provider: SpeechProvider) -> AudioFormat:
    """Return the provider's first format with the same codec; the format itself, which will be refused, without one."""
    formats = map(AudioFormat.parse, provider.formats)
    return next((found for found in formats if found.codec == audio_format.codec), audio_format)


def _check_length(text: str) -> None:
    if len(text) > TEXT_LIMIT:
        raise RequestError(
            f"Text is longer than {TEXT_LIMIT} characters; send it in parts",
            code="TEXT_TOO_LONG",
            details={"characters": len(text), "limit": TEXT_LIMIT},
        )


def _check_format(call: SpeechCall, provider: SpeechProvider) -> None:
    if call.audio_format.name not in provider.formats:
        message = f"{provider.title} cannot return {call.audio_format.name}; use one of: {', '.join(provider.formats)}"
        raise RequestError.for_field("options.output_format", message)


def _check_timestamps(call: SpeechCall, provider: SpeechProvider) -> None:
    if not provider.has_timestamps:
        raise RequestError.for_field(
            "timestamps", f"{provider.title} has no timestamps; leave them out or use another `model_id`"
        )
    if call.audio_format.codec in _TOO_LARGE_WITH_TIMESTAMPS:
        codecs = ", ".join(
            dict.fromkeys(
                codec
                for name in provider.formats
                if (codec := AudioFormat.parse(name).codec) not in _TOO_LARGE_WITH_TIMESTAMPS
            )
        )
        raise RequestError.for_field(
            "timestamps", f"timestamps are available for {codecs} only; change `options.output_format`"
        )
