"""When each clip plays, and where in the picture it is: Shotstack's rules as numbers.

Sources: the schema's descriptions, and the guides for `fit`, `position`, `offset` and smart clips at
https://shotstack.io/docs/guide. Seconds and pixels; `y` of an offset points upwards.
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
    """A timeline whose times cannot be worked out."""


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A clip with its times as numbers."""

    clip: Mapping[str, Any]
    start: float
    length: float

    @property
    def end(self) -> float:
        return self.start + self.length


@dataclass(frozen=True, slots=True)
class Placement:
    """An asset scaled to `scaled`, of which the middle `visible` is shown with its upper left corner at `at`."""

    scaled: tuple[int, int]
    visible: tuple[int, int]
    at: tuple[int, int]


def schedule(tracks: Sequence[Mapping[str, Any]], media: Mapping[str, Media]) -> list[list[Scheduled]]:
    """The clips of every track with their times. Raises `TimelineError` for times that depend on each other.

    `auto` starts where the track's previous clip ends, and lasts as long as the asset; `end` lasts until the last clip
    of the timeline ends; `alias://name` is the time of the clip with that alias.
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

    def settle() -> None:
        """Each round works out at least one more time, as long as one is left that can be."""
        for _ in places:
            for place in places:
                if place not in starts and (start := start_of(place)) is not None:
                    starts[place] = start
                if place not in lengths and (length := length_of(place)) is not None:
                    lengths[place] = length

    settle()
    end = max((starts[place] + lengths[place] for place in places if place in starts and place in lengths), default=0.0)
    for place, clip in clips.items():
        if clip["length"] == "end" and place in starts:
            lengths[place] = max(0.0, end - starts[place])
    settle()
    for track, number in places:
        if (track, number) not in starts or (track, number) not in lengths:
            raise TimelineError(f"The times of timeline.tracks[{track}].clips[{number}] cannot be worked out")
    return [
        [
            Scheduled(clip, starts[track, number], lengths[track, number])
            for number, clip in enumerate(clips_of["clips"])
        ]
        for track, clips_of in enumerate(tracks)
    ]


def output_size(output: Mapping[str, Any]) -> tuple[int, int]:
    """The picture's width and height; those of a video are even, as H.264 needs them."""
    if "size" in output:
        width, height = output["size"].get("width", 0), output["size"].get("height", 0)
    else:
        width, height = _resolution(output["resolution"], output.get("aspectRatio", "16:9"))
    odd = 2 if output["format"] == "mp4" else 1
    return width + width % odd, height + height % odd


def scaled_size(output: Mapping[str, Any]) -> tuple[int, int] | None:
    """The size that `scaleTo` asks for, if it does."""
    if "scaleTo" not in output:
        return None
    return _resolution(output["scaleTo"], output.get("aspectRatio", "16:9"))


def frame_rate(output: Mapping[str, Any]) -> float:
    return float(output.get("fps") or _FRAMES_PER_SECOND.get(output.get("resolution", ""), 25.0))


def place(clip: Mapping[str, Any], size: tuple[int, int], viewport: tuple[int, int], *, fit: str) -> Placement:
    """Where an asset of this size goes. `fit` is what the asset does when the clip does not say.

    Shotstack's words are not those of CSS: `crop` fills and keeps the proportions, `cover` stretches.
    """
    box = (clip.get("width", viewport[0]), clip.get("height", viewport[1]))
    ratios = (box[0] / size[0], box[1] / size[1])
    match clip.get("fit", fit):
        case "cover":
            scaled, visible = box, box
        case "contain":
            scaled = visible = _times(size, min(ratios))
        case "none":
            scaled = visible = size
        case _:
            scaled, visible = _times(size, max(ratios)), box
    scale = constant(clip.get("scale", 1))
    scaled, visible = _times(scaled, scale), _times(visible, scale)
    position, offset = clip.get("position", "center"), clip.get("offset", {})
    x = _align(position, viewport[0] - visible[0], near="left", far="right")
    y = _align(position, viewport[1] - visible[1], near="top", far="bottom")
    x += constant(offset.get("x", 0)) * viewport[0]
    y -= constant(offset.get("y", 0)) * viewport[1]
    return Placement(_whole(scaled), _whole(visible), (round(x), round(y)))


def constant(value: Any) -> float:
    """A number, or of a list of tweens the value that it ends with: the emulator animates none."""
    if not isinstance(value, list):
        return float(value)
    return float(value[-1].get("to", value[-1].get("from", 1))) if value else 1.0


def _own_length(asset: Mapping[str, Any], media: Mapping[str, Media]) -> float:
    found = media.get(asset.get("src", ""))
    if found is None:
        return _STILL_SECONDS
    return max(0.0, (found.duration - float(asset.get("trim", 0))) / float(asset.get("speed") or 1))


def _resolution(name: str, aspect_ratio: str) -> tuple[int, int]:
    """16:9 and 9:16 swap sides; the narrower shapes keep the height."""
    height = _HEIGHTS[name]
    match aspect_ratio.split(":"):
        case ["9", "16"]:
            return height, height * 16 // 9
        case [wide, high]:
            return height * int(wide) // int(high) // 2 * 2, height
    raise TimelineError(f"Unknown aspect ratio: {aspect_ratio}")


def _align(position: str, room: float, *, near: str, far: str) -> float:
    if near in position.lower():
        return 0.0
    return room if far in position.lower() else room / 2


def _times(size: tuple[float, float], factor: float) -> tuple[float, float]:
    return size[0] * factor, size[1] * factor


def _whole(size: tuple[float, float]) -> tuple[int, int]:
    return max(2, round(size[0])), max(2, round(size[1]))
