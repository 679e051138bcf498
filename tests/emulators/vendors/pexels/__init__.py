"""Pexels: photos, videos and collections, searched and paged like api.pexels.com in November 2026, and their files.

Sources: https://www.pexels.com/api/documentation/, the `pexels` package 1.4.0 of npm (which uses the former `/videos/*`
with double slashes), published responses of the live API.

Every key is accepted that is not empty and does not start with `invalid`; `broke…` has exceeded its limit.
"""

from ...vendor import Call, Refusal, Response, Route, Vendor
from .downloads import get_photo_file, get_video_file, get_video_picture
from .http import error, error_frame
from .search import (
    get_collection,
    get_photo,
    get_video,
    list_collections,
    list_curated,
    list_popular,
    search_photos,
    search_videos,
)


def authenticate(call: Call) -> None:
    """Check the bare key in `Authorization` and that there is a `User-Agent`; the files are public."""
    if call.path.startswith("/_files/"):
        return
    if not call.headers.get("user-agent"):
        raise Refusal(error(403))
    key = call.headers.get("authorization", "")
    if not key or key.startswith(("invalid", "Bearer ")):
        raise Refusal(error(401))
    if key.startswith("broke"):
        raise Refusal(error(429))


def unknown_route(_: Call) -> Response:
    """Return 404."""
    return error(404)


_FILES = (
    ("/_files/photos/{id}/{name}", get_photo_file),
    ("/_files/videos/{id}/{name:path}", get_video_picture),
    ("/_files/video-files/{id}/{name}", get_video_file),
)
vendor = Vendor(
    name="pexels",
    routes=(
        Route("GET", "/v1/search", search_photos),
        Route("GET", "/v1/curated", list_curated),
        Route("GET", "/v1/photos/{id}", get_photo),
        *(Route("GET", f"{prefix}/search", search_videos) for prefix in ("/v1/videos", "/videos")),
        *(Route("GET", f"{prefix}/popular", list_popular) for prefix in ("/v1/videos", "/videos")),
        *(
            Route("GET", f"{prefix}/{{id}}", get_video)
            for prefix in ("/v1/videos/videos", "/v1/videos", "/videos/videos")
        ),
        Route("GET", "/v1/collections", list_collections),
        Route("GET", "/v1/collections/featured", list_collections),
        Route("GET", "/v1/collections/{id}", get_collection),
        *(Route(method, path, handler, slow=True) for method in ("GET", "HEAD") for path, handler in _FILES),
    ),
    authenticate=authenticate,
    error=error,
    error_frame=error_frame,
    unknown_route=unknown_route,
    max_body_bytes=1024 * 1024,
    merge_slashes=True,
)
