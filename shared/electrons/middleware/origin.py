"""Refuse a malformed Host; in local runs, refuse what another site makes a browser send.

A deployment is protected by its keys. A local run has none, but it has the owner's provider keys: any page that is open
in a browser on this machine could use them, by a request that needs no preflight, or by a host name of its own that
resolves to this machine (DNS rebinding). https://fetch.spec.whatwg.org/#origin-header
"""

from __future__ import annotations

from electrons.context import Context
from electrons.errors import ForbiddenError
from electrons.http import Response, is_loopback, parse_origin
from electrons.middleware import CallNext
from electrons.settings import Settings


async def origin(context: Context, call_next: CallNext) -> Response:
    """Raise `RequestError` for a malformed Host, and in a local run `ForbiddenError` for a foreign Host or Origin."""
    host, settings = context.request.host, context.settings
    if settings.is_local_run:
        sent = context.request.headers.get("Origin")
        if not _is_own_host(host, settings) or (sent is not None and not _is_own_origin(sent, settings)):
            raise ForbiddenError(
                "A local run takes requests for and from this machine only: use `localhost`, or list the origin in "
                "`CORS_ORIGINS`",
                code="FORBIDDEN_ORIGIN",
            )
    return await call_next(context)


def _is_own_host(host: str, settings: Settings) -> bool:
    own = [settings.public_base_url, *settings.listed_origins]
    return is_loopback(host) or any(found.host == host for text in own if (found := parse_origin(text)))


def _is_own_origin(text: str, settings: Settings) -> bool:
    found, public = parse_origin(text), parse_origin(settings.public_base_url)
    if found is None:  # `null` too: a page without an origin of its own
        return False
    return (
        is_loopback(found.host) or text in settings.listed_origins or (public is not None and found.host == public.host)
    )
