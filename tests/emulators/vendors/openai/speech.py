"""`POST /v1/audio/speech`: audible speech, each voice with a pitch of its own.

Sources: the `openai` package 3.54.0 (`types/audio/speech_create_params.py`) and
https://developers.openai.com/api/docs/guides/text-to-speech. `instructions` are accepted and change nothing; a
stream of events has the audio in one piece.
"""

from base64 import b64encode
from typing import Literal

from pydantic import BaseModel, ConfigDict

from ...text import count_tokens
from ...vendor import Call, Response, event_frame, stream_response
from ..elevenlabs.speech import EspeakVoice, synthesise
from .http import InvalidRequestError, usage_headers
from .models import model_not_found
from .requests import parse

_MODELS = {"tts-1", "tts-1-hd", "gpt-4o-mini-tts", "gpt-4o-mini-tts-2025-12-15"}
_VOICES = (
    "alloy",
    "ash",
    "ballad",
    "coral",
    "echo",
    "fable",
    "onyx",
    "nova",
    "sage",
    "shimmer",
    "verse",
    "marin",
    "cedar",
)
_FORMATS = {"mp3": "mp3_44100_128", "opus": "opus_48000_64", "wav": "wav_24000", "pcm": "pcm_24000"}
_MAX_INPUT = 4096
_WORDS_PER_MINUTE = 165


class CustomVoice(BaseModel):
    """A voice of one's own."""

    model_config = ConfigDict(extra="forbid", strict=True)
    id: str


class SpeechRequest(BaseModel):
    """The body of the request."""

    model_config = ConfigDict(extra="forbid", strict=True)
    input: str
    model: str
    voice: str | CustomVoice
    instructions: str | None = None
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] | None = None
    speed: float | None = None
    stream_format: Literal["sse", "audio"] | None = None


def create_speech(call: Call) -> Response:
    """Return the audio, or with `stream_format: "sse"` a stream of events with it."""
    request = parse(SpeechRequest, call.body)
    if request.model not in _MODELS:
        raise model_not_found(request.model, shut_down=False)
    _check(request)
    name = request.voice if isinstance(request.voice, str) else "alloy"
    rate = round(_WORDS_PER_MINUTE * (1.0 if request.speed is None else request.speed))
    voice = EspeakVoice(name="en-us", rate=max(80, min(rate, 450)), pitch=20 + 5 * _VOICES.index(name), pitch_range=50)
    speech = synthesise(request.input, voice=voice, output_format=_FORMATS[request.response_format or "mp3"])
    headers = usage_headers(count_tokens(request.input))
    if request.stream_format == "sse":
        usage = {"input_tokens": count_tokens(request.input), "output_tokens": round(speech.seconds * 20)}
        usage["total_tokens"] = sum(usage.values())
        events = [
            {"type": "speech.audio.delta", "audio": b64encode(speech.audio).decode()},
            {"type": "speech.audio.done", "usage": usage},
        ]
        return stream_response([event_frame(event, event=str(event["type"])) for event in events], headers=headers)
    return Response(200, [(b"content-type", speech.content_type.encode()), *headers], [speech.audio])


def _check(request: SpeechRequest) -> None:
    if not request.input:
        raise InvalidRequestError("Invalid 'input': string too short.", param="input", code="string_below_min_length")
    if len(request.input) > _MAX_INPUT:
        message = f"Invalid 'input': string too long. Expected a string with maximum length {_MAX_INPUT}."
        raise InvalidRequestError(message, param="input", code="string_above_max_length")
    if isinstance(request.voice, str) and request.voice not in _VOICES:
        listed = ", ".join(f"'{voice}'" for voice in _VOICES)
        message = f"Invalid value: '{request.voice}'. Supported values are: {listed}."
        raise InvalidRequestError(message, param="voice", code="invalid_value")
    if request.speed is not None and not 0.25 <= request.speed <= 4:
        raise InvalidRequestError("'speed' must be from 0.25 to 4.", param="speed")
    if request.response_format in {"aac", "flac"}:
        raise InvalidRequestError("This emulator has no AAC and no FLAC.", param="response_format")
    if request.stream_format == "sse" and request.model.startswith("tts-1"):
        raise InvalidRequestError("'sse' is not supported for tts-1 or tts-1-hd.", param="stream_format")
