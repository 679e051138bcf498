"""Shotstack's Edit schema, as far as a mistake in it can be named before money is spent.

Known members are checked as in the JSON schema of the npm package @shotstack/schemas 1.18.3 (2026-09); unknown ones are
let through, for Shotstack knows its newest ones better. A value is only looked at: what is sent on is what came.
"""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

Format = Literal["mp4", "gif", "mp3", "jpg", "png", "bmp"]
Resolution = Literal["preview", "mobile", "sd", "hd", "1080", "4k"]
_Position = Literal[
    "top", "topRight", "right", "bottomRight", "bottom", "bottomLeft", "left", "topLeft", "center"
]  # fmt: skip
_Fade = Literal["none", "fadeIn", "fadeOut", "fadeInFadeOut"]
_Text = Annotated[str, Field(pattern=r"\S")]

FPS = (12, 15, 23.976, 24, 25, 29.97, 30, 48, 50, 59.94, 60)

ASSET_MEMBERS: Mapping[str, tuple[str, ...]] = {
    "video": ("src|prompt",), "image": ("src|prompt",), "audio": ("src|prompt",), "luma": ("src",), "caption": ("src",),
    "rich-caption": ("src",), "image-to-video": ("src",), "svg": ("src",), "html": ("html",), "html5": ("html",),
    "title": ("text",), "text": ("text",), "rich-text": ("text",), "shape": ("shape",), "text-to-image": ("prompt",),
    "text-to-speech": ("text", "voice"),
}  # fmt: skip
"""The types of assets, and what each must have; `a|b` is one of the two."""

_ALIAS = re.compile(r"alias://[A-Za-z0-9_-]+")


def checked(model: type[BaseModel]) -> AfterValidator:
    """A validator that holds a value to a model and leaves it as it came."""

    def check(value: Any) -> Any:
        model.model_validate(value)
        return value

    return AfterValidator(check)


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
    model_config = ConfigDict(strict=True, extra="allow")


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
    """What a type of asset has of these is alike in all that have it."""

    src: _Text | None = None
    trim: float | None = None
    volume: Annotated[Any, _tweened(0, 1)] = None
    speed: float | None = Field(default=None, ge=0, le=10)
    crop: Annotated[Any, checked(_Crop)] = None


class _Sounding(_Media):
    effect: _Fade | None = None


def _check_asset(value: Any) -> Any:
    kind = _Asset.model_validate(value).type
    if kind not in ASSET_MEMBERS:
        known = ", ".join(ASSET_MEMBERS)
        raise PydanticCustomError("asset_type", "type must be one of {known}", {"known": known})
    for names in ASSET_MEMBERS[kind]:
        if all(value.get(name) is None for name in names.split("|")):
            reason = {"kind": kind, "names": names.replace("|", "` or `")}
            raise PydanticCustomError("asset_member", "a {kind} asset needs `{names}`", reason)
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


class Timeline(_Part):
    """`timeline`: tracks of clips, the first track on top; times are seconds."""

    tracks: list[Annotated[Any, checked(_Track)]] = Field(min_length=1)
    soundtrack: Annotated[Any, checked(_Soundtrack)] = None
    background: str | None = None
    fonts: list[Annotated[Any, checked(_Font)]] | None = None
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
    destinations: list[dict[str, Any]] | None = None


class _MergeField(_Part):
    find: str = Field(min_length=1)
    replace: Any


MergeFields = list[Annotated[Any, checked(_MergeField)]]


def merge(value: Any, fields: Mapping[str, Any]) -> Any:
    """`value` with each `{{ FIND }}` replaced.

    A text that is nothing but a placeholder takes the replacement's own type, so that numbers can be merged too.
    """
    if not fields:
        return value
    placeholder = re.compile(r"\{\{\s*(" + "|".join(map(re.escape, fields)) + r")\s*\}\}")
    return _replace(value, fields, placeholder.fullmatch, placeholder.sub)


def _replace(value: Any, fields: Mapping[str, Any], whole: Callable[..., Any], sub: Callable[..., Any]) -> Any:
    match value:
        case str():
            found = whole(value)
            return fields[found[1]] if found else sub(lambda part: str(fields[part[1]]), value)
        case list():
            return [_replace(item, fields, whole, sub) for item in value]
        case dict():
            return {name: _replace(item, fields, whole, sub) for name, item in value.items()}
    return value
