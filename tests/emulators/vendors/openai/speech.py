"""`POST /v1/audio/speech`: audible speech in every format of the vendor, streamed as audio or as events.

Sources: the `openai` package 3.54.0 (`types/audio/speech_create_params.py`), the vendor's published OpenAPI and error
texts. `instructions` are accepted and change nothing; custom voices are unknown.
"""

from base64 import b64encode
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...speech import EspeakVoice, synthesise
from ...text import count_tokens
from ...vendor import Call, Response, event_frame, stream_response
from .catalogue import SPEECH_MODELS
from .http import InvalidRequestError, usage_headers
from .models import model_not_found
from .parsing import describe_length, parse

_MAX_CHARACTERS = 4096
_CHUNK_BYTES = 8 * 1024
_TOKENS_PER_SECOND = 20
_WORDS_PER_MINUTE = 165
_FORMATS = {
    "mp3": "mp3_24000_48",
    "opus": "opus_48000_32",
    "aac": "aac_24000_64",
    "flac": "flac_24000",
    "wav": "wav_24000",
    "pcm": "pcm_24000",
}
_CONTENT_TYPES = {"opus": "audio/opus"}
# The variant and the pitch of eSpeak NG for each voice.
_VOICES = {
    "alloy": ("f2", 40),
    "ash": ("m3", 40),
    "ballad": ("m4", 52),
    "cedar": ("m5", 36),
    "coral": ("f3", 55),
    "echo": ("m1", 45),
    "fable": ("m6", 50),
    "marin": ("f1", 50),
    "nova": ("f4", 58),
    "onyx": ("m7", 28),
    "sage": ("f5", 50),
    "shimmer": ("f5", 62),
    "verse": ("m2", 44),
}


class SpeechRequest(BaseModel):
    """The body of the request."""

    model_config = ConfigDict(extra="forbid", strict=True)
    model: str
    input: str
    voice: str | dict[str, Any]
    instructions: Annotated[str, Field(max_length=_MAX_CHARACTERS)] | None = None
    response_format: Literal["mp3", "opus", "aac", "flac", "wav", "pcm"] | None = None
    speed: float | None = Field(default=None, ge=0.25, le=4)
    stream_format: Literal["sse", "audio"] | None = None


def create_speech(call: Call) -> Response:
    """Return the speech as a stream of audio, or of events with audio in base64."""
    request = parse(SpeechRequest, call.body)
    if request.model not in SPEECH_MODELS:
        raise model_not_found(request.model, shut_down=False)
    variant, pitch = _check(request)
    kind = request.response_format or "mp3"
    rate = round(_WORDS_PER_MINUTE * (1.0 if request.speed is None else request.speed))
    voice = EspeakVoice(name=f"en-us+{variant}", rate=rate, pitch=pitch, pitch_range=50)
    speech = synthesise(request.input, voice=voice, output_format=_FORMATS[kind])
    chunks = [speech.audio[at : at + _CHUNK_BYTES] for at in range(0, len(speech.audio), _CHUNK_BYTES)]
    input_tokens, output_tokens = count_tokens(request.input), round(speech.seconds * _TOKENS_PER_SECOND)
    headers = usage_headers(input_tokens + output_tokens)
    if request.stream_format != "sse":
        content_type = _CONTENT_TYPES.get(kind, speech.content_type).encode()
        return Response(200, [(b"content-type", content_type), *headers], chunks, streamed=True)
    usage = {
        "input_tokens": input_tokens,
        "output_tokens": output_tokens,
        "total_tokens": input_tokens + output_tokens,
    }
    frames = [event_frame({"type": "speech.audio.delta", "audio": b64encode(chunk).decode()}) for chunk in chunks]
    return stream_response([*frames, event_frame({"type": "speech.audio.done", "usage": usage})], headers=headers)


def _check(request: SpeechRequest) -> tuple[str, int]:
    """Return the variant and the pitch of the voice. Raises `InvalidRequestError`."""
    if not request.input.strip() or len(request.input) > _MAX_CHARACTERS:
        limits = {"max_length": _MAX_CHARACTERS} if request.input.strip() else {"min_length": 1}
        message, code = describe_length("input", "string", len(request.input.strip()), limits)
        raise InvalidRequestError(message, param="input", code=code)
    is_old = request.model.startswith("tts-1")
    for name, used in (("instructions", request.instructions), ("stream_format", request.stream_format == "sse")):
        if is_old and used:
            message = f"Unsupported parameter: '{name}' is not supported with this model."
            raise InvalidRequestError(message, param=name, code="unsupported_parameter")
    voices = [name for name in _VOICES if not is_old or name not in {"ballad", "verse", "marin", "cedar"}]
    if not isinstance(request.voice, str) or request.voice not in voices:
        given = request.voice if isinstance(request.voice, str) else request.voice.get("id")
        supported = ", ".join(f"'{name}'" for name in voices[:-1])
        message = f"Invalid value: '{given}'. Supported values are: {supported}, and '{voices[-1]}'."
        raise InvalidRequestError(message, param="voice", code="invalid_value")
    return _VOICES[request.voice]
