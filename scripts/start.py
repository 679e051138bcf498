"""`npm start`: the whole platform on this machine, on the real runtime, with emulated providers where there is no key.

Ports: text-gen 8787, audio-gen 8788, stock-media 8789, render-service 8790, image-gen 8791, sandbox-executor 8792, the
emulators 8800; `DE_PORT_BASE` moves them all. State lies in `.state/` and survives; edits are picked up while it runs.
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
from typing import Any

import keys
import local
import setup

PORTS = ("text-gen", "audio-gen", "stock-media", "render-service", "image-gen", "sandbox-executor")
EMULATORS_OFFSET = 13

Event = tuple[local.Part, dict[str, Any] | None]


def main() -> int:
    """Runs until Ctrl-C, or until a part ends by itself; returns the exit status."""
    started = time.monotonic()
    state = keys.STATE
    local_key = keys.local_key(state)
    parts: list[local.Part] = []
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    try:
        emulators = local.start_emulators(port_base() + EMULATORS_OFFSET, state=state)
        parts.append(emulators)
        base_urls = emulators.wait_until_ready()["base_urls"]
        real = local.read_dev_vars(setup.ROOT / ".dev.vars")
        emulated = {
            name: url for name, url in base_urls.items() if not local.emulated_credentials(name).keys() <= real.keys()
        }
        workers = local.start_workers(
            {
                "state": str(state),
                "ports": {name: port_of(name) for name in PORTS if _exists(name)},
                "vars": {
                    "*": {**local.LOCAL_VARS, "LOG_FORMAT": _log_format(), **local.emulated_vars(emulated), **real}
                },
                "watch": True,
                "warm": True,
            }
        )
        parts.append(workers)
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


def port_base() -> int:
    """The port of the first worker. Raises `SetupError`."""
    text = os.environ.get("DE_PORT_BASE", "8787")
    if not text.isdecimal() or not 1024 <= int(text) <= 65000:
        raise setup.SetupError(f"`DE_PORT_BASE` must be a port from 1024 to 65000, not {text!r}")
    return int(text)


def port_of(worker: str) -> int:
    """Where a worker listens."""
    return port_base() + PORTS.index(worker)


def print_table(urls: dict[str, str], base_urls: dict[str, str], emulated: dict[str, str], seconds: float) -> None:
    """What listens where, and a line to try."""
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
    """The key for what asks for one even here."""
    print(
        f"A key for sandbox-executor, which is never open (kept in .state/{keys.LOCAL_KEY}):\n\n  {local_key}\n",
        flush=True,
    )


def follow(parts: list[local.Part]) -> int:
    """Shows what the parts say until one of them ends."""
    events: queue.Queue[Event] = queue.Queue()
    for part in parts:
        threading.Thread(target=_pump, args=[part, events], daemon=True).start()
    while True:
        part, event = events.get()
        if event is None:
            print(f"{part.name} ended by itself with status {part.process.wait()}; stopping", file=sys.stderr)
            return 1
        show(event)


def show(event: dict[str, Any]) -> None:
    """One line for one event."""
    match event["event"]:
        case "log":
            print(event["message"], flush=True)
        case "reloading":
            print(f"reloading {event['worker']} ...", flush=True)
        case "reloaded":
            print(f"reloaded {event['worker']} in {event['ms']} ms", flush=True)
        case "error":
            print(f"error: {event['message']}", file=sys.stderr, flush=True)


def _pump(part: local.Part, events: queue.Queue[Event]) -> None:
    for event in part.events():
        events.put((part, event))
    events.put((part, None))


def _exists(worker: str) -> bool:
    return (setup.ROOT / "workers" / worker / "wrangler.toml").exists()


def _log_format() -> str:
    return "pretty" if sys.stdout.isatty() else "json"


if __name__ == "__main__":
    setup.run_script(main)
