"""Renders: queued, worked on by two threads in the background, and kept with their files until newer ones need room.

A render's status follows the work. Each lasts at least a moment, so that whoever polls quickly sees every one.
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
from .plan import plan
from .timeline import TimelineError
from .webhooks import notify

logger = logging.getLogger(__name__)

OWNER = "5ca6hu7s9k"

_WORKERS = 2
_KEPT_RENDERS = 1000
_KEPT_FILES = 48
_STATUS_SECONDS = 0.1
_PLAYED = {"video", "audio"}
_FETCHED = {*_PLAYED, "image", *CAPTION_ASSETS}


def now() -> str:
    """This moment in ISO 8601, to the millisecond."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass(slots=True, kw_only=True)
class Render:
    """One render. `edit` is what was posted, `merged` what is rendered; times are ISO 8601."""

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
        time.sleep(_STATUS_SECONDS)
        self.status, self.updated = status, now()


_renders: OrderedDict[str, Render] = OrderedDict()
_files: OrderedDict[str, bytes] = OrderedDict()
_queue: SimpleQueue[Render] = SimpleQueue()
_workers: list[Thread] = []


def submit(render: Render) -> None:
    """Queue the render. Its callback, if it has one, is called when it is done or has failed."""
    _renders[render.id] = render
    while len(_renders) > _KEPT_RENDERS:
        _renders.popitem(last=False)
    while len(_workers) < _WORKERS:
        worker = Thread(target=_work, name="shotstack-renderer", daemon=True)
        _workers.append(worker)
        worker.start()
    _queue.put(render)


def find_render(environment: str, render_id: str) -> Render | None:
    """The render, if it is one of this environment."""
    render = _renders.get(render_id)
    return render if render and render.environment == environment else None


def find_file(name: str) -> bytes | None:
    return _files.get(name)


def _work() -> None:
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
                render.error = "The emulator failed: its standard error says why."
            render.render_time = round((time.monotonic() - started) * 1000, 2)
        render.enter("failed" if render.error else "done")
        if callback := render.merged.get("callback"):
            notify(callback, _announcements(render))


def _announcements(render: Render) -> list[dict[str, Any]]:
    """What the callback is told: the end of the render and, where there is a file, that it is on the CDN as well."""
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
    media = {url: inspect(path, url=url) for url, (kind, path) in fetched.items() if kind in _PLAYED}
    others = {url: path for url, (kind, path) in fetched.items() if kind not in _PLAYED}
    planned = plan(edit, Sources(media=media, others=others, directory=directory))
    render.enter("rendering")
    result = directory / f"{render.id}.{edit['output']['format']}"
    run_ffmpeg([*planned.arguments, result])
    render.enter("saving")
    _save(render, result, planned.duration)


def _fetch_all(timeline: Mapping[str, Any], directory: Path) -> dict[str, tuple[str, Path]]:
    """Every source once: its kind and where it is."""
    assets = [clip["asset"] for track in timeline["tracks"] for clip in track["clips"]]
    kinds = {asset["src"]: asset["type"] for asset in assets if "src" in asset and asset["type"] in _FETCHED}
    if soundtrack := timeline.get("soundtrack"):
        kinds.setdefault(soundtrack["src"], "audio")
    fetched = {url: (kind, directory / f"source-{number}") for number, (url, kind) in enumerate(kinds.items())}
    for url, (_, path) in fetched.items():
        fetch(url, path)
    return fetched


def _save(render: Render, result: Path, duration: float) -> None:
    output = render.merged["output"]
    if poster := output.get("poster"):
        render.poster = _capture(render, result, "poster", at=poster["capture"])
    if thumbnail := output.get("thumbnail"):
        render.thumbnail = _capture(render, result, "thumb", at=thumbnail["capture"], scale=thumbnail["scale"])
    render.duration = round(duration, 3)
    render.url = _keep(render, result)


def _capture(render: Render, result: Path, name: str, *, at: float, scale: float = 1) -> str:
    path = result.with_name(f"{render.id}-{name}.jpg")
    shrink = ["-vf", f"scale=max(2\\,iw*{scale:g}):-1"]
    run_ffmpeg(["-ss", f"{at:g}", "-i", result, *shrink, "-frames:v", "1", "-update", "1", path])
    if not path.exists():
        raise TimelineError(f"There is no frame at {at:g} s to capture")
    return _keep(render, path)


def _keep(render: Render, path: Path) -> str:
    _files[path.name] = path.read_bytes()
    while len(_files) > _KEPT_FILES:
        _files.popitem(last=False)
    return f"{render.files_url}/{OWNER}/{path.name}"
