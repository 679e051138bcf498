"""The files of the emulated library: MP4s and JPEGs, made for their first request and kept in `.cache/`.

A file's name in the cache is a checksum of everything that it is made from; the file appears there when it is complete.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from threading import Lock

import imageio_ffmpeg  # type: ignore[import-untyped]
import PIL

from .catalogue import Medium, Rendition, Video
from .rendering import render_photo, render_video

_CACHE = Path(__file__).parents[4] / ".cache" / "emulators" / "pexels"
# Increase this when the way to make a file changes.
_VERSION = 2
_locks: dict[str, Lock] = {}


def read_video(video: Video, rendition: Rendition) -> bytes:
    """Return a silent H.264 MP4 of the video's topic."""
    recipe = ["video", video.id, video.seconds, video.fps, rendition.width, rendition.height]
    return _cached(recipe, ".mp4", lambda path: render_video(video, rendition, path))


def read_picture(medium: Medium, *, width: int, height: int) -> bytes:
    """Return a JPEG of the medium's topic in that size."""
    recipe = ["picture", medium.id, width, height]
    return _cached(recipe, ".jpeg", lambda path: render_photo(medium, width, height).save(path, "JPEG", quality=82))


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
