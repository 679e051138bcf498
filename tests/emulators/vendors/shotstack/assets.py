"""The files of an edit, fetched over HTTP from this machine only, and their metadata."""

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
# Further hosts that assets may be fetched from, separated by commas.
_ALLOWED_HOSTS = "EMULATORS_ASSET_HOSTS"


class AssetError(RuntimeError):
    """An asset that cannot be fetched or decoded; the message contains its URL."""


@dataclass(frozen=True, slots=True)
class Media:
    """A fetched audio or video file; `duration` in seconds, `size` in pixels, (0, 0) without pictures."""

    path: Path
    duration: float
    size: tuple[int, int]
    has_audio: bool


def check_host(url: str) -> None:
    """Check that a URL points to this machine or to an allowed host. Raises `AssetError`."""
    parts = urlsplit(url)
    allowed = {"localhost", *os.environ.get(_ALLOWED_HOSTS, "").split(",")}
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise AssetError(f"Invalid asset URL: {url}")
    if parts.hostname not in allowed and not _is_loopback(parts.hostname):
        raise AssetError(
            f"The emulator only fetches from this machine, not {url}: to allow a host, set `{_ALLOWED_HOSTS}`"
        )


def fetch(url: str, path: Path) -> None:
    """Download the file to the path. Raises `AssetError`."""
    with httpx2.Client(timeout=_TIMEOUT_SECONDS, trust_env=False) as http:
        for _ in range(_MAX_REDIRECTS):
            check_host(url)
            try:
                with http.stream("GET", url) as response:
                    if not response.is_redirect:
                        _save(response, path)
                        return
                    url = urljoin(url, response.headers["location"])
            except httpx2.HTTPError as error:
                raise AssetError(f"Failed to download {url}: {error}") from error
    raise AssetError(f"Too many redirects: {url}")


def inspect(path: Path, *, url: str) -> Media:
    """Return the metadata of a video or audio file. Raises `AssetError` for other files."""
    try:
        with av.open(str(path)) as container:
            video, audio = container.streams.video[:1], container.streams.audio[:1]
            if not video and not audio:
                raise AssetError(f"The file has neither video nor audio: {url}")
            duration = (container.duration or 0) / _MICROSECONDS
            size = (video[0].width, video[0].height) if video else (0, 0)
            return Media(path, duration, size, bool(audio))
    except av.error.FFmpegError as error:
        raise AssetError(f"The file cannot be decoded: {url}") from error


def probe(path: Path, *, url: str) -> dict[str, Any]:
    """Return the main fields of `ffprobe -show_streams -show_format -of json`. Raises `AssetError`."""
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
        raise AssetError(f"The file cannot be decoded: {url}") from error
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


def _save(response: httpx2.Response, path: Path) -> None:
    if not response.is_success:
        raise AssetError(f"Failed to download {response.url}: HTTP {response.status_code}")
    size = 0
    with path.open("wb") as file:
        for chunk in response.iter_bytes():
            size += len(chunk)
            if size > _MAX_BYTES:
                raise AssetError(f"The file is too large: {response.url}")
            file.write(chunk)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
