"""The audio of a timeline: audio clips, the audio of videos, and the soundtrack, each at its time and volume.

The soundtrack becomes quieter while an audio clip sounds, so that a narration is easy to understand.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from .assets import AssetError
from .graph import Graph, Sources, source_of
from .timeline import Scheduled, last_value

_SAMPLE_RATE = 44_100
_SILENCE = f"anullsrc=r={_SAMPLE_RATE}:cl=stereo"
_FADE_SECONDS = 2.0
# By about 13 dB under a voice of usual loudness, within a tenth of a second, and back within one.
_DUCKING = "sidechaincompress=threshold=0.02:ratio=6:attack=100:release=900"


def add_sounds(
    graph: Graph,
    timeline: Mapping[str, Any],
    tracks: Sequence[Sequence[Scheduled]],
    sources: Sources,
    *,
    duration: float,
) -> None:
    """Add every audible clip and the soundtrack to the graph."""
    for track in tracks:
        for scheduled in track:
            asset = scheduled.clip["asset"]
            if asset["type"] in {"audio", "video"} and sources.media[source_of(asset)].has_audio:
                label = _add_sound(graph, asset, sources, start=scheduled.start, length=scheduled.length)
                (graph.voices if asset["type"] == "audio" else graph.sounds).append(label)
            elif asset["type"] == "audio":
                raise AssetError(f"The file has no audio: {asset['src']}")
    if soundtrack := timeline.get("soundtrack"):
        graph.soundtrack = _add_sound(graph, soundtrack, sources, start=0, length=duration)


def _add_sound(graph: Graph, asset: Mapping[str, Any], sources: Sources, *, start: float, length: float) -> str:
    """Add the audio of one asset at its time, and return its label."""
    speed = float(asset.get("speed") or 1)
    path = sources.media[asset["src"]].path
    number = graph.add_input("-ss", f"{asset.get('trim', 0):g}", "-t", f"{length * speed:g}", "-i", path)
    chain = [f"[{number}:a]asetpts=PTS-STARTPTS", f"aresample={_SAMPLE_RATE}", "aformat=fltp:channel_layouts=stereo"]
    if speed != 1:
        chain.append(f"rubberband=tempo={speed:g}")
    chain += [f"atrim=0:{length:g}", f"volume={last_value(asset.get('volume', 1)):g}"]
    effect = asset.get("effect", asset.get("volumeEffect", "none")).lower()
    seconds = min(_FADE_SECONDS, length / 2)
    if "fadein" in effect:
        chain.append(f"afade=t=in:d={seconds:g}")
    if "fadeout" in effect:
        chain.append(f"afade=t=out:st={length - seconds:g}:d={seconds:g}")
    label = f"[audio{number}]"
    graph.chains.append(f"{','.join(chain)},adelay={round(start * 1000)}:all=1{label}")
    return label


def mix(graph: Graph, duration: float) -> str:
    """Add the mix of all audio, extended with silence, and return its label."""
    # Endless silence, cut off afterwards, would do as well, but ffmpeg 9 then hangs now and then on a busy machine.
    padded = f"apad=whole_dur={duration:g},atrim=0:{duration:g}"
    labels = [*graph.voices, *graph.sounds, graph.soundtrack] if graph.soundtrack else [*graph.voices, *graph.sounds]
    if graph.soundtrack and graph.voices:
        graph.chains.append(f"{_join(graph.voices)},{padded},asplit[voice][key]")
        graph.chains.append(f"{graph.soundtrack}{padded}[music]")
        graph.chains.append(f"[music][key]{_DUCKING}[ducked]")
        labels = ["[voice]", *graph.sounds, "[ducked]"]
    graph.chains.append(f"{_join(labels) if labels else _SILENCE},{padded}[sound]")
    return "[sound]"


def _join(labels: Sequence[str]) -> str:
    return f"{''.join(labels)}amix={len(labels)}:normalize=0"
