"""Progress lines: what a slow step is doing and for how long, so that no command is silent for a minute.

Standard library only: set-up prints them before anything is installed.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

INTERVAL_SECONDS = 10.0


class Progress:
    """The lines of one command, each with the command's name before it."""

    def __init__(
        self, command: str, *, stream: TextIO | None = None, interval_seconds: float = INTERVAL_SECONDS
    ) -> None:
        self._command = command
        self._stream = stream
        self._interval_seconds = interval_seconds

    def print_line(self, text: str) -> None:
        """Print one line at once."""
        print(f"{self._command}: {text}", file=self._stream or sys.stdout, flush=True)

    @contextmanager
    def repeat(self, doing: str) -> Iterator[None]:
        """Print `doing` and the elapsed seconds every ten seconds until the block ends."""
        done = threading.Event()
        started = time.monotonic()

        def print_until_done() -> None:
            while not done.wait(self._interval_seconds):
                self.print_line(f"{doing}, {time.monotonic() - started:.0f} s so far")

        printer = threading.Thread(target=print_until_done, daemon=True)
        printer.start()
        try:
            yield
        finally:
            done.set()
            printer.join()
