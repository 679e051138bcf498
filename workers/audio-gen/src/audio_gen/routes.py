"""Speech: a text becomes a file in R2 that everybody may fetch who knows its name; and the voices that can speak."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict

from audio_gen.models import TEXT_LIMIT, SpeechMetadata, SpeechRequest, SpeechResponse, TimestampLinks, VoicesResponse
from audio_gen.settings import AudioSettings
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
from electrons.errors import RequestError
from electrons.media.audio import AudioFormat
from electrons.media.duration import measure, measure_samples
from electrons.media.subtitles import Alignment, to_srt, to_vtt
from electrons.providers.elevenlabs import ElevenLabsProvider
from electrons.storage.ledger import record_usage
from electrons.storage.media import MediaFolder, new_name
from electrons.upstream.client import unreadable
from electrons.usage import Usage

PROVIDER: SpeechProvider = ElevenLabsProvider()
AUDIO = MediaFolder(bucket="AUDIO_STORAGE", path="/audio", not_found="Audio file not found")

app = App("audio-gen", scope="audio", providers=(PROVIDER,), settings=AudioSettings)
app.serve_media(AUDIO)


def estimate(body: SpeechRequest) -> Mapping[str, int]:
    """What a call can use at most: no model charges more than one credit per character."""
    return {"characters": len(body.text)}


@app.post("/synthesize", needs=(PROVIDER, AUDIO), estimate=estimate)
async def synthesize(context: Context, body: SpeechRequest) -> SpeechResponse:
    """`POST /synthesize`: where the speech is, and how long it is."""
    call = prepare(context, body)
    audio_format = call.audio_format
    record_usage(context, Usage(provider=PROVIDER.name, model=call.model, unit="characters"))
    name = new_name(audio_format.codec)
    links: TimestampLinks | None = None
    if body.timestamps:
        content, alignment = await read_timed_speech(context, PROVIDER, call)
        duration = measure_speech(content, audio_format)
        links = await store_timestamps(context, name, alignment, model=call.model)
        size = await store_speech(context, name, content, audio_format=audio_format, model=call.model)
    elif audio_format.is_compressed:
        # Read as a whole, because only the frames tell how long it is: some megabytes for the longest text.
        content = await read_speech(context, PROVIDER, call)
        duration = measure_speech(content, audio_format)
        size = await store_speech(context, name, content, audio_format=audio_format, model=call.model)
    else:
        # Ten times as large, and its size tells the duration.
        async with open_speech(context, PROVIDER, call) as response:
            stored = await AUDIO.put_stream(
                context,
                name,
                response,
                content_type=audio_format.content_type,
                provider=PROVIDER,
                model=call.model,
            )
        size, duration = stored.size, measure_samples(stored.size, audio_format)
    return SpeechResponse(
        audio_url=AUDIO.url(context, name),
        duration_seconds=round(duration, 3),
        timestamps=links,
        metadata=SpeechMetadata(
            provider=PROVIDER.name,
            voice_id=call.voice_id,
            model_id=call.model,
            output_format=audio_format.name,
            character_count=len(call.text),
            size_bytes=size,
            generation_time_ms=context.elapsed_ms(),
        ),
    )


@app.get("/voices", needs=(PROVIDER,))
async def voices(context: Context) -> VoicesResponse:
    """`GET /voices`: the account's voices, at most `VOICES_CACHE_SECONDS` old."""
    api_key = PROVIDER.api_key(context.settings)
    # Another key is another account, with other voices.
    key = f"voices:{PROVIDER.name}:{hashlib.sha256(api_key.encode()).hexdigest()[:32]}"
    lifetime = context.settings_as(AudioSettings).voices_cache_seconds
    if lifetime and (cached := await read_cache(context, key)):
        return VoicesResponse(voices=json.loads(cached))
    record_usage(context, Usage(provider=PROVIDER.name, model="voices", unit="requests"))
    found = [asdict(voice) for voice in await list_voices(context, PROVIDER)]
    if lifetime:  # KV keeps nothing for less than a minute
        text = json.dumps(found, ensure_ascii=False)
        context.defer(lambda: context.bindings.cache.put(key, text, ttl_seconds=max(lifetime, 60)))
    return VoicesResponse.model_validate({"voices": found})


async def read_cache(context: Context, key: str) -> str | None:
    """The text in the cache, None also when the cache is out of order: the provider can be asked instead."""
    try:
        return await context.bindings.cache.get(key)
    except Exception as error:  # noqa: BLE001  # whatever is wrong with it
        context.log.warning("cache", request_id=context.request_id, error=str(error))
        return None


def prepare(context: Context, body: SpeechRequest) -> SpeechCall:
    """What to say in whose voice, and what the file will be; what is wrong with it is said before anything counts."""
    if len(body.text) > TEXT_LIMIT:
        raise RequestError(
            f"Text is longer than {TEXT_LIMIT} characters; send it in parts",
            code="TEXT_TOO_LONG",
            details={"characters": len(body.text), "limit": TEXT_LIMIT},
        )
    options = body.options
    audio_format = AudioFormat.parse(options.output_format)
    if body.timestamps and audio_format.codec in {"pcm", "wav"}:
        # They come in one document with the sound, too large as raw samples.
        message = "timestamps go with mp3, opus, ulaw and alaw only"
        raise RequestError(message, details={"fields": [{"field": "timestamps", "message": message}]})
    settings = context.settings_as(AudioSettings)
    return SpeechCall(
        text=body.text,
        voice_id=body.voice_id or settings.default_voice_id,
        model=body.model_id or settings.default_speech_model,
        audio_format=audio_format,
        stability=options.stability,
        similarity_boost=options.similarity_boost,
        style=options.style,
        use_speaker_boost=options.use_speaker_boost,
        speed=options.speed,
    )


def measure_speech(content: bytes, audio_format: AudioFormat) -> float:
    """The duration in seconds; what has none is not what was asked for, and is not kept."""
    try:
        return measure(content, audio_format)
    except ValueError as error:
        raise unreadable(PROVIDER) from error


async def store_speech(context: Context, name: str, content: bytes, *, audio_format: AudioFormat, model: str) -> int:
    """Stores the file and returns its size."""
    stored = await AUDIO.put_bytes(
        context, name, content, content_type=audio_format.content_type, provider=PROVIDER.name, model=model
    )
    return stored.size


async def store_timestamps(context: Context, name: str, alignment: Alignment, *, model: str) -> TimestampLinks:
    """Stores the times of the words beside the file, three times: for programs, and for two kinds of players."""
    cues = alignment.cues()
    words = json.dumps([asdict(word) for word in alignment.words()], ensure_ascii=False)
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
            provider=PROVIDER.name,
            model=model,
        )
    urls = {f"{extension}_url": AUDIO.url(context, f"{stem}.{extension}") for extension in files}
    return TimestampLinks(**urls)
