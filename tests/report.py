"""What `npm test` prints above pytest's closing line: lines of the tests, the time, and the memory."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pytest

STARTED_AT = "TESTS_STARTED_AT"
"""The environment variable in which `npm test` passes the time of its start, so that set-up counts."""

SUMMARY_LINE = "summary line"
"""The name under which a test records a property that is printed at the end."""

_PROC = Path("/proc")
_INTERVAL_SECONDS = 1.0


class Process(NamedTuple):
    """A running process; `memory` is in bytes."""

    pid: int
    parent: int
    memory: int


class Report:
    """A pytest plugin that measures while the tests run and prints when they are done."""

    def __init__(self) -> None:
        self._started = float(os.environ.get(STARTED_AT, time.time()))
        self._peak = 0
        self._lines: list[str] = []
        self._done = threading.Event()
        self._sampler = threading.Thread(target=self._sample, daemon=True)

    def pytest_sessionstart(self) -> None:
        """Start to measure."""
        self._sampler.start()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the lines that the test has recorded."""
        if report.when == "call":
            self._lines += [str(value) for name, value in report.user_properties if name == SUMMARY_LINE]

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the lines, then the time and the memory."""
        self._done.set()
        self._sampler.join()
        for line in self._lines:
            terminalreporter.write_line(line)
        minutes, seconds = divmod(round(time.time() - self._started), 60)
        terminalreporter.write_line(f"{minutes} min {seconds} s, {self._peak / 1e9:.1f} GB of memory at most")

    def _sample(self) -> None:
        while True:
            self._peak = max(self._peak, memory_of_tree(os.getpid(), find_processes()))
            if self._done.wait(_INTERVAL_SECONDS):
                return


def memory_of_tree(root: int, processes: Iterable[Process]) -> int:
    """Return the memory of a process and of all that it has started, directly or not."""
    children: dict[int, list[int]] = defaultdict(list)
    memory: dict[int, int] = {}
    for process in processes:
        children[process.parent].append(process.pid)
        memory[process.pid] = process.memory
    total, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        total += memory.get(pid, 0)
        waiting += children[pid]
    return total


def find_processes() -> list[Process]:
    """Return all processes of this machine."""
    if not _PROC.is_dir():  # macOS
        command = ["ps", "-A", "-o", "pid=,ppid=,rss="]
        output = subprocess.run(command, capture_output=True, text=True, check=False).stdout
        rows = [[int(number) for number in line.split()] for line in output.splitlines()]
        return [Process(pid, parent, kilobytes * 1024) for pid, parent, kilobytes in rows]
    found = (_read_process(folder) for folder in _PROC.iterdir() if folder.name.isdecimal())
    return [process for process in found if process is not None]


def _read_process(folder: Path) -> Process | None:
    """Return the process of a folder in /proc, None if it has ended.

    Files in memory, such as the programs themselves, are left out: the processes share them.
    """
    try:
        stat = (folder / "stat").read_text()
        _, resident, shared = (folder / "statm").read_text().split()[:3]
    except OSError:
        return None
    parent = int(stat.rpartition(")")[2].split()[1])
    return Process(int(folder.name), parent, (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE"))
