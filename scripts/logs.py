"""`npm run logs -- WORKER [--env staging]`: show the log lines of a deployed worker as they are written, for a person.

It follows `wrangler tail`. Further options go to wrangler: `--status error`, `--search TEXT`.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import setup
from deployment.account import read_account
from deployment.configs import suffix_of
from deployment.plan import choose_workers
from platform_workers import find_workers
from progress import Progress

_FIRST = ("ms", "error_code", "provider", "model", "request_id")


def main(arguments: Sequence[str] | None = None) -> int:
    """Follow the logs until Ctrl-C; return wrangler's exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    environment = "production"
    if "--env" in words:
        at = words.index("--env")
        environment = words[at + 1] if at + 1 < len(words) else ""
        del words[at : at + 2]
    name, *options = words or [""]
    if name not in {worker.name for worker in find_workers()} or environment not in {"staging", "production"}:
        names = ", ".join(worker.name for worker in find_workers())
        print(
            f"usage: npm run logs -- WORKER [--env staging] [wrangler's options]; the workers are {names}",
            file=sys.stderr,
        )
        return 2
    try:
        account = read_account()
    except setup.SetupError as error:
        print(f"logs: {error}", file=sys.stderr)
        return 1
    (worker,) = [worker for worker in choose_workers([name]) if worker.name == name]
    wrangler = str(setup.ROOT / "node_modules" / "wrangler" / "bin" / "wrangler.js")
    command = [str(setup.NODE), wrangler, "tail", name + suffix_of(environment), "--format", "json", *options]
    with subprocess.Popen(
        command,
        cwd=worker.folder,
        env={**setup.environment(), **account.environment()},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        for event in read_documents(process.stdout or ()):
            for line in render_event(event):
                print(line, flush=True)
    return process.returncode


def read_documents(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yield the JSON documents that wrangler prints, each over many lines or on one."""
    text = ""
    for line in lines:
        text += line
        try:
            document = json.loads(text)
        except ValueError:
            continue
        text = ""
        if isinstance(document, dict):
            yield document


def render_event(event: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of one invocation: what the worker has logged, and what the runtime says about it."""
    for entry in event.get("logs") or []:
        moment = datetime.fromtimestamp(entry["timestamp"] / 1000, UTC).strftime("%H:%M:%S")
        for message in entry.get("message") or []:
            yield f"{moment} {render_line(message)}"
    for exception in event.get("exceptions") or []:
        yield f"exception: {exception.get('name')}: {exception.get('message')}"
    if (outcome := event.get("outcome")) not in {"ok", "canceled", None}:
        yield f"outcome: {outcome}"


def render_line(message: object) -> str:
    """Return one log line for a person; a line of another source is returned as it is."""
    try:
        line = json.loads(message) if isinstance(message, str) else message
    except ValueError:
        return str(message)
    if not isinstance(line, dict) or "event" not in line:
        return str(message)
    facts = " ".join(f"{name}={line[name]}" for name in _FIRST if line.get(name) is not None)
    if line["event"] == "request":
        return f"{line.get('method')} {line.get('path') or line.get('route')} {line.get('status')} {facts}".rstrip()
    other = {name: value for name, value in line.items() if name not in {*_FIRST, "event", "level", "time", "worker"}}
    return f"{line.get('level', '')} {line['event']} {facts} {json.dumps(other) if other else ''}".strip()


if __name__ == "__main__":
    setup.run_script(main, progress=Progress("setup", stream=sys.stderr))
