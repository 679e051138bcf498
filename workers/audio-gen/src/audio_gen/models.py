"""The requests and responses of `POST /synthesize` and `GET /voices`."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from electrons.media.audio import DEFAULT_FORMAT, FORMATS
from electrons.models import LabeledRequest, RequestModel, ResponseModel, not_blank

TEXT_LIMIT = 5000
"""Characters that a text may have; more is `TEXT_TOO_LONG`."""


def _refuse_dots(name: str) -> str:
    if name in {".", ".."}:
        raise PydanticCustomError("path_segment", "must be the id of a voice")
    return name


VoiceId = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,128}$"), AfterValidator(_refuse_dots)]
"""An id that becomes part of a provider's URL."""

ModelId = Annotated[str, Field(pattern=r"^(?:[A-Za-z0-9_-]{1,32}:)?[A-Za-z0-9_.-]{1,128}$")]
"""`provider:model`, or the provider's bare name of the model."""


def _check_format(name: str) -> str:
    if name not in FORMATS:
        raise PydanticCustomError("audio_format", "must be one of {formats}", {"formats": ", ".join(FORMATS)})
    return name


class SpeechOptions(RequestModel):
    """How the voice speaks, and the format of the file. `speed` is not sent unless it is given.

    An option that the provider does not have is left out, and named in `metadata.warnings`.
    """

    stability: float = Field(default=0.5, ge=0, le=1)
    similarity_boost: float = Field(default=0.75, ge=0, le=1)
    style: float = Field(default=0.0, ge=0, le=1)
    use_speaker_boost: bool = True
    speed: float | None = Field(default=None, ge=0.7, le=1.2)
    output_format: Annotated[str, AfterValidator(_check_format)] = DEFAULT_FORMAT


class SpeechRequest(LabeledRequest):
    """A text to speak. Defaults of `voice_id` and `model_id`: `DEFAULT_VOICE_ID` and `DEFAULT_SPEECH_MODEL`."""

    text: Annotated[str, not_blank("Text is required")]
    voice_id: VoiceId | None = None
    model_id: ModelId | None = None
    options: SpeechOptions = Field(default_factory=SpeechOptions)
    timestamps: bool = False


class SpeechMetadata(BaseModel):
    """How the speech was made. `character_count` is that of the text; the ledger has what the provider charged."""

    provider: str
    voice_id: str
    model_id: str
    output_format: str
    character_count: int
    size_bytes: int
    generation_time_ms: int
    warnings: list[str] | None = None


class TimestampLinks(BaseModel):
    """Links to the times of the words, as JSON (`[{"text", "start", "end"}]`, seconds), SubRip and WebVTT."""

    json_url: str
    srt_url: str
    vtt_url: str


class SpeechResponse(ResponseModel):
    """The link to the speech, and how long it is."""

    audio_url: str
    duration_seconds: float
    timestamps: TimestampLinks | None = None
    metadata: SpeechMetadata


class VoiceDescription(BaseModel):
    """A voice as its provider lists it."""

    voice_id: str
    name: str
    category: str
    labels: dict[str, str]
    preview_url: str | None


class VoicesResponse(ResponseModel):
    """All voices of the deployment's account."""

    voices: list[VoiceDescription]
