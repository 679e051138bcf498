"""The time and the place of each clip in numbers.

Sources: the schema's descriptions, and the guides for `fit`, `position`, `offset` and smart clips at
https://shotstack.io/docs/guide. Times are in seconds, sizes in pixels; the `y` of an
offset points upwards.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .assets import Media

_STILL_SECONDS = 3.0
_FRAMES_PER_SECOND = {"preview": 15.0}
_HEIGHTS = {"preview": 288, "mobile": 360, "sd": 576, "hd": 720, "1080": 1080, "4k": 2160}
_ALIAS = "alias://"


class TimelineError(ValueError):
    """A timeline that cannot be rendered."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A clip with its times as numbers."""

    clip: Mapping[str, Any]
    start: float
    length: float

    @property
    def end(self) -> float:
        """The time when the clip ends."""
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Placement:
    """An asset scaled to `scaled`; its middle of the size `visible` is shown with its upper left corner at `at`."""

    scaled: tuple[int, int]
    visible: tuple[int, int]
    at: tuple[int, int]


def schedule(tracks: Sequence[Mapping[str, Any]], media: Mapping[str, Media]) -> list[list[Scheduled]]:
    """Return the clips of every track with their times. Raises `TimelineError` for times that depend on each other.

    A start `auto` is the end of the track's previous clip, a length `auto` that of the asset; the length `end` lasts
    until the last clip of the timeline ends; `alias://name` is the time of the clip with that alias.
    """
    places = [(track, number) for track, clips in enumerate(tracks) for number in range(len(clips["clips"]))]
    clips = {(track, number): tracks[track]["clips"][number] for track, number in places}
    aliases = {clip["alias"]: place for place, clip in clips.items() if "alias" in clip}
    starts: dict[tuple[int, int], float] = {}
    lengths: dict[tuple[int, int], float] = {}

    def start_of(place: tuple[int, int]) -> float | None:
        match clips[place]["start"]:
            case "auto":
                before = (place[0], place[1] - 1)
                if before not in clips:
                    return 0.0
                return starts[before] + lengths[before] if before in starts and before in lengths else None
            case str() as alias:
                return starts.get(aliases.get(alias.removeprefix(_ALIAS), (-1, -1)))
            case seconds:
                return float(seconds)

    def length_of(place: tuple[int, int]) -> float | None:
        match clips[place]["length"]:
            case "auto":
                return _own_length(clips[place]["asset"], media)
            case "end":
                return None
            case str() as alias:
                return lengths.get(aliases.get(alias.removeprefix(_ALIAS), (-1, -1)))
            case seconds:
                return float(seconds)

    def resolve() -> None:
        """Resolve all times that can be; each round resolves at least one more."""
        for _ in places:
            for place in places:
                if place not in starts and (start := start_of(place)) is not None:
                    starts[place] = start
                if place not in lengths and (length := length_of(place)) is not None:
                    lengths[place] = length

    resolve()
    end = max((starts[place] + lengths[place] for place in places if place in starts and place in lengths), default=0.0)
    for place, clip in clips.items():
        if clip["length"] == "end" and place in starts:
            lengths[place] = max(0.0, end - starts[place])
    resolve()
    for track, number in places:
        if (track, number) not in starts or (track, number) not in lengths:
            raise TimelineError(
                f"The times of timeline.tracks[{track}].clips[{number}] cannot be resolved: they depend on each other"
            )
    return [
        [
            Scheduled(clip, starts[track, number], lengths[track, number])
            for number, clip in enumerate(clips_of["clips"])
        ]
        for track, clips_of in enumerate(tracks)
    ]


def output_size(output: Mapping[str, Any]) -> tuple[int, int]:
    """Return the picture's width and height, which are even for a video, as H.264 requires."""
    if "size" in output:
        width, height = output["size"].get("width", 0), output["size"].get("height", 0)
    else:
        width, height = _resolution(output["resolution"], output.get("aspectRatio", "16:9"))
    odd = 2 if output["format"] == "mp4" else 1
    return width + width % odd, height + height % odd


def scaled_size(output: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return the size of `scaleTo`, or `None` without it."""
    if "scaleTo" not in output:
        return None
    return _resolution(output["scaleTo"], output.get("aspectRatio", "16:9"))


def frame_rate(output: Mapping[str, Any]) -> float:
    """Return the frames per second."""
    return float(output.get("fps") or _FRAMES_PER_SECOND.get(output.get("resolution", ""), 25.0))


def place_asset(clip: Mapping[str, Any], size: tuple[int, int], viewport: tuple[int, int], *, fit: str) -> Placement:
    """Return the placement of an asset of this size; `fit` is the default of the clip's own.

    Shotstack's values differ from those of CSS: `crop` fills and keeps the proportions, `cover` stretches.
    """
    box = (clip.get("width", viewport[0]), clip.get("height", viewport[1]))
    ratios = (box[0] / size[0], box[1] / size[1])
    match clip.get("fit", fit):
        case "cover":
            scaled, visible = box, box
        case "contain":
            scaled = visible = _multiply(size, min(ratios))
        case "none":
            scaled = visible = size
        case _:
            scaled, visible = _multiply(size, max(ratios)), box
    scale = last_value(clip.get("scale", 1))
    scaled, visible = _multiply(scaled, scale), _multiply(visible, scale)
    position, offset = clip.get("position", "center"), clip.get("offset", {})
    x = _align(position, viewport[0] - visible[0], near="left", far="right")
    y = _align(position, viewport[1] - visible[1], near="top", far="bottom")
    x += last_value(offset.get("x", 0)) * viewport[0]
    y -= last_value(offset.get("y", 0)) * viewport[1]
    return Placement(_round(scaled), _round(visible), (round(x), round(y)))


def last_value(value: Any) -> float:
    """Return a number, or the last value of a list of tweens, because the emulator does not animate."""
    if not isinstance(value, list):
        return float(value)
    return float(value[-1].get("to", value[-1].get("from", 1))) if value else 1.0


def _own_length(asset: Mapping[str, Any], media: Mapping[str, Media]) -> float:
    found = media.get(asset.get("src", ""))
    if found is None:
        return _STILL_SECONDS
    return max(0.0, (found.duration - float(asset.get("trim", 0))) / float(asset.get("speed") or 1))


def _resolution(name: str, aspect_ratio: str) -> tuple[int, int]:
    """Return a size; 9:16 swaps the sides of 16:9, the other ratios keep the height."""
    height = _HEIGHTS[name]
    match aspect_ratio.split(":"):
        case ["9", "16"]:
            return height, height * 16 // 9
        case [wide, high]:
            return height * int(wide) // int(high) // 2 * 2, height
    raise TimelineError(f"Unknown aspect ratio: {aspect_ratio}")


def _align(position: str, free: float, *, near: str, far: str) -> float:
    if near in position.lower():
        return 0.0
    return free if far in position.lower() else free / 2


def _multiply(size: tuple[float, float], factor: float) -> tuple[float, float]:
    return size[0] * factor, size[1] * factor


def _round(size: tuple[float, float]) -> tuple[int, int]:
    return max(2, round(size[0])), max(2, round(size[1]))
