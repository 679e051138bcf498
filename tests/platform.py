"""The workers under test: the local stack on free ports with a state of its own, and what it wrote."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

import httpx2

import keys
import local
from database import LocalDatabase
from tests.emulators.process import Emulators
from tests.variants import PLENTY, Variant

T = TypeVar("T")

WAIT_SECONDS = 10
"""How long a test waits for what happens after the answer: a ledger row, a log line."""

SETTINGS_HEADER = "X-Test-Settings"
MAIN_MODULE = "tests/workers/entry_with_settings.py"
"""What the workers under test run in place of their own main module: it obeys the header."""


class Platform:
    """The running workers by name, their API keys, and what they logged and stored."""

    def __init__(self, urls: Mapping[str, str], variants: Mapping[str, Variant], state: Path) -> None:
        self.urls = {**{name: urls[variant.worker] for name, variant in variants.items()}, **urls}
        self.database = LocalDatabase(state)
        self._variants = variants
        self._state = state
        self._logs: list[dict[str, Any]] = []
        self._clients: dict[str, httpx2.Client] = {}

    @classmethod
    @contextmanager
    def start(
        cls,
        *,
        state: Path,
        emulators: Emulators,
        variants: Mapping[str, Variant],
        workers: Sequence[str] | None = None,
        main: Mapping[str, str] = MappingProxyType({}),
    ) -> Iterator[Platform]:
        """Run all workers, or those that are named, and the variants until the block ends.

        `main` has modules that take the place of workers' own main modules.
        """
        shared = {
            **local.LOCAL_VARS,
            "RATE_LIMIT_POLICY": PLENTY,
            # Tests of failures share their models and accounts with all others.
            "CIRCUIT_FAILURES": "0",
            "QUOTA_PAUSE_SECONDS": "0",
            "RENDER_POLL_SECONDS": "0.1",
            "CALLBACK_RETRY_SECONDS": "0.1",
            **local.emulated_vars(emulators.base_urls),
        }
        deployed = {name: variant for name, variant in variants.items() if variant.deployed}
        options = {
            "state": str(state),
            "variants": {name: variant.worker for name, variant in deployed.items()},
            "vars": {"*": shared, **{name: dict(variant.vars) for name, variant in deployed.items()}},
            "main": {variant.worker: MAIN_MODULE for variant in variants.values()} | dict(main),
        }
        if workers is not None:
            options["workers"] = list(workers)
        part = local.start_workers(options)
        try:
            platform = cls(part.wait_until_ready()["workers"], variants, state)
            collector = threading.Thread(target=platform._collect, args=[part], daemon=True)
            collector.start()
            yield platform
            for client in platform._clients.values():
                client.close()
            part.stop()
            collector.join()
        finally:
            part.stop()
            if part.process.stdout is not None:
                part.process.stdout.close()

    def client(self, worker: str) -> httpx2.Client:
        """Return an HTTP client for a worker or a variant; each has one, which lasts as long as the platform."""
        if worker not in self._clients:
            url, headers = self.urls[worker], self.headers(worker)
            self._clients[worker] = httpx2.Client(base_url=url, headers=headers, timeout=30, trust_env=False)
        return self._clients[worker]

    def headers(self, worker: str) -> dict[str, str]:
        """Return what makes a request to `urls[worker]` one to that variant; for callers without `client`."""
        variant = self._variants.get(worker)
        if variant is None or variant.deployed:
            return {}
        return {SETTINGS_HEADER: json.dumps(variant.vars)}

    def key(
        self,
        *scopes: str,
        expires_at: datetime | None = None,
        rate_limit_policy: str | None = None,
        budget: str | None = None,
        models: str | None = None,
    ) -> str:
        """Create an API key with these scopes, with all scopes if none is named."""
        key, _ = keys.create(
            self.database,
            environment="test",
            name="test",
            owner="tests",
            scopes=scopes or keys.SCOPES,
            expires_at=expires_at,
            rate_limit_policy=rate_limit_policy,
            budget=budget,
            models=models,
        )
        return key

    @cached_property
    def all_powerful_key(self) -> str:
        """One key with all scopes, for tests that are not about keys."""
        return self.key()

    def log_lines(self, request_id: str, *, event: str = "request", count: int = 1) -> list[dict[str, Any]]:
        """Return the log lines of one request with that event; wait for that many."""

        def find() -> list[dict[str, Any]]:
            found = [line for line in self._logs if (line.get("request_id"), line["event"]) == (request_id, event)]
            return found if len(found) >= count else []

        return wait_for(find)

    def has_logged(self, request_id: str, *, event: str) -> bool:
        """Return whether one request has logged such an event so far."""
        return any((line.get("request_id"), line["event"]) == (request_id, event) for line in self._logs)

    def logged(self) -> str:
        """All that the workers have logged so far, JSON text."""
        return json.dumps(self._logs, ensure_ascii=False)

    def usage_rows(self, request_id: str, *, wait: bool = True) -> list[dict[str, Any]]:
        """Return the usage rows of one request from D1's own file; wait for the first unless `wait` is false."""

        def look() -> list[dict[str, Any]]:
            return self._query("SELECT * FROM usage WHERE request_id = ?", request_id)

        return wait_for(look) if wait else look()

    def rows(self, table: str, *, request_id: str, status: str | None = None) -> list[dict[str, Any]]:
        """Return the rows of one request in another table; with a status, wait for the first that has it."""
        statement = f"SELECT * FROM {table} WHERE request_id = ?"  # noqa: S608  # a name in a test
        if status is None:
            return self._query(statement, request_id)
        return wait_for(lambda: self._query(f"{statement} AND status = ?", request_id, status))

    def stored_objects(self, request_id: str) -> list[dict[str, Any]]:
        """Return what one request has stored in R2, from the buckets' own files: `key`, `size` and the metadata."""
        files = (path for path in self._state.glob("v3/r2/*/*.sqlite") if path.stem != "metadata")
        statement = "SELECT * FROM _mf_objects WHERE custom_metadata ->> 'request_id' = ? ORDER BY key"
        return [row for file in files for row in self._read(file, statement, request_id)]

    def _query(self, statement: str, *parameters: str) -> list[dict[str, Any]]:
        return self._read(local.database_file(self._state), statement, *parameters)

    @staticmethod
    def _read(file: Path, statement: str, *parameters: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return [dict(row) for row in database.execute(statement, parameters)]

    def _collect(self, workers: local.Part) -> None:
        for event in workers.events():
            try:
                line = json.loads(event.get("message", ""))
            except ValueError:
                line = None
            self._logs.append(line if isinstance(line, dict) and "event" in line else {"event": "other", **event})


@contextmanager
def run_alone(
    worker: str, *, state: Path, vars_: Mapping[str, str], port: int = 0
) -> Iterator[tuple[local.Part, httpx2.Client]]:
    """Run one worker, with the limiter, until the block ends: its process, which a test may kill, and a client."""
    part = local.start_workers(
        {
            "state": str(state),
            "workers": ["rate-limiter", worker],
            "ports": {worker: port},
            "vars": {"*": dict(vars_)},
        }
    )
    reader = threading.Thread(target=lambda: deque(part.events(), maxlen=0), daemon=True)
    try:
        url = part.wait_until_ready()["workers"][worker]
        reader.start()
        with httpx2.Client(base_url=url, timeout=30, trust_env=False) as client:
            yield part, client
        part.stop()
        reader.join()
    finally:
        part.stop()
        if part.process.stdout is not None:
            part.process.stdout.close()


def wait_for(look: Callable[[], T]) -> T:
    """Return what `look` finds as soon as it finds anything, or the last it found when the time is over."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not (found := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return found
