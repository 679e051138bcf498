"""One account's Workers that share data, and the data: they run together on one workerd, `platform.mjs`.

Each change only marks the running Workers as outdated; they restart with the next request to one of them, so that
several uploads cost one restart. The API's own reads and writes need no restart while their resource is bound.
"""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from .runtime import Code, Runtime

_DRAIN_SECONDS = 5.0
"""How long a restart waits for requests that have begun."""


@dataclass(frozen=True, slots=True)
class Description:
    """What runs: the fields of `platform.mjs` for the Workers, their code, and the resources by kind.

    `names` has the name of each Worker by the id of its version.
    """

    workers: Sequence[Mapping[str, Any]]
    codes: Sequence[Code]
    resources: Mapping[str, Sequence[str]]
    names: Mapping[str, str]


@dataclass(frozen=True, slots=True, eq=False)
class Serving:
    """The workerd that runs: its URL, and the names of its Workers by the ids of their versions."""

    url: str
    names: Mapping[str, str]


class Platform:
    """The shared workerd of one account, which starts with the first request or operation."""

    def __init__(self, account: str, runtime: Runtime, *, folder: str, describe: Callable[[], Description]) -> None:
        self._account = account
        self._runtime = runtime
        self._folder = folder
        self._describe = describe
        self._changed = threading.Condition()
        self._outdated = True
        self._serving: Serving | None = None
        self._users = 0
        self._bound: Mapping[str, Sequence[str]] = {}

    def mark_outdated(self) -> None:
        """Restart before the next request."""
        with self._changed:
            self._outdated = True

    @contextmanager
    def running(self) -> Iterator[Serving]:
        """Return what serves the Workers. It does not restart during the block, unless that takes very long."""
        with self._changed:
            while self._serving is None or self._outdated:
                self._drain()
                if self._serving is None or self._outdated:
                    self._configure()
            serving = self._serving
            self._users += 1
        try:
            yield serving
        finally:
            with self._changed:
                self._users -= 1
                self._changed.notify_all()

    def is_bound(self, kind: str, name: str) -> bool:
        """Return whether a resource is bound. One that never was is empty."""
        with self._changed:
            return self._serving is not None and name in self._bound.get(kind, ())

    def call(self, *, bound: tuple[str, str] | None, **operation: Any) -> Any:
        """Perform an operation on the resource `bound`, its kind and id. Raises `OperationError`."""
        with self._changed:
            missing = bound is None or not self.is_bound(*bound)
            if self._serving is None or (self._outdated and missing):
                self._drain()
                self._configure()
        return self._runtime.call(self._account, operation)

    def restart(self, blocked: Serving) -> None:
        """Restart at once, because a Worker blocks all others; once, however many requests find it."""
        with self._changed:
            if self._serving is blocked:
                self._configure()

    def stop(self) -> None:
        """End the workerd until it is needed again; the data stays."""
        with self._changed:
            if self._serving:
                self._drain()
                self._serving = None
                self._runtime.dispose(self._account)

    def _drain(self) -> None:
        self._changed.wait_for(lambda: self._users == 0, timeout=_DRAIN_SECONDS)

    def _configure(self) -> None:
        description = self._describe()
        fields = {"folder": self._folder, "workers": description.workers, **description.resources}
        self._serving = None
        url = self._runtime.configure(self._account, fields, codes=description.codes)
        self._serving = Serving(url, description.names)
        self._bound = description.resources
        self._outdated = False
