"""The bindings of a worker: a protocol for each kind, and `Bindings`, which holds those that one worker has."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NoReturn, Protocol, TypeVar, get_args

import httpx2

from electrons.errors import ConfigurationError
from electrons.http import Passthrough
from electrons.ratelimit.limiter import RateLimiter

T = TypeVar("T")

Value = str | int | float | None
Row = dict[str, Value]


class Database(Protocol):
    """A D1 database (https://developers.cloudflare.com/d1/worker-api/). Both methods raise `DatabaseError`."""

    async def query(self, statement: str, *parameters: Value) -> list[Row]:
        """Return the rows of one statement; its `?` marks are replaced by the parameters."""

    async def execute(self, statement: str, *parameters: Value) -> None:
        """Run one statement that returns no rows."""


class KeyValueStore(Protocol):
    """A KV namespace (https://developers.cloudflare.com/kv/api/). Reads may be a minute old."""

    async def get(self, key: str) -> str | None:
        """Return the string at a key, None if there is none."""

    async def put(self, key: str, value: str, *, ttl_seconds: int) -> None:
        """Store a string for `ttl_seconds`, 60 at least."""


class ObjectTooLargeError(Exception):
    """A stream had more bytes than allowed; nothing of it was stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """The description of an object in an object store, without its content.

    `etag` is quoted, as in the header field. `checksums` are hexadecimal digests by algorithm: `md5` for an object
    that came in one piece, `sha256` for one that was put from bytes, none for one that came in parts.
    """

    key: str
    size: int
    etag: str
    uploaded: datetime
    content_type: str
    metadata: Mapping[str, str]
    checksums: Mapping[str, str]


class ObjectStore(Protocol):
    """An R2 bucket (https://developers.cloudflare.com/r2/api/workers/). An object is visible when all of it is stored.

    All methods raise `UnavailableError` when the store cannot be reached.
    """

    async def put(
        self,
        key: str,
        body: bytes | httpx2.AsyncByteStream,
        *,
        content_type: str,
        metadata: Mapping[str, str],
        max_bytes: int | None = None,
    ) -> StoredObject:
        """Store bytes, or the unread stream of a response, which does not pass through Python.

        A stream that is interrupted or empty raises `httpx2.TransportError`, one longer than `max_bytes`
        `ObjectTooLargeError`; neither stores anything.
        """

    async def head(self, key: str) -> StoredObject | None:
        """Return the description of an object, None if there is none."""

    async def list(self, *, prefix: str, start_after: str, limit: int) -> Sequence[tuple[str, datetime]]:
        """Return at most `limit` keys after `start_after`, in order, with the times at which the objects were stored.

        There are no more if there are fewer.
        """

    async def delete(self, keys: Sequence[str]) -> None:
        """Delete objects, at most a thousand; those that do not exist are no error."""

    async def get(
        self, key: str, *, offset: int = 0, length: int | None = None
    ) -> tuple[StoredObject, Passthrough] | None:
        """Return an object with its content, or `length` bytes from `offset` (within it); None if there is none."""


class Workflow(Protocol):
    """A Workflow (https://developers.cloudflare.com/workflows/build/workers-api/); `workflows.py` has its steps."""

    async def create(self, instance_id: str) -> None:
        """Start an instance; its id is all that the work gets. Raises `UnavailableError`."""

    async def send(self, instance_id: str, *, event: str) -> None:
        """Wake an instance that waits for this event. Raises `UnavailableError`, also for an unknown instance.

        In a local run this also resumes an instance whose process was killed.
        """


class LoaderError(Exception):
    """What the runtime reported instead of a response: the loaded code failed, or the loader itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRequest:
    """One request to loaded code. `url` is absolute; redirects are not followed."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: str | bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedResponse:
    """The response of loaded code; `body` is cut at the requested size, which `truncated` says."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes
    truncated: bool


class LoadedWorker(Protocol):
    """Code in an isolate of its own."""

    async def fetch(self, request: LoadedRequest, *, max_body_bytes: int) -> LoadedResponse:
        """Send a request. Raises `LoaderError`."""

    def close(self) -> None:
        """Abort what is in flight and release the isolate."""


class Loader(Protocol):
    """A Worker Loader (https://developers.cloudflare.com/dynamic-workers/api-reference/)."""

    async def load(self, code: Mapping[str, Any]) -> LoadedWorker:
        """Load a `WorkerCode` object, whose values are JSON or bytes, into a new isolate of its own.

        Raises `LoaderError`.
        """


BucketName = Literal["AUDIO_STORAGE", "IMAGE_STORAGE", "RENDER_STORAGE"]


@dataclass(frozen=True, slots=True)
class Bindings:
    """A worker's bindings by their names in its wrangler.toml. Reading a missing one raises `ConfigurationError`."""

    DB: Database | None = None
    CACHE: KeyValueStore | None = None
    RATE_LIMITER: RateLimiter | None = None
    AUDIO_STORAGE: ObjectStore | None = None
    IMAGE_STORAGE: ObjectStore | None = None
    RENDER_STORAGE: ObjectStore | None = None
    RENDER_WORKFLOW: Workflow | None = None
    EXECUTION_WORKFLOW: Workflow | None = None
    LOADER: Loader | None = None
    _tables: dict[Callable[[Database], Any], Any] = field(init=False, default_factory=dict)
    _memory: dict[Callable[[], Any], Any] = field(init=False, default_factory=dict)

    @property
    def database(self) -> Database:
        """Return the D1 database."""
        return self.DB or _missing("DB")

    def table(self, kind: Callable[[Database], T]) -> T:
        """Return this isolate's one `kind(database)`, for tables that remember or collect something."""
        if kind not in self._tables:
            self._tables[kind] = kind(self.database)
        found: T = self._tables[kind]
        return found

    def memory(self, kind: Callable[[], T]) -> T:
        """Return this isolate's one `kind()`, for what is remembered between requests: plain data only."""
        if kind not in self._memory:
            self._memory[kind] = kind()
        found: T = self._memory[kind]
        return found

    @property
    def cache(self) -> KeyValueStore:
        """Return the KV namespace for what may be lost at any time."""
        return self.CACHE or _missing("CACHE")

    @property
    def rate_limiter(self) -> RateLimiter:
        """Return the shared rate limiter."""
        return self.RATE_LIMITER or _missing("RATE_LIMITER")

    @property
    def buckets(self) -> dict[BucketName, ObjectStore]:
        """Return the R2 buckets that are bound, by name."""
        return {name: store for name in get_args(BucketName) if (store := getattr(self, name)) is not None}

    def bucket(self, name: BucketName) -> ObjectStore:
        """Return one R2 bucket."""
        return self.buckets.get(name) or _missing(name)

    @property
    def render_workflow(self) -> Workflow:
        """Return the Workflow that follows renders to their end."""
        return self.RENDER_WORKFLOW or _missing("RENDER_WORKFLOW")

    @property
    def execution_workflow(self) -> Workflow:
        """Return the Workflow that runs executions under an idempotency key."""
        return self.EXECUTION_WORKFLOW or _missing("EXECUTION_WORKFLOW")

    @property
    def loader(self) -> Loader:
        """Return the loader that runs generated code in an isolate of its own."""
        return self.LOADER or _missing("LOADER")


def _missing(name: str) -> NoReturn:
    raise ConfigurationError(f"The binding `{name}` is missing in this worker's wrangler.toml")
