"""What a worker sees of the rate limiter: reserve before the work, settle after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from electrons.http import HeaderPairs


class LimiterUnreachableError(Exception):
    """The Durable Object did not answer; `RATE_LIMIT_FAILURE` says what that means for the caller."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a request may go on, and the header fields that say so. `impossible`: it is larger than a whole burst."""

    allowed: bool
    headers: HeaderPairs
    violated: tuple[str, ...] = ()
    impossible: bool = False


class RateLimiter(Protocol):
    """One object per `key`. `policy` is in the syntax of the RateLimit-Policy header, costs are units by name."""

    async def reserve(self, key: str, *, reservation_id: str | None, policy: str, costs: Mapping[str, int]) -> Verdict:
        """Charges the costs to all policies or to none; with an id, they can be settled later.

        Raises `LimiterUnreachableError`.
        """

    async def settle(self, key: str, *, reservation_id: str, policy: str, actual: Mapping[str, int]) -> None:
        """Puts the real cost in the place of the reserved one, once per id. Raises `LimiterUnreachableError`."""
