"""Pexels' wire format: https://www.pexels.com/api/documentation/."""

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from electrons.capabilities.stock import Kind, MediaFile, Medium, SearchResult, StockCall
from electrons.errors import (
    ProviderAuthError,
    ProviderError,
    ProviderQuotaError,
    ProviderRateLimitError,
    ProviderRejectedError,
)
from electrons.providers.pexels import PexelsProvider
from electrons.upstream.quota import Quota
from tests.providers.cases import Case, Cases

PROVIDER = PexelsProvider()

VIDEO: dict[str, Any] = {
    "id": 2499611,
    "width": 1080,
    "height": 1920,
    "url": "https://www.pexels.com/video/2499611/",
    "image": "https://images.pexels.com/videos/2499611/free-video-2499611.jpg",
    "full_res": None,
    "tags": [],
    "duration": 22,
    "user": {"id": 680589, "name": "Joey Farina", "url": "https://www.pexels.com/@joey"},
    "video_files": [
        {"id": 1, "quality": "hls", "file_type": "application/x-mpegURL", "width": None, "height": None, "link": "a"},
        {"id": 2, "quality": "sd", "file_type": "video/mp4", "width": 540, "height": 960, "fps": 23.9, "link": "b"},
        {"id": 3, "quality": None, "file_type": "video/mp4", "width": None, "height": None, "fps": None, "link": "c"},
        {"id": 4, "quality": "hd", "file_type": "video/mp4", "width": 1080, "height": 1920, "fps": 23.9, "link": "d"},
        {"id": 5, "quality": "hd", "file_type": "video/mp4", "width": 720, "height": 1280, "fps": 23.9, "link": "e"},
    ],
    "video_pictures": [{"id": 308178, "picture": "https://static-videos.pexels.com/0.png", "nr": 0}],
}
PHOTO: dict[str, Any] = {
    "id": 2014422,
    "width": 3024,
    "height": 3024,
    "url": "https://www.pexels.com/photo/brown-rocks-2014422/",
    "photographer": "Joey Farina",
    "photographer_url": "https://www.pexels.com/@joey",
    "photographer_id": 680589,
    "avg_color": "#978E82",
    "src": {"original": "https://images.pexels.com/p.jpeg", "medium": "https://images.pexels.com/p.jpeg?h=350"},
    "liked": False,
    "alt": "Brown Rocks",
}


def page(kind: Kind, *items: Any, **fields: Any) -> dict[str, Any]:
    return {"total_results": 10000, "page": 1, "per_page": 15, kind: list(items), "next_page": "https://x", **fields}


def error(text: str) -> dict[str, Any]:
    return {"status": 400, "code": "Bad Request", "error": text}


VIDEO_FILE = MediaFile(url="d", width=1080, height=1920)
VIDEO_MEDIUM = Medium(
    id="2499611",
    files=(MediaFile(url="b", width=540, height=960), VIDEO_FILE, MediaFile(url="e", width=720, height=1280)),
    preview_url="https://images.pexels.com/videos/2499611/free-video-2499611.jpg",
    photographer="Joey Farina",
    photographer_url="https://www.pexels.com/@joey",
    page_url="https://www.pexels.com/video/2499611/",
    duration=22,
)
PHOTO_FILE = MediaFile(url="https://images.pexels.com/p.jpeg", width=3024, height=3024)
PHOTO_MEDIUM = Medium(
    id="2014422",
    files=(PHOTO_FILE,),
    preview_url="https://images.pexels.com/p.jpeg?h=350",
    photographer="Joey Farina",
    photographer_url="https://www.pexels.com/@joey",
    page_url="https://www.pexels.com/photo/brown-rocks-2014422/",
)
FAILURES = {
    "400": Case(status=400, body=error("No query param given"), expected=ProviderRejectedError),
    "401": Case(status=401, body=error("Unauthorized"), expected=ProviderAuthError),
    "402": Case(status=402, body="", expected=ProviderQuotaError),
    "403": Case(status=403, body="Forbidden", expected=ProviderAuthError),
    "404": Case(status=404, body=error("Not Found"), expected=ProviderRejectedError),
    "429": Case(status=429, body=error("Too Many Requests"), expected=ProviderRateLimitError),
    "5xx": Case(status=503, body="<html>", expected=ProviderError),
    "redirect": Case(status=302, headers={"Location": "https://x.example"}, body="", expected=ProviderError),
    "unreadable": Case(body="<html>", expected=ProviderError),
    "no object": Case(body=[], expected=ProviderError),
    "no items": Case(body={"total_results": 0}, expected=ProviderError),
}


def lost(count: int, total: int, kind: Kind = "videos") -> list[str]:
    return [f"{count} of {total} {kind} from Pexels could not be read and were left out"]


OTHER_TYPES: list[Any] = [None, "10000", True, -1, 1.5, 10**15, []]

BAD_VIDEOS: dict[str, Any] = {
    "no duration": {**VIDEO, "duration": None},
    "duration true": {**VIDEO, "duration": True},
    "duration a string": {**VIDEO, "duration": "22"},
    "duration below zero": {**VIDEO, "duration": -1},
    "endless": {**VIDEO, "duration": 10**15},
    "no id": {**VIDEO, "id": None},
    "id true": {**VIDEO, "id": True},
    "id a number with a fraction": {**VIDEO, "id": 1.5},
    "no link to the page": {**VIDEO, "url": ""},
    "no preview": {**VIDEO, "image": None},
    "no files": {**VIDEO, "video_files": None},
    "files of another type": {**VIDEO, "video_files": {"link": "a"}},
    "no user": {**VIDEO, "user": None},
    "user a string": {**VIDEO, "user": "Joey"},
    "name null": {**VIDEO, "user": {**VIDEO["user"], "name": None}},
    "empty": {},
    "null": None,
    "a string": "video",
    "a list": [],
}
BAD_FILES: list[Any] = [
    None,
    "d",
    [],
    {"link": "f"},
    {"file_type": "video/mp4", "width": 9000, "height": 9000},
    {"file_type": "video/mp4", "width": True, "height": 9000, "link": "f"},
    {"file_type": "video/mp4", "width": "9000", "height": 9000, "link": "f"},
    {"file_type": "video/mp4", "width": -9000, "height": 9000, "link": "f"},
    {"file_type": "video/mp4", "width": 9000, "height": 10**15, "link": "f"},
    {"file_type": "video/mp4", "width": 9000, "height": 9000, "link": None},
    {"file_type": None, "width": 9000, "height": 9000, "link": "f"},
]

VIDEO_NEEDED = {
    *("videos", "videos[]", "videos[].id", "videos[].image", "videos[].url", "videos[].duration"),
    *("videos[].user", "videos[].user.name", "videos[].user.url", "videos[].video_files"),
}
PHOTO_NEEDED = {
    *("photos", "photos[]", "photos[].id", "photos[].url", "photos[].width", "photos[].height"),
    *("photos[].photographer", "photos[].photographer_url"),
    *("photos[].src", "photos[].src.medium", "photos[].src.original"),
}

CASES: Cases = {
    "videos": {
        **{
            f"one of two: {name}": Case(
                body=page("videos", item, VIDEO),
                expected=SearchResult(
                    found=[(VIDEO_MEDIUM, VIDEO_FILE)], total_results=10000, cached=False, warnings=lost(1, 2)
                ),
            )
            for name, item in BAD_VIDEOS.items()
        },
        "bad files": Case(
            body=page("videos", {**VIDEO, "video_files": [*BAD_FILES, *VIDEO["video_files"]]}),
            expected=SearchResult(found=[(VIDEO_MEDIUM, VIDEO_FILE)], total_results=10000, cached=False),
        ),
        **{
            f"total {total}": Case(
                body={**page("videos", VIDEO), "total_results": total},
                expected=SearchResult(found=[(VIDEO_MEDIUM, VIDEO_FILE)], total_results=1, cached=False),
            )
            for total in OTHER_TYPES
        },
        "no total": Case(
            body={"videos": [VIDEO]},
            expected=SearchResult(found=[(VIDEO_MEDIUM, VIDEO_FILE)], total_results=1, cached=False),
        ),
        "items of another type": Case(body={"videos": {"a": VIDEO}}, expected=ProviderError),
        "items null": Case(body={"videos": None}, expected=ProviderError),
        "success": Case(
            body=page("videos", VIDEO),
            needed=VIDEO_NEEDED,
            expected=SearchResult(found=[(VIDEO_MEDIUM, VIDEO_FILE)], total_results=10000, cached=False),
        ),
        "nothing": Case(body=page("videos", total_results=0), expected=SearchResult(cached=False)),
        "no file": Case(
            body=page("videos", {**VIDEO, "video_files": VIDEO["video_files"][:1]}),
            expected=SearchResult(total_results=10000, cached=False),
        ),
        "no user": Case(body=page("videos", {**VIDEO, "user": None}), expected=ProviderError),
        **FAILURES,
    },
    "photos": {
        "success": Case(
            body=page("photos", PHOTO),
            needed=PHOTO_NEEDED,
            expected=SearchResult(found=[(PHOTO_MEDIUM, PHOTO_FILE)], total_results=10000, cached=False),
        ),
        "one of three": Case(
            body=page("photos", {**PHOTO, "src": {"medium": "m"}}, PHOTO, {**PHOTO, "height": 0}),
            expected=SearchResult(
                found=[(PHOTO_MEDIUM, PHOTO_FILE)], total_results=10000, cached=False, warnings=lost(2, 3, "photos")
            ),
        ),
        "no name": Case(body=page("photos", {**PHOTO, "photographer": None}), expected=ProviderError),
        "no width": Case(body=page("photos", {**PHOTO, "width": None}), expected=ProviderError),
        **FAILURES,
    },
}


def test_headers_have_the_bare_key() -> None:
    assert PROVIDER.build_headers("key-1", "request-1") == [("Authorization", "key-1")]


@pytest.mark.parametrize(("kind", "path"), [("videos", "/v1/videos/search"), ("photos", "/v1/search")])
def test_query_alone_is_sent_with_the_page(kind: Kind, path: str) -> None:
    request = PROVIDER.build_search(StockCall(kind=kind, query="ocean"))

    url = urlsplit(request.path)
    assert (request.method, url.path, request.content) == ("GET", path, b"")
    assert dict(parse_qsl(url.query)) == {"query": "ocean", "page": "1", "per_page": "15"}


def test_every_search_option_is_escaped_and_sent() -> None:
    call = StockCall(
        kind="photos", query="naïve & more=好 #1/?", orientation="portrait", size="small", page=3, per_page=80
    )

    assert dict(parse_qsl(urlsplit(PROVIDER.build_search(call).path).query)) == {
        "query": "naïve & more=好 #1/?",
        "orientation": "portrait",
        "size": "small",
        "page": "3",
        "per_page": "80",
    }


@pytest.mark.parametrize(
    ("fields", "is_last"),
    [({}, False), ({"next_page": None}, True), ({"photos": []}, True)],
)
def test_page_without_a_next_one_is_the_last(fields: dict[str, Any], is_last: bool) -> None:
    assert PROVIDER.parse_search("photos", {**page("photos", PHOTO), **fields}).is_last is is_last


def test_quota_is_read_from_the_headers() -> None:
    headers = {
        "x-ratelimit-limit": "20000",
        "x-ratelimit-remaining": "19684",
        "x-ratelimit-reset": "1796083200",
        "content-type": "application/json",
    }

    assert PROVIDER.parse_quota(headers) == Quota(limit=20000, remaining=19684, resets_at="2026-12-01T00:00:00Z")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ratelimit-limit": "20000", "x-ratelimit-remaining": "1"},
        {"x-ratelimit-limit": "many", "x-ratelimit-remaining": "1", "x-ratelimit-reset": "1"},
        {"x-ratelimit-limit": "1", "x-ratelimit-remaining": "1", "x-ratelimit-reset": "9" * 40},
        {"x-ratelimit-limit": "9" * 5000, "x-ratelimit-remaining": "1", "x-ratelimit-reset": "1"},
        {"x-ratelimit-limit": "1", "x-ratelimit-remaining": "-1", "x-ratelimit-reset": "1"},
        {"x-ratelimit-limit": "1_0", "x-ratelimit-remaining": "1", "x-ratelimit-reset": "1"},
    ],
)
def test_quota_is_unknown_without_valid_headers(headers: dict[str, str]) -> None:
    assert PROVIDER.parse_quota(headers) is None


def test_error_has_the_message_and_the_code() -> None:
    failure = PROVIDER.parse_error(400, {}, b'{"error": "No query\\n param given", "code": "Bad Request"}')

    assert failure.message == "Pexels rejected the request: No query param given"
    assert failure.details == {"provider": "pexels", "status": 400, "code": "Bad Request"}


def test_error_when_it_names_a_wait_then_that_is_passed_on() -> None:
    assert PROVIDER.parse_error(429, {"retry-after": "30"}, b"").retry_after == 30
