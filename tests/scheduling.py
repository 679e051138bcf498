"""How `npm test` divides the tests between three processes, and which workers they run."""

from __future__ import annotations

import re
from collections.abc import Sequence

from xdist.scheduler import LoadScopeScheduling

from platform_workers import find_workers

WORKERS_WITH_JOBS = ("rate-limiter", "render-service", "sandbox-executor")
"""The workers whose requests take seconds, and whose tests need no other; and what every worker needs."""

OTHER_WORKERS = tuple(
    sorted({worker.name for worker in find_workers()} - set(WORKERS_WITH_JOBS) | {WORKERS_WITH_JOBS[0]})
)
_JOBS = re.compile(r"tests/workers/(test_(render|sandbox)_|.*\[[^\]]*\b(render-service|sandbox-executor)\b)")


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives tests that share running workers to one process, the others file by file to a process that is free.

    Two processes wait for workers most of the time; the third uses the processor meanwhile.
    """

    def _split_scope(self, nodeid: str) -> str:
        if nodeid.startswith("tests/workers/"):
            return "tests/workers of jobs" if _JOBS.match(nodeid) else "tests/workers"
        return nodeid.split("::", maxsplit=1)[0]


def choose_workers(nodeid: str) -> Sequence[str]:
    """Return the workers that run for a test of the workers; each costs a hundred megabytes."""
    return WORKERS_WITH_JOBS if _JOBS.match(nodeid) else OTHER_WORKERS
