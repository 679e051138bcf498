"""API keys: their format, and what is stored of them. Standard library only, because the command line uses it too.

    de_live_k3v9x0q2m7w1a8zf_0Qn…(43)…x7bR1tZ9K
    │       │                │            └ checksum: CRC-32 of all before it, 6 characters
    │       │                └ secret: 256 random bits, 43 characters
    │       └ id: public; the key is found and named by it
    └ environment: `live` for deployments, `test` for local runs

Secret and checksum are base 62. The prefix lets secret scanners find a leaked key; the checksum distinguishes a
mistyped key from an unknown one without a lookup
(https://github.blog/engineering/behind-githubs-new-authentication-token-formats/).
A plain SHA-256 of the whole key is stored: a slow hash adds nothing to 256 random bits.
"""

from __future__ import annotations

import hashlib
import os
import re
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

KeyEnvironment = Literal["live", "test"]
KeyStatus = Literal["valid", "expired", "revoked"]

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_ID_LENGTH, _SECRET_LENGTH, _CHECKSUM_LENGTH = 16, 43, 6
_KEY = re.compile(
    rf"(de_(live|test)_([0-9a-z]{{{_ID_LENGTH}}})_[0-9A-Za-z]{{{_SECRET_LENGTH}}})([0-9A-Za-z]{{{_CHECKSUM_LENGTH}}})"
)


class MalformedKeyError(ValueError):
    """The string is not an API key: it was cut off or mistyped, or is something else. It is not repeated here."""


@dataclass(frozen=True, slots=True)
class ParsedKey:
    """The readable parts of a key, and its hash; the secret itself is not kept."""

    environment: KeyEnvironment
    id: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A row of the table `api_keys`, its columns by name.

    `hash` is hexadecimal, `scopes` are separated by spaces (as in RFC 6749, 3.3), times are ISO 8601 in UTC. A
    `rate_limit_policy` has the syntax of the setting and replaces it for this key. `budget` is a list like `5/day,
    50/month` in US dollars, `models` are separated by spaces. `first_id` is the key that this one was rotated from.
    """

    id: str
    environment: str
    hash: str
    name: str
    owner: str
    scopes: str
    created_at: str
    expires_at: str | None = None
    revoked_at: str | None = None
    last_used_at: str | None = None
    rate_limit_policy: str | None = None
    first_id: str | None = None
    budget: str | None = None
    models: str | None = None

    @classmethod
    def create(
        cls,
        key: str,
        *,
        name: str,
        owner: str,
        scopes: Iterable[str],
        created_at: datetime,
        expires_at: datetime | None = None,
        rate_limit_policy: str | None = None,
        budget: str | None = None,
        models: str | None = None,
    ) -> KeyRecord:
        """Return the record of a new key. Raises `MalformedKeyError`."""
        parsed = parse(key)
        return cls(
            id=parsed.id,
            environment=parsed.environment,
            hash=parsed.hash,
            name=name,
            owner=owner,
            scopes=" ".join(scopes),
            created_at=format_time(created_at),
            expires_at=format_time(expires_at) if expires_at else None,
            rate_limit_policy=rate_limit_policy,
            budget=budget,
            models=models,
        )

    def status(self, now: float) -> KeyStatus:
        """Return the state at `now`, in seconds since the epoch. Raises ValueError for an unreadable time."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and datetime.fromisoformat(self.expires_at).timestamp() <= now:
            return "expired"
        return "valid"


def generate(environment: KeyEnvironment, *, randomness: Callable[[int], bytes] = os.urandom) -> str:
    """Return a new key. `randomness(count)` returns that many bytes, by default the operating system's."""
    key_id = _encode(int.from_bytes(randomness(16)), _ID_ALPHABET, _ID_LENGTH)
    secret = _encode(int.from_bytes(randomness(32)), _ALPHABET, _SECRET_LENGTH)
    body = f"de_{environment}_{key_id}_{secret}"
    return body + _checksum(body)


def parse(text: str) -> ParsedKey:
    """Return the parts of a key. Raises `MalformedKeyError`."""
    match = _KEY.fullmatch(text)
    if match is None or _checksum(match[1]) != match[4]:
        raise MalformedKeyError("not an API key: it was cut off or mistyped")
    environment: KeyEnvironment = "live" if match[2] == "live" else "test"
    return ParsedKey(environment=environment, id=match[3], hash=hashlib.sha256(text.encode()).hexdigest())


def format_time(moment: datetime) -> str:
    """Return a time in ISO 8601, UTC, whole seconds, with `Z`."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _checksum(body: str) -> str:
    return _encode(zlib.crc32(body.encode()), _ALPHABET, _CHECKSUM_LENGTH)


def _encode(number: int, alphabet: str, length: int) -> str:
    """Return the last `length` digits of a number in the base of the alphabet."""
    digits, base = "", len(alphabet)
    for _ in range(length):
        digits = alphabet[number % base] + digits
        number //= base
    return digits
