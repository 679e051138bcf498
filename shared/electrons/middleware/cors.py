"""Cross-origin resource sharing (WHATWG Fetch, 3.2): browsers of the allowed origins may call every route."""

import re

from electrons.context import Context
from electrons.http import HeaderPairs, Response
from electrons.middleware import CallNext

_ALLOWED_METHODS = "GET, HEAD, POST, DELETE, OPTIONS"
_ALLOWED_HEADERS = ", ".join(
    (
        "Content-Type", "Authorization", "X-API-Key", "X-Request-ID", "X-Instance-ID", "Idempotency-Key", "Range",
        "If-Range", "If-None-Match", "traceparent",
    )
)  # fmt: skip
# What the official clients of OpenAI and Anthropic send besides, and what a caller may ask of the gateway.
_DIALECT_HEADERS = ", ".join(
    (
        "anthropic-version", "anthropic-beta", "anthropic-dangerous-direct-browser-access", "OpenAI-Organization",
        "OpenAI-Project", "OpenAI-Beta", "X-DE-Fallbacks", "X-DE-Cache-TTL", "X-DE-Cache-Scope",
    )
)  # fmt: skip
_CLIENT_HEADER = re.compile(r"x-stainless-[a-z-]{1,40}")
_EXPOSED_HEADERS = ", ".join(
    (
        "X-Request-ID", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Estimated-Cost-USD", "X-DE-Provider",
        "X-DE-Model", "X-DE-Attempts", "X-DE-Cost", "X-DE-Overhead-Ms", "X-DE-Cache", "X-DE-Warnings",
        "Idempotent-Replayed", "Content-Range", "Accept-Ranges", "Content-Length", "ETag",
    )
)  # fmt: skip


async def cors(context: Context, call_next: CallNext) -> Response:
    """Answer preflights with 204, and name the allowed origin in every other response.

    `CORS_ORIGINS` is `*` or a comma-separated list. With a list, an origin that is in it is named, and `Vary`
    says that the response depends on the origin.
    """
    preflight = context.request.method == "OPTIONS"
    response = Response(status=204) if preflight else await call_next(context)
    response.headers += _origin_headers(context)
    if preflight:
        response.headers += [
            ("Access-Control-Allow-Methods", _ALLOWED_METHODS),
            ("Access-Control-Allow-Headers", _allowed_headers(context)),
            ("Access-Control-Max-Age", "86400"),
        ]
    else:
        exposed = f"{_EXPOSED_HEADERS}, request-id, x-should-retry" if context.dialect else _EXPOSED_HEADERS
        response.headers.append(("Access-Control-Expose-Headers", exposed))
    return response


def _allowed_headers(context: Context) -> str:
    if context.dialect is None:
        return _ALLOWED_HEADERS
    requested = (context.request.headers.get("Access-Control-Request-Headers") or "").lower().split(",")
    # Each client names its version, runtime and retries in headers of its own.
    own = sorted({name.strip() for name in requested if _CLIENT_HEADER.fullmatch(name.strip())})
    return ", ".join((_ALLOWED_HEADERS, _DIALECT_HEADERS, *own))


def _origin_headers(context: Context) -> HeaderPairs:
    if context.settings.cors_origins == "*":
        return [("Access-Control-Allow-Origin", "*")]
    origin = context.request.headers.get("Origin")
    if origin and origin in context.settings.listed_origins:
        return [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
    return [("Vary", "Origin")]
