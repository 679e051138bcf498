"""Ideogram: image generation with version 4, version 3 and the legacy endpoint, as of November 2026.

Sources: https://developer.ideogram.ai and its published OpenAPI document.

| in the prompt    | effect |
|------------------|--------|
| `[unsafe]`       | 422: the prompt failed the safety check |
| `[unsafe-image]` | 200, but no image: `is_image_safe` is false, `url` is null |
| `[expired]`      | links that have already expired |
| `[foreign]`      | links to a host that is not Ideogram's |
| `[no-image]`     | files that are web pages with the `Content-Type` of an image |
"""

from ...vendor import Call, Refusal, Response, Route, Vendor
from .http import error, error_frame
from .images import generate_legacy, generate_v3, generate_v4, get_image


def authenticate(call: Call) -> None:
    """Check the key in `Api-Key`, which must not start with `invalid`; links to images need no key."""
    key = call.headers.get("api-key", "")
    if not call.path.startswith("/_files/") and (not key.strip() or key.startswith("invalid")):
        raise Refusal(error(401))


def unknown_route(call: Call) -> Response:
    """Return 405 for a known path with another method, else 404."""
    return error(405 if vendor.has_path(call.path) else 404)


vendor = Vendor(
    name="ideogram",
    routes=(
        Route("POST", "/v1/ideogram-v4/generate", generate_v4),
        Route("POST", "/v1/ideogram-v3/generate", generate_v3),
        Route("POST", "/generate", generate_legacy),
        Route("GET", "/_files/{name}", get_image, slow=True),
        Route("HEAD", "/_files/{name}", get_image, slow=True),
    ),
    authenticate=authenticate,
    error=error,
    error_frame=error_frame,
    unknown_route=unknown_route,
    max_body_bytes=32 * 1024 * 1024,
)
