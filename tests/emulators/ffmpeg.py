"""The ffmpeg that comes with the `imageio-ffmpeg` wheel, run as a child that never outlives the emulators."""

import atexit
import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]

_running: set[subprocess.Popen[str]] = set()


class FfmpegError(RuntimeError):
    """ffmpeg ended with an error; the message is the last thing that it said."""


def run_ffmpeg(arguments: Sequence[str | Path]) -> None:
    """Run ffmpeg until it ends; existing outputs are replaced. Raises `FfmpegError`."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "error", "-nostdin", "-y"]
    with subprocess.Popen([*command, *map(str, arguments)], stderr=subprocess.PIPE, text=True) as process:
        _running.add(process)
        try:
            _, said = process.communicate()
        finally:
            _running.discard(process)
    if process.returncode:
        raise FfmpegError(said.strip().rpartition("\n")[2] or f"ffmpeg ended with {process.returncode}")


@atexit.register
def _stop_all() -> None:
    for process in list(_running):
        process.kill()
