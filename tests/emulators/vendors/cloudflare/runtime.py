"""The node program that runs uploaded Workers; it starts with the first Worker and ends with the emulators.

It reads JSON lines from its standard input and ends when that closes, which happens however this process ends.
"""

import itertools
import json
import subprocess
import threading
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

_ROOT = Path(__file__).parents[4]
_COMMAND = [str(_ROOT / "node_modules" / ".bin" / "node"), str(Path(__file__).with_suffix(".mjs"))]


class StartupError(Exception):
    """A Worker that did not start; the text is workerd's."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A running Worker: its own workerd, which listens at `url`."""

    key: str
    url: str
    startup_ms: int


class Runtime:
    """The program that starts and stops Workers, for concurrent threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._serial = itertools.count(1)
        self._process: subprocess.Popen[str] | None = None
        self._pending: dict[int, Future[dict[str, Any]]] = {}

    def start(self, worker: dict[str, Any]) -> Instance:
        """Start a Worker (`runtime.mjs` documents the fields). Raises `StartupError`."""
        key = f"worker-{next(self._serial)}"
        result = self._run_command({"op": "start", "key": key, "worker": worker})
        if "error" in result:
            raise StartupError(result["error"])
        return Instance(key, result["url"], result["ms"])

    def stop(self, instance: Instance) -> None:
        """Stop a Worker at once."""
        self._run_command({"op": "stop", "key": instance.key})

    def _run_command(self, command: dict[str, Any]) -> dict[str, Any]:
        result: Future[dict[str, Any]] = Future()
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = self._start_program()
            identity = next(self._serial)
            self._pending[identity] = result
            commands = _require_pipe(self._process.stdin)
            commands.write(json.dumps({"id": identity, **command}) + "\n")
            commands.flush()
        return result.result()

    def _start_program(self) -> subprocess.Popen[str]:
        # Without a shell; node runs a file of this package.
        process = subprocess.Popen(  # noqa: S603
            _COMMAND, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        threading.Thread(target=self._read_results, args=[_require_pipe(process.stdout)], daemon=True).start()
        return process

    def _read_results(self, lines: IO[str]) -> None:
        for line in lines:
            result = json.loads(line)
            self._pending.pop(result["id"]).set_result(result)
        for identity in list(self._pending):
            self._pending.pop(identity).set_exception(RuntimeError("The program that runs Workers has ended."))


def _require_pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise RuntimeError("The program that runs Workers was started without pipes.")
    return pipe
