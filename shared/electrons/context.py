"""What one request carries through middleware, handler and provider."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from electrons.errors import ForbiddenError
from electrons.http import HeaderPairs, Request
from electrons.keys import Scope
from electrons.tasks import start_task

if TYPE_CHECKING:
    import httpx2
    from pydantic import BaseModel

    from electrons.logs import Logger
    from electrons.routing import Route
    from electrons.settings import Settings
    from electrons.storage.bindings import Bindings

T = TypeVar("T")

Deferred = Callable[[], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who calls. Limits are counted by `id`: a key's public id, or the client's address where access is open.

    A `rate_limit_policy` takes the place of the deployment's.
    """

    id: str
    key_id: str | None = None
    scopes: frozenset[str] = frozenset()
    rate_limit_policy: str | None = None

    def require(self, scope: Scope) -> None:
        """Raises `ForbiddenError` unless the caller has the scope; for what a body asks for beyond its route."""
        if scope not in self.scopes:
            raise ForbiddenError(f"This API key lacks the scope `{scope}`", details={"scope": scope})


@dataclass(slots=True)
class Usage:
    """What one provider call used; a handler fills it as soon as it knows, so that a failure is recorded as well.

    Units are the provider's own (`unit` names them: tokens, characters, images, seconds). `input_units` contain those
    that the provider read from its prompt cache or wrote to it, which have prices of their own. `upstream_ms` is the
    time spent waiting for the provider, retries and their pauses included.
    """

    provider: str
    model: str
    unit: str = "tokens"
    input_units: int = 0
    output_units: int = 0
    cache_read_units: int = 0
    cache_write_units: int = 0
    upstream_ms: int = 0

    @property
    def total_units(self) -> int:
        """Input and output together: what a `tokens` limit counts."""
        return self.input_units + self.output_units


@dataclass(slots=True)
class Labels:
    """The caller's own labels: recorded with usage, never used for access, limits or storage keys."""

    instance_id: str | None = None
    project_id: str | None = None


@dataclass(slots=True, kw_only=True)
class Context:
    """One request on its way.

    `http` is the seam to the outside: handlers call providers through it. `defer` runs a piece of work once the
    answer is out, streamed bodies included; its failures are logged and reach nobody else. `headers` go out with
    every answer, failures included.
    """

    service: str
    request: Request
    settings: Settings
    bindings: Bindings
    http: httpx2.AsyncBaseTransport
    log: Logger
    request_id: str = ""
    started: float = field(default_factory=time.monotonic)
    route: Route | None = None
    path_parameters: dict[str, str] = field(default_factory=dict)
    principal: Principal = field(default_factory=lambda: Principal(id="unknown"))
    labels: Labels = field(default_factory=Labels)
    body: BaseModel | None = None
    usage: Usage | None = None
    status: int = 0
    error_code: str | None = None
    headers: HeaderPairs = field(default_factory=list)
    deferred: list[Deferred] = field(default_factory=list)
    unfinished: list[asyncio.Task[Any]] = field(default_factory=list)

    def defer(self, work: Deferred) -> None:
        """Has `work()` run after the answer; all deferred work of a request runs concurrently."""
        self.deferred.append(work)

    async def see_through(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` gives. A caller who leaves does not break it off: it is done to its end all the same.

        What is deferred runs after it, so that a ledger row has all that was used.
        Cloudflare gives it half a minute then (https://developers.cloudflare.com/workers/runtime-apis/context/).
        """
        task = start_task(work)
        self.unfinished.append(task)
        return await asyncio.shield(task)

    def elapsed_ms(self) -> int:
        """Whole milliseconds since the request came in. The clock of a Worker stands still between I/O."""
        return round((time.monotonic() - self.started) * 1000)
