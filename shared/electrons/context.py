"""What one request carries through middleware, handler and provider."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2
from pydantic import BaseModel

from electrons.bindings import Bindings
from electrons.errors import ForbiddenError
from electrons.http import HeaderPairs, Request
from electrons.logs import Logger
from electrons.money import Budget
from electrons.routing import Dialect, Route
from electrons.settings import Settings
from electrons.tasks import start_task
from electrons.tracing import NOT_TRACED, Trace
from electrons.usage import Usage

T = TypeVar("T")
S = TypeVar("S", bound=Settings)

NO_BUDGET = Budget()

Work = Callable[[], Coroutine[Any, Any, None]]
Deferred = Callable[[], Coroutine[Any, Any, None] | None]


@dataclass(frozen=True, slots=True)
class Principal:
    """The caller. Limits are counted by `id`: a key's public id, or the client's address where access is open.

    A `rate_limit_policy` replaces the deployment's. `budget_id` is who spends the `budget`: a key and those that it
    was rotated to are one. `models` are those that the key may use, in lower case; a `*` may end them; None is all.
    """

    id: str
    key_id: str | None = None
    scopes: frozenset[str] = frozenset()
    has_all_scopes: bool = False
    rate_limit_policy: str | None = None
    budget: Budget = NO_BUDGET
    budget_id: str = ""
    models: tuple[str, ...] | None = None

    def require(self, scope: str) -> None:
        """Raise `ForbiddenError` unless the caller has the scope."""
        if not self.has_all_scopes and scope not in self.scopes:
            raise ForbiddenError(f"This API key lacks the scope `{scope}`", details={"scope": scope})


UNKNOWN = Principal(id="unknown")
"""Who calls until `auth` has found out."""


@dataclass(slots=True)
class Labels:
    """The caller's own labels: recorded with usage, never used for access, limits or storage keys."""

    instance_id: str | None = None
    project_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Context:
    """What one request carries.

    `body_hash` is the SHA-256 of the body's bytes, and `work_id` names the work, where the request has an
    `Idempotency-Key`: a retry that does the work anew has another `work_id`.
    `http` is the transport to the outside: providers are called through it. `defer` runs a piece of work once the
    response is out, streamed bodies included; its failures are logged only. `dialect` is the format of errors, None for
    the platform's own. `route` is set once one matches; `route_path` is the pattern of its path, None before.
    `attempts` counts the calls to providers, `upstream_seconds` is the time spent waiting for them,
    and `max_retries` takes the place of the setting. `headers` go out with every response, failures included.
    `has_spent`: a call that failed, or work that was handed on, may have to be paid all the same, or have changed
    something.
    `before_spending` is awaited before the first call that may cost money or change something (`begin_spending`).
    `settle_last_call` settles what the last call has reserved of a budget. `warnings` are about the request and go into
    a success body.
    """

    service: str
    request: Request
    settings: Settings
    bindings: Bindings
    http: httpx2.AsyncBaseTransport
    log: Logger
    request_id: str = ""
    trace: Trace = NOT_TRACED
    started: float = field(default_factory=time.monotonic)
    route: Route = field(init=False)
    route_path: str | None = None
    path_parameters: dict[str, str] = field(default_factory=dict)
    dialect: Dialect | None = None
    principal: Principal = UNKNOWN
    labels: Labels = field(default_factory=Labels)
    body: BaseModel | None = None
    body_hash: str = ""
    work_id: str | None = None
    warnings: list[str] = field(default_factory=list)
    usage: Usage | None = None
    attempts: int = 0
    upstream_seconds: float = 0.0
    max_retries: int | None = None
    has_spent: bool = False
    before_spending: Work | None = None
    settle_last_call: Work | None = None
    status: int = 0
    error_code: str | None = None
    headers: HeaderPairs = field(default_factory=list)
    deferred: list[Deferred] = field(default_factory=list)
    unfinished: list[asyncio.Task[Any]] = field(default_factory=list)

    def defer(self, work: Deferred) -> None:
        """Run `work()` after the response; all deferred work of a request runs concurrently.

        What waits for nothing is a plain function: it needs no task.
        """
        self.deferred.append(work)

    async def begin_spending(self) -> None:
        """Take note that from here on the request may cost money or change something. Raises what the note raises.

        `upstream.client` does it before each call; who hands the work to something else, a Workflow, say, does it too.
        """
        if self.before_spending is not None:
            await self.before_spending()
            self.before_spending = None

    async def see_through(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of `work`, which is completed even if the caller leaves.

        Deferred work runs after it, so that a ledger row has all that was used. After the caller has left, Cloudflare
        grants half a minute (https://developers.cloudflare.com/workers/runtime-apis/context/).
        """
        task = start_task(work)
        self.unfinished.append(task)
        return await asyncio.shield(task)

    async def finish(self) -> None:
        """Run the work that was deferred until the response was out. A failure is logged and does not stop the rest.

        If the caller has left, the work that is completed anyway (`see_through`) comes first. A caller who leaves only
        now cancels none of it.
        """
        await _outlast(self.unfinished)
        tasks: list[asyncio.Task[None]] = []
        for work in self.deferred:
            try:
                if (rest := work()) is not None:
                    tasks.append(start_task(rest))
            except Exception as error:  # noqa: BLE001  # whatever it is, the rest has to run
                self._log_failure(error)
        await _outlast(tasks)
        for task in tasks:
            if not task.cancelled() and (failure := task.exception()) is not None:
                self._log_failure(failure)
        # They refer to this context. Such a circle would keep the body in memory until a collection.
        self.deferred.clear()
        self.before_spending = None
        self.settle_last_call = None
        self.unfinished.clear()
        self.body = None

    def _log_failure(self, error: BaseException) -> None:
        self.log.error("deferred", cause=error, request_id=self.request_id)

    def settings_as(self, kind: type[S]) -> S:
        """Return the settings as the class that this worker's `App` names. Raises TypeError for another class."""
        if not isinstance(self.settings, kind):
            raise TypeError(f"the settings are {type(self.settings).__name__}, not {kind.__name__}")
        return self.settings

    def elapsed_ms(self) -> int:
        """Return whole milliseconds since the request came in. The clock of a Worker advances only with I/O."""
        return round((time.monotonic() - self.started) * 1000)


async def _outlast(tasks: Sequence[asyncio.Task[Any]]) -> None:
    """Wait until all tasks are done, however they end. Being cancelled changes nothing."""
    while pending := [task for task in tasks if not task.done()]:
        with suppress(asyncio.CancelledError):
            await asyncio.wait(pending)
