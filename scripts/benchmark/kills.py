"""Kill the running platform at random moments under load, and look for what is lost or doubled."""

from __future__ import annotations

import random
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

import bench
import keys
import local
from benchmark.receipts import Answers, Executions, Kind, LimitedTexts, Receipt, RefusedError, Renders, Speech, Texts
from database import LocalDatabase
from progress import Progress

WORKERS = ("rate-limiter", "text-gen", "audio-gen", "render-service", "sandbox-executor")
LIMIT = 200
LOAD_SECONDS = (0.3, 3.0)
RECENT = 5
"""How many of the last promises of each kind are checked after each restart."""

UNWRITTEN_SECONDS = 0.1
"""Rows of calls that were answered longer before a kill must be there. They are written within 50 ms; the rest is for
the one thread that all workers share here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """When requests began to be sent, and when the kill had ended all processes (seconds since the epoch)."""

    started: float
    killed: float


def run(*, kills: int, seed: int) -> int:
    """Kill everything that many times and print the summary; return 1 if something was lost or doubled."""
    emulators = local.start_emulators(0)
    try:
        base_urls = emulators.wait_until_ready()["base_urls"]
        emulators.drain()
        with tempfile.TemporaryDirectory() as state:
            local.migrate(Path(state))
            return Run(Path(state), base_urls, seed=seed).carry_out(kills)
    finally:
        emulators.stop()


class Run:
    """The platform's state, the load, and what was found."""

    def __init__(self, state: Path, base_urls: Mapping[str, str], *, seed: int) -> None:
        self._state = state
        self._base_urls = base_urls
        self._random = random.Random(seed)  # noqa: S311  # a seed to repeat a run
        self._loads: list[Load] = []
        self._database = LocalDatabase(state)
        key, self._limited = self._create_key(None), LimitedTexts(self._create_key(f'"requests";q={LIMIT};w=86400'))
        self._kinds: Sequence[Kind] = (
            Texts(key),
            self._limited,
            Answers(key),
            Speech(key),
            Renders(key),
            Executions(key),
        )
        self._problems: dict[str, list[str]] = {kind.title: [] for kind in self._kinds}

    def carry_out(self, kills: int) -> int:
        """Kill that many times, check, and print the summary; return 1 if something is wrong."""
        progress = Progress("bench")
        for number in range(kills + 1):
            is_last = number == kills
            with progress.repeat("checking everything" if is_last else f"kill {number + 1} of {kills}"):
                self._run_once(is_last=is_last)
        return self._summarize()

    def _run_once(self, *, is_last: bool) -> None:
        """Start everything, check what was promised, and unless it is the last time, send load and kill."""
        workers = self._start()
        try:
            urls = workers.wait_until_ready()["workers"]
            workers.drain()
            for kind in self._kinds:
                with self._connect(kind, urls) as client:
                    for receipt in kind.receipts if is_last else kind.receipts[-RECENT:]:
                        self._check(kind, client, receipt)
            if not is_last:
                self._send_load(urls, until=workers.kill)
        finally:
            workers.kill()
            workers.process.wait()
        for kind in self._kinds:
            if kind.provider:
                kind.count_paid(self._take_requests(kind.provider))

    def _check(self, kind: Kind, client: httpx2.Client, receipt: Receipt) -> None:
        try:
            problem = kind.check(client, receipt)
        except RefusedError as error:
            problem = str(error)
        if problem:
            self._report(kind, problem)

    def _start(self) -> local.Part:
        vars_ = {
            **local.LOCAL_VARS,
            "RATE_LIMIT_POLICY": bench.PLENTY,
            "AUTH_MODE": "required",
            "RENDER_POLL_SECONDS": "0.5",
            **local.emulated_vars(self._base_urls),
        }
        options = {
            "state": str(self._state),
            "workers": WORKERS,
            "vars": {"*": vars_},
            "build": not self._loads,
        }
        return local.start_workers(options)

    def _send_load(self, urls: Mapping[str, str], *, until: Callable[[], None]) -> None:
        """Send requests of all kinds at once for a random time, until the platform is killed."""

        def send(kind: Kind) -> None:
            try:
                with suppress(httpx2.TransportError), self._connect(kind, urls) as client:
                    while True:
                        kind.send(client)
            except RefusedError as error:
                self._report(kind, str(error))

        started = time.time()
        senders = [threading.Thread(target=send, args=[kind]) for kind in self._kinds]
        for sender in senders:
            sender.start()
        time.sleep(self._random.uniform(*LOAD_SECONDS))
        until()
        self._loads.append(Load(started=started, killed=time.time()))
        for sender in senders:
            sender.join()

    def _summarize(self) -> int:
        for kind in self._kinds:
            for number, times in kind.paid.items():
                if times > kind.price:
                    self._report(kind, f"number {number} was paid {times} times")
        unwritten = self._find_unwritten()
        oldest = max(unwritten, default=0)
        if oldest > UNWRITTEN_SECONDS:
            self._report(self._kinds[0], f"a usage row is missing {oldest * 1000:.0f} ms after its call was answered")
        admitted = len(self._limited.receipts)
        if admitted > LIMIT:
            self._report(self._limited, f"{admitted} were admitted")
        print(f"\n{'':<24}{'sent':>8}{'acknowledged':>14}{'wrong':>8}")
        for kind in self._kinds:
            print(f"{kind.title:<24}{kind.sent:>8}{len(kind.receipts):>14}{len(self._problems[kind.title]):>8}")
        print(f"\nlimit: {admitted} admitted of {LIMIT}")
        print(f"usage rows lost: {len(unwritten)}, of calls answered at most {oldest * 1000:.0f} ms before a kill")
        return 1 if any(self._problems.values()) else 0

    def _find_unwritten(self) -> list[float]:
        """Return how many seconds before a kill each text was acknowledged that has no usage row."""
        written = {row["request_id"] for row in self._database.run(("SELECT request_id FROM usage", ()))}
        texts = [receipt for kind in self._kinds if isinstance(kind, Texts) for receipt in kind.receipts]
        missing = [receipt.at for receipt in texts if receipt.promised not in written]
        return [seconds_before_kill(at, self._loads) for at in missing]

    def _report(self, kind: Kind, problem: str) -> None:
        self._problems[kind.title].append(problem)
        print(f"{kind.title}: {problem}", flush=True)

    def _create_key(self, policy: str | None) -> str:
        key, _ = keys.create(
            self._database,
            environment="test",
            name="kills",
            owner="bench",
            scopes=keys.SCOPES,
            rate_limit_policy=policy,
        )
        return key

    def _connect(self, kind: Kind, urls: Mapping[str, str]) -> httpx2.Client:
        return httpx2.Client(base_url=urls[kind.worker], timeout=60, trust_env=False)

    def _take_requests(self, provider: str) -> list[dict[str, Any]]:
        """Return the requests that an emulator has received since the last time, at most a hundred."""
        origin = httpx2.URL(self._base_urls[provider]).join("/")
        url = f"{origin}{provider}/_emulator/requests"
        requests: list[dict[str, Any]] = httpx2.get(url, trust_env=False).raise_for_status().json()["requests"]
        httpx2.delete(url, trust_env=False).raise_for_status()
        return requests


def seconds_before_kill(at: float, loads: Sequence[Load]) -> float:
    """Return how long before the kill of its load a call was answered.

    An answer may be read only after the kill, when it had arrived before and its thread had to wait for a processor:
    then it is 0, not the time until the next kill.
    """
    return max(0.0, next(load.killed - at for load in reversed(loads) if load.started <= at))
