"""Says who calls, and whether they may. Public routes need nobody; `AUTH_MODE=open` takes everybody, by address."""

from electrons.context import Context, Principal
from electrons.errors import ConfigurationError, DatabaseError, UnauthorizedError, UnavailableError
from electrons.http import Headers, Response
from electrons.keys import KeyRecord, MalformedKeyError, parse
from electrons.middleware import CallNext
from electrons.storage.keys import ApiKeys

_SCHEME = "bearer "


async def auth(context: Context, call_next: CallNext) -> Response:
    """Sets `context.principal`.

    Raises `UnauthorizedError` without a good key, `ForbiddenError` for a key without the route's scope, and
    `UnavailableError` (`AUTH_UNAVAILABLE`) while the key table cannot be read: it never lets anybody in unseen.
    """
    route, settings = context.route, context.settings
    if route.public or (settings.auth_mode == "open" and not route.never_open):
        context.principal = Principal(id=context.request.client_address, has_all_scopes=True)
        return await call_next(context)

    record = await _authenticate(context)
    context.principal = Principal(
        id=record.id,
        key_id=record.id,
        scopes=frozenset(record.scopes.split()),
        rate_limit_policy=record.rate_limit_policy,
    )
    if route.scope is not None:
        context.principal.require(route.scope)
    return await call_next(context)


def read_credential(headers: Headers) -> str | None:
    """The key in `Authorization: Bearer KEY` (RFC 6750, 2.1), else the one in `X-API-Key`."""
    authorization = (headers.get("Authorization") or "").strip()
    bearer = authorization[len(_SCHEME) :] if authorization.lower().startswith(_SCHEME) else ""
    return bearer.strip() or (headers.get("X-API-Key") or "").strip() or None


async def _authenticate(context: Context) -> KeyRecord:
    credential = read_credential(context.request.headers)
    try:
        keys = context.bindings.table(ApiKeys)
        # Also where there is nothing to look up, so that the owner of a new deployment learns what is missing.
        await keys.check()
        if credential is None:
            raise UnauthorizedError("API key required: send `Authorization: Bearer KEY` or `X-API-Key: KEY`")
        record = await keys.verify(parse(credential), max_age_seconds=context.settings.key_cache_seconds)
    except MalformedKeyError as error:
        raise UnauthorizedError("The API key is malformed: it was cut off or mistyped") from error
    except (ConfigurationError, DatabaseError) as error:
        raise UnavailableError(
            "API keys cannot be checked, because the key table cannot be read: apply the D1 migrations "
            "(`npx wrangler d1 migrations apply DB --remote`) and make a key with `npm run keys -- create`",
            code="AUTH_UNAVAILABLE",
        ) from error
    if record is None:
        raise UnauthorizedError("The API key is not valid: it is unknown, has expired or was revoked")
    if keys.is_use_due(record.id):
        context.defer(lambda: keys.note_use(record.id))
    return record
