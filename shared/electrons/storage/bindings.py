"""The interfaces to a worker's bindings, and what one worker has of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, NoReturn, Protocol, get_args

import httpx2

from electrons.errors import ConfigurationError
from electrons.http import Passthrough
from electrons.ratelimit.limiter import RateLimiter
from electrons.steps import Workflow
from electrons.storage.keys import ApiKeys
from electrons.storage.usage import UsageLedger
from electrons.trials import Loader

Value = str | int | float | None
Row = dict[str, Value]


class Database(Protocol):
    """A D1 database (https://developers.cloudflare.com/d1/worker-api/). Both methods raise `DatabaseError`."""

    async def query(self, statement: str, *parameters: Value) -> list[Row]:
        """The rows of one statement; `?` marks stand for the parameters."""

    async def execute(self, statement: str, *parameters: Value) -> None:
        """Runs one statement that gives no rows."""


class KeyValueStore(Protocol):
    """A KV namespace (https://developers.cloudflare.com/kv/api/). Reads may be a minute old."""

    async def get(self, key: str) -> str | None:
        """The text at a key, None when there is none."""

    async def put(self, key: str, value: str, *, ttl_seconds: int) -> None:
        """Keeps a text for so many seconds, 60 at least."""


class ObjectTooLargeError(Exception):
    """A stream had more bytes than it may have; nothing was stored of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredObject:
    """What an object store knows of an object, without its content.

    `etag` is quoted, as in the header field. `checksums` are hexadecimal digests by algorithm: `md5` for what came in
    one piece, `sha256` for what was put from bytes, none for what came in parts.
    """

    key: str
    size: int
    etag: str
    uploaded: datetime
    content_type: str
    metadata: Mapping[str, str]
    checksums: Mapping[str, str]


class ObjectStore(Protocol):
    """An R2 bucket (https://developers.cloudflare.com/r2/api/workers/). An object is seen whole or not at all.

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
        """Stores bytes, or the stream of a response that nobody has read; a stream never passes through Python.

        A stream that breaks off or is empty raises `httpx2.TransportError`, one longer than `max_bytes`
        `ObjectTooLargeError`; neither leaves anything behind.
        """

    async def head(self, key: str) -> StoredObject | None:
        """What is known of an object, None when there is none."""

    async def get(
        self, key: str, *, offset: int = 0, length: int | None = None
    ) -> tuple[StoredObject, Passthrough] | None:
        """An object with its content, or `length` bytes of it from `offset`, which must lie within it."""


BucketName = Literal["AUDIO_STORAGE", "IMAGE_STORAGE", "RENDER_STORAGE"]


@dataclass(frozen=True, slots=True)
class Bindings:
    """A worker's bindings by their names in its wrangler.toml; to ask for a missing one is a `ConfigurationError`."""

    DB: Database | None = None
    CACHE: KeyValueStore | None = None
    RATE_LIMITER: RateLimiter | None = None
    AUDIO_STORAGE: ObjectStore | None = None
    IMAGE_STORAGE: ObjectStore | None = None
    RENDER_STORAGE: ObjectStore | None = None
    RENDER_WORKFLOW: Workflow | None = None
    LOADER: Loader | None = None
    _usage_ledger: UsageLedger | None = field(init=False, default=None)
    _api_keys: ApiKeys | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.DB is not None:
            object.__setattr__(self, "_usage_ledger", UsageLedger(self.DB))
            object.__setattr__(self, "_api_keys", ApiKeys(self.DB))

    @property
    def usage_ledger(self) -> UsageLedger:
        """The usage ledger in the D1 database."""
        return self._usage_ledger or _missing("DB")

    @property
    def api_keys(self) -> ApiKeys:
        """The API keys in the D1 database."""
        return self._api_keys or _missing("DB")

    @property
    def database(self) -> Database:
        """The D1 database."""
        return self.DB or _missing("DB")

    @property
    def cache(self) -> KeyValueStore:
        """The KV namespace for what may be forgotten."""
        return self.CACHE or _missing("CACHE")

    @property
    def rate_limiter(self) -> RateLimiter:
        """The shared rate limiter."""
        return self.RATE_LIMITER or _missing("RATE_LIMITER")

    @property
    def buckets(self) -> dict[BucketName, ObjectStore]:
        """The R2 buckets there are, by name."""
        return {name: store for name in get_args(BucketName) if (store := getattr(self, name)) is not None}

    def bucket(self, name: BucketName) -> ObjectStore:
        """One R2 bucket."""
        return self.buckets.get(name) or _missing(name)

    @property
    def render_workflow(self) -> Workflow:
        """The Workflow that follows renders to their end."""
        return self.RENDER_WORKFLOW or _missing("RENDER_WORKFLOW")

    @property
    def loader(self) -> Loader:
        """What runs generated code in an isolate of its own."""
        return self.LOADER or _missing("LOADER")


def _missing(name: str) -> NoReturn:
    raise ConfigurationError(f"The binding `{name}` is missing in this worker's wrangler.toml")
