"""Helpers of the tests of Shotstack's emulator: build edits, wait for renders, and decode their files."""

import time
from array import array
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import av
import httpx2
from PIL import Image

WAIT_SECONDS = 60

SMALL = {"format": "mp4", "size": {"width": 320, "height": 180}}


def edit_of(*tracks: list[dict[str, Any]], output: dict[str, Any] | None = None, **timeline: Any) -> dict[str, Any]:
    """Return an edit with these tracks, the first on top; a small MP4 unless `output` says otherwise."""
    return {"timeline": {"tracks": [{"clips": clips} for clips in tracks], **timeline}, "output": output or SMALL}


def clip_of(asset: dict[str, Any], *, start: Any = 0, length: Any = 2, **fields: Any) -> dict[str, Any]:
    return {"asset": asset, "start": start, "length": length, **fields}


def title_of(text: str, **fields: Any) -> dict[str, Any]:
    return clip_of({"type": "title", "text": text}, **fields)


def submit_edit(http: httpx2.Client, edit: dict[str, Any], *, path: str = "/edit/stage") -> str:
    answer = http.post(f"{path}/render", json=edit)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["response"]["id"])


def wait_for_render(http: httpx2.Client, render_id: str, *, path: str = "/edit/stage") -> dict[str, Any]:
    """Return the render once it is done or has failed; `seen` has the statuses until then."""
    seen: list[str] = []
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        response: dict[str, Any] = http.get(f"{path}/render/{render_id}").json()["response"]
        if response["status"] not in seen:
            seen.append(response["status"])
        if response["status"] in {"done", "failed"}:
            return {**response, "seen": seen}
        time.sleep(0.01)
    raise AssertionError(f"The render never ended: {seen}")


def render_edit(http: httpx2.Client, edit: dict[str, Any]) -> dict[str, Any]:
    """Submit an edit and return the render once it is done."""
    ended = wait_for_render(http, submit_edit(http, edit))
    assert ended["status"] == "done", ended["error"]
    return ended


def download(http: httpx2.Client, url: str) -> bytes:
    return http.get(url).raise_for_status().content


@dataclass(frozen=True, slots=True)
class DecodedFile:
    """A decoded video or audio file; `loudness` is the mean amplitude of each half second, 0..1."""

    duration: float
    frames: list[Image.Image]
    rate: float
    loudness: list[float]

    def colour(self, second: float, at: tuple[float, float] = (0.5, 0.5)) -> tuple[int, int, int]:
        """Return red, green and blue at a position in the frame, from (0, 0) to (1, 1)."""
        frame = self.frames[round(second * self.rate)]
        pixel = frame.getpixel((int(at[0] * (frame.width - 1)), int(at[1] * (frame.height - 1))))
        assert isinstance(pixel, tuple)
        return (int(pixel[0]), int(pixel[1]), int(pixel[2]))


def decode_file(content: bytes) -> DecodedFile:
    """Decode a video or audio file."""
    frames: list[Image.Image] = []
    samples = array("h")
    with av.open(BytesIO(content), mode="r") as container:
        duration = (container.duration or 0) / 1_000_000
        rate = float(container.streams.video[0].average_rate or 0) if container.streams.video else 0.0
        resampler = av.AudioResampler(format="s16", layout="mono", rate=8000)
        for frame in container.decode(*container.streams.video[:1], *container.streams.audio[:1]):
            if isinstance(frame, av.VideoFrame):
                frames.append(frame.to_image())  # type: ignore[no-untyped-call]
            elif isinstance(frame, av.AudioFrame):
                for resampled in resampler.resample(frame):
                    samples.frombytes(bytes(resampled.planes[0])[: resampled.samples * 2])
    halves = [samples[at : at + 4000] for at in range(0, len(samples), 4000)]
    loudness = [sum(map(abs, half)) / len(half) / 32768 for half in halves]
    return DecodedFile(duration, frames, rate, loudness)
