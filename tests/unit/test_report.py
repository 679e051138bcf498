"""The line about time and memory above pytest's closing line."""

import os
import subprocess
import sys

from tests.report import Process, find_processes, memory_of_tree


def test_memory_counts_all_descendants() -> None:
    processes = [Process(1, 0, 1000), Process(7, 1, 10), Process(8, 7, 20), Process(9, 8, 30), Process(10, 1, 1000)]

    assert memory_of_tree(7, processes) == 60
    assert memory_of_tree(7, []) == 0


def test_started_process_is_found_with_its_parent_and_memory() -> None:
    command = [sys.executable, "-c", "content = bytearray(50_000_000); print(flush=True); input()"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        process.stdout.readline()

        (found,) = [other for other in find_processes() if other.pid == process.pid]

        process.communicate("\n")
    assert found.parent == os.getpid()
    assert 50_000_000 < found.memory < 150_000_000
