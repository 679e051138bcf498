"""The files of an edit: fetched over HTTP, from this machine only, and looked into."""

import ipaddress
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import av
import httpx2

_TIMEOUT_SECONDS = 60
_MAX_BYTES = 512 * 1024 * 1024
_MAX_REDIRECTS = 5
_MICROSECONDS = 1_000_000
# Hosts that assets may be fetched from beside loopback, separated by commas.
_ALLOWED_HOSTS = "EMULATORS_ASSET_HOSTS"


class AssetError(RuntimeError):
    """An asset that cannot be fetched or read; the message names its URL."""


@dataclass(frozen=True, slots=True)
class Media:
    """A fetched file with sound or moving pictures; durations in seconds, sizes in pixels, 0 x 0 without pictures."""

    path: Path
    duration: float
    size: tuple[int, int]
    has_audio: bool


def check_host(url: str) -> None:
    """Raise `AssetError` for a URL that does not point to this machine, unless its host was allowed."""
    parts = urlsplit(url)
    allowed = {"localhost", *os.environ.get(_ALLOWED_HOSTS, "").split(",")}
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise AssetError(f"Invalid asset URL: {url}")
    if parts.hostname not in allowed and not _is_loopback(parts.hostname):
        raise AssetError(f"The emulator fetches from this machine only, not {url} (see {_ALLOWED_HOSTS})")


def fetch(url: str, path: Path) -> None:
    """Download the file to the path. Raises `AssetError`."""
    with httpx2.Client(timeout=_TIMEOUT_SECONDS, trust_env=False) as http:
        for _ in range(_MAX_REDIRECTS):
            check_host(url)
            try:
                with http.stream("GET", url) as answer:
                    if not answer.is_redirect:
                        _save(answer, path)
                        return
                    url = urljoin(url, answer.headers["location"])
            except httpx2.HTTPError as error:
                raise AssetError(f"Failed to download {url}: {error}") from error
    raise AssetError(f"Too many redirects: {url}")


def inspect(path: Path, *, url: str) -> Media:
    """What a video or audio file holds. Raises `AssetError` for anything else."""
    try:
        with av.open(str(path)) as container:
            video, audio = container.streams.video[:1], container.streams.audio[:1]
            if not video and not audio:
                raise AssetError(f"There is neither a picture nor a sound in {url}")
            duration = (container.duration or 0) / _MICROSECONDS
            size = (video[0].width, video[0].height) if video else (0, 0)
            return Media(path, duration, size, bool(audio))
    except av.error.FFmpegError as error:
        raise AssetError(f"The file cannot be read: {url}") from error


def probe(path: Path, *, url: str) -> dict[str, Any]:
    """The main members of what `ffprobe -show_streams -show_format -of json` says. Raises `AssetError`."""
    try:
        with av.open(str(path)) as container:
            streams = [_describe(stream) for stream in container.streams]
            described = {
                "filename": url,
                "nb_streams": len(streams),
                "format_name": container.format.name,
                "format_long_name": container.format.long_name,
                "duration": f"{(container.duration or 0) / _MICROSECONDS:.6f}",
                "size": str(path.stat().st_size),
                "bit_rate": str(container.bit_rate),
            }
    except av.error.FFmpegError as error:
        raise AssetError(f"The file cannot be read: {url}") from error
    return {"streams": streams, "chapters": [], "format": described}


def _describe(stream: Any) -> dict[str, Any]:
    described = {"index": stream.index, "codec_name": stream.codec_context.name, "codec_type": stream.type}
    if stream.type == "video":
        described |= {"width": stream.width, "height": stream.height, "pix_fmt": stream.codec_context.pix_fmt}
        described["r_frame_rate"] = str(stream.base_rate or "0/0")
    elif stream.type == "audio":
        described |= {"sample_rate": str(stream.sample_rate), "channels": stream.channels}
    if stream.duration is not None:
        described["duration"] = f"{float(stream.duration * stream.time_base):.6f}"
    return described


def _save(answer: httpx2.Response, path: Path) -> None:
    if not answer.is_success:
        raise AssetError(f"Failed to download {answer.url}: HTTP {answer.status_code}")
    size = 0
    with path.open("wb") as file:
        for chunk in answer.iter_bytes():
            size += len(chunk)
            if size > _MAX_BYTES:
                raise AssetError(f"The file is too large: {answer.url}")
            file.write(chunk)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
