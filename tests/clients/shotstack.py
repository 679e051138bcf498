"""What the tests of Shotstack's emulator share: edits, waiting for a render, and a look at what came of it."""

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
    """An edit with these tracks, the first on top; small and as MP4 unless `output` says otherwise."""
    return {"timeline": {"tracks": [{"clips": clips} for clips in tracks], **timeline}, "output": output or SMALL}


def clip_of(asset: dict[str, Any], *, start: Any = 0, length: Any = 2, **members: Any) -> dict[str, Any]:
    return {"asset": asset, "start": start, "length": length, **members}


def title_of(text: str, **members: Any) -> dict[str, Any]:
    return clip_of({"type": "title", "text": text}, **members)


def submit(http: httpx2.Client, edit: dict[str, Any], *, path: str = "/edit/stage") -> str:
    answer = http.post(f"{path}/render", json=edit)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["response"]["id"])


def wait_for(http: httpx2.Client, render_id: str, *, path: str = "/edit/stage") -> dict[str, Any]:
    """The render once it is done or has failed; `seen` has the statuses on the way there."""
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


def render(http: httpx2.Client, edit: dict[str, Any]) -> dict[str, Any]:
    """Submit, and wait until it is done."""
    ended = wait_for(http, submit(http, edit))
    assert ended["status"] == "done", ended["error"]
    return ended


def download(http: httpx2.Client, url: str) -> bytes:
    return http.get(url).raise_for_status().content


@dataclass(frozen=True, slots=True)
class Watched:
    """A finished video or audio file as it plays. `loudness` is the mean amplitude of each half second, 0..1."""

    duration: float
    frames: list[Image.Image]
    rate: float
    loudness: list[float]

    def colour(self, second: float, at: tuple[float, float] = (0.5, 0.5)) -> tuple[int, int, int]:
        """Red, green and blue at a place of the picture, from (0, 0) to (1, 1)."""
        frame = self.frames[round(second * self.rate)]
        pixel = frame.getpixel((int(at[0] * (frame.width - 1)), int(at[1] * (frame.height - 1))))
        assert isinstance(pixel, tuple)
        return (int(pixel[0]), int(pixel[1]), int(pixel[2]))


def watch(content: bytes) -> Watched:
    """Decode the whole file."""
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
    return Watched(duration, frames, rate, loudness)
