"""Work that outlives its process, written as steps whose results are kept (`runtime/workflow.py` runs it).

After a restart the work starts again at its first line; a step that was done is not repeated but returns its earlier
result. So whatever differs from run to run (clocks, random values, calls) belongs inside a step, and a step that was
interrupted is repeated.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a step is repeated when it raises: the first pause is in seconds, and doubled each time."""

    limit: int
    first_pause_seconds: int


class Steps(Protocol):
    """The steps of one piece of work. Names are unique within it, and the same in each run."""

    async def do(self, name: str, work: Callable[[], Awaitable[Any]], *, retries: Retries | None = None) -> Any:
        """Return the result of `work()`, a JSON value. Raises its last exception when all attempts have failed."""

    async def sleep(self, name: str, *, seconds: float) -> None:
        """Wait; no process has to run meanwhile."""

    async def wait(self, name: str, *, event: str, seconds: float) -> None:
        """Wait for an event of this type (`Workflow.send`), at most for `seconds`."""
