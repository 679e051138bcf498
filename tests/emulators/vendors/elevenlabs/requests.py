"""Requests of ElevenLabs' text-to-speech, after the vendor's published OpenAPI (`Body_text_to_speech_full`).

The API is FastAPI: the schema is checked before the key, and its errors are pydantic's list; unknown fields are
ignored, and `null` counts as absent. `jobs.py` checks what depends on the model, the voice or the plan.
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

Share = Annotated[float, Field(ge=0, le=1)]
Schema = TypeVar("Schema", bound=BaseModel)


class VoiceSettings(BaseModel):
    """The `voice_settings` field; `null` means the voice's own setting, the default."""

    stability: Share | None = None
    similarity_boost: Share | None = None
    style: float | None = None
    use_speaker_boost: bool | None = None
    speed: float | None = None


class PronunciationDictionaryLocator(BaseModel):
    """A reference to a pronunciation dictionary."""

    pronunciation_dictionary_id: str
    version_id: str | None = None


class SpeechBody(BaseModel):
    """The JSON body of the four text-to-speech routes."""

    text: str
    model_id: str = "eleven_multilingual_v2"
    language_code: str | None = None
    voice_settings: VoiceSettings = VoiceSettings()
    pronunciation_dictionary_locators: list[PronunciationDictionaryLocator] = []
    seed: int | None = None
    previous_text: str | None = None
    next_text: str | None = None
    previous_request_ids: list[str] = []
    next_request_ids: list[str] = []
    use_pvc_as_ivc: bool = False
    apply_text_normalization: Literal["auto", "on", "off"] = "auto"
    apply_language_text_normalization: bool = False


class SpeechQuery(BaseModel):
    """The query of the four routes; `output_format` is checked after the key."""

    enable_logging: bool = True
    optimize_streaming_latency: int | None = None
    output_format: str = "mp3_44100_128"


class SchemaError(Exception):
    """A request that does not fit the schema; `details` is the list in FastAPI's response."""

    def __init__(self, details: list[dict[str, Any]]) -> None:
        super().__init__(details)
        self.details = details


def parse(query: Mapping[str, list[str]], body: bytes) -> tuple[SpeechQuery, SpeechBody]:
    """Parse the query and the body. Raises `SchemaError` with the mistakes in both."""
    details: list[dict[str, Any]] = []
    fields = _parse_fields(body)
    last = {name: values[-1] for name, values in query.items()}
    parsed_query = _validate(SpeechQuery, last, "query", details)
    parsed_body = _validate(SpeechBody, fields, "body", details)
    if parsed_query is None or parsed_body is None:
        raise SchemaError(details)
    return parsed_query, parsed_body


def _parse_fields(body: bytes) -> dict[str, Any]:
    if not body:
        raise SchemaError([_missing("body")])
    try:
        fields = json.loads(body)
    except json.JSONDecodeError as error:
        raise SchemaError(
            [
                {
                    "type": "json_invalid",
                    "loc": ["body", error.pos],
                    "msg": "JSON decode error",
                    "input": {},
                    "ctx": {"error": error.msg},
                }
            ]
        ) from None
    except UnicodeDecodeError:
        raise SchemaError([_missing("body")]) from None
    if not isinstance(fields, dict):
        raise SchemaError([_missing("body", name) for name in SpeechBody.model_fields])
    return {name: value for name, value in fields.items() if value is not None}


def _validate(
    model: type[Schema], fields: Mapping[str, Any], place: str, details: list[dict[str, Any]]
) -> Schema | None:
    try:
        return model.model_validate(fields)
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False):
            if error["type"] == "missing" and len(error["loc"]) == 1:
                details.append(_missing(place, *error["loc"]))
            else:
                details.append({**error, "loc": [place, *error["loc"]]})
    return None


def _missing(*place: str | int) -> dict[str, Any]:
    return {"type": "missing", "loc": list(place), "msg": "Field required", "input": None}
