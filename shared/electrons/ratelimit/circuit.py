"""What the Durable Object `RateLimiter` does with one circuit, that of a provider's model, over its SQLite.

A circuit opens when enough calls in a row have failed, and stays open for a while, in which nobody calls. After that
one caller may probe: its success closes the circuit, its failure opens it for as long again.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from electrons.ratelimit.ledger import Sql

FORGET_MS = 60_000
"""Failures with such a pause between them are not in a row."""

_SCHEMA = """
    CREATE TABLE IF NOT EXISTS circuit (
      id INTEGER PRIMARY KEY CHECK (id = 1), failures INTEGER NOT NULL, failed_ms INTEGER NOT NULL,
      open_until_ms INTEGER NOT NULL
    )
"""


class Circuit:
    """One circuit. `clock()` is in milliseconds since the epoch."""

    def __init__(self, sql: Sql, clock: Callable[[], int]) -> None:
        self._sql = sql
        self._clock = clock
        self._failures, self._failed_ms, self._open_until_ms = 0, 0, 0
        self._has_table = False

    def handle(self, message: str) -> str:
        """Do `{"do": "fail"|"succeed"|"probe"|"read", "limit", "open_ms"}`.

        Returns `{"failures", "open_for_ms", "may_probe"}`. `fail` adds a failure, of which `limit` open the circuit.
        """
        request, now = json.loads(message), self._clock()
        self._load(creates=request["do"] not in {"read", "succeed"})
        may_probe = False
        match request["do"]:
            case "fail":
                is_in_a_row = now - self._failed_ms <= max(FORGET_MS, 2 * request["open_ms"])
                failures = 1 + (self._failures if is_in_a_row else 0)
                reopens = failures >= request["limit"]
                self._store(failures, now, now + request["open_ms"] if reopens else self._open_until_ms)
            case "succeed":
                if self._failures or self._open_until_ms:
                    self._store(0, 0, 0)
            case "probe":
                may_probe = self._open_until_ms <= now
                if may_probe:
                    self._store(self._failures, self._failed_ms, now + request["open_ms"])
        open_for_ms = max(0, self._open_until_ms - now)
        return json.dumps({"failures": self._failures, "open_for_ms": open_for_ms, "may_probe": may_probe})

    def is_idle(self) -> bool:
        """Return whether the circuit has nothing to remember."""
        self._load(creates=False)
        now = self._clock()
        return self._open_until_ms <= now and now - self._failed_ms > FORGET_MS

    def _load(self, *, creates: bool) -> None:
        """Read the state once. Without failures there is no table, so that reading stores nothing."""
        if self._has_table:
            return
        if creates:
            self._sql.execute(_SCHEMA)
        elif not self._sql.execute("SELECT 1 FROM sqlite_master WHERE name = 'circuit'"):
            return
        self._has_table = True
        for row in self._sql.execute("SELECT failures, failed_ms, open_until_ms FROM circuit"):
            self._failures, self._failed_ms, self._open_until_ms = map(int, row)

    def _store(self, failures: int, failed_ms: int, open_until_ms: int) -> None:
        self._failures, self._failed_ms, self._open_until_ms = failures, failed_ms, open_until_ms
        self._sql.execute(
            "INSERT OR REPLACE INTO circuit (id, failures, failed_ms, open_until_ms) VALUES (1, ?, ?, ?)",
            failures,
            failed_ms,
            open_until_ms,
        )
