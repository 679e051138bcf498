"""The Durable Object `RateLimiter`: a shell around what `ratelimit` has of it: `Ledger`, `Circuit`, `BudgetLedger`."""

from __future__ import annotations

import time
from typing import Any

from workers import DurableObject

from electrons.ratelimit.budget import BudgetLedger
from electrons.ratelimit.circuit import Circuit
from electrons.ratelimit.ledger import RESERVATION_LIFE_MS, Ledger
from electrons.runtime.loop import install as install_loop


class _Sql:
    def __init__(self, sql: Any) -> None:
        self._sql = sql

    def execute(self, statement: str, *parameters: str | int) -> list[tuple[Any, ...]]:
        rows = self._sql.exec(statement, *parameters).raw().toArray()
        return [tuple(row) for row in rows.to_py()] if rows.length else []


def create_rate_limiter() -> type[DurableObject]:
    """Return the class to export as `RateLimiter`: workerd exports each class that it finds in the main module."""
    install_loop()

    class RateLimiter(DurableObject):
        """One caller of one worker (`<worker>:<principal>`), one circuit (`circuit:<name>`) or the holder of a budget
        (`budget:<holder>`).
        """

        def __init__(self, ctx: Any, env: Any) -> None:
            super().__init__(ctx, env)
            self._storage = ctx._ctx.storage  # noqa: SLF001  # the SDK's wrapper converts each value; text needs none
            self._open()
            self._alarm_is_set = False

        async def reserve(self, message: str) -> str:
            """See `Ledger.reserve`."""
            self._expect_alarm()
            return self._ledger.reserve(message)

        async def settle(self, message: str) -> None:
            """See `Ledger.settle`."""
            self._ledger.settle(message)

        async def circuit(self, message: str) -> str:
            """See `Circuit.handle`."""
            self._expect_alarm()
            return self._circuit.handle(message)

        async def budget(self, message: str) -> str:
            """See `BudgetLedger.handle`."""
            self._expect_alarm()
            return self._budget.handle(message)

        async def on_alarm(self, _info: Any = None) -> None:
            """Delete the data of an idle caller, so that an object per address does not use storage forever."""
            if self._ledger.is_idle() and self._circuit.is_idle() and self._budget.is_idle():
                await self._storage.deleteAll()
                self._open()
                self._alarm_is_set = False
            else:
                self._storage.setAlarm(_now() + RESERVATION_LIFE_MS)

        def _expect_alarm(self) -> None:
            if not self._alarm_is_set:
                self._alarm_is_set = True
                self._storage.setAlarm(_now() + RESERVATION_LIFE_MS)

        def _open(self) -> None:
            sql = _Sql(self._storage.sql)
            self._ledger, self._circuit = Ledger(sql, _now), Circuit(sql, _now)
            self._budget = BudgetLedger(sql, _now)

    return RateLimiter


def _now() -> int:
    return int(time.time() * 1000)
