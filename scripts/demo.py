"""`npm run demo -- "your topic"`: a short video, made through the workers' public HTTP API and nothing else.

text-gen writes a script of three scenes, audio-gen speaks each, stock-media finds a clip for each, image-gen draws the
title card, and render-service puts them together. The platform must be running (`npm start`); `DE_PORT_BASE` as there.
The video comes to `out/`.
"""

from __future__ import annotations

import json
import math
import os
import re
import struct
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import ports
import setup

ROOT = Path(__file__).resolve().parent.parent
TITLE_SECONDS = 3.0
PAUSE_SECONDS = 0.6
SCENE = {"narration": "<two sentences to be spoken>", "keywords": ["<a keyword for stock footage>"]}
TEMPLATE = json.dumps({"title": "<a title of a few words>", "scenes": [SCENE] * 3})

Document = dict[str, Any]


class DemoError(Exception):
    """What went wrong, in one line."""


def main() -> int:
    """Makes the video; returns the exit status."""
    topic = " ".join(sys.argv[1:]) or "the sea at night"
    started = time.monotonic()
    try:
        assigned = ports.worker_ports(ports.load_configs())
        platform = Platform({worker: f"http://127.0.0.1:{port}" for worker, port in assigned.items()})
        path = download(url := make_video(platform, topic), ROOT / "out")
    except (DemoError, setup.SetupError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    print(f"\n{path.relative_to(ROOT)}  {path.stat().st_size / 1e6:.1f} MB  {url}")
    print(f"made in {time.monotonic() - started:.1f} s, for ${platform.cost:.4f} as far as prices are known")
    return 0


class Platform:
    """The workers by name, and what their answers have cost so far, in US dollars."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self.cost = 0.0

    def call(self, worker: str, path: str, body: Document | None = None, *, quiet: bool = False) -> Document:
        """One call, told on the terminal. Raises `DemoError` with the worker's own words."""
        url = self._urls[worker] + path
        data = None if body is None else json.dumps(body).encode()
        started = time.monotonic()
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data)) as answer:  # noqa: S310  # ours
                result: Document = json.load(answer)
                self.cost += float(answer.headers.get("X-Estimated-Cost-USD") or 0)
        except urllib.error.HTTPError as error:
            raise DemoError(f"{worker} answered {error.code}: {error.read().decode()[:300]}") from error
        except urllib.error.URLError as error:
            raise DemoError(f"{worker} does not answer at {url}; is `npm start` running?") from error
        if not quiet:
            print(f"  {worker:<16}{path:<18}{time.monotonic() - started:6.1f} s", flush=True)
        return result


def make_video(platform: Platform, topic: str) -> str:
    """The URL of a video about the topic. Raises `DemoError`."""
    with serve_soundtrack() as soundtrack, ThreadPoolExecutor() as pool:
        script = write_script(platform, topic)
        card = pool.submit(draw_card, platform, script["title"])
        scenes = script["scenes"]
        speeches = list(pool.map(partial(speak, platform), scenes))
        clips = list(pool.map(partial(find_clip, platform), scenes, [x["duration_seconds"] for x in speeches]))
        render = finish(platform, compose(card.result(), speeches, clips, soundtrack))
    url: str = render["url"]
    return url


def write_script(platform: Platform, topic: str) -> Document:
    """`{"title", "scenes": [{"narration", "keywords"}]}`."""
    prompt = (
        f"Write the script of a short video about {topic}. Answer with this JSON object, filled in, and nothing else:"
    )
    text = platform.call("text-gen", "/generate", {"prompt": f"{prompt}\n{TEMPLATE}"})["text"]
    found = re.search(r"\{.*\}", text, flags=re.DOTALL)
    try:
        script: Document = json.loads(found[0] if found else text)
        if not script["title"] or not all(scene["narration"] and scene["keywords"] for scene in script["scenes"]):
            raise ValueError("something is empty")
    except (ValueError, KeyError, TypeError) as error:
        raise DemoError(f"the model wrote no script ({error}): {text[:200]}") from error
    return script


def draw_card(platform: Platform, title: str) -> Document:
    """image-gen's answer for the title card."""
    prompt = f"A title card with the words: {title}"
    return platform.call("image-gen", "/generate", {"prompt": prompt, "options": {"aspect_ratio": "16:9"}})


def speak(platform: Platform, scene: Document) -> Document:
    """audio-gen's answer for a scene."""
    return platform.call("audio-gen", "/synthesize", {"text": scene["narration"]})


def find_clip(platform: Platform, scene: Document, seconds: float) -> Document:
    """A clip for a scene: one as long as the speech, if there is one."""
    wanted: Document = {"keywords": scene["keywords"][:3], "orientation": "landscape"}
    wanted["options"] = {"per_page": 1, "min_width": 1280, "min_duration": min(math.ceil(seconds + PAUSE_SECONDS), 10)}
    media = platform.call("stock-media", "/search/videos", wanted)["media"]
    media = media or platform.call("stock-media", "/search/videos", {**wanted, "options": {"per_page": 1}})["media"]
    if not media:
        raise DemoError(f"there is no clip of {', '.join(scene['keywords'])}")
    clip: Document = media[0]
    return clip


def compose(card: Document, speeches: list[Document], clips: list[Document], soundtrack: str) -> Document:
    """The body of `POST /render`: pictures above, voices below."""
    fade = {"in": "fade", "out": "fade"}
    pictures: list[Document] = [
        {"asset": {"type": "image", "src": card["image_url"]}, "start": 0, "length": TITLE_SECONDS, "transition": fade}
    ]
    voices: list[Document] = []
    at = TITLE_SECONDS
    for speech, clip in zip(speeches, clips, strict=True):
        length = round(speech["duration_seconds"] + PAUSE_SECONDS, 2)
        video = {"type": "video", "src": clip["url"], "volume": 0}
        # A clip that is shorter than the speech starts anew until the scene is over.
        for offset in range(0, math.ceil(length), max(1, int(clip["duration"]))):
            part = round(min(clip["duration"], length - offset), 2)
            if part > 0:
                pictures.append({"asset": video, "start": round(at + offset, 2), "length": part})
        audio = {"type": "audio", "src": speech["audio_url"]}
        voices.append({"asset": audio, "start": at, "length": speech["duration_seconds"]})
        at = round(at + length, 2)
    timeline = {
        "background": "#000000",
        "soundtrack": {"src": soundtrack, "effect": "fadeInFadeOut", "volume": 0.2},
        "tracks": [{"clips": pictures}, {"clips": voices}],
    }
    return {"timeline": timeline, "output": {"format": "mp4", "resolution": "hd", "fps": 25}}


def finish(platform: Platform, body: Document) -> Document:
    """The finished render, with a bar while it is in the making."""
    render = platform.call("render-service", "/render", body)
    while render["status"] not in {"done", "failed"}:
        progress = render.get("progress") or 0
        filled = int(progress * 0.3)
        print(
            f"\r  {'render-service':<16}[{'#' * filled}{'.' * (30 - filled)}] {render['status']:<14}",
            end="",
            flush=True,
        )
        render = platform.call("render-service", f"/render/{render['render_id']}?wait_seconds=2", quiet=True)
    print()
    if render["status"] == "failed":
        raise DemoError(f"the render failed: {render.get('error')}")
    return render


def download(url: str, folder: Path) -> Path:
    """Puts the video into a folder."""
    path = folder / Path(url).name
    path.parent.mkdir(exist_ok=True)
    with urllib.request.urlopen(url) as answer:  # noqa: S310  # of our own worker
        path.write_bytes(answer.read())
    return path


@contextmanager
def serve_soundtrack() -> Iterator[str]:
    """A quiet chord on loopback, for as long as it takes to be fetched; its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the base class's name
            content = chord()
            self.send_response(200)
            self.send_header("Content-Type", "audio/wav")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_HEAD = do_GET  # noqa: N815

        log_message = partial(lambda *_: None)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/soundtrack.wav"
    finally:
        server.shutdown()
        server.server_close()


def chord(seconds: int = 90, rate: int = 8000) -> bytes:
    """A WAV file of one slow chord (RIFF, 16-bit PCM, mono)."""
    waves = [sum(math.sin(2 * math.pi * pitch * n / rate) for pitch in (110, 165, 220, 277)) for n in range(rate * 2)]
    samples = struct.pack(f"<{len(waves)}h", *(int(2500 * wave) for wave in waves)) * (seconds // 2)
    head = struct.pack(
        "<4sI8sIHHIIHH4sI",
        b"RIFF",
        36 + len(samples),
        b"WAVEfmt ",
        16,
        1,
        1,
        rate,
        rate * 2,
        2,
        16,
        b"data",
        len(samples),
    )
    return head + samples


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
