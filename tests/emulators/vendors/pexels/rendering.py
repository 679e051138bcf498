"""Photos and videos from layers: Pillow draws each layer once, ffmpeg moves and combines them.

A video longer than a period repeats it without being encoded again, so a minute takes little longer than some seconds.
"""

import random
import tempfile
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from ...ffmpeg import run_ffmpeg
from .catalogue import Medium, Rendition, Video
from .scenes import SCENES
from .scenes.canvas import rgb
from .scenes.layers import Layer, flatten
from .scenes.light import LIGHTS
from .scenes.view import View

# Scenes are drawn in this size of the shorter side; final sizes are scaled from it.
_LINES = 720
_PERIOD_SECONDS = 10.0
_PHOTO_LINES = 1080


def render_photo(medium: Medium, width: int, height: int) -> Image.Image:
    """Return a picture of a medium in a size, of which the middle is shown if its shape differs."""
    size = _scene_size(medium.width, medium.height, min(_PHOTO_LINES, max(height, width)))
    picture = flatten(_draw(medium, size), size, share=0.3, period=_PERIOD_SECONDS)
    scale = max(width / size[0], height / size[1])
    shown = (width / scale, height / scale)
    left, top = (size[0] - shown[0]) / 2, (size[1] - shown[1]) / 2
    box = (left, top, left + shown[0], top + shown[1])
    return picture.resize((width, height), Image.Resampling.BICUBIC, box=box)


def render_video(video: Video, rendition: Rendition, path: Path) -> None:
    """Write a silent H.264 MP4 of a video in the size of one of its renditions."""
    size = _scene_size(video.width, video.height, _LINES)
    period = min(float(video.seconds), _PERIOD_SECONDS)
    with tempfile.TemporaryDirectory(prefix="emulated-pexels-") as folder:
        loop = Path(folder) / "loop.mp4"
        inputs, chains, label = _compose(_draw(video, size), Path(folder), period=period, fps=video.fps)
        chains.append(f"{label}scale={rendition.width}:{rendition.height}:flags=bicubic,format=yuv420p[video]")
        run_ffmpeg(
            [
                *inputs,
                *("-filter_complex", ";".join(chains), "-map", "[video]", "-t", f"{period:g}", "-an"),
                *("-c:v", "libx264", "-preset", "ultrafast", "-crf", "25", "-g", str(video.fps * 2)),
                *("-fflags", "+bitexact", "-threads", "2", loop),
            ]
        )
        repeat: list[str | Path] = ["-stream_loop", "-1"] if video.seconds > period else []
        run_ffmpeg(
            [
                *repeat,
                *("-i", loop, "-t", str(video.seconds), "-c", "copy"),
                *("-movflags", "+faststart", "-fflags", "+bitexact", "-f", "mp4", path),
            ]
        )


def _draw(medium: Medium, size: tuple[int, int]) -> list[Layer]:
    scenes = SCENES[medium.topic]
    first, second, third = map(rgb, medium.colours)
    chance = random.Random(medium.id)  # noqa: S311 - reproducible, not secret
    view = View(size[0], size[1], LIGHTS[medium.light], (first, second, third), chance)
    return scenes[medium.number % len(scenes)](view)


def _scene_size(width: int, height: int, lines: int) -> tuple[int, int]:
    """Return even numbers of pixels in the shape of a medium, with so many on the shorter side."""
    scale = lines / min(width, height)
    return round(width * scale / 2) * 2, round(height * scale / 2) * 2


def _compose(
    layers: Sequence[Layer], folder: Path, *, period: float, fps: int
) -> tuple[list[str | Path], list[str], str]:
    """Save the layers; return ffmpeg's inputs, its chains of filters, and the label of the result."""
    inputs: list[str | Path] = []
    chains = []
    below = ""
    for number, layer in enumerate([layers[0], *(layer.trim() for layer in layers[1:])]):
        for at, image in enumerate(layer.frames):
            image.save(folder / f"{number}-{at:03d}.png", compress_level=0)
        # Whole repetitions in a period keep the loop seamless.
        rounds = max(1, round(period * layer.rate / len(layer.frames)))
        rate = fps if len(layer.frames) == 1 else rounds * len(layer.frames) / period
        inputs += ["-framerate", f"{rate:.6f}", "-i", folder / f"{number}-%03d.png"]
        scale = f"scale=iw*{layer.scale}:ih*{layer.scale}:flags=bilinear," if layer.scale > 1 else ""
        # Decoded, converted and scaled once, and repeated from memory.
        kept = f"loop=-1:size={len(layer.frames)},setpts=N/({rate:.6f}*TB)"
        if not below:
            chains.append(f"[{number}]format=yuv444p,{kept},fps={fps}[layer0]")
            below = "[layer0]"
            continue
        x, y = layer.motion.expressions(period)
        chains.append(f"[{number}]{scale}format=yuva444p,{kept}[drawn{number}]")
        chains.append(f"{below}[drawn{number}]overlay=x='{x}':y='{y}':format=yuv444[layer{number}]")
        below = f"[layer{number}]"
    return inputs, chains, below
