"""Pexels: photos, videos and collections, searched and paged as api.pexels.com does it in November 2026, and the files.

Sources: https://www.pexels.com/api/documentation/, the `pexels` package 1.4.0 of npm (it still asks for the former
`/videos/*`, and with double slashes), published answers of the live API. Error bodies are little known: they have the
members of all the shapes that were seen. Collections are a topic each; `tags` are empty, as at the vendor.

Any key will do that is not empty and does not start with `invalid`; one that starts with `broke` is over its limit.
"""

import re
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote

from ...media import media_answer
from ...vendor import Answer, Call, Refusal, Route, Vendor
from .answers import (
    SITE,
    answer,
    describe,
    error,
    error_frame,
    number,
    one,
    paged,
)
from .catalogue import PHOTOS, TOPICS, VIDEOS, Medium, Photo, Video, score
from .files import read_picture, read_video

Kind = TypeVar("Kind", bound=Medium)

_COLOURS = {
    "red": (215, 40, 40),
    "orange": (235, 125, 35),
    "yellow": (245, 215, 80),
    "green": (65, 140, 70),
    "turquoise": (45, 190, 180),
    "blue": (35, 110, 190),
    "violet": (110, 60, 180),
    "pink": (235, 110, 165),
    "brown": (110, 70, 40),
    "black": (15, 15, 20),
    "gray": (120, 130, 140),
    "white": (250, 250, 250),
}
_LEAST_MEGAPIXELS = {"large": 24, "medium": 12, "small": 4}
_LEAST_LINES = {"large": 2160, "medium": 1080, "small": 720}


def authenticate(call: Call) -> None:
    """The bare key in `Authorization`, and any `User-Agent`. The files are public."""
    if call.path.startswith("/_files/"):
        return
    if not call.headers.get("user-agent"):
        raise Refusal(error(403))
    key = call.headers.get("authorization", "")
    if not key or key.startswith(("invalid", "Bearer ")):
        raise Refusal(error(401))
    if key.startswith("broke"):
        raise Refusal(error(429))


def _search(call: Call, media: Mapping[int, Kind]) -> list[Kind]:
    query = one(call, "query").strip()
    if not query:
        raise Refusal(error(400, "No query param given"))
    found = [(score(medium, query), medium) for medium in media.values()]
    ranked = [medium for points, medium in sorted(found, key=lambda pair: -pair[0]) if points]
    orientation = one(call, "orientation")
    return [medium for medium in ranked if not orientation or medium.orientation == orientation]


def search_photos(call: Call) -> Answer:
    photos = _search(call, PHOTOS)
    if least := _LEAST_MEGAPIXELS.get(one(call, "size")):
        photos = [photo for photo in photos if photo.megapixels >= least]
    if colour := one(call, "color").lower():
        name = colour if colour in _COLOURS else _nearest_colour(colour)
        photos = [photo for photo in photos if _nearest_colour(photo.palette[1]) == name]
    return paged(call, photos, "photos", {})


def _nearest_colour(text: str) -> str | None:
    """The name of the colour nearest to `#rrggbb` or `rrggbb`; `None` for anything else."""
    if not re.fullmatch("#?[0-9a-f]{6}", text.lower()):
        return None
    wanted = bytes.fromhex(text[-6:])
    return min(_COLOURS, key=lambda name: sum((a - b) ** 2 for a, b in zip(_COLOURS[name], wanted, strict=True)))


def list_curated(call: Call) -> Answer:
    return paged(call, sorted(PHOTOS.values(), key=lambda photo: (photo.number, photo.id)), "photos", {})


def get_photo(call: Call) -> Answer:
    return answer(call, describe(call, _find(PHOTOS, call)))


def search_videos(call: Call) -> Answer:
    """`size` is the least one; durations and widths are no parameters of a search."""
    videos = _search(call, VIDEOS)
    if least := _LEAST_LINES.get(one(call, "size")):
        videos = [video for video in videos if min(video.width, video.height) >= least]
    return paged(call, videos, "videos", {"url": f"{SITE}/search/videos/{quote(one(call, 'query'))}/"})


def list_popular(call: Call) -> Answer:
    width, height = number(call, "min_width", 0), number(call, "min_height", 0)
    shortest, longest = number(call, "min_duration", 0), number(call, "max_duration", 10**6)
    fitting = [
        video
        for video in sorted(VIDEOS.values(), key=lambda video: (video.number, video.id))
        if video.width >= width and video.height >= height and shortest <= video.seconds <= longest
    ]
    return paged(call, fitting, "videos", {"url": f"{SITE}/videos/"})


def get_video(call: Call) -> Answer:
    return answer(call, describe(call, _find(VIDEOS, call)))


def _find(media: Mapping[int, Kind], call: Call) -> Kind:
    identity = call.params["id"]
    if not identity.isdecimal() or int(identity) not in media:
        raise Refusal(error(404))
    return media[int(identity)]


def list_collections(call: Call) -> Answer:
    collections = [
        {
            "id": f"emulated{index}",
            "title": topic.capitalize(),
            "description": f"Emulated media of the topic {topic}",
            "private": False,
            "media_count": 16,
            "photos_count": 8,
            "videos_count": 8,
        }
        for index, topic in enumerate(TOPICS)
    ]
    return paged(call, collections, "collections", {})


def get_collection(call: Call) -> Answer:
    """Photos and videos in turn, each with its `type`."""
    index = call.params["id"].removeprefix("emulated")
    if not index.isdecimal() or int(index) >= len(TOPICS):
        raise Refusal(error(404))
    topic = TOPICS[int(index)]
    media: list[Medium] = [item for item in (*PHOTOS.values(), *VIDEOS.values()) if item.topic == topic]
    media.sort(key=lambda item: (item.number, item.id), reverse=one(call, "sort") == "desc")
    kinds = {"photos": Photo, "videos": Video}
    kind = kinds.get(one(call, "type"), Medium)
    items = [
        {"type": "Video" if isinstance(item, Video) else "Photo", **describe(call, item)}
        for item in media
        if isinstance(item, kind)
    ]
    return paged(call, items, "media", {"id": call.params["id"]})


def get_photo_file(call: Call) -> Answer:
    photo = _find(PHOTOS, call)
    if call.params["name"] != f"pexels-photo-{photo.id}.jpeg":
        raise Refusal(error(404))
    return _picture(call, photo)


def get_video_picture(call: Call) -> Answer:
    video = _find(VIDEOS, call)
    if not re.fullmatch(rf"free-video-{video.id}\.jpg|pictures/preview-[0-2]\.jpg", call.params["name"]):
        raise Refusal(error(404))
    return _picture(call, video)


def _picture(call: Call, medium: Medium) -> Answer:
    """In the size that `w`, `h`, `dpr` and `fit=crop` ask for, never larger than the original."""
    ratio = max(1, number(call, "dpr", 1))
    width, height = number(call, "w", 0) * ratio, number(call, "h", 0) * ratio
    if one(call, "fit") == "crop" and width and height:
        size = min(width, medium.width), min(height, medium.height)
    else:
        scale = min(1.0, width / medium.width if width else 1.0, height / medium.height if height else 1.0)
        size = max(1, round(medium.width * scale)), max(1, round(medium.height * scale))
    return media_answer(call, read_picture(medium, width=size[0], height=size[1]), content_type="image/jpeg")


def get_video_file(call: Call) -> Answer:
    video = _find(VIDEOS, call)
    files = {video.file_name(rendition): rendition for rendition in video.renditions}
    rendition = files.get(call.params["name"])
    if rendition is None:
        raise Refusal(error(404))
    return media_answer(call, read_video(video, rendition), content_type="video/mp4")


def unknown_route(_: Call) -> Answer:
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
