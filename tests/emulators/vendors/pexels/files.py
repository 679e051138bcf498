"""The files of the emulated library: MP4s and JPEGs, made for their first request and kept in `.cache/`.

A file's name in the cache is a checksum of everything that it is made from; the file appears there when it is complete.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from threading import Lock

import imageio_ffmpeg  # type: ignore[import-untyped]
import PIL
from PIL import Image, ImageDraw, ImageOps

from ...ffmpeg import run_ffmpeg
from ...lettering import draw_centred, load_font
from .catalogue import Medium, Rendition, Video

_CACHE = Path(__file__).parents[4] / ".cache" / "emulators" / "pexels"
# Increase this when the way to make a file changes.
_VERSION = 1
_GRADIENTS = ("linear", "spiral")
_locks: dict[str, Lock] = {}


def read_video(video: Video, rendition: Rendition) -> bytes:
    """Return a silent H.264 MP4 in the topic's moving colours with a drifting caption; 4K takes about two seconds."""
    recipe = ["video", video.id, video.seconds, video.fps, video.palette, rendition.width, rendition.height]
    return _cached(recipe, ".mp4", lambda path: _make_video(video, rendition, path))


def read_picture(medium: Medium, *, width: int, height: int) -> bytes:
    """Return a JPEG of that size in the topic's colours, with its name on it."""
    recipe = ["picture", medium.id, medium.palette, width, height]
    return _cached(recipe, ".jpeg", lambda path: path.write_bytes(_paint(medium, width, height)))


def _cached(recipe: list[object], suffix: str, make: Callable[[Path], object]) -> bytes:
    versions = [_VERSION, imageio_ffmpeg.__version__, PIL.__version__]
    key = hashlib.sha256(json.dumps([*recipe, *versions]).encode()).hexdigest()[:32]
    path = _CACHE / f"{key}{suffix}"
    with _locks.setdefault(key, Lock()):
        if not path.exists():
            _CACHE.mkdir(parents=True, exist_ok=True)
            handle, unfinished = tempfile.mkstemp(suffix, "unfinished-", _CACHE)
            os.close(handle)
            try:
                make(Path(unfinished))
                Path(unfinished).replace(path)
            finally:
                Path(unfinished).unlink(missing_ok=True)
        return path.read_bytes()


def _make_video(video: Video, rendition: Rendition, path: Path) -> None:
    width, height = rendition.width, rendition.height
    # Painted small and enlarged: invisible in these soft colours, and many times faster.
    colours = ":".join(f"c{index}={colour.replace('#', '0x')}" for index, colour in enumerate(video.palette))
    across, down = width // 8, height // 8
    gradient = (
        f"gradients=size={across}x{down}:rate={video.fps}:duration={video.seconds}:speed=0.03:seed={video.id}"
        f":x0=0:y0=0:x1={across}:y1={down}:nb_colors=3:{colours}:type={_GRADIENTS[video.number % len(_GRADIENTS)]}"
    )
    drift = "x=W*0.06+W*0.02*sin(t*1.5):y=H*0.72-H*0.02*cos(t)"
    with tempfile.TemporaryDirectory() as folder:
        caption = Path(folder) / "caption.png"
        _caption(video, width, height).save(caption)
        run_ffmpeg(
            [
                *("-f", "lavfi", "-i", gradient, "-i", caption),
                *("-filter_complex", f"[0]scale={width}:{height}:flags=fast_bilinear[back];[back][1]overlay={drift}"),
                *("-t", str(video.seconds), "-an", "-c:v", "libx264", "-preset", "ultrafast", "-crf", "30"),
                *("-pix_fmt", "yuv420p", "-g", str(video.fps * 2), "-movflags", "+faststart", "-fflags", "+bitexact"),
                *("-threads", "2", "-f", "mp4", path),
            ]
        )


def _caption(medium: Medium, width: int, height: int) -> Image.Image:
    image = Image.new("RGBA", (width * 8 // 10, height // 4), (0, 0, 0, 0))
    draw = ImageDraw.Draw(image)
    large, small = load_font(min(width, height) // 9), load_font(min(width, height) // 30, weight="Regular")
    draw.text((4, 0), medium.topic, font=large, fill="white", stroke_width=2, stroke_fill="black")
    line = f"emulated Pexels {medium.id}, {width} x {height}"
    draw.text((4, min(width, height) // 7), line, font=small, fill="white", stroke_width=1, stroke_fill="black")
    return image


def _paint(medium: Medium, width: int, height: int) -> bytes:
    dark, middle, light = medium.palette
    shades = Image.radial_gradient("L") if medium.number % 2 else Image.linear_gradient("L")
    image = ImageOps.colorize(shades, dark, light, mid=middle).resize((width, height), Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(image, "RGBA")
    for ring in range(5):
        reach = min(width, height) * (ring + 2) / 8
        x, y = width * (medium.number + 1) / 9, height * (medium.id % 7 + 1) / 8
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), outline=(255, 255, 255, 90), width=width // 200 + 1)
    draw_centred(image, f"{medium.topic} {medium.id}", pixels=min(width, height) // 8)
    file = BytesIO()
    image.save(file, "JPEG", quality=80)
    return file.getvalue()
