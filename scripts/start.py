"""`npm start`: run the whole platform on this machine, on the real runtime; providers without a key are emulated.

The workers' ports are those of their wrangler.toml files, the emulators' is 8800; `DE_PORT_BASE` moves them all
(ports.py). State is kept in `.state/`; edits are picked up while it runs.
"""

from __future__ import annotations

import queue
import signal
import sys
import threading
import time
from typing import Any

import keys
import local
import ports
import setup
from deployment.configs import describe_commit
from progress import Progress

Event = tuple[local.Part, dict[str, Any] | None]


def main() -> int:
    """Run until Ctrl-C, or until a part ends by itself; return the exit status."""
    started = time.monotonic()
    progress = Progress("start")
    state = keys.STATE
    worker_ports, emulators_port = ports.worker_ports(ports.load_configs()), ports.emulators_port()
    with progress.repeat("preparing the local database"):
        local_key = keys.load_local_key(state)
    parts: list[local.Part] = []
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    try:
        emulators = local.start_emulators(emulators_port, state=state)
        parts.append(emulators)
        with progress.repeat("starting the emulators"):
            base_urls = emulators.wait_until_ready()["base_urls"]
        real = local.read_dev_vars(setup.ROOT / ".dev.vars")
        emulated = {
            name: url for name, url in base_urls.items() if not local.emulated_credentials(name).keys() <= real.keys()
        }
        workers = local.start_workers(
            {
                "state": str(state),
                "ports": worker_ports,
                "vars": {
                    "*": {
                        **local.LOCAL_VARS,
                        "LOG_FORMAT": _log_format(),
                        "DEPLOYED_COMMIT": describe_commit(),
                        **local.emulated_vars(emulated),
                        **real,
                    }
                },
                "build": False,  # the set-up has done that
                "watch": True,
                "warm": True,
            }
        )
        parts.append(workers)
        with progress.repeat(_describe_start()):
            urls = workers.wait_until_ready()["workers"]
        print_table(urls, base_urls, emulated, time.monotonic() - started)
        print_key(local_key)
        return follow(parts)
    except KeyboardInterrupt:
        print("\nstopping")
        return 0
    finally:
        for part in reversed(parts):
            part.stop()


def print_table(urls: dict[str, str], base_urls: dict[str, str], emulated: dict[str, str], seconds: float) -> None:
    """Print what listens where, and a command to try."""
    rows = [(name, url, "worker") for name, url in urls.items()]
    rows += [
        (name, url, "emulated" if name in emulated else "real: its key is in .dev.vars")
        for name, url in base_urls.items()
    ]
    names, addresses = (max(len(row[column]) for row in rows) for column in (0, 1))
    print(f"\nDistributed Electrons is ready after {seconds:.1f} s; Ctrl-C stops it.\n")
    for name, url, kind in rows:
        print(f"  {name:<{names}}  {url:<{addresses}}  {kind}")
    if "text-gen" in urls:
        print(f'\nTry it:\n\n  curl {urls["text-gen"]}/generate -d \'{{"prompt": "Hello"}}\'\n', flush=True)


def print_key(local_key: str) -> None:
    """Print the key for the worker that requires one even here."""
    print(
        f"A key for sandbox-executor, which is never open (kept in .state/{keys.LOCAL_KEY}):\n\n  {local_key}\n",
        flush=True,
    )


def follow(parts: list[local.Part]) -> int:
    """Print the events of the parts until one of them ends; return the exit status."""
    events: queue.Queue[Event] = queue.Queue()
    for part in parts:
        threading.Thread(target=_queue_events, args=[part, events], daemon=True).start()
    while True:
        part, event = events.get()
        if event is None:
            print(f"{part.name} ended by itself with status {part.process.wait()}; stopping", file=sys.stderr)
            return 1
        print_event(event)


def print_event(event: dict[str, Any]) -> None:
    """Print one line for one event."""
    match event["event"]:
        case "log":
            print(event["message"], flush=True)
        case "reloading":
            print(f"reloading {event['worker']} ...", flush=True)
        case "reloaded":
            print(f"reloaded {event['worker']} in {event['ms']} ms", flush=True)
        case "error":
            print(f"error: {event['message']}", file=sys.stderr, flush=True)


def _queue_events(part: local.Part, events: queue.Queue[Event]) -> None:
    for event in part.events():
        events.put((part, event))
    events.put((part, None))


def _describe_start() -> str:
    if (setup.ROOT / ".cache" / "snapshots").exists():
        return "starting the workers"
    return "starting the workers and saving the memory snapshot that later starts begin from"


def _log_format() -> str:
    return "pretty" if sys.stdout.isatty() else "json"


if __name__ == "__main__":
    setup.run_script(main)
