"""Pexels' answers: photos, videos and pages of them with absolute links, the quota headers, and the errors."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from ...vendor import Answer, Call, Headers, event_frame, json_answer
from .catalogue import Photo, Video

SITE = "https://www.pexels.com"
_MONTHLY_LIMIT = 20_000
_PICTURE_SIZES = {
    "original": "",
    "large2x": "?auto=compress&cs=tinysrgb&dpr=2&h=650&w=940",
    "large": "?auto=compress&cs=tinysrgb&h=650&w=940",
    "medium": "?auto=compress&cs=tinysrgb&h=350",
    "small": "?auto=compress&cs=tinysrgb&h=130",
    "portrait": "?auto=compress&cs=tinysrgb&fit=crop&h=1200&w=800",
    "landscape": "?auto=compress&cs=tinysrgb&fit=crop&h=627&w=1200",
    "tiny": "?auto=compress&cs=tinysrgb&dpr=1&fit=crop&h=200&w=280",
}
_ERRORS = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    413: "Payload Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
_used: Counter[str] = Counter()


def _error_body(status: int, message: str | None, code: str | None) -> dict[str, Any]:
    text = message or _ERRORS.get(status) or _ERRORS[400 if status < 500 else 500]
    return {"status": status, "code": code or text, "error": text}


def error(
    status: int, message: str | None = None, *, code: str | None = None, retry_after: float | None = None
) -> Answer:
    headers = [] if retry_after is None else [(b"retry-after", f"{retry_after:g}".encode())]
    return json_answer(_error_body(status, message, code), status=status, headers=headers)


def error_frame(status: int, message: str | None = None, *, code: str | None = None) -> bytes:
    return event_frame(_error_body(status, message, code))


def answer(call: Call, body: object) -> Answer:
    """A 200 with the key's quota, which starts again when it is used up, as an emulator may run for long."""
    key = call.headers["authorization"]
    _used[key] += 1
    now = datetime.now(UTC)
    reset = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, tzinfo=UTC)
    headers: Headers = [
        (b"x-ratelimit-limit", b"%d" % _MONTHLY_LIMIT),
        (b"x-ratelimit-remaining", b"%d" % (_MONTHLY_LIMIT - _used[key] % _MONTHLY_LIMIT)),
        (b"x-ratelimit-reset", b"%d" % reset.timestamp()),
    ]
    return json_answer(body, headers=headers)


def one(call: Call, name: str) -> str:
    """The last value of a query parameter, or nothing."""
    return call.query.get(name, [""])[-1]


def number(call: Call, name: str, default: int) -> int:
    """A parameter as a number; what is none counts as not given."""
    value = one(call, name)
    return int(value) if value.isdecimal() else default


def _files(call: Call) -> str:
    return f"http://{call.headers.get('host', '127.0.0.1')}/pexels/_files"


def paged(call: Call, found: Sequence[Any], name: str, described: Mapping[str, object]) -> Answer:
    """One page: at most 80 items, 15 where nothing is said; a page behind the last is empty."""
    page, size = max(1, number(call, "page", 1)), min(80, max(1, number(call, "per_page", 15)))
    start = (page - 1) * size

    def link(other: int) -> str:
        kept = {key: values[-1] for key, values in sorted(call.query.items())}
        query = urlencode({**kept, "page": other, "per_page": size})
        return f"http://{call.headers.get('host', '127.0.0.1')}/pexels{call.path}/?{query}"

    body = {
        "page": page,
        "per_page": size,
        name: [describe(call, item) for item in found[start : start + size]],
        "total_results": len(found),
        **described,
    }
    if start + size < len(found):
        body["next_page"] = link(page + 1)
    if page > 1:
        body["prev_page"] = link(page - 1)
    return answer(call, body)


def describe(call: Call, item: Any) -> Any:
    if isinstance(item, Video):
        return describe_video(call, item)
    return describe_photo(call, item) if isinstance(item, Photo) else item


def describe_photo(call: Call, photo: Photo) -> dict[str, Any]:
    author_id, author, handle = photo.author
    original = f"{_files(call)}/photos/{photo.id}/pexels-photo-{photo.id}.jpeg"
    return {
        "id": photo.id,
        "width": photo.width,
        "height": photo.height,
        "url": f"{SITE}/photo/{photo.slug}/",
        "photographer": author,
        "photographer_url": f"{SITE}/@{handle}",
        "photographer_id": author_id,
        "avg_color": photo.palette[1].upper(),
        "src": {name: original + query for name, query in _PICTURE_SIZES.items()},
        "liked": False,
        "alt": f"Emulated photo of the topic {photo.topic}",
    }


def describe_video(call: Call, video: Video) -> dict[str, Any]:
    author_id, author, handle = video.author
    pictures = f"{_files(call)}/videos/{video.id}"
    return {
        "id": video.id,
        "width": video.width,
        "height": video.height,
        "duration": video.seconds,
        "full_res": None,
        "tags": [],
        "url": f"{SITE}/video/{video.slug}/",
        "image": f"{pictures}/free-video-{video.id}.jpg?auto=compress&cs=tinysrgb&fit=crop&h=630&w=1200",
        "avg_color": None,
        "user": {"id": author_id, "name": author, "url": f"{SITE}/@{handle}"},
        "video_files": [
            {
                "id": rendition.id,
                "quality": rendition.quality,
                "file_type": "video/mp4",
                "width": rendition.width,
                "height": rendition.height,
                "fps": float(video.fps),
                "link": f"{_files(call)}/video-files/{video.id}/{video.file_name(rendition)}",
            }
            for rendition in video.renditions
        ],
        "video_pictures": [
            {"id": video.id * 100 + nr, "nr": nr, "picture": f"{pictures}/pictures/preview-{nr}.jpg"} for nr in range(3)
        ],
    }
