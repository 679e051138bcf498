"""Shotstack: the Edit API as of November 2026, in both environments; ffmpeg renders the timelines.

Sources: the OpenAPI document and the JSON schema of the npm package @shotstack/schemas 1.18.3, the guides at
https://shotstack.io/docs/guide. `stage` and `v1` behave the same and have separate renders. Assets are fetched from
this machine only (`assets.py`).
"""

from ...vendor import Call, Refusal, Response, Route, Vendor
from . import edit_api
from .http import error, error_frame


def authenticate(call: Call) -> None:
    """Check the key in `x-api-key`, which must not start with `invalid`; files need no key."""
    key = call.headers.get("x-api-key", "")
    if not call.path.startswith("/_files/") and (not key.strip() or key.startswith("invalid")):
        raise Refusal(error(403))


def unknown_route(_: Call) -> Response:
    """Return 404."""
    return error(404)


def _routes() -> list[Route]:
    """Return the routes below `/edit/{environment}` and below the older `/{environment}`."""
    routes = [Route(method, "/_files/{owner}/{name}", edit_api.get_file) for method in ("GET", "HEAD")]
    for base in ("/edit/{environment}", "/{environment}"):
        routes += [
            Route("POST", f"{base}/render", edit_api.post_render),
            Route("GET", f"{base}/render/{{id}}", edit_api.get_render),
            Route("GET", f"{base}/probe/{{url:path}}", edit_api.get_probe, slow=True),
            Route("POST", f"{base}/templates/render", edit_api.render_template),
            Route("POST", f"{base}/templates", edit_api.post_template),
            Route("GET", f"{base}/templates", edit_api.list_templates),
            Route("GET", f"{base}/templates/{{id}}", edit_api.get_template),
            Route("PUT", f"{base}/templates/{{id}}", edit_api.put_template),
            Route("DELETE", f"{base}/templates/{{id}}", edit_api.delete_template),
        ]
    return routes


vendor = Vendor(
    name="shotstack",
    routes=_routes(),
    authenticate=authenticate,
    error=error,
    error_frame=error_frame,
    unknown_route=unknown_route,
    max_body_bytes=10 * 1024 * 1024,
)
