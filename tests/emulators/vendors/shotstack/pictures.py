"""The visible clips of a timeline: each one scaled, placed, faded, and overlaid on those below.

Every transition except `none` is a fade; effects, filters and tweens are ignored.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from PIL import Image, UnidentifiedImageError

from .assets import AssetError
from .graph import Graph, Sources, source_of
from .text import TEXT_ASSETS, draw_text
from .timeline import (
    Placement,
    Scheduled,
    TimelineError,
    frame_rate,
    last_value,
    output_size,
    place_asset,
    scaled_size,
)

_FADE_SECONDS = {"Slow": 2.0, "Fast": 0.5}


def add_pictures(
    graph: Graph,
    edit: Mapping[str, Any],
    tracks: Sequence[Sequence[Scheduled]],
    sources: Sources,
    *,
    duration: float,
) -> str:
    """Add the visible clips, the first track on top, and return the label of the result."""
    timeline, output = edit["timeline"], edit["output"]
    viewport, rate = output_size(output), frame_rate(output)
    background = _rgb(timeline.get("background", "#000000"))
    size = f"{viewport[0]}x{viewport[1]}"
    graph.chains.append(f"color=c={background}:s={size}:r={rate:g}:d={duration:g},format=yuv420p[base]")
    below = "base"
    for track in reversed(tracks):
        for clip in track:
            if (layer := _add_layer(graph, clip, sources, viewport=viewport, rate=rate)) is None:
                continue
            chain, at = layer
            number = len(graph.chains)
            graph.chains.append(f"{chain}[clip{number}]")
            graph.chains.append(f"[{below}][clip{number}]overlay={at[0]}:{at[1]}:eof_action=pass[layer{number}]")
            below = f"layer{number}"
    final = []
    if (scaled := scaled_size(output)) is not None:
        final.append(f"scale={scaled[0]}:{scaled[1]}")
    if output["format"] == "gif":
        final.append(
            "split[plain][counted];[counted]palettegen=stats_mode=single[palette];[plain][palette]paletteuse=new=1"
        )
    graph.chains.append(f"[{below}]{','.join(final or ['null'])}[picture]")
    return "[picture]"


def _add_layer(
    graph: Graph, scheduled: Scheduled, sources: Sources, *, viewport: tuple[int, int], rate: float
) -> tuple[str, tuple[int, int]] | None:
    """Return the chain of filters with the clip's frames, and their position; `None` for an audio clip."""
    clip, asset = scheduled.clip, scheduled.clip["asset"]
    match asset["type"]:
        case "audio":
            return None
        case "video":
            media = sources.media[source_of(asset)]
            if media.size == (0, 0):
                raise AssetError(f"The file has no video: {asset['src']}")
            speed = float(asset.get("speed") or 1)
            seconds = ["-t", f"{scheduled.length * speed:g}"]
            number = graph.add_input("-ss", f"{asset.get('trim', 0):g}", *seconds, "-i", media.path)
            crop = asset.get("crop", {})
            placement = place_asset(clip, _cropped_size(media.size, crop), viewport, fit="crop")
            chain = [
                f"[{number}:v]setpts=(PTS-STARTPTS)/{speed:g}",
                f"fps={rate:g}",
                *_crop_filters(crop),
                *_fit_filters(placement),
            ]
        case kind if kind == "image" or kind in TEXT_ASSETS:
            image, fit = _draw_still(clip, sources, viewport)
            placement = place_asset(_merge_placement(clip), image.size, viewport, fit=fit)
            path = sources.directory / f"still-{len(graph.inputs)}.png"
            _scale_and_crop(image, placement).save(path, compress_level=1)
            frames = max(1, round(scheduled.length * rate))
            loop = f"loop={frames - 1}:size=1,settb=AVTB,setpts=N/({rate:g}*TB)"
            chain = [f"[{graph.add_input('-i', path)}:v]format=yuva420p", loop]
        case kind:
            raise TimelineError(f"The emulator does not render assets of the type '{kind}'")
    chain += _fade_filters(clip, scheduled.length)
    chain.append(f"setpts=PTS+{scheduled.start:g}/TB")
    return ",".join(chain), placement.at


def _draw_still(clip: Mapping[str, Any], sources: Sources, viewport: tuple[int, int]) -> tuple[Image.Image, str]:
    """Return the picture of an image or text clip, and its `fit` unless the clip has one."""
    asset = clip["asset"]
    if asset["type"] != "image":
        return draw_text(clip, viewport), "none"
    try:
        with Image.open(sources.files[source_of(asset)]) as opened:
            image = opened.convert("RGBA")
    except (UnidentifiedImageError, OSError) as error:
        raise AssetError(f"The file is not an image: {asset['src']}") from error
    crop = asset.get("crop", {})
    left, top = image.width * crop.get("left", 0), image.height * crop.get("top", 0)
    width, height = _cropped_size(image.size, crop)
    return image.crop((round(left), round(top), round(left) + width, round(top) + height)), "crop"


def _merge_placement(clip: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the clip with the placement of its title or HTML; a text is not fitted into its box."""
    if clip["asset"]["type"] == "image":
        return clip
    own = {name: clip["asset"][name] for name in ("position", "offset") if name in clip["asset"]}
    return {**own, **{name: value for name, value in clip.items() if name not in {"width", "height", "fit"}}}


def _scale_and_crop(image: Image.Image, placement: Placement) -> Image.Image:
    """Return the visible middle of the scaled image."""
    (width, height), visible = placement.scaled, placement.visible
    left, top = (width - visible[0]) // 2, (height - visible[1]) // 2
    scaled = image if image.size == placement.scaled else image.resize(placement.scaled, Image.Resampling.BILINEAR)
    return scaled if placement.scaled == visible else scaled.crop((left, top, left + visible[0], top + visible[1]))


def _fit_filters(placement: Placement) -> list[str]:
    (width, height), visible = placement.scaled, placement.visible
    scale = f"scale={width}:{height}:flags=fast_bilinear"
    return [scale, *([] if placement.scaled == visible else [f"crop={visible[0]}:{visible[1]}"]), "setsar=1"]


def _crop_filters(crop: Mapping[str, float]) -> list[str]:
    if not crop:
        return []
    left, top = crop.get("left", 0), crop.get("top", 0)
    width, height = 1 - left - crop.get("right", 0), 1 - top - crop.get("bottom", 0)
    return [f"crop=iw*{width:g}:ih*{height:g}:iw*{left:g}:ih*{top:g}"]


def _cropped_size(size: tuple[int, int], crop: Mapping[str, float]) -> tuple[int, int]:
    width = size[0] * (1 - crop.get("left", 0) - crop.get("right", 0))
    height = size[1] * (1 - crop.get("top", 0) - crop.get("bottom", 0))
    return max(1, round(width)), max(1, round(height))


def _fade_filters(clip: Mapping[str, Any], length: float) -> list[str]:
    """Return filters for the opacity and the transitions, which are fades of 0.5 to 2 s."""
    opacity, transition = last_value(clip.get("opacity", 1)), clip.get("transition", {})
    filters = [f"lutyuv=a=val*{opacity:g}"] if opacity != 1 else []
    for side in ("in", "out"):
        name = transition.get(side, "none")
        if name != "none":
            seconds = min(next((s for speed, s in _FADE_SECONDS.items() if name.endswith(speed)), 1.0), length)
            start = 0 if side == "in" else length - seconds
            filters.append(f"fade=t={side}:st={start:g}:d={seconds:g}:alpha=1")
    return ["format=yuva420p", *filters] if filters else []


def _rgb(colour: str) -> str:
    """Return Shotstack's `#rrggbb` or `#aarrggbb` in ffmpeg's form."""
    digits = colour.removeprefix("#")[-6:]
    if len(digits) != 6 or not all(digit in "0123456789abcdefABCDEF" for digit in digits):
        raise TimelineError(f"Invalid colour: {colour}")
    return f"0x{digits}"
