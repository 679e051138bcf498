"""Which of a provider's keys a call uses, and whether it is made at all.

A secret may hold several keys, separated by commas: each call takes one at random. A key whose quota is used up is not
used until the provider renews it, or for `QUOTA_PAUSE_SECONDS`; with several keys, one that is rejected or at its rate
limit is skipped for a while, and the next one is tried at once. Each isolate learns that by itself, because such a
refusal costs nothing.
"""

from __future__ import annotations

import hashlib
import math
import random
from functools import lru_cache

from electrons.context import Context
from electrons.errors import (
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderUnreachableError,
)
from electrons.upstream.circuits import Circuits
from electrons.upstream.provider import Provider, ProviderRequest

_REJECTED_SECONDS = 60.0
_LIMITED_SECONDS = 1.0

# These are about what was asked for: other calls of the same account succeed.
_OF_THE_PLAN = {"paid_plan_required", "subscription_required", "only_for_creator+"}


class Account:
    """The keys and the circuit for one request to a provider."""

    def __init__(self, context: Context, provider: Provider, request: ProviderRequest) -> None:
        """Read the keys. Raises `ConfigurationError` if there is none."""
        self._context = context
        self._provider = provider
        self._keys = provider.api_keys(context.settings)
        self._circuits = context.bindings.memory(Circuits)
        self._tried: set[str] = set()
        usage = context.usage
        is_model_call = request.method == "POST" and usage is not None and usage.provider == provider.name
        self._circuit = f"{provider.name}:{usage.model}" if is_model_call and usage is not None else ""

    async def admit(self) -> str:
        """Return the key to use. Raises `ProviderError` if the provider should not be called now."""
        provider = self._provider
        if self._circuit and (seconds := await self._circuits.admit(self._context, self._circuit)):
            message = f"{provider.title} failed several times in a row and is not called: retry after"
            raise ProviderUnreachableError(
                f"{message} {math.ceil(seconds)} s", provider=provider.name, retry_after=seconds, was_called=False
            )
        if len(self._keys) == 1 and not (seconds := self._closed_for(self._keys[0])):
            return self._keys[0]
        usable = [key for key in self._keys if not self._closed_for(key)]
        if usable:
            return random.choice(usable)  # noqa: S311  # any will do
        seconds = min(map(self._closed_for, self._keys))
        message = f"{provider.title}'s quota or credit is used up, so it is not called: check its plan and billing"
        raise ProviderQuotaError(message, provider=provider.name, retry_after=seconds, was_called=False)

    def note(self, key: str, error: ProviderError | None) -> bool:
        """Take note of how a call went, and return whether another key may be tried at once."""
        if self._circuit:
            self._circuits.note(self._context, self._circuit, error)
        if error is None:
            return False
        self._tried.add(key)
        has_others = len(self._keys) > 1
        seconds = self._pause(error, has_others=has_others)
        if seconds is None:
            return False
        if seconds:
            self._circuits.open(_account_name(self._provider.name, key), seconds)
        return any(other not in self._tried and not self._closed_for(other) for other in self._keys)

    def _pause(self, error: ProviderError, *, has_others: bool) -> float | None:
        """Return for how long a key is not used after an error, None if the error is not about the key."""
        if isinstance(error, ProviderQuotaError):
            if (error.details or {}).get("code") in _OF_THE_PLAN:
                return None
            pause = self._context.settings.quota_pause_seconds
            return pause and (error.retry_after or pause)
        if not has_others:
            return None
        if isinstance(error, ProviderAuthError):
            return _REJECTED_SECONDS
        if isinstance(error, ProviderRateLimitError):
            return _LIMITED_SECONDS if error.retry_after is None else min(error.retry_after, _REJECTED_SECONDS)
        return None

    def _closed_for(self, key: str) -> float:
        return self._circuits.is_open(_account_name(self._provider.name, key))


@lru_cache(maxsize=256)
def _account_name(provider: str, key: str) -> str:
    return f"account:{provider}:{hashlib.sha256(key.encode()).hexdigest()[:16]}"
