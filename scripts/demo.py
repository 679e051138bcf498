"""`npm run demo -- "your topic" [--portrait]`: make a short video with the workers' public HTTP API and nothing else.

text-gen writes a script of three scenes, audio-gen speaks each and times its words, stock-media finds a clip for each,
image-gen draws the title card, and render-service puts them together, with subtitles. The platform must be running
(`npm start`), with the same `DE_PORT_BASE`. The video is saved in `out/`.
"""

from __future__ import annotations

import argparse
import json
import math
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

TITLE_SECONDS = 3.0
PAUSE_SECONDS = 0.6
CAPTION_FONT = {"size": 34, "color": "#ffffff", "stroke": "#000000", "strokeWidth": 1.5}
SCENE = {"narration": "<two sentences to be spoken>", "keywords": ["<a keyword for stock footage>"]}
TEMPLATE = json.dumps({"title": "<a title of a few words>", "scenes": [SCENE] * 3})

Document = dict[str, Any]

LANDSCAPE: Document = {"orientation": "landscape", "aspect_ratio": "16:9", "least_width": 1280}
PORTRAIT: Document = {"orientation": "portrait", "aspect_ratio": "9:16", "least_width": 720}


class DemoError(Exception):
    """What went wrong, in one line."""


def main() -> int:
    """Make the video; return the exit status."""
    parser = argparse.ArgumentParser(prog="npm run demo --", description="Make a short video about a topic.")
    parser.add_argument("topic", nargs="*", default=["the sea at night"])
    parser.add_argument("--portrait", action="store_true", help="9:16, for phones")
    options = parser.parse_args()
    started = time.monotonic()
    try:
        assigned = ports.worker_ports(ports.load_configs())
        platform = Platform({worker: f"http://127.0.0.1:{port}" for worker, port in assigned.items()})
        path = download(
            url := make_video(platform, " ".join(options.topic), shape=PORTRAIT if options.portrait else LANDSCAPE),
            setup.ROOT / "out",
        )
    except (DemoError, setup.SetupError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    print(f"\n{path.relative_to(setup.ROOT)}  {path.stat().st_size / 1e6:.1f} MB  {url}")
    print(f"made in {time.monotonic() - started:.1f} s, for ${platform.cost:.4f} as far as prices are known")
    return 0


class Platform:
    """The running workers, and what the calls to them have cost so far, in US dollars."""

    def __init__(self, urls: Mapping[str, str]) -> None:
        self._urls = urls
        self.cost = 0.0

    def call(self, worker: str, path: str, body: Document | None = None, *, quiet: bool = False) -> Document:
        """Call a worker, print how long it took, and return its JSON. Raises `DemoError` with the worker's message."""
        url = self._urls[worker] + path
        data = None if body is None else json.dumps(body).encode()
        started = time.monotonic()
        try:
            with urllib.request.urlopen(urllib.request.Request(url, data)) as response:  # noqa: S310  # our own worker
                result: Document = json.load(response)
                self.cost += float(response.headers.get("X-Estimated-Cost-USD") or 0)
        except urllib.error.HTTPError as error:
            raise DemoError(f"{worker} returned status {error.code}: {error.read().decode()[:300]}") from error
        except urllib.error.URLError as error:
            raise DemoError(f"{worker} does not respond at {url}; is `npm start` running?") from error
        if not quiet:
            print(f"  {worker:<16}{path:<18}{time.monotonic() - started:6.1f} s", flush=True)
        return result


def make_video(platform: Platform, topic: str, *, shape: Document = LANDSCAPE) -> str:
    """Make a video about the topic and return its URL. Raises `DemoError`."""
    with serve_soundtrack() as soundtrack, ThreadPoolExecutor() as pool:
        script = write_script(platform, topic)
        card = pool.submit(draw_card, platform, script["title"], shape)
        scenes = script["scenes"]
        speeches = list(pool.map(partial(speak, platform), scenes))
        seconds = [speech["duration_seconds"] for speech in speeches]
        clips = list(pool.map(partial(find_clip, platform, shape=shape), scenes, seconds))
        render = render_video(platform, compose_render(card.result(), speeches, clips, soundtrack, shape=shape))
    url: str = render["url"]
    return url


def write_script(platform: Platform, topic: str) -> Document:
    """Return a script: `{"title", "scenes": [{"narration", "keywords"}]}`. Raises `DemoError`."""
    prompt = (
        f"Write the script of a short video about {topic}. Answer with this JSON object, filled in, and nothing else:"
    )
    text = platform.call("text-gen", "/generate", {"prompt": f"{prompt}\n{TEMPLATE}"})["text"]
    found = re.search(r"\{.*\}", text, flags=re.DOTALL)
    try:
        script: Document = json.loads(found[0] if found else text)
        if not script["title"] or not all(scene["narration"] and scene["keywords"] for scene in script["scenes"]):
            raise ValueError("the title, a narration or the keywords are empty")
    except (ValueError, KeyError, TypeError) as error:
        raise DemoError(f"the model's text is not a script ({error}): {text[:200]}") from error
    return script


def draw_card(platform: Platform, title: str, shape: Document) -> Document:
    """Return image-gen's response for the title card."""
    prompt = f'A title card. The words "{title}" in large white letters, and no other text'
    options = {"aspect_ratio": shape["aspect_ratio"]}
    return platform.call("image-gen", "/generate", {"prompt": prompt, "options": options})


def speak(platform: Platform, scene: Document) -> Document:
    """Return audio-gen's response for a scene."""
    return platform.call("audio-gen", "/synthesize", {"text": scene["narration"], "timestamps": True})


def find_clip(platform: Platform, scene: Document, seconds: float, *, shape: Document) -> Document:
    """Return a clip for a scene: one as long as the speech, if there is one. Raises `DemoError`."""
    wanted: Document = {"keywords": scene["keywords"][:3], "orientation": shape["orientation"]}
    least_seconds = math.ceil(seconds + PAUSE_SECONDS)
    wanted["options"] = {"per_page": 1, "min_width": shape["least_width"], "min_duration": least_seconds}
    media = platform.call("stock-media", "/search/videos", wanted)["media"]
    media = media or platform.call("stock-media", "/search/videos", {**wanted, "options": {"per_page": 1}})["media"]
    if not media:
        raise DemoError(f"stock-media found no clip for {', '.join(scene['keywords'])}; try another topic")
    clip: Document = media[0]
    return clip


def compose_render(
    card: Document, speeches: list[Document], clips: list[Document], soundtrack: str, *, shape: Document
) -> Document:
    """Return the body of `POST /render`: a track of subtitles over one of pictures, and one of speech."""
    fade = {"in": "fade", "out": "fade"}
    pictures: list[Document] = [
        {"asset": {"type": "image", "src": card["image_url"]}, "start": 0, "length": TITLE_SECONDS, "transition": fade}
    ]
    voices: list[Document] = []
    subtitles: list[Document] = []
    at = TITLE_SECONDS
    for speech, clip in zip(speeches, clips, strict=True):
        length = round(speech["duration_seconds"] + PAUSE_SECONDS, 2)
        video = {"type": "video", "src": clip["url"], "volume": 0}
        # A clip that is shorter than the speech is repeated until the scene ends.
        for offset in range(0, math.ceil(length), max(1, int(clip["duration"]))):
            part = round(min(clip["duration"], length - offset), 2)
            if part > 0:
                pictures.append({"asset": video, "start": round(at + offset, 2), "length": part})
        audio = {"type": "audio", "src": speech["audio_url"]}
        voices.append({"asset": audio, "start": at, "length": speech["duration_seconds"]})
        caption = {"type": "caption", "src": speech["timestamps"]["srt_url"], "font": CAPTION_FONT}
        subtitles.append({"asset": caption, "start": at, "length": speech["duration_seconds"]})
        at = round(at + length, 2)
    timeline = {
        "background": "#000000",
        "soundtrack": {"src": soundtrack, "effect": "fadeInFadeOut", "volume": 0.15},
        "tracks": [{"clips": subtitles}, {"clips": pictures}, {"clips": voices}],
    }
    output = {"format": "mp4", "resolution": "hd", "aspectRatio": shape["aspect_ratio"], "fps": 25}
    return {"timeline": timeline, "output": output}


def render_video(platform: Platform, body: Document) -> Document:
    """Return the finished render; print a progress bar until then. Raises `DemoError`."""
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
        raise DemoError(f"render-service could not render the video: {render.get('error')}")
    return render


def download(url: str, folder: Path) -> Path:
    """Save the video in a folder and return its path."""
    path = folder / Path(url).name
    path.parent.mkdir(exist_ok=True)
    with urllib.request.urlopen(url) as response:  # noqa: S310  # our own worker
        path.write_bytes(response.read())
    return path


@contextmanager
def serve_soundtrack() -> Iterator[str]:
    """Serve a quiet chord on loopback until the block ends; yield its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # the base class's name
            content = make_chord()
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


def make_chord(seconds: int = 90, rate: int = 8000) -> bytes:
    """Return a WAV file of one slow chord (RIFF, 16-bit PCM, mono)."""
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
    sys.exit(main())
