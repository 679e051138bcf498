"""Shotstack's Edit schema, as far as a mistake in it can be named before money is spent.

Known fields are checked as in the JSON schema of the npm package @shotstack/schemas 1.18.3 (2026-09); unknown ones
pass, because Shotstack knows its newest fields better. Checks never change a value: what is sent is what came.
"""

import math
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from electrons.models import not_blank
from electrons.usage import UNITS_LIMIT

Format = Literal["mp4", "gif", "mp3", "jpg", "png", "bmp"]
Resolution = Literal["preview", "mobile", "sd", "hd", "1080", "4k"]
_Position = Literal[
    "top", "topRight", "right", "bottomRight", "bottom", "bottomLeft", "left", "topLeft", "center"
]  # fmt: skip
_Fade = Literal["none", "fadeIn", "fadeOut", "fadeInFadeOut"]
_Text = Annotated[str, not_blank("must not be blank")]

FPS = (12, 15, 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60)

ASSET_FIELDS: Mapping[str, tuple[str, ...]] = {
    "video": ("src|prompt",), "image": ("src|prompt",), "audio": ("src|prompt",), "luma": ("src",), "caption": ("src",),
    "rich-caption": ("src",), "image-to-video": ("src",), "svg": ("src",), "html": ("html",), "html5": ("html",),
    "title": ("text",), "text": ("text",), "rich-text": ("text",), "shape": ("shape",), "text-to-image": ("prompt",),
    "text-to-speech": ("text", "voice"),
}  # fmt: skip
"""The types of assets, and the fields that each must have; `a|b` is one of the two."""

TRACKS_LIMIT = 500
CLIPS_LIMIT = 2_000
"""Clips of all tracks together."""
FONTS_LIMIT = 200
DESTINATIONS_LIMIT = 50
MERGE_FIELDS_LIMIT = 1_000

UNKNOWN_CLIP_SECONDS = 300.0
"""What a clip counts for in an estimate whose length only its media tell."""

_ALIAS = re.compile(r"alias://[A-Za-z0-9_-]+")


def checked(model: type[BaseModel]) -> AfterValidator:
    """Return a validator that compares a value with a model and returns it unchanged."""

    def check(value: Any) -> Any:
        model.model_validate(value)
        return value

    return AfterValidator(check)


def limited(limit: int) -> BeforeValidator:
    """Return a validator that refuses a longer list before any of its items is checked."""

    def check(value: Any) -> Any:
        if isinstance(value, list) and len(value) > limit:
            raise PydanticCustomError("items", "must have at most {limit} items", {"limit": limit})
        return value

    return BeforeValidator(check)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _seconds(*words: str) -> AfterValidator:
    named = ", ".join(f"`{word}`" for word in (*words, "alias://NAME"))

    def check(value: Any) -> Any:
        known = isinstance(value, str) and (value in words or _ALIAS.fullmatch(value))
        if not known and not (_is_number(value) and value >= 0):
            raise PydanticCustomError("seconds", "must be seconds, zero or more, or {named}", {"named": named})
        return value

    return AfterValidator(check)


def _tweened(low: float | None = None, high: float | None = None) -> AfterValidator:
    bounds = "" if low is None or high is None else f" from {low:g} to {high:g}"

    def check(value: Any) -> Any:
        animated = isinstance(value, list) and all(isinstance(tween, dict) for tween in value)
        inside = _is_number(value) and (low is None or value >= low) and (high is None or value <= high)
        if not animated and not inside:
            raise PydanticCustomError("tween", "must be a number{bounds}, or a list of tweens", {"bounds": bounds})
        return value

    return AfterValidator(check)


def _one_of(values: tuple[float, ...]) -> AfterValidator:
    def check(value: Any) -> Any:
        if not _is_number(value) or value not in values:
            named = ", ".join(f"{known:g}" for known in values)
            raise PydanticCustomError("one_of", "must be one of {named}", {"named": named})
        return value

    return AfterValidator(check)


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow", allow_inf_nan=False)


class _Crop(_Part):
    top: float | None = Field(default=None, ge=0, le=1)
    bottom: float | None = Field(default=None, ge=0, le=1)
    left: float | None = Field(default=None, ge=0, le=1)
    right: float | None = Field(default=None, ge=0, le=1)


class _Offset(_Part):
    x: Annotated[Any, _tweened(-10, 10)] = None
    y: Annotated[Any, _tweened(-10, 10)] = None


class _Asset(_Part):
    type: str


class _Media(_Asset):
    """Fields that mean the same in every type of asset that has them."""

    src: _Text | None = None
    trim: float | None = None
    volume: Annotated[Any, _tweened(0, 1)] = None
    speed: float | None = Field(default=None, ge=0, le=10)
    crop: Annotated[Any, checked(_Crop)] = None


class _Sounding(_Media):
    effect: _Fade | None = None


def _check_asset(value: Any) -> Any:
    kind = _Asset.model_validate(value).type
    if kind not in ASSET_FIELDS:
        known = ", ".join(ASSET_FIELDS)
        raise PydanticCustomError("asset_type", "type must be one of {known}", {"known": known})
    for names in ASSET_FIELDS[kind]:
        if all(value.get(name) is None for name in names.split("|")):
            reason = {"kind": kind, "names": names.replace("|", "` or `")}
            raise PydanticCustomError("asset_field", "a {kind} asset needs `{names}`", reason)
    (_Sounding if kind in {"audio", "text-to-speech"} else _Media).model_validate(value)
    return value


class _Transition(_Part):
    in_: str | None = Field(default=None, alias="in")
    out: str | None = None


class _Clip(_Part):
    asset: Annotated[Any, AfterValidator(_check_asset)]
    start: Annotated[Any, _seconds("auto")]
    length: Annotated[Any, _seconds("auto", "end")]
    fit: Literal["cover", "contain", "crop", "none"] | None = None
    scale: Annotated[Any, _tweened()] = None
    width: float | None = Field(default=None, ge=1, le=3840)
    height: float | None = Field(default=None, ge=1, le=2160)
    position: _Position | None = None
    offset: Annotated[Any, checked(_Offset)] = None
    transition: Annotated[Any, checked(_Transition)] = None
    effect: str | None = None
    filter: str | None = None
    opacity: Annotated[Any, _tweened()] = None
    alias: str | None = Field(default=None, pattern=r"^[A-Za-z0-9_-]+$")


class _Track(_Part):
    clips: list[Annotated[Any, checked(_Clip)]] = Field(min_length=1)


class _Soundtrack(_Part):
    src: _Text
    effect: Literal["fadeIn", "fadeOut", "fadeInFadeOut"] | None = None
    volume: float | None = Field(default=None, ge=0, le=1)


class _Font(_Part):
    src: _Text


def _limit_clips(tracks: Any) -> Any:
    clips = [track.get("clips") for track in tracks if isinstance(track, dict)] if isinstance(tracks, list) else []
    if sum(len(some) for some in clips if isinstance(some, list)) > CLIPS_LIMIT:
        raise PydanticCustomError("items", "must have at most {limit} clips together", {"limit": CLIPS_LIMIT})
    return tracks


class Timeline(_Part):
    """`timeline`: tracks of clips, the first track on top; times are in seconds."""

    tracks: Annotated[list[Annotated[Any, checked(_Track)]], BeforeValidator(_limit_clips), limited(TRACKS_LIMIT)] = (
        Field(min_length=1)
    )
    soundtrack: Annotated[Any, checked(_Soundtrack)] = None
    background: str | None = None
    fonts: Annotated[list[Annotated[Any, checked(_Font)]], limited(FONTS_LIMIT)] | None = None
    cache: bool | None = None


class _Size(_Part):
    width: int = Field(ge=1, le=4096)
    height: int = Field(ge=1, le=4096)


class _Range(_Part):
    start: float | None = Field(default=None, ge=0)
    length: float | None = Field(default=None, ge=0)


class Output(_Part):
    """`output`: the file that is made."""

    format: Format = "mp4"
    resolution: Resolution | None = None
    aspectRatio: Literal["16:9", "9:16", "1:1", "4:5", "4:3"] | None = None  # noqa: N815  # Shotstack's name
    size: Annotated[Any, checked(_Size)] = None
    fps: Annotated[Any, _one_of(FPS)] = None
    scaleTo: Resolution | None = None  # noqa: N815
    quality: Literal["verylow", "low", "medium", "high", "veryhigh"] | None = None
    repeat: bool | None = None
    mute: bool | None = None
    range: Annotated[Any, checked(_Range)] = None
    destinations: Annotated[list[dict[str, Any]], limited(DESTINATIONS_LIMIT)] | None = None


def _check_find(value: str) -> str:
    if not value.strip() or "{" in value or "}" in value:
        raise PydanticCustomError("find", "must be the name of a placeholder, without braces")
    return value


class _MergeField(_Part):
    find: Annotated[str, AfterValidator(_check_find)]
    replace: Any


MergeFields = list[Annotated[Any, checked(_MergeField)]]


def drop_absent(value: Any) -> Any:
    """Return a copy of an edit without the fields that are null, and without known optional fields that are empty.

    Nothing in Shotstack's schema may be null but some paths of `destinations`, which are copied as they are.
    """
    if isinstance(value, list):
        return [drop_absent(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        name: item if name == "destinations" else drop_absent(item)
        for name, item in value.items()
        if item is not None and not (item == "" and name in _OPTIONAL_FIELDS)
    }


_OPTIONAL_FIELDS = frozenset(
    field.alias or name
    for part in (_Crop, _Offset, _Media, _Sounding, _Transition, _Clip, _Soundtrack, Timeline, _Size, _Range, Output)
    for name, field in part.model_fields.items()
    if not field.is_required()
)


def measure_edit(edit: Mapping[str, Any]) -> int:
    """Return the seconds until the last clip of an edit ends, rounded up.

    A clip that is as long as its media counts as `UNKNOWN_CLIP_SECONDS`, one that ends with the others as nothing.
    """
    end = 0.0
    for track in edit["timeline"]["tracks"]:
        at = 0.0
        for clip in track["clips"]:
            start, length = (clip[name] for name in ("start", "length"))
            begin = start if isinstance(start, int | float) else at  # `auto`: after the clip before it
            seconds = {"end": 0.0}.get(length, UNKNOWN_CLIP_SECONDS) if isinstance(length, str) else length
            at = begin + seconds
            end = max(end, at)
    part = edit["output"].get("range") or {}
    start, length = (part.get(name) for name in ("start", "length"))
    end = max(0.0, end - (start or 0.0))
    return math.ceil(min(end, UNITS_LIMIT if length is None else length))
