"""The interfaces to a worker's bindings, and what one worker has of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn, Protocol

from electrons.errors import ConfigurationError
from electrons.ratelimit.limiter import RateLimiter
from electrons.storage.usage import UsageLedger

Value = str | int | float | None
Row = dict[str, Value]


class Database(Protocol):
    """A D1 database (https://developers.cloudflare.com/d1/worker-api/)."""

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


@dataclass(frozen=True, slots=True)
class Bindings:
    """A worker's bindings by their names in its wrangler.toml; to ask for a missing one is a `ConfigurationError`."""

    DB: Database | None = None
    CACHE: KeyValueStore | None = None
    RATE_LIMITER: RateLimiter | None = None
    _usage_ledger: UsageLedger | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        if self.DB is not None:
            object.__setattr__(self, "_usage_ledger", UsageLedger(self.DB))

    @property
    def usage_ledger(self) -> UsageLedger:
        """The usage ledger in the D1 database."""
        return self._usage_ledger or _missing("DB")

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


def _missing(name: str) -> NoReturn:
    raise ConfigurationError(f"The binding `{name}` is missing in this worker's wrangler.toml")
