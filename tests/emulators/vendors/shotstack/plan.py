"""A timeline as one run of ffmpeg: its inputs, its filter graph, and its output options."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .assets import AssetError
from .captions import CAPTION_ASSETS, split_cues
from .graph import Graph, Sources, source_of
from .pictures import add_pictures
from .sounds import add_sounds, mix
from .timeline import Scheduled, TimelineError, output_size, schedule

_QUALITY = {"verylow": 38, "low": 32, "medium": 26, "high": 21, "veryhigh": 18}
_STILLS = {"jpg", "png", "bmp"}


@dataclass(frozen=True, slots=True)
class Plan:
    """ffmpeg's arguments without the output file, and the output's duration in seconds, 0 for a still picture."""

    arguments: list[str]
    duration: float


def build_plan(edit: Mapping[str, Any], sources: Sources) -> Plan:
    """Return the plan of an edit. Raises `TimelineError` or `AssetError` if it cannot be rendered."""
    timeline, output = edit["timeline"], edit["output"]
    scheduled = schedule(timeline["tracks"], sources.media)
    viewport = (0, 0) if output["format"] == "mp3" else output_size(output)
    tracks = [
        [clip for item in track for clip in _split_captions(item, sources, viewport) if clip.length > 0]
        for track in scheduled
    ]
    duration = max((clip.end for track in scheduled for clip in track), default=0.0)
    if duration <= 0:
        raise TimelineError("The timeline is empty")
    graph = Graph()
    arguments = []
    if output["format"] != "mp3":
        arguments += ["-map", add_pictures(graph, edit, tracks, sources, duration=duration)]
    if output["format"] in {"mp3", "mp4"} and not output.get("mute"):
        add_sounds(graph, timeline, tracks, sources, duration=duration)
        if graph.voices or graph.sounds or graph.soundtrack or output["format"] == "mp3":
            arguments += ["-map", mix(graph, duration)]
    window = output.get("range", {})
    start = float(window.get("start", 0))
    length = min(float(window.get("length", duration)), duration - start)
    if length <= 0:
        raise TimelineError("`output.range` starts after the end of the timeline")
    arguments += ["-ss", f"{start:g}", "-t", f"{length:g}"] if window else ["-t", f"{duration:g}"]
    chains = ["-filter_complex", ";".join(graph.chains)]
    is_still = output["format"] in _STILLS
    return Plan([*graph.inputs, *chains, *arguments, *_encoding_options(output)], 0 if is_still else length)


def _split_captions(scheduled: Scheduled, sources: Sources, viewport: tuple[int, int]) -> list[Scheduled]:
    """Return the clip itself, or the text clips of captions."""
    asset = scheduled.clip["asset"]
    if asset["type"] not in CAPTION_ASSETS:
        return [scheduled]
    try:
        subtitles = sources.files[source_of(asset)].read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise AssetError(f"The file is not a subtitle file: {asset['src']}") from error
    return split_cues(scheduled, subtitles, viewport)


def _encoding_options(output: Mapping[str, Any]) -> list[str]:
    match output["format"]:
        case "mp4":
            video = ["-c:v", "libx264", "-preset", "ultrafast", "-crf", str(_QUALITY[output.get("quality", "medium")])]
            return [*video, "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart"]
        case "gif":
            return ["-loop", "0" if output.get("repeat", True) else "-1"]
        case "mp3":
            return ["-c:a", "libmp3lame", "-b:a", "128k"]
    return ["-frames:v", "1", "-update", "1"]
