"""Video renders: `POST /render` and `GET /render/{render_id}`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from electrons.capabilities.render import RenderStatus
from electrons.models import LabeledRequest, ResponseModel
from electrons.providers.shotstack.edit import (
    MERGE_FIELDS_LIMIT,
    MergeFields,
    Output,
    Timeline,
    checked,
    drop_absent,
)
from electrons.providers.shotstack.merging import InvalidEditError, merge
from render_service.urls import URL_LIMIT

WAIT_LIMIT_SECONDS = 120
"""The longest that one request may wait for a render."""

_OWN_TYPES = {"svg"}  # their `src` is the image itself, not its address


def _require_tracks(value: Any) -> Any:
    if not isinstance(value, dict) or not value.get("tracks"):
        raise PydanticCustomError("tracks", "Timeline with tracks is required")
    return value


def _refuse(value: Any) -> Any:
    if value is not None:
        raise PydanticCustomError(
            "callback", "use `callback_url` instead; this worker sends a signed request there when the file is stored"
        )


def _replacements(fields: Any) -> dict[str, Any]:
    """Return the values of the merge fields by name; wrong fields are reported by the check that follows."""
    return {
        field["find"]: field.get("replace")
        for field in (fields if isinstance(fields, list) else [])
        if isinstance(field, dict) and isinstance(field.get("find"), str)
    }


class RenderRequest(LabeledRequest):
    """An edit in Shotstack's schema, with its `merge` fields merged and absent fields dropped, otherwise as it came."""

    timeline: Annotated[Any, checked(Timeline), BeforeValidator(_require_tracks)] = Field(
        default=None, validate_default=True
    )
    output: Annotated[Any, checked(Output)] = Field(default_factory=dict)
    merge: MergeFields = Field(default_factory=list, max_length=MERGE_FIELDS_LIMIT)
    instance: Literal["s1", "s2", "a1"] | None = None
    callback: Annotated[Any, BeforeValidator(_refuse)] = None
    callback_url: str | None = Field(default=None, max_length=URL_LIMIT)
    wait_seconds: float = Field(default=0, ge=0, le=WAIT_LIMIT_SECONDS)

    @model_validator(mode="before")
    @classmethod
    def _merge(cls, value: Any) -> Any:
        """Merge first, so that what is checked is what will be rendered."""
        if not isinstance(value, dict):
            return value
        edit = {name: value[name] for name in ("timeline", "output") if value.get(name) is not None}
        try:
            return {**value, **drop_absent(merge(edit, _replacements(value.get("merge"))))}
        except InvalidEditError as error:
            problem = PydanticCustomError("edit", "{reason}", {"reason": error.message})
            details: InitErrorDetails = {"type": problem, "loc": error.path, "input": None}
            raise ValidationError.from_exception_data(cls.__name__, [details]) from error

    @property
    def edit(self) -> dict[str, Any]:
        """Return what is submitted: the edit with the defaults of absent fields."""
        output = {"format": "mp4", **self.output}
        if output["format"] != "mp3" and "size" not in output:
            output.setdefault("resolution", "hd")
        if output["format"] in {"mp4", "gif"}:
            output.setdefault("fps", 25)
        edit = {"timeline": self.timeline, "output": output}
        return {**edit, "instance": self.instance} if self.instance else edit

    def urls(self) -> Iterator[tuple[str, str]]:
        """Iterate over the path and value of each field that holds a URL."""
        if self.callback_url is not None:
            yield "callback_url", self.callback_url
        if soundtrack := self.timeline.get("soundtrack"):
            yield "timeline.soundtrack.src", soundtrack["src"]
        for number, font in enumerate(self.timeline.get("fonts") or []):
            yield f"timeline.fonts.{number}.src", font["src"]
        for track, clips in enumerate(self.timeline["tracks"]):
            for number, clip in enumerate(clips["clips"]):
                asset = clip["asset"]
                source = asset.get("src")
                if source and asset["type"] not in _OWN_TYPES and not source.startswith("alias://"):
                    yield f"timeline.tracks.{track}.clips.{number}.asset.src", source


class RenderMetadata(BaseModel):
    """The rendered file. `resolution` is Shotstack's name of it or `WIDTHxHEIGHT`; audio has none."""

    provider: str
    format: str
    resolution: str | None = None
    duration_seconds: float | None = None
    size_bytes: int | None = None
    render_time_ms: int | None = None


class CallbackState(BaseModel):
    """The progress of the call to `callback_url`."""

    url: str
    status: Literal["pending", "delivered", "given_up"]
    attempts: int
    last_status: int | None = None


class RenderResponse(ResponseModel):
    """A render. `progress` is in percent, by the stage that has been reached; only a `done` one has a `url`."""

    render_id: str
    status: RenderStatus
    progress: int
    url: str | None = None
    error: str | None = None
    metadata: RenderMetadata
    callback: CallbackState | None = None
