"""Searches, lists and collections of photos and videos. Each topic of the catalogue is a collection."""

import re
from collections.abc import Mapping
from typing import TypeVar
from urllib.parse import quote

from ...vendor import Body, Call, Refusal, Response
from .catalogue import PHOTOS, TOPICS, VIDEOS, Medium, Photo, Video, score
from .descriptions import SITE, describe
from .http import error, page_of, success

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
_MIN_MEGAPIXELS = {"large": 24, "medium": 12, "small": 4}
_MIN_LINES = {"large": 2160, "medium": 1080, "small": 720}


def _search(call: Call, media: Mapping[int, Kind]) -> list[Kind]:
    query = call.query_value("query").strip()
    if not query:
        raise Refusal(error(400, "No query param given"))
    scored = [(score(medium, query), medium) for medium in media.values()]
    ranked = [medium for points, medium in sorted(scored, key=lambda pair: -pair[0]) if points]
    orientation = call.query_value("orientation")
    return [medium for medium in ranked if not orientation or medium.orientation == orientation]


def search_photos(call: Call) -> Response:
    """Return photos for a query."""
    photos = _search(call, PHOTOS)
    if minimum := _MIN_MEGAPIXELS.get(call.query_value("size")):
        photos = [photo for photo in photos if photo.megapixels >= minimum]
    if colour := call.query_value("color").lower():
        name = colour if colour in _COLOURS else _nearest_colour(colour)
        photos = [photo for photo in photos if _nearest_colour(photo.palette[1]) == name]
    return page_of(call, "photos", [describe(call, photo) for photo in photos], {})


def _nearest_colour(text: str) -> str | None:
    """Return the name of the colour nearest to `#rrggbb` or `rrggbb`, or `None` for anything else."""
    if not re.fullmatch("#?[0-9a-f]{6}", text.lower()):
        return None
    wanted = bytes.fromhex(text[-6:])
    return min(_COLOURS, key=lambda name: sum((a - b) ** 2 for a, b in zip(_COLOURS[name], wanted, strict=True)))


def list_curated(call: Call) -> Response:
    """Return photos of all topics."""
    photos = sorted(PHOTOS.values(), key=lambda photo: (photo.number, photo.id))
    return page_of(call, "photos", [describe(call, photo) for photo in photos], {})


def get_photo(call: Call) -> Response:
    """Return one photo."""
    return success(call, describe(call, find_medium(PHOTOS, call)))


def search_videos(call: Call) -> Response:
    """Return videos for a query, at least of the given `size`; a search has no limits of duration or width."""
    videos = _search(call, VIDEOS)
    if minimum := _MIN_LINES.get(call.query_value("size")):
        videos = [video for video in videos if min(video.width, video.height) >= minimum]
    url = f"{SITE}/search/videos/{quote(call.query_value('query'))}/"
    return page_of(call, "videos", [describe(call, video) for video in videos], {"url": url})


def list_popular(call: Call) -> Response:
    """Return videos of all topics, with limits of size and duration."""
    width, height = call.query_number("min_width", 0), call.query_number("min_height", 0)
    shortest, longest = call.query_number("min_duration", 0), call.query_number("max_duration", 10**6)
    fitting = [
        video
        for video in sorted(VIDEOS.values(), key=lambda video: (video.number, video.id))
        if video.width >= width and video.height >= height and shortest <= video.seconds <= longest
    ]
    return page_of(call, "videos", [describe(call, video) for video in fitting], {"url": f"{SITE}/videos/"})


def get_video(call: Call) -> Response:
    """Return one video."""
    return success(call, describe(call, find_medium(VIDEOS, call)))


def find_medium(media: Mapping[int, Kind], call: Call) -> Kind:
    """Return the medium with the id in the path. Raises `Refusal` with 404."""
    identity = call.params["id"]
    if not identity.isdecimal() or int(identity) not in media:
        raise Refusal(error(404))
    return media[int(identity)]


def list_collections(call: Call) -> Response:
    """Return the collections, one for each topic."""
    collections: list[Body] = [
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
    return page_of(call, "collections", collections, {})


def get_collection(call: Call) -> Response:
    """Return the photos and videos of a collection alternately, each with its `type`."""
    index = call.params["id"].removeprefix("emulated")
    if not index.isdecimal() or int(index) >= len(TOPICS):
        raise Refusal(error(404))
    topic = TOPICS[int(index)]
    media: list[Medium] = [item for item in (*PHOTOS.values(), *VIDEOS.values()) if item.topic == topic]
    media.sort(key=lambda item: (item.number, item.id), reverse=call.query_value("sort") == "desc")
    kinds = {"photos": Photo, "videos": Video}
    kind = kinds.get(call.query_value("type"), Medium)
    items = [
        {"type": "Video" if isinstance(item, Video) else "Photo", **describe(call, item)}
        for item in media
        if isinstance(item, kind)
    ]
    return page_of(call, "media", items, {"id": call.params["id"]})
