"""How `npm test` divides the tests between two processes."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

WORKERS = "tests/workers/"


class Scheduling(LoadScopeScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives all tests of the running workers to one process, the others file by file to the one that is free.

    So the workers, which take most of the memory, run once. Their tests are about half of the time.
    """

    def _split_scope(self, nodeid: str) -> str:
        return WORKERS if nodeid.startswith(WORKERS) else nodeid.split("::", maxsplit=1)[0]
