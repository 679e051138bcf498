"""How `npm test` divides the tests between three processes, and which workers they run."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xdist.scheduler import LoadScopeScheduling

WORKERS_WITH_JOBS = ("rate-limiter", "render-service", "sandbox-executor")
"""The workers whose requests take seconds; their tests need no other."""

_JOBS = re.compile(r"tests/workers/test_(render|sandbox)_")


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives tests that share running workers to one process, the others file by file to a process that is free.

    Two processes wait for workers most of the time; the third uses the processor meanwhile.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith("tests/workers/"):
            return "tests/workers of jobs" if _JOBS.match(nodeid) else "tests/workers"
        return nodeid.split("::", maxsplit=1)[0]


def choose_workers(nodeid: str) -> Sequence[str] | None:
    """Return the workers that a test needs to run, None for all."""
    return WORKERS_WITH_JOBS if _JOBS.match(nodeid) else None
