"""The ffmpeg of the `imageio-ffmpeg` wheel, run as a child process that never outlives the emulators."""

import atexit
import subprocess
from collections.abc import Sequence
from pathlib import Path

import imageio_ffmpeg  # type: ignore[import-untyped]

_running: set[subprocess.Popen[bytes]] = set()


class FfmpegError(RuntimeError):
    """An ffmpeg run that failed; the message is the last line that ffmpeg printed."""


def run_ffmpeg(arguments: Sequence[str | Path], *, stdin: bytes = b"") -> bytes:
    """Run ffmpeg until it ends, and return what it wrote to `pipe:1`; existing output files are replaced.

    `stdin` is the content of `pipe:0`. Raises `FfmpegError`.
    """
    command = [
        imageio_ffmpeg.get_ffmpeg_exe(),
        "-hide_banner",
        "-loglevel",
        "error",
        "-nostdin",
        "-y",
        *map(str, arguments),
    ]
    # Without a shell; the program and its arguments come from the emulators.
    with subprocess.Popen(  # noqa: S603
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        _running.add(process)
        try:
            written, printed = process.communicate(stdin)
        finally:
            _running.discard(process)
    if process.returncode:
        last_line = printed.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise FfmpegError(last_line or f"ffmpeg ended with {process.returncode}")
    return written


@atexit.register
def _kill_all() -> None:
    for process in list(_running):
        process.kill()
