"""Work that outlives its process, written as steps whose results are kept (`runtime/workflow.py` runs it).

After a restart the work begins anew at its first line; a step that was done is not done again but gives what it gave.
So whatever differs from run to run (clocks, random values, calls) belongs inside of a step, and a step that was broken
off in the middle is done once more.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """How often a step is tried again when it raises: the first pause in seconds, doubled each time."""

    limit: int
    first_pause_seconds: int


class Steps(Protocol):
    """The steps of one piece of work. Names differ within it, and are the same in each run."""

    async def do(self, name: str, work: Callable[[], Awaitable[Any]], *, retries: Retries | None = None) -> Any:
        """What `work()` gives, a JSON value. Raises what it raised last when all tries have failed."""

    async def sleep(self, name: str, *, seconds: float) -> None:
        """Waits; no process needs to live meanwhile."""

    async def wait(self, name: str, *, event: str, seconds: float) -> None:
        """Waits for an event of this type (`Workflow.send`), or for so many seconds if that is shorter."""
