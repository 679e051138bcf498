"""What the Durable Object does for one holder of a budget, over its SQLite: a key, the deployment or a provider.

Money is reserved before a call from an estimate, and settled after it with what the call has cost. Reservations count
like spent money, so however many calls are in flight, together they never get more than the budget. They count in the
day and the month (UTC) in which they were made, and so does what they are settled with. One that is not settled within
`LIFE_MS`, because its worker died, counts no longer; a settlement that comes later still does.

Nothing here awaits, so a reservation is atomic; every change is in the database before the response. Calls take and
return JSON. Amounts are whole millionths of a US dollar, times are milliseconds since the epoch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from electrons.money import PERIODS, Period
from electrons.ratelimit.ledger import Sql

LIFE_MS = 60 * 60 * 1000
"""How long a reservation counts that nobody settles: longer than a call can take."""

KEPT_MS = 24 * 60 * 60 * 1000
"""How long a reservation can be settled after it has ceased to count."""

_SCHEMA = (
    "CREATE TABLE IF NOT EXISTS budget_windows (period TEXT PRIMARY KEY, began TEXT NOT NULL, spent INTEGER NOT NULL)",
    """
    CREATE TABLE IF NOT EXISTS budget_reservations (
      id TEXT PRIMARY KEY, amount INTEGER NOT NULL, day TEXT NOT NULL, month TEXT NOT NULL, created_ms INTEGER NOT NULL
    )
    """,
)


class BudgetLedger:
    """What one holder has spent and reserved. `clock()` is in milliseconds since the epoch."""

    def __init__(self, sql: Sql, clock: Callable[[], int]) -> None:
        self._sql = sql
        self._clock = clock
        for statement in _SCHEMA:
            sql.execute(statement)

    def handle(self, message: str) -> str:
        """Do what `{"do": "reserve" | "settle" | "read", ...}` says.

        `reserve` takes `{"id", "amount", "limits": {period: amount}}`, `settle` `{"settlements": [{"id", "actual"}]}`.
        All return `{"allowed", "refused_by", "periods": {period: {"spent", "reserved", "renews_ms"}}}`.
        """
        request = json.loads(message)
        refused_by: Period | None = None
        if request["do"] == "reserve":
            refused_by = self._reserve(request["id"], amount=request["amount"], limits=request["limits"])
        elif request["do"] == "settle":
            for settlement in request["settlements"]:
                self._settle(settlement["id"], actual=settlement["actual"])
        periods = {
            period: {
                "spent": self._spent(period),
                "reserved": self._reserved(period),
                "renews_ms": self._renews(period),
            }
            for period in PERIODS
        }
        return json.dumps({"allowed": refused_by is None, "refused_by": refused_by, "periods": periods})

    def is_idle(self) -> bool:
        """Return whether nothing would be forgotten with the tables: nothing is reserved, or spent this month."""
        now = self._clock()
        self._sql.execute("DELETE FROM budget_reservations WHERE created_ms < ?", now - LIFE_MS - KEPT_MS)
        if self._sql.execute("SELECT 1 FROM budget_reservations LIMIT 1"):
            return False
        return not any(self._spent(period) for period in PERIODS)

    def _reserve(self, reservation_id: str, *, amount: int, limits: Mapping[str, int]) -> Period | None:
        """Reserve an amount; return the period whose limit forbids it."""
        if self._sql.execute("SELECT 1 FROM budget_reservations WHERE id = ?", reservation_id):
            return None  # the first answer was lost
        for period in PERIODS:
            limit = limits.get(period)
            if limit is not None and self._spent(period) + self._reserved(period) + amount > limit:
                return period
        self._sql.execute(
            "INSERT INTO budget_reservations (id, amount, day, month, created_ms) VALUES (?, ?, ?, ?, ?)",
            *(reservation_id, amount, self._window("day"), self._window("month"), self._clock()),
        )
        return None

    def _settle(self, reservation_id: str, *, actual: int) -> None:
        """Replace a reservation by what was spent, once: an id that is unknown changes nothing."""
        rows = self._sql.execute("DELETE FROM budget_reservations WHERE id = ? RETURNING day, month", reservation_id)
        if rows and actual:
            for period, began in zip(PERIODS, rows[0], strict=True):
                if began == self._window(period):
                    self._sql.execute(
                        """
                        INSERT INTO budget_windows (period, began, spent) VALUES (?, ?, ?)
                        ON CONFLICT (period) DO UPDATE SET
                          spent = excluded.spent + CASE WHEN began = excluded.began THEN spent ELSE 0 END,
                          began = excluded.began
                        """,
                        *(period, began, actual),
                    )

    def _spent(self, period: Period) -> int:
        rows = self._sql.execute(
            "SELECT spent FROM budget_windows WHERE period = ? AND began = ?", period, self._window(period)
        )
        return int(rows[0][0]) if rows else 0

    def _reserved(self, period: Period) -> int:
        rows = self._sql.execute(
            f"SELECT COALESCE(SUM(amount), 0) FROM budget_reservations WHERE {period} = ? AND created_ms > ?",  # noqa: S608
            *(self._window(period), self._clock() - LIFE_MS),
        )
        return int(rows[0][0])

    def _window(self, period: Period) -> str:
        """Return the day or month that counts now. It never goes back, if a clock does."""
        now = datetime.fromtimestamp(self._clock() / 1000, UTC).strftime("%Y-%m-%d" if period == "day" else "%Y-%m")
        rows: list[tuple[Any, ...]] = self._sql.execute("SELECT began FROM budget_windows WHERE period = ?", period)
        return max(now, str(rows[0][0])) if rows else now

    def _renews(self, period: Period) -> int:
        window = self._window(period)
        if period == "day":
            return int(datetime.fromisoformat(f"{window}T00:00:00+00:00").timestamp() * 1000) + KEPT_MS
        year, month = (int(part) for part in window.split("-"))
        following = datetime(year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
        return int(following.timestamp() * 1000)
