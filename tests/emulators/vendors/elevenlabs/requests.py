"""What ElevenLabs' text-to-speech takes, after the vendor's published OpenAPI (`Body_text_to_speech_full`).

The API is FastAPI: schema errors are a list of pydantic's, checked before the key; unknown members are ignored, and
`null` counts as absent. Everything that depends on the model, the voice or the plan is checked later (`elevenlabs.py`).
"""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError

Share = Annotated[float, Field(ge=0, le=1)]
Part = TypeVar("Part", bound=BaseModel)


class VoiceSettings(BaseModel):
    """`null` in a member is the voice's own setting, i.e. the default."""

    stability: Share | None = None
    similarity_boost: Share | None = None
    style: float | None = None
    use_speaker_boost: bool | None = None
    speed: float | None = None


class PronunciationDictionaryLocator(BaseModel):
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
    """The query of the four routes. `output_format` is only looked at after the key."""

    enable_logging: bool = True
    optimize_streaming_latency: int | None = None
    output_format: str = "mp3_44100_128"


class SchemaError(Exception):
    """The request does not fit the schema; `details` is the list that FastAPI answers with."""

    def __init__(self, details: list[dict[str, Any]]) -> None:
        super().__init__(details)
        self.details = details


def parse(query: Mapping[str, list[str]], body: bytes) -> tuple[SpeechQuery, SpeechBody]:
    """The request's parts. Raises `SchemaError` with what is wrong in both."""
    details: list[dict[str, Any]] = []
    members = _members(body)
    last = {name: values[-1] for name, values in query.items()}
    parsed_query = _validate(SpeechQuery, last, "query", details)
    parsed_body = _validate(SpeechBody, members, "body", details)
    if parsed_query is None or parsed_body is None:
        raise SchemaError(details)
    return parsed_query, parsed_body


def _members(body: bytes) -> dict[str, Any]:
    if not body:
        raise SchemaError([_missing("body")])
    try:
        members = json.loads(body)
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
    if not isinstance(members, dict):
        raise SchemaError([_missing("body", name) for name in SpeechBody.model_fields])
    return {name: value for name, value in members.items() if value is not None}


def _validate(model: type[Part], members: Mapping[str, Any], place: str, details: list[dict[str, Any]]) -> Part | None:
    try:
        return model.model_validate(members)
    except ValidationError as invalid:
        for error in invalid.errors(include_url=False):
            if error["type"] == "missing" and len(error["loc"]) == 1:
                details.append(_missing(place, *error["loc"]))
            else:
                details.append({**error, "loc": [place, *error["loc"]]})
    return None


def _missing(*place: str | int) -> dict[str, Any]:
    return {"type": "missing", "loc": list(place), "msg": "Field required", "input": None}
