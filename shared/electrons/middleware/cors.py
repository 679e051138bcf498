"""Cross-origin resource sharing (WHATWG Fetch, 3.2): browsers of the allowed origins may call every route."""

from electrons.context import Context
from electrons.http import Response
from electrons.middleware import CallNext

_ALLOWED_HEADERS = "Content-Type, Authorization, X-API-Key, X-Request-ID, X-Instance-ID, Idempotency-Key"
_EXPOSED_HEADERS = "X-Request-ID, RateLimit, RateLimit-Policy, Retry-After, X-Estimated-Cost-USD, Idempotent-Replayed"


async def cors(context: Context, call_next: CallNext) -> Response:
    """Answers preflights with 204, and names the allowed origin on every other answer.

    `CORS_ORIGINS` is `*` or a comma-separated list; with a list, an origin that stands in it is named and caches are
    told that the answer varies by origin.
    """
    preflight = context.request.method == "OPTIONS"
    response = Response(status=204) if preflight else await call_next(context)
    response.headers += _origin_headers(context)
    if preflight:
        response.headers += [
            ("Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE, OPTIONS"),
            ("Access-Control-Allow-Headers", _ALLOWED_HEADERS),
            ("Access-Control-Max-Age", "86400"),
        ]
    else:
        response.headers.append(("Access-Control-Expose-Headers", _EXPOSED_HEADERS))
    return response


def _origin_headers(context: Context) -> list[tuple[str, str]]:
    allowed = context.settings.cors_origins
    if allowed == "*":
        return [("Access-Control-Allow-Origin", "*")]
    origin = context.request.headers.get("Origin")
    if origin and origin in {item.strip() for item in allowed.split(",")}:
        return [("Access-Control-Allow-Origin", origin), ("Vary", "Origin")]
    return [("Vary", "Origin")]
