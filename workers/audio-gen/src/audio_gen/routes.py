"""Speech: a text becomes a file in R2 that anyone may fetch who knows its name; and the voices that can speak."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict

from audio_gen.calls import find_default, prepare_speech, resolve_speech_model
from audio_gen.models import SpeechMetadata, SpeechRequest, SpeechResponse, TimestampLinks, VoicesResponse
from audio_gen.settings import AudioSettings
from audio_gen.vendor_routes import add_vendor_routes
from electrons.app import App
from electrons.capabilities.speech import (
    SpeechCall,
    SpeechProvider,
    list_voices,
    open_speech,
    read_speech,
    read_timed_speech,
)
from electrons.context import Context
from electrons.fallbacks import call_first, name_models, start_usage
from electrons.media.audio import AudioFormat
from electrons.media.duration import measure, measure_samples
from electrons.media.subtitles import Alignment, to_srt, to_vtt
from electrons.registry import find_providers
from electrons.routing import RouteDocs
from electrons.storage.ledger import record_usage
from electrons.storage.media import MediaFolder, new_name
from electrons.upstream.failures import unreadable
from electrons.usage import Usage

PROVIDERS = find_providers(SpeechProvider)
AUDIO = MediaFolder(
    bucket="AUDIO_STORAGE",
    path="/audio",
    not_found="Audio file not found",
    content_types=("audio/mpeg", "audio/wav", "audio/ogg", "application/json", "application/x-subrip", "text/vtt"),
)

app = App("audio-gen", scope="audio", providers=PROVIDERS, settings=AudioSettings)
app.serve_media(AUDIO)
add_vendor_routes(app, PROVIDERS)


def estimate(body: SpeechRequest) -> Mapping[str, int]:
    """Return what a call can use at most: no model charges more than one credit per character."""
    return {"characters": len(body.text)}


@app.post(
    "/synthesize",
    needs=(AUDIO,),
    estimate=estimate,
    docs=RouteDocs(example={"text": "Hello from the lighthouse.", "timestamps": True}),
)
async def synthesize(context: Context, body: SpeechRequest) -> SpeechResponse:
    """Speak a text, store the audio, and return where it is and how long it is."""
    models = name_models(context, body.model_id or "")
    for name in models[1:]:
        resolve_speech_model(name, PROVIDERS)

    async def call_model(model: str) -> SpeechResponse:
        return await speak(context, body, fallback=None if model == models[0] else model)

    return await call_first(context, models, call_model)


async def speak(context: Context, body: SpeechRequest, *, fallback: str | None) -> SpeechResponse:
    """Return the speech of the model that is asked for, or of a fallback."""
    prepared = prepare_speech(context, body, PROVIDERS, fallback=fallback)
    provider, call = prepared.provider, prepared.call
    audio_format = call.audio_format
    start_usage(context, Usage(provider=provider.name, model=call.model, unit="characters"))
    name = new_name(audio_format.codec)
    links: TimestampLinks | None = None
    if body.timestamps:
        content, alignment = await read_timed_speech(context, provider, call)
        duration = measure_speech(content, audio_format, provider)
        links = await store_timestamps(context, name, alignment, duration=duration, provider=provider, call=call)
        size = await store_speech(context, name, content, provider=provider, call=call)
    elif audio_format.is_compressed:
        # Only the frames say how long it is, so it is read as a whole: some megabytes for the longest text.
        content = await read_speech(context, provider, call)
        duration = measure_speech(content, audio_format, provider)
        size = await store_speech(context, name, content, provider=provider, call=call)
    else:
        # It is ten times as large, and its size says how long it is.
        async with open_speech(context, provider, call) as response:
            stored = await AUDIO.put_stream(
                context,
                name,
                response,
                content_type=audio_format.content_type,
                provider=provider,
                model=call.model,
            )
        size, duration = stored.size, measure_samples(stored.size, audio_format)
    return SpeechResponse(
        audio_url=AUDIO.url(context, name),
        duration_seconds=round(duration, 3),
        timestamps=links,
        metadata=SpeechMetadata(
            provider=provider.name,
            voice_id=call.voice_id,
            model_id=call.model,
            output_format=audio_format.name,
            character_count=len(call.text),
            size_bytes=size,
            generation_time_ms=context.elapsed_ms(),
            warnings=prepared.warnings or None,
        ),
    )


@app.get("/voices")
async def voices(context: Context) -> VoicesResponse:
    """Return the voices of the default provider's account, at most `VOICES_CACHE_SECONDS` old."""
    settings = context.settings_as(AudioSettings)
    provider, _ = find_default(settings, PROVIDERS)
    api_key = provider.api_key(settings)
    # Another key is another account, with other voices.
    key = f"voices:{provider.name}:{hashlib.sha256(api_key.encode()).hexdigest()[:32]}"
    lifetime = settings.voices_cache_seconds
    if lifetime and (cached := await read_cache(context, key)):
        return VoicesResponse(voices=json.loads(cached))
    record_usage(context, Usage(provider=provider.name, model="voices", unit="requests"))
    found = [asdict(voice) for voice in await list_voices(context, provider)]
    if lifetime:  # KV keeps nothing for less than a minute
        text = json.dumps(found, ensure_ascii=False)
        context.defer(lambda: context.bindings.cache.put(key, text, ttl_seconds=max(lifetime, 60)))
    return VoicesResponse.model_validate({"voices": found})


async def read_cache(context: Context, key: str) -> str | None:
    """Return the text in the cache, None also if the cache cannot be read: the provider can be called instead."""
    try:
        return await context.bindings.cache.get(key)
    except Exception as error:  # noqa: BLE001  # whatever is wrong with it
        context.log.warning("cache", request_id=context.request_id, error=str(error))
        return None


def measure_speech(content: bytes, audio_format: AudioFormat, provider: SpeechProvider) -> float:
    """Return the duration in seconds. Raises `ProviderError` for what is not audio of that format."""
    try:
        return measure(content, audio_format)
    except ValueError as error:
        raise unreadable(provider) from error


async def store_speech(
    context: Context, name: str, content: bytes, *, provider: SpeechProvider, call: SpeechCall
) -> int:
    """Store the file and return its size."""
    content_type = call.audio_format.content_type
    stored = await AUDIO.put_bytes(
        context, name, content, content_type=content_type, provider=provider.name, model=call.model
    )
    return stored.size


async def store_timestamps(
    context: Context,
    name: str,
    alignment: Alignment,
    *,
    duration: float,
    provider: SpeechProvider,
    call: SpeechCall,
) -> TimestampLinks:
    """Store the times of the words beside the audio: once for programs, and for two kinds of players."""
    cues = alignment.cues(duration=duration)
    words = json.dumps([asdict(word) for word in alignment.words(duration=duration)], ensure_ascii=False)
    files = {
        "json": (words, "application/json"),
        "srt": (to_srt(cues), "application/x-subrip; charset=utf-8"),
        "vtt": (to_vtt(cues), "text/vtt; charset=utf-8"),
    }
    stem = name.partition(".")[0]
    for extension, (text, content_type) in files.items():
        await AUDIO.put_bytes(
            context,
            f"{stem}.{extension}",
            text.encode(),
            content_type=content_type,
            provider=provider.name,
            model=call.model,
        )
    urls = {f"{extension}_url": AUDIO.url(context, f"{stem}.{extension}") for extension in files}
    return TimestampLinks(**urls)
