"""`npm run bench`: measure what text-gen adds to a call: the same call to the emulator directly, and through text-gen.

Nothing is switched off: limiter, validation, usage row, log line. There is no development proxy in front, and the
emulator responds at once, so the difference is the platform's own. Absolute numbers depend on the machine, ratios less.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import local
import setup

PLENTY = '"requests";q=100000000;w=60, "tokens";q=100000000000;qu="tokens";w=60'
MESSAGE = {"model": "claude-sonnet-4-6", "max_tokens": 2000, "messages": [{"role": "user", "content": "Hello"}]}
PROMPT = {"prompt": "Hello"}
ANTHROPIC_HEADERS = {"x-api-key": "emulated", "anthropic-version": "2023-06-01"}
CLIENTS = 16

Figures = Mapping[str, float]


def main() -> int:
    """Measure everything and print the table; return the exit status."""
    emulators = local.start_emulators(0)
    try:
        base_urls = emulators.wait_until_ready()["base_urls"]
        with tempfile.TemporaryDirectory() as state:
            local.migrate(Path(state))
            with run_workers(state, base_urls, snapshot=False) as (cold, _):
                pass
            with run_workers(state, base_urls, snapshot=True) as (ready, workers):
                compare(base_urls["anthropic"], ready["workers"]["text-gen"])
                print(
                    f"\nmemory     {resident_megabytes(workers.process.pid):.0f} MB resident: text-gen and rate-limiter"
                )
            print(f"first 200  {ready['boot_ms'] / 1000:.2f} s after the start of workerd, from a memory snapshot")
            print(f"           {cold['boot_ms'] / 1000:.2f} s without one")
    finally:
        emulators.stop()
    return 0


@contextmanager
def run_workers(state: str, base_urls: Mapping[str, str], *, snapshot: bool) -> Iterator[tuple[Any, local.Part]]:
    """Run text-gen and rate-limiter on workerd until the block ends; yield the event `ready` and their process."""
    workers = local.start_workers(
        {
            "state": state,
            "workers": ["rate-limiter", "text-gen"],
            "vars": {"*": {"AUTH_MODE": "open", "RATE_LIMIT_POLICY": PLENTY, **local.emulated_vars(base_urls)}},
            "snapshot": snapshot,
            "warm": True,
        }
    )
    try:
        ready = workers.wait_until_ready()
        workers.drain()
        yield ready, workers
    finally:
        workers.stop()


def compare(anthropic: str, text_gen: str) -> None:
    """Measure each row both ways and print it as soon as it is known."""
    stream = {**MESSAGE, "stream": True}
    direct, through = f"{anthropic}/v1/messages", f"{text_gen}/generate"
    rows = (
        ("p50, 1 client", "p50", "ms", load(direct, MESSAGE), load(through, PROMPT)),
        ("p99, 1 client", "p99", "ms", load(direct, MESSAGE), load(through, PROMPT)),
        ("first token, 1 client", "first", "ms", load(direct, stream), load(f"{through}/stream", PROMPT)),
    )
    print(f"{'':<28}{'direct':>10}{'text-gen':>10}{'added':>10}")
    for title, figure, unit, before, after in rows:
        added = after[figure] - before[figure]
        print(f"{title:<28}{before[figure]:>7.2f} {unit}{after[figure]:>7.2f} {unit}{added:>7.2f} {unit}", flush=True)
    crowds = [load(url, body, clients=CLIENTS, requests=3000) for url, body in ((direct, MESSAGE), (through, PROMPT))]
    print(f"requests/s, {CLIENTS} clients{crowds[0]['per_second']:>16.0f}{crowds[1]['per_second']:>10.0f}", flush=True)


def load(url: str, body: Mapping[str, Any], *, clients: int = 1, requests: int = 500) -> Figures:
    """Send the requests with `scripts/load.mjs` and return its figures."""
    options = {
        "url": url,
        "body": json.dumps(body),
        "headers": ANTHROPIC_HEADERS,
        "clients": clients,
        "requests": requests,
        "warmup": 100,
    }
    command = [str(setup.NODE), "scripts/load.mjs", json.dumps(options)]
    result = subprocess.run(command, cwd=setup.ROOT, capture_output=True, text=True, check=True)
    figures: Figures = json.loads(result.stdout)
    return figures


def resident_megabytes(pid: int) -> float:
    """Return the resident memory of the workerd that the process started (from /proc; 0 where there is none)."""
    for status in Path("/proc").glob("[0-9]*/status"):
        try:
            fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        except OSError:  # the process has ended since the folder was listed
            continue
        if fields["Name"].strip() == "workerd" and int(fields["PPid"]) == pid:
            return int(fields["VmRSS"].split()[0]) / 1024
    return 0


if __name__ == "__main__":
    setup.run_script(main)
