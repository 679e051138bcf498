"""Cross-origin resource sharing (WHATWG Fetch, 3.2): browsers of the allowed origins may call every route."""

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
_EXPOSED_HEADERS = ", ".join(
    (
        "X-Request-ID", "RateLimit", "RateLimit-Policy", "Retry-After", "X-Estimated-Cost-USD", "X-DE-Provider",
        "X-DE-Model", "X-DE-Attempts", "X-DE-Cost", "X-DE-Overhead-Ms", "X-DE-Cache", "Idempotent-Replayed",
        "Content-Range", "Accept-Ranges", "Content-Length", "ETag",
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
            ("Access-Control-Allow-Headers", _ALLOWED_HEADERS),
            ("Access-Control-Max-Age", "86400"),
        ]
    else:
        response.headers.append(("Access-Control-Expose-Headers", _EXPOSED_HEADERS))
    return response


def _origin_headers(context: Context) -> HeaderPairs:
    if context.settings.cors_origins == "*":
        return [("Access-Control-Allow-Origin", "*")]
    origin = context.request.headers.get("Origin")
    if origin and origin in context.settings.listed_origins:
        return [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
    return [("Vary", "Origin")]
