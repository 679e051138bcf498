"""A timeline as one run of ffmpeg: its inputs, its filter graph, and the output that was asked for.

Pictures are laid over the background from the last track to the first, sounds are mixed. Every transition but `none`
appears as a fade; effects, filters and tweens do not appear.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PIL import Image, UnidentifiedImageError

from ._shotstack_assets import AssetError, Media
from ._shotstack_text import TEXT_ASSETS, draw_text
from ._shotstack_timeline import (
    Placement,
    Scheduled,
    TimelineError,
    constant,
    frame_rate,
    output_size,
    place,
    scaled_size,
    schedule,
)

_SAMPLE_RATE = 44_100
_FADE_SECONDS = {"Slow": 2.0, "Fast": 0.5}
_QUALITY = {"verylow": 38, "low": 32, "medium": 26, "high": 21, "veryhigh": 18}
_STILLS = {"jpg", "png", "bmp"}
_SILENCE = f"anullsrc=r={_SAMPLE_RATE}:cl=stereo"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """The fetched files of an edit by URL, and a directory for pictures that are drawn on the way."""

    media: Mapping[str, Media]
    images: Mapping[str, Path]
    directory: Path


@dataclass(slots=True)
class _Graph:
    """The arguments so far: inputs, chains of filters, and the labels of what sounds."""

    inputs: list[str] = field(default_factory=list)
    chains: list[str] = field(default_factory=list)
    sounds: list[str] = field(default_factory=list)
    count: int = 0

    def add_input(self, *arguments: str | Path) -> int:
        self.inputs += map(str, arguments)
        self.count += 1
        return self.count - 1


@dataclass(frozen=True, slots=True)
class Plan:
    """ffmpeg's arguments but for the output file, and how long the output lasts in seconds: a still picture 0."""

    arguments: list[str]
    duration: float


def plan(edit: Mapping[str, Any], sources: Sources) -> Plan:
    """Work out the whole run. Raises `TimelineError` or `AssetError` for what cannot be rendered."""
    timeline, output = edit["timeline"], edit["output"]
    scheduled = schedule(timeline["tracks"], sources.media)
    tracks = [[clip for clip in track if clip.length > 0] for track in scheduled]
    duration = max((clip.end for track in tracks for clip in track), default=0.0)
    if duration <= 0:
        raise TimelineError("The timeline is empty")
    graph = _Graph()
    arguments = []
    if output["format"] != "mp3":
        arguments += ["-map", _add_pictures(graph, edit, tracks, sources, duration=duration)]
    if output["format"] in {"mp3", "mp4"} and not output.get("mute"):
        _add_sounds(graph, timeline, tracks, sources, duration=duration)
        if graph.sounds or output["format"] == "mp3":
            arguments += ["-map", _mix(graph, duration)]
    window = output.get("range", {})
    start = float(window.get("start", 0))
    length = min(float(window.get("length", duration)), duration - start)
    if length <= 0:
        raise TimelineError("The range lies behind the end of the timeline")
    arguments += ["-ss", f"{start:g}", "-t", f"{length:g}"] if window else ["-t", f"{duration:g}"]
    chains = ["-filter_complex", ";".join(graph.chains)]
    is_still = output["format"] in _STILLS
    return Plan([*graph.inputs, *chains, *arguments, *_encoding(output)], 0 if is_still else length)


def _add_pictures(
    graph: _Graph,
    edit: Mapping[str, Any],
    tracks: Sequence[Sequence[Scheduled]],
    sources: Sources,
    *,
    duration: float,
) -> str:
    timeline, output = edit["timeline"], edit["output"]
    viewport, rate = output_size(output), frame_rate(output)
    background = _rgb(timeline.get("background", "#000000"))
    size = f"{viewport[0]}x{viewport[1]}"
    graph.chains.append(f"color=c={background}:s={size}:r={rate:g}:d={duration:g},format=yuv420p[base]")
    below = "base"
    for track in reversed(tracks):
        for clip in track:
            if (picture := _picture(graph, clip, sources, viewport=viewport, rate=rate)) is None:
                continue
            chain, at = picture
            number = len(graph.chains)
            graph.chains.append(f"{chain}[clip{number}]")
            graph.chains.append(f"[{below}][clip{number}]overlay={at[0]}:{at[1]}:eof_action=pass[layer{number}]")
            below = f"layer{number}"
    last = []
    if (scaled := scaled_size(output)) is not None:
        last.append(f"scale={scaled[0]}:{scaled[1]}")
    if output["format"] == "gif":
        last.append(
            "split[plain][counted];[counted]palettegen=stats_mode=single[palette];[plain][palette]paletteuse=new=1"
        )
    graph.chains.append(f"[{below}]{','.join(last or ['null'])}[picture]")
    return "[picture]"


def _picture(
    graph: _Graph, scheduled: Scheduled, sources: Sources, *, viewport: tuple[int, int], rate: float
) -> tuple[str, tuple[int, int]] | None:
    """A chain of filters that gives the clip's frames at their time, and where they go; `None` if it only sounds."""
    clip, asset = scheduled.clip, scheduled.clip["asset"]
    match asset["type"]:
        case "audio":
            return None
        case "video":
            media = sources.media[_source(asset)]
            if media.size == (0, 0):
                raise AssetError(f"There is no picture in {asset['src']}")
            speed = float(asset.get("speed") or 1)
            seconds = ["-t", f"{scheduled.length * speed:g}"]
            number = graph.add_input("-ss", f"{asset.get('trim', 0):g}", *seconds, "-i", media.path)
            crop = asset.get("crop", {})
            placement = place(clip, _cropped(media.size, crop), viewport, fit="crop")
            chain = [f"[{number}:v]setpts=(PTS-STARTPTS)/{speed:g}", f"fps={rate:g}", *_crop(crop), *_fit(placement)]
        case kind if kind == "image" or kind in TEXT_ASSETS:
            image, fit = _still(clip, sources, viewport)
            placement = place(_with_own_place(clip), image.size, viewport, fit=fit)
            path = sources.directory / f"still-{len(graph.inputs)}.png"
            _shown(image, placement).save(path, compress_level=1)
            frames = max(1, round(scheduled.length * rate))
            loop = f"loop={frames - 1}:size=1,settb=AVTB,setpts=N/({rate:g}*TB)"
            chain = [f"[{graph.add_input('-i', path)}:v]format=yuva420p", loop]
        case kind:
            raise TimelineError(f"The emulator does not render assets of the type '{kind}'")
    chain += _fades(clip, scheduled.length)
    chain.append(f"setpts=PTS+{scheduled.start:g}/TB")
    return ",".join(chain), placement.at


def _still(clip: Mapping[str, Any], sources: Sources, viewport: tuple[int, int]) -> tuple[Image.Image, str]:
    """The picture of an image or text clip, and how it fits unless the clip says how."""
    asset = clip["asset"]
    if asset["type"] != "image":
        return draw_text(clip, viewport), "none"
    try:
        with Image.open(sources.images[_source(asset)]) as opened:
            image = opened.convert("RGBA")
    except (UnidentifiedImageError, OSError) as error:
        raise AssetError(f"The file is not an image: {asset['src']}") from error
    crop = asset.get("crop", {})
    left, top = image.width * crop.get("left", 0), image.height * crop.get("top", 0)
    width, height = _cropped(image.size, crop)
    return image.crop((round(left), round(top), round(left) + width, round(top) + height)), "crop"


def _with_own_place(clip: Mapping[str, Any]) -> Mapping[str, Any]:
    """Titles and HTML may have a place of their own; the box of a text is not one that it is fitted into."""
    if clip["asset"]["type"] == "image":
        return clip
    own = {name: clip["asset"][name] for name in ("position", "offset") if name in clip["asset"]}
    return {**own, **{name: value for name, value in clip.items() if name not in {"width", "height", "fit"}}}


def _shown(image: Image.Image, placement: Placement) -> Image.Image:
    """The image as scaled, its middle cut out."""
    (width, height), visible = placement.scaled, placement.visible
    left, top = (width - visible[0]) // 2, (height - visible[1]) // 2
    scaled = image if image.size == placement.scaled else image.resize(placement.scaled, Image.Resampling.BILINEAR)
    return scaled if placement.scaled == visible else scaled.crop((left, top, left + visible[0], top + visible[1]))


def _fit(placement: Placement) -> list[str]:
    (width, height), visible = placement.scaled, placement.visible
    scale = f"scale={width}:{height}:flags=fast_bilinear"
    return [scale, *([] if placement.scaled == visible else [f"crop={visible[0]}:{visible[1]}"]), "setsar=1"]


def _crop(crop: Mapping[str, float]) -> list[str]:
    if not crop:
        return []
    left, top = crop.get("left", 0), crop.get("top", 0)
    width, height = 1 - left - crop.get("right", 0), 1 - top - crop.get("bottom", 0)
    return [f"crop=iw*{width:g}:ih*{height:g}:iw*{left:g}:ih*{top:g}"]


def _cropped(size: tuple[int, int], crop: Mapping[str, float]) -> tuple[int, int]:
    width = size[0] * (1 - crop.get("left", 0) - crop.get("right", 0))
    height = size[1] * (1 - crop.get("top", 0) - crop.get("bottom", 0))
    return max(1, round(width)), max(1, round(height))


def _fades(clip: Mapping[str, Any], length: float) -> list[str]:
    """Opacity, and the transitions as fades of half a second to two."""
    opacity, transition = constant(clip.get("opacity", 1)), clip.get("transition", {})
    filters = [f"lutyuv=a=val*{opacity:g}"] if opacity != 1 else []
    for side in ("in", "out"):
        name = transition.get(side, "none")
        if name != "none":
            seconds = min(next((s for speed, s in _FADE_SECONDS.items() if name.endswith(speed)), 1.0), length)
            start = 0 if side == "in" else length - seconds
            filters.append(f"fade=t={side}:st={start:g}:d={seconds:g}:alpha=1")
    return ["format=yuva420p", *filters] if filters else []


def _add_sounds(
    graph: _Graph,
    timeline: Mapping[str, Any],
    tracks: Sequence[Sequence[Scheduled]],
    sources: Sources,
    *,
    duration: float,
) -> None:
    for track in tracks:
        for scheduled in track:
            asset = scheduled.clip["asset"]
            if asset["type"] in {"audio", "video"} and sources.media[_source(asset)].has_audio:
                _add_sound(graph, asset, sources, start=scheduled.start, length=scheduled.length)
            elif asset["type"] == "audio":
                raise AssetError(f"There is no sound in {asset['src']}")
    if soundtrack := timeline.get("soundtrack"):
        _add_sound(graph, soundtrack, sources, start=0, length=duration)


def _add_sound(graph: _Graph, asset: Mapping[str, Any], sources: Sources, *, start: float, length: float) -> None:
    speed = float(asset.get("speed") or 1)
    path = sources.media[asset["src"]].path
    number = graph.add_input("-ss", f"{asset.get('trim', 0):g}", "-t", f"{length * speed:g}", "-i", path)
    chain = [f"[{number}:a]asetpts=PTS-STARTPTS", f"aresample={_SAMPLE_RATE}", "aformat=fltp:channel_layouts=stereo"]
    if speed != 1:
        chain.append(f"rubberband=tempo={speed:g}")
    chain += [f"atrim=0:{length:g}", f"volume={constant(asset.get('volume', 1)):g}"]
    effect = asset.get("effect", asset.get("volumeEffect", "none")).lower()
    seconds = min(2.0, length / 2)
    if "fadein" in effect:
        chain.append(f"afade=t=in:d={seconds:g}")
    if "fadeout" in effect:
        chain.append(f"afade=t=out:st={length - seconds:g}:d={seconds:g}")
    label = f"[sound{len(graph.sounds)}]"
    graph.chains.append(f"{','.join(chain)},adelay={round(start * 1000)}:all=1{label}")
    graph.sounds.append(label)


def _mix(graph: _Graph, duration: float) -> str:
    mixed = f"{''.join(graph.sounds)}amix={len(graph.sounds)}:normalize=0" if graph.sounds else _SILENCE
    graph.chains.append(f"{mixed},apad,atrim=0:{duration:g}[sound]")
    return "[sound]"


def _encoding(output: Mapping[str, Any]) -> list[str]:
    match output["format"]:
        case "mp4":
            video = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", str(_QUALITY[output.get("quality", "medium")])]
            return [*video, "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart"]
        case "gif":
            return ["-loop", "0" if output.get("repeat", True) else "-1"]
        case "mp3":
            return ["-c:a", "libmp3lame", "-b:a", "128k"]
    return ["-frames:v", "1", "-update", "1"]


def _source(asset: Mapping[str, Any]) -> str:
    if "src" not in asset:
        raise TimelineError("The emulator does not generate assets from a prompt")
    return str(asset["src"])


def _rgb(colour: str) -> str:
    """Shotstack's `#rrggbb` or `#aarrggbb` as ffmpeg writes it."""
    digits = colour.removeprefix("#")[-6:]
    if len(digits) != 6 or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
        raise TimelineError(f"Invalid colour: {colour}")
    return f"0x{digits}"
