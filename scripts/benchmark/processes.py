"""What a running process and those that it started have used, from /proc (nothing where there is none)."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


class Usage(NamedTuple):
    """Processor time so far, and resident memory."""

    cpu_ms: float
    memory_mb: float


def measure_workerd(pid: int) -> Usage:
    """Return what the workerd has used that the process has started."""
    return _add(fields for name, fields in _read_processes() if name == "workerd" and int(fields[1]) == pid)


def measure_tree(root: int) -> Usage:
    """Return what a process and all its descendants have used."""
    tree = set(_find_tree(root))
    return _add(fields for _, fields in _read_processes() if int(fields[-1]) in tree)


def _find_tree(root: int) -> list[int]:
    """Return the ids of a process and of all its descendants, each after its parent."""
    children = defaultdict(list)
    for _, fields in _read_processes():
        children[int(fields[1])].append(int(fields[-1]))
    tree = [root]
    for pid in tree:
        tree += children[pid]
    return tree


def _read_processes() -> Iterator[tuple[str, list[str]]]:
    """Yield the name of each process and the fields of its `stat` from the third on (proc(5)), its id last."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            pid, _, rest = stat.read_text().partition(" (")
        except OSError:  # the process has ended since the folder was listed
            continue
        name, _, fields = rest.rpartition(") ")
        yield name, [*fields.split(), pid]


def _add(processes: Iterator[list[str]]) -> Usage:
    cpu_ms = memory_mb = 0.0
    for fields in processes:
        cpu_ms += (int(fields[11]) + int(fields[12])) * _TICK_MS
        memory_mb += int(fields[21]) * _PAGE_MB
    return Usage(cpu_ms, memory_mb)
