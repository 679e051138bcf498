"""`npm run bench:edge`: measure every worker at its worst inputs against Cloudflare's limits.

Nothing enforces these limits locally. Each row is one kind of request, sent four at once, ten times if it is a typical
one. Columns: the status of the responses; the WebAssembly memory of the worker's isolate after them, which never
shrinks, so that a row contains those above it; the processor time of workerd for one request (that of the Durable
Object, D1, KV and R2 included, which Cloudflare does not charge to the Worker); the calls to providers and bindings for
one request. Typical requests are held to the limits of the plan that the worker needs (`PLANS`), all others to those of
the paid one. The last table has the most of each. Providers are emulated.

    npm run bench:edge [worker ...]

Limits: https://developers.cloudflare.com/workers/platform/limits/
"""

from __future__ import annotations

import itertools
import json
import sys
import tempfile
import urllib.request
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path

import bench
import keys
import local
import setup
from benchmark.processes import measure_workerd
from database import LocalDatabase
from edge_inputs import PLANS, Input, Plan, build_inputs
from platform_workers import find_workers

HEAP_LIMIT_MB = 96
"""Of the 128 MB of an isolate, what its WebAssembly memory may take; JavaScript needs the rest."""

CPU_LIMIT_MS: Mapping[Plan, float] = {"free": 10.0, "paid": 30_000.0}
SUBREQUEST_LIMIT: Mapping[Plan, int] = {"free": 50, "paid": 1000}
AT_ONCE = 4
TYPICAL_REQUESTS = 40
PROBE = "wrangler/entry_with_probe.py"

_numbers = itertools.count(1)
_RED, _PLAIN = ("\033[31m", "\033[0m") if sys.stdout.isatty() else ("", "")


def main() -> int:
    """Measure the workers and print the table; return 1 if a limit is passed."""
    public = [worker.name for worker in find_workers() if worker.package]
    chosen = sys.argv[1:] or public
    if unknown := set(chosen) - set(public):
        raise setup.SetupError(f"There is no public worker {', '.join(sorted(unknown))}: use {', '.join(public)}")
    emulators = local.start_emulators(0)
    rows: dict[str, list[Row]] = {}
    try:
        base_urls = emulators.wait_until_ready()["base_urls"]
        emulators.drain()
        print(f"{'':<52}{'status':>12}{'heap MB':>10}{'CPU ms':>9}{'calls':>7}")
        for name in chosen:
            rows[name] = measure_worker(name, base_urls)
    finally:
        emulators.stop()
    print(f"\nheap: at most {HEAP_LIMIT_MB} MB; CPU: 10 ms on the free plan, 30 s on the paid one; calls: 50 and 1,000")
    print_summary(rows)
    return 1 if any(row.is_over for found in rows.values() for row in found) else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What one kind of request took."""

    heap_mb: float
    cpu_ms: float
    calls: float
    is_typical: bool
    plan: Plan

    @property
    def is_over(self) -> bool:
        """Return whether a limit of the plan is passed."""
        cpu_limit_ms, subrequest_limit = CPU_LIMIT_MS[self.plan], SUBREQUEST_LIMIT[self.plan]
        return self.heap_mb > HEAP_LIMIT_MB or self.cpu_ms > cpu_limit_ms or self.calls > subrequest_limit


def print_summary(rows: Mapping[str, Sequence[Row]]) -> None:
    """Print a row for each worker."""
    print(f"\n{'':<18}{'typical':>9}{'worst':>9}{'worst':>10}{'most':>7}")
    print(f"{'':<18}{'CPU ms':>9}{'CPU ms':>9}{'heap MB':>10}{'calls':>7}  plan")
    for name, found in rows.items():
        heap, usual = max(row.heap_mb for row in found), max(row.cpu_ms for row in found if row.is_typical)
        cpu, calls = max(row.cpu_ms for row in found), max(row.calls for row in found)
        print(f"{name:<18}{usual:>9.1f}{cpu:>9.1f}{heap:>10.0f}{calls:>7.0f}  {find_plan(name)}")


def find_plan(worker: str) -> Plan:
    """Return the plan that a worker needs."""
    return PLANS.get(worker, "free")


def measure_worker(name: str, base_urls: Mapping[str, str]) -> list[Row]:
    """Print and return the rows of one worker, in an isolate of its own."""
    with tempfile.TemporaryDirectory() as state:
        local.migrate(Path(state))
        key, _ = keys.create(
            LocalDatabase(Path(state)), environment="test", name="bench", owner="bench", scopes=keys.SCOPES
        )
        vars_ = {**local.LOCAL_VARS, "RATE_LIMIT_POLICY": bench.PLENTY, **local.emulated_vars(base_urls)}
        options = {
            "state": state,
            "workers": sorted({"rate-limiter", name}),
            "vars": {"*": vars_},
            "main": {name: PROBE},
            "snapshot": "dependencies",
        }
        workers = local.start_workers(options)
        try:
            url = workers.wait_until_ready()["workers"][name]
            workers.drain()
            probe(url)
            plan = find_plan(name)
            return [measure(url, key, workers.process.pid, row, plan=plan) for row in build_inputs(name)]
        finally:
            workers.stop()


def measure(url: str, key: str, pid: int, row: Input, *, plan: Plan) -> Row:
    """Send one kind of request, and print and return its row; `plan` is what typical ones may need."""
    number = TYPICAL_REQUESTS if row.is_typical else AT_ONCE
    if row.is_typical:
        send_all(url, key, row, number=number)  # until the code is compiled and caches are filled
    probe(url)
    before = measure_workerd(pid).cpu_ms
    statuses = send_all(url, key, row, number=number)
    report = probe(url)
    measured = Row(
        heap_mb=report["heap_bytes"] / 1e6,
        cpu_ms=(measure_workerd(pid).cpu_ms - before) / number,
        calls=report["subrequests"] / number,
        is_typical=row.is_typical,
        plan=plan if row.is_typical else "paid",
    )
    shown = " ".join(f"{status}" if count == number else f"{count}x{status}" for status, count in statuses.items())
    cells = f"{measured.heap_mb:>10.0f}{measured.cpu_ms:>9.1f}{measured.calls:>7.1f}"
    print(f"{row.title:<52}{shown:>12}{f'{_RED}{cells} over{_PLAIN}' if measured.is_over else cells}", flush=True)
    return measured


def send_all(url: str, key: str, row: Input, *, number: int) -> Counter[int]:
    """Send that many requests, four at once, and return how many had which status."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return Counter(pool.map(lambda _: send(url, key, row), range(number)))


def send(url: str, key: str, row: Input) -> int:
    """Send the request, read the response to its end and return its status."""
    number = next(_numbers)
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    if row.has_key:
        headers["Idempotency-Key"] = str(number)
    connection = HTTPConnection(url.removeprefix("http://"), timeout=120)
    try:
        # A response may come before the whole body was sent.
        with suppress(BrokenPipeError, ConnectionResetError):
            connection.request(row.method, row.path, row.number(number), headers)
        response = connection.getresponse()
        while response.read(1 << 16):
            pass
        return response.status
    finally:
        connection.close()


def probe(url: str) -> dict[str, int]:
    """Return what the isolate has used since the last time."""
    with urllib.request.urlopen(f"{url}/_probe", timeout=60) as response:  # noqa: S310
        report: dict[str, int] = json.load(response)
    return report


if __name__ == "__main__":
    setup.run_script(main)
