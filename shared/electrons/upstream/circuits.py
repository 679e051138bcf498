"""Do not call a model that fails each time: what the isolates know together.

An isolate remembers each circuit, so a call costs nothing while all is well. Only failures, and the first success after
them, are written to the shared object (`ratelimit/circuit.py`), after the response. While an isolate calls a model, it
reads the shared state once in `REFRESH_SECONDS`, also after the response. What counts as a failure is a 5xx, a timeout
or no connection; a 429 does not.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

from electrons.context import Context
from electrons.errors import (
    ConfigurationError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderTimeoutError,
    ProviderUnreachableError,
)
from electrons.ratelimit.limiter import CircuitState, LimiterUnreachableError, Operation

REFRESH_SECONDS = 5.0

REMEMBERED_LIMIT = 1000
"""Circuits that an isolate remembers."""


@dataclass(slots=True)
class _Known:
    """What this isolate knows of one circuit; times are of its own clock."""

    failures: int = 0
    failed_at: float = 0.0
    open_until: float = 0.0
    read_at: float = 0.0


class Circuits:
    """The circuits of one isolate by name: `provider:model`, or an account of `accounts.py`."""

    def __init__(self) -> None:
        self._known: dict[str, _Known] = {}

    async def admit(self, context: Context, name: str) -> float:
        """Return 0 if a call may be made, else the seconds until it makes sense.

        After the time for which a circuit is open, one of all isolates is admitted, to probe.
        """
        known, limit = self._known.get(name), context.settings.circuit_failures
        if known is None or not limit:
            return 0
        remaining = self.is_open(name)
        if remaining or known.failures < limit:
            return remaining
        # Until the object has answered, nobody else of this isolate asks.
        known.open_until = time.monotonic() + context.settings.circuit_open_seconds
        state = await self._tell(context, name, "probe")
        if state is None or state["may_probe"]:
            return 0
        known.open_until = time.monotonic() + state["open_for_ms"] / 1000
        return max(state["open_for_ms"], 1) / 1000

    def note(self, context: Context, name: str, error: ProviderError | None) -> None:
        """Take note of how a call went. What the provider refuses says that it works."""
        limit = context.settings.circuit_failures
        is_failed = error is not None and is_failure(error)
        # A caller may invent models without end; only one that has answered or failed is remembered.
        if not limit or (error is not None and not is_failed and name not in self._known):
            return
        known = self._remember(name)
        if is_failed:
            known.failures += 1
            known.failed_at = time.monotonic()
            if known.failures >= limit:
                known.open_until = time.monotonic() + context.settings.circuit_open_seconds
            context.defer(lambda: self._report_failure(context, name, known))
        elif known.failures:
            known.failures, known.open_until = 0, 0.0
            context.defer(lambda: self._report_success(context, name))
        elif time.monotonic() - known.read_at > REFRESH_SECONDS:
            known.read_at = time.monotonic()
            context.defer(lambda: self._read(context, name, known))

    def is_open(self, name: str) -> float:
        """Return for how many seconds more a circuit is open, as far as this isolate knows."""
        known = self._known.get(name)
        return max(0.0, known.open_until - time.monotonic()) if known else 0.0

    def open(self, name: str, seconds: float) -> None:
        """Open a circuit for so long, for this isolate."""
        self._remember(name).open_until = time.monotonic() + seconds

    def _remember(self, name: str) -> _Known:
        if len(self._known) >= REMEMBERED_LIMIT and name not in self._known:
            self._known = {key: known for key, known in self._known.items() if known.failures or self.is_open(key)}
        return self._known.setdefault(name, _Known())

    async def _report_success(self, context: Context, name: str) -> None:
        await self._tell(context, name, "succeed")

    async def _report_failure(self, context: Context, name: str, known: _Known) -> None:
        state = await self._tell(context, name, "fail")
        if state is not None and known.failures:
            known.failures = max(known.failures, state["failures"])
            if state["open_for_ms"]:
                known.open_until = time.monotonic() + state["open_for_ms"] / 1000

    async def _read(self, context: Context, name: str, known: _Known) -> None:
        state = await self._tell(context, name, "read")
        # A failure of this isolate may still be on its way there.
        if state is not None and time.monotonic() - known.failed_at > REFRESH_SECONDS:
            known.failures = state["failures"]
            known.open_until = time.monotonic() + state["open_for_ms"] / 1000 if state["open_for_ms"] else 0.0

    async def _tell(self, context: Context, name: str, operation: Operation) -> CircuitState | None:
        """Return what the shared object says; None where it cannot be reached: the isolate goes by what it knows."""
        settings = context.settings
        open_ms = round(settings.circuit_open_seconds * 1000)
        try:
            async with asyncio.timeout(settings.rate_limit_timeout_seconds or None):
                return await context.bindings.rate_limiter.circuit(
                    name, operation, limit=settings.circuit_failures, open_ms=open_ms
                )
        except ConfigurationError:  # a worker without a limiter
            return None
        except (LimiterUnreachableError, TimeoutError) as error:
            context.log.warning("circuit_unreachable", request_id=context.request_id, error=str(error))
            return None


def is_failure(error: ProviderError) -> bool:
    """Return whether an error says that the provider fails, rather than the request, the key or a limit."""
    if isinstance(error, ProviderRateLimitError | ProviderQuotaError):
        return False
    if isinstance(error, ProviderTimeoutError | ProviderUnreachableError):
        return True
    return (error.upstream_status or 0) >= 500
