"""The node program that runs uploaded Workers; it starts with the first Worker and ends with the emulators.

It reads JSON lines from its standard input and ends when that closes, which happens however this process ends.
"""

import itertools
import json
import subprocess
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Protocol

_ROOT = Path(__file__).parents[4]
_COMMAND = [str(_ROOT / "node_modules" / ".bin" / "node"), str(Path(__file__).with_suffix(".mjs"))]

Event = dict[str, Any]
"""One event of a Worker with its logs: a request, an alarm, … (a `TraceItem` of Tail Workers)."""


class Code(Protocol):
    """The modules of a Worker and its compatibility; `key` is different for each."""

    @property
    def key(self) -> str:
        """Return a checksum of everything in `describe()`."""

    def describe(self) -> Mapping[str, Any]:
        """Return the `code` of `runtime.mjs`."""


class StartupError(Exception):
    """A Worker that did not start; the text is workerd's."""


class OperationError(Exception):
    """An operation on a resource that failed; the text is the binding's."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A running Worker: its own workerd, which listens at `url`."""

    key: str
    url: str
    startup_ms: int


class Runtime:
    """The program that starts and stops Workers, for concurrent threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._serial = itertools.count(1)
        self._process: subprocess.Popen[str] | None = None
        self._pending: dict[int, Future[dict[str, Any]]] = {}
        self._holders: Counter[str] = Counter()
        self._configured: dict[str, list[str]] = {}
        self._watchers: dict[str, Callable[[list[Event]], None]] = {}

    def start(
        self,
        code: Code,
        *,
        name: str,
        values: Mapping[str, Any],
        classes: Sequence[str] = (),
        workflows: Sequence[str] = (),
    ) -> Instance:
        """Start a Worker with these vars on a workerd of its own. Raises `StartupError`.

        It must export the classes of Durable Objects and Workflows that are named. `name` is for `watch`.
        """
        key = f"worker-{next(self._serial)}"
        self._hold(code)
        try:
            exported = {"classes": [*classes], "workflows": [*workflows]}
            worker = {"tailed": name, "code": code.key, "vars": values, **exported}
            result = self._run_command({"op": "start", "key": key, **worker})
        finally:
            self._release(code.key)
        if "error" in result:
            raise StartupError(result["error"])
        return Instance(key, result["url"], result["ms"])

    def stop(self, instance: Instance) -> None:
        """Stop a Worker at once."""
        self._run_command({"op": "stop", "key": instance.key})

    def configure(self, account: str, description: Mapping[str, Any], *, codes: Sequence[Code]) -> str:
        """Run an account's Workers together (`platform.mjs`); return their URL. Raises `StartupError`."""
        for code in codes:
            self._hold(code)
        # Still held, because two configurations have most of the code in common.
        for key in self._configured.pop(account, []):
            self._release(key)
        self._configured[account] = [code.key for code in codes]
        result = self._run_command({"op": "configure", "account": account, **description})
        if "error" in result:
            raise StartupError(result["error"])
        url: str = result["url"]
        return url

    def dispose(self, account: str) -> None:
        """End what `configure` has started."""
        for key in self._configured.pop(account, []):
            self._release(key)
        self._run_command({"op": "dispose", "account": account})

    def call(self, account: str, operation: Mapping[str, Any]) -> Any:
        """Perform an operation on a resource of a configured account. Raises `OperationError`."""
        result = self._run_command({"op": "call", "account": account, "operation": {**operation}})
        if "error" in result:
            raise OperationError(result["error"])
        return result.get("result")

    def watch(self, name: str, receive: Callable[[list[Event]], None]) -> None:
        """Call `receive` with the events of a Worker, from now on and in place of an earlier function."""
        self._watchers[name] = receive
        self._run_command({"op": "watch", "worker": name})

    def unwatch(self, name: str) -> None:
        """Stop to watch a Worker."""
        self._watchers.pop(name, None)
        self._run_command({"op": "unwatch", "worker": name})

    def _hold(self, code: Code) -> None:
        with self._lock:
            self._holders[code.key] += 1
            if self._holders[code.key] == 1:
                self._send({"op": "code", "key": code.key, "code": code.describe()})

    def _release(self, key: str) -> None:
        with self._lock:
            self._holders[key] -= 1
            if self._holders[key] == 0:
                del self._holders[key]
                self._send({"op": "forget", "key": key})

    def _run_command(self, command: dict[str, Any]) -> dict[str, Any]:
        return self._send(command).result()

    def _send(self, command: dict[str, Any]) -> Future[dict[str, Any]]:
        result: Future[dict[str, Any]] = Future()
        with self._lock:
            if self._process is None or self._process.poll() is not None:
                self._process = self._start_program()
            identity = next(self._serial)
            self._pending[identity] = result
            commands = _require_pipe(self._process.stdin)
            commands.write(json.dumps({"id": identity, **command}) + "\n")
            commands.flush()
        return result

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
            if "event" not in result:
                self._pending.pop(result["id"]).set_result(result)
            elif receive := self._watchers.get(result["worker"]):
                receive(result["events"])
        for identity in list(self._pending):
            self._pending.pop(identity).set_exception(RuntimeError("The program that runs Workers has ended."))


def _require_pipe(pipe: IO[str] | None) -> IO[str]:
    if pipe is None:
        raise RuntimeError("The program that runs Workers was started without pipes.")
    return pipe
