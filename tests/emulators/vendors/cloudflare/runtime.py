"""The node program that runs uploaded Workers: started with the first of them, ended with the emulators.

It reads JSON lines from its standard input and ends when that closes, which it does however this process ends.
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
    """A Worker did not start; the text is workerd's own."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A running Worker: a workerd of its own that answers at `url`."""

    key: str
    url: str
    startup_ms: int


class Runtime:
    """Starts and stops Workers; may be used by many threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._serial = itertools.count(1)
        self._process: subprocess.Popen[str] | None = None
        self._pending: dict[int, Future[dict[str, Any]]] = {}

    def start(self, worker: dict[str, Any]) -> Instance:
        """Runs the worker (`runtime.mjs` has its members). Raises `StartupError`."""
        key = f"worker-{next(self._serial)}"
        answer = self._ask({"op": "start", "key": key, "worker": worker})
        if "error" in answer:
            raise StartupError(answer["error"])
        return Instance(key, answer["url"], answer["ms"])

    def stop(self, instance: Instance) -> None:
        """Ends it, whatever it is doing."""
        self._ask({"op": "stop", "key": instance.key})

    def _ask(self, command: dict[str, Any]) -> dict[str, Any]:
        answer: Future[dict[str, Any]] = Future()
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = subprocess.Popen(
                    _COMMAND, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
                )
                assert self._process.stdout
                threading.Thread(target=self._listen, args=[self._process.stdout], daemon=True).start()
            identity = next(self._serial)
            self._pending[identity] = answer
            assert self._process.stdin
            self._process.stdin.write(json.dumps({"id": identity, **command}) + "\n")
            self._process.stdin.flush()
        return answer.result()

    def _listen(self, answers: IO[str]) -> None:
        for line in answers:
            answer = json.loads(line)
            self._pending.pop(answer["id"]).set_result(answer)
        for identity in list(self._pending):
            self._pending.pop(identity).set_exception(RuntimeError("The program that runs Workers has ended."))
