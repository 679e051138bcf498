"""The files that the Pexels emulator links to are real videos and photos, with ranges and `HEAD`."""

import io
import subprocess
from typing import Any

import httpx2
import imageio_ffmpeg  # type: ignore[import-untyped]
import pytest
from PIL import Image

from tests.emulators.process import Emulators


def find_first(emulators: Emulators, path: str) -> Any:
    """Return the first photo or video of a search."""
    answer = httpx2.get(emulators.url_of("pexels") + path, headers={"authorization": "any"}).json()
    return (answer.get("photos") or answer["videos"])[0]


def probe_video(video: bytes) -> str:
    """Return what ffmpeg prints about the file."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-i", "pipe:0", "-f", "null", "-"]
    return subprocess.run(command, input=video, stderr=subprocess.PIPE, check=True).stderr.decode()


@pytest.mark.parametrize("quality", ["sd", "hd", "uhd"])
def test_video_file_when_fetched_then_an_mp4_as_in_the_response(emulators: Emulators, quality: str) -> None:
    video = find_first(emulators, "/v1/videos/search?query=tea&size=large")
    file = next(file for file in video["video_files"] if file["quality"] == quality)
    answer = httpx2.get(file["link"], timeout=60)

    assert (answer.headers["content-type"], answer.headers["content-length"]) == ("video/mp4", str(len(answer.content)))
    printed = probe_video(answer.content)
    assert "Video: h264" in printed
    assert f"{file['width']}x{file['height']}" in printed
    assert f"Duration: 00:00:{video['duration']:02d}.0" in printed
    assert f"{file['fps']:g} fps" in printed


@pytest.mark.parametrize("orientation", ["landscape", "portrait"])
def test_video_when_longer_than_its_loop_then_its_whole_length(emulators: Emulators, orientation: str) -> None:
    path = f"/v1/videos/search?query=lighthouse+at+night&orientation={orientation}&per_page=80"
    videos = httpx2.get(emulators.url_of("pexels") + path, headers={"authorization": "any"}).json()["videos"]
    video = max(videos, key=lambda video: int(video["duration"]))
    smallest = min(video["video_files"], key=lambda file: int(file["width"]))
    answer = httpx2.get(smallest["link"], timeout=60)

    assert video["duration"] >= 36
    assert f"Duration: 00:00:{video['duration']:02d}.0" in probe_video(answer.content)


def test_photo_file_when_fetched_then_a_jpeg_of_its_urls_size(emulators: Emulators) -> None:
    photo = find_first(emulators, "/v1/search?query=tea&orientation=landscape&size=small")

    def size(name: str) -> tuple[int, int]:
        answer = httpx2.get(photo["src"][name], timeout=60)
        assert answer.headers["content-type"] == "image/jpeg"
        return Image.open(io.BytesIO(answer.content)).size

    ratio = photo["width"] / photo["height"]
    assert size("original") == (photo["width"], photo["height"])
    assert size("large2x") == (1880, round(1880 / ratio))
    assert size("medium") == (round(350 * ratio), 350)
    assert size("portrait") == (800, 1200)
    assert size("tiny") == (280, 200)


def test_video_pictures_when_fetched_then_they_are_jpegs(emulators: Emulators) -> None:
    video = find_first(emulators, "/v1/videos/search?query=tea")

    for url in (video["image"], video["video_pictures"][1]["picture"]):
        assert httpx2.get(url, timeout=60).content[:3] == b"\xff\xd8\xff"


def test_file_when_a_range_is_requested_then_206_with_that_part(emulators: Emulators) -> None:
    link = find_first(emulators, "/v1/search?query=tea")["src"]["tiny"]
    whole = httpx2.get(link)
    size = len(whole.content)

    def part(asked: str, **headers: str) -> tuple[int, bytes, str | None]:
        answer = httpx2.get(link, headers={"range": asked, **headers})
        return answer.status_code, answer.content, answer.headers.get("content-range")

    assert part("bytes=0-9") == (206, whole.content[:10], f"bytes 0-9/{size}")
    assert part("bytes=10-") == (206, whole.content[10:], f"bytes 10-{size - 1}/{size}")
    assert part("bytes=-10") == (206, whole.content[-10:], f"bytes {size - 10}-{size - 1}/{size}")
    assert part(f"bytes={size}-") == (416, b"", f"bytes */{size}")
    assert part("bytes=-0") == (416, b"", f"bytes */{size}")
    for several_or_wrong in ("bytes=0-9, 20-29", "bytes=9-0", "bytes=-", "lines=1-2"):
        assert part(several_or_wrong) == (200, whole.content, None)
    assert part("bytes=0-9", **{"if-range": whole.headers["etag"]})[0] == 206
    assert part("bytes=0-9", **{"if-range": '"other"'}) == (200, whole.content, None)


def test_file_when_requested_by_head_then_only_its_length(emulators: Emulators) -> None:
    link = find_first(emulators, "/v1/search?query=tea")["src"]["tiny"]
    head = httpx2.head(link)

    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(len(httpx2.get(link).content))


@pytest.mark.parametrize("path", ["video-files/3000000/other.mp4", "videos/3000000/other.jpg", "photos/1/x.jpeg"])
def test_file_when_it_does_not_exist_then_404(emulators: Emulators, path: str) -> None:
    assert httpx2.get(f"{emulators.url_of('pexels')}/_files/{path}").status_code == 404
