"""Renders: queued, rendered by two background threads, and kept with their files until newer ones replace them.

A render's status follows its progress. Each status lasts at least a moment, so that a caller who polls quickly sees all
of them.
"""

import logging
import tempfile
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any

from ...ffmpeg import FfmpegError, run_ffmpeg
from .assets import AssetError, fetch, inspect
from .captions import CAPTION_ASSETS
from .graph import Sources
from .plan import build_plan
from .timeline import TimelineError
from .webhooks import notify

logger = logging.getLogger(__name__)

OWNER = "5ca6hu7s9k"

_THREADS = 2
_MAX_RENDERS = 1000
_MAX_FILES = 48
_STATUS_SECONDS = 0.1
_PLAYABLE = {"video", "audio"}
_FETCHABLE = {*_PLAYABLE, "image", *CAPTION_ASSETS}


def now() -> str:
    """Return the current time in ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True, kw_only=True)
class Render:
    """One render; `edit` is the request, `merged` the same with its fields merged; times are ISO 8601."""

    environment: str
    edit: Mapping[str, Any]
    merged: Mapping[str, Any]
    files_url: str
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    status: str = "queued"
    error: str = ""
    url: str | None = None
    poster: str | None = None
    thumbnail: str | None = None
    duration: float | None = None
    render_time: float | None = None
    created: str = field(default_factory=now)
    updated: str = field(default_factory=now)

    def enter(self, status: str) -> None:
        """Change the status after the least time of the previous one."""
        time.sleep(_STATUS_SECONDS)
        self.status, self.updated = status, now()


_renders: OrderedDict[str, Render] = OrderedDict()
_files: OrderedDict[str, bytes] = OrderedDict()
_queue: SimpleQueue[Render] = SimpleQueue()
_threads: list[Thread] = []


def submit(render: Render) -> None:
    """Queue the render; its callback, if any, is called when it is done or has failed."""
    _renders[render.id] = render
    while len(_renders) > _MAX_RENDERS:
        _renders.popitem(last=False)
    while len(_threads) < _THREADS:
        thread = Thread(target=_run_queue, name="shotstack-renderer", daemon=True)
        _threads.append(thread)
        thread.start()
    _queue.put(render)


def find_render(environment: str, render_id: str) -> Render | None:
    """Return a render of the environment, or `None`."""
    render = _renders.get(render_id)
    return render if render and render.environment == environment else None


def find_file(name: str) -> bytes | None:
    """Return a rendered file, or `None`."""
    return _files.get(name)


def _run_queue() -> None:
    while True:
        render = _queue.get()
        with tempfile.TemporaryDirectory(prefix="emulated-shotstack-") as directory:
            started = time.monotonic()
            try:
                _render(render, Path(directory))
            except (AssetError, TimelineError, FfmpegError) as error:
                render.error = str(error)
            except Exception:
                logger.exception("The shotstack emulator failed at the render %s", render.id)
                render.error = "The emulator failed: see its standard error."
            render.render_time = round((time.monotonic() - started) * 1000, 2)
        render.enter("failed" if render.error else "done")
        if callback := render.merged.get("callback"):
            notify(callback, _callback_bodies(render))


def _callback_bodies(render: Render) -> list[dict[str, Any]]:
    """Return the bodies for the callback: the end of the render and, if it has a file, its copy on the CDN."""
    common = {"owner": OWNER, "url": render.url, "error": render.error or None, "completed": render.updated}
    ended = {"type": "edit", "action": "render", "id": render.id, "status": render.status, **common}
    if render.status == "failed":
        return [ended]
    copied = {"type": "serve", "action": "copy", "id": str(uuid.uuid4()), "render": render.id, "status": "ready"}
    return [ended, {**copied, **common}]


def _render(render: Render, directory: Path) -> None:
    edit = render.merged
    render.enter("fetching")
    fetched = _fetch_all(edit["timeline"], directory)
    render.enter("preprocessing")
    media = {url: inspect(path, url=url) for url, (kind, path) in fetched.items() if kind in _PLAYABLE}
    files = {url: path for url, (kind, path) in fetched.items() if kind not in _PLAYABLE}
    plan = build_plan(edit, Sources(media=media, files=files, directory=directory))
    render.enter("rendering")
    result = directory / f"{render.id}.{edit['output']['format']}"
    run_ffmpeg([*plan.arguments, result])
    render.enter("saving")
    _save_result(render, result, plan.duration)


def _fetch_all(timeline: Mapping[str, Any], directory: Path) -> dict[str, tuple[str, Path]]:
    """Fetch every source once; return its type and its path by URL."""
    assets = [clip["asset"] for track in timeline["tracks"] for clip in track["clips"]]
    kinds = {asset["src"]: asset["type"] for asset in assets if "src" in asset and asset["type"] in _FETCHABLE}
    if soundtrack := timeline.get("soundtrack"):
        kinds.setdefault(soundtrack["src"], "audio")
    fetched = {url: (kind, directory / f"source-{number}") for number, (url, kind) in enumerate(kinds.items())}
    for url, (_, path) in fetched.items():
        fetch(url, path)
    return fetched


def _save_result(render: Render, result: Path, duration: float) -> None:
    output = render.merged["output"]
    if poster := output.get("poster"):
        render.poster = _capture(render, result, "poster", at=poster["capture"])
    if thumbnail := output.get("thumbnail"):
        render.thumbnail = _capture(render, result, "thumb", at=thumbnail["capture"], scale=thumbnail["scale"])
    render.duration = round(duration, 3)
    render.url = _store_file(render, result)


def _capture(render: Render, result: Path, name: str, *, at: float, scale: float = 1) -> str:
    path = result.with_name(f"{render.id}-{name}.jpg")
    shrink = ["-vf", f"scale=max(2\\,iw*{scale:g}):-1"]
    run_ffmpeg(["-ss", f"{at:g}", "-i", result, *shrink, "-frames:v", "1", "-update", "1", path])
    if not path.exists():
        raise TimelineError(f"The video has no frame at {at:g} s to capture")
    return _store_file(render, path)


def _store_file(render: Render, path: Path) -> str:
    _files[path.name] = path.read_bytes()
    while len(_files) > _MAX_FILES:
        _files.popitem(last=False)
    return f"{render.files_url}/{OWNER}/{path.name}"
