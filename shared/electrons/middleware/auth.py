"""Find out who calls, and whether they may. Public routes need no key; `AUTH_MODE=open` admits everyone, by address."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, IPv6Network, ip_address

from electrons.context import Context, Principal
from electrons.errors import (
    ConfigurationError,
    DatabaseError,
    RateLimitedError,
    UnauthorizedError,
    UnavailableError,
)
from electrons.http import Headers, Response
from electrons.keys import KeyRecord, MalformedKeyError, parse
from electrons.middleware import CallNext
from electrons.money import parse_budget
from electrons.storage.keys import ApiKeys, TooManyUnknownKeysError

_SCHEME = "bearer "
_IPV6_PREFIX = 64


async def auth(context: Context, call_next: CallNext) -> Response:
    """Set `context.principal`.

    Raises `UnauthorizedError` without a valid key, `ForbiddenError` for a key without the route's scope, and
    `UnavailableError` (`AUTH_UNAVAILABLE`) while the key table cannot be read: it never admits a caller unchecked.
    """
    route, settings = context.route, context.settings
    if route.public or (settings.auth_mode == "open" and not route.never_open):
        context.principal = Principal(id=identify_address(context), has_all_scopes=True)
        return await call_next(context)

    record = await authenticate(context)
    context.principal = Principal(
        id=record.id,
        key_id=record.id,
        scopes=frozenset(record.scopes.split()),
        rate_limit_policy=record.rate_limit_policy,
        budget=parse_budget(record.budget or ""),
        budget_id=record.first_id or record.id,
        models=tuple(record.models.lower().split()) if record.models else None,
    )
    if route.scope is not None:
        context.principal.require(route.scope)
    return await call_next(context)


def identify_address(context: Context) -> str:
    """Return what stands for the caller's address.

    Cloudflare sets the header `CF-Connecting-IP` in deployments; in a local run it is whatever the caller has sent. An
    IPv6 caller usually has a network of `/64` to itself, so that is one caller.
    """
    text = context.request.headers.get("CF-Connecting-IP")
    return "local" if text is None or context.settings.is_local_run else _identify_network(text)


@lru_cache(maxsize=1024)
def _identify_network(text: str) -> str:
    try:
        address = ip_address(text.strip())
    except ValueError:
        return "unknown"
    if isinstance(address, IPv6Address):
        return str(address.ipv4_mapped or IPv6Network((int(address), _IPV6_PREFIX), strict=False))
    return str(address)


def read_credential(headers: Headers) -> str | None:
    """Return the key in `Authorization: Bearer KEY` (RFC 6750, 2.1), or else the one in `X-API-Key`."""
    authorization = (headers.get("Authorization") or "").strip()
    bearer = authorization[len(_SCHEME) :] if authorization.lower().startswith(_SCHEME) else ""
    return bearer.strip() or (headers.get("X-API-Key") or "").strip() or None


async def authenticate(context: Context) -> KeyRecord:
    """Return the record of the caller's key. Raises what `auth` raises, and `RateLimitedError` for too many keys."""
    credential = read_credential(context.request.headers)
    try:
        keys = context.bindings.table(ApiKeys)
        # Also where there is nothing to look up, so that the owner of a new deployment learns what is missing.
        await keys.check()
        if credential is None:
            raise UnauthorizedError("API key required: send `Authorization: Bearer KEY` or `X-API-Key: KEY`")
        record = await keys.verify(
            parse(credential),
            max_age_seconds=context.settings.key_cache_seconds,
            sender=identify_address(context),
        )
    except MalformedKeyError as error:
        raise UnauthorizedError("The API key is malformed: it was cut off or mistyped") from error
    except TooManyUnknownKeysError as error:
        refusal = RateLimitedError("Too many unknown API keys were sent from this address; try again in a minute")
        refusal.headers.append(("Retry-After", str(error.retry_after_seconds)))
        raise refusal from error
    except (ConfigurationError, DatabaseError) as error:
        raise UnavailableError(
            "API keys cannot be checked, because the key table cannot be read: apply the D1 migrations with "
            "`npm run deploy` or `npx wrangler d1 migrations apply DB --remote`, and make a key with "
            "`npm run keys -- create --remote`",
            code="AUTH_UNAVAILABLE",
        ) from error
    if record is None:
        raise UnauthorizedError("The API key is not valid: it is unknown, has expired or was revoked")
    if keys.is_use_due(record.id):
        context.defer(lambda: keys.note_use(record.id))
    return record
