"""`POST /search/videos`, `/search/photos` and `/search`: the request that Pexels gets, and the results."""

from typing import Any
from urllib.parse import parse_qs

import httpx2
import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.shapes import success_of

PATHS = pytest.mark.parametrize("path", ["/search/videos", "/search/photos", "/search"])
KINDS = {"/search/videos": "video", "/search/photos": "image"}
SINGLE = pytest.mark.parametrize("path", KINDS)
ENDPOINTS = {"/search/videos": "/v1/videos/search", "/search/photos": "/v1/search"}

TWELVE_TOPICS = "ocean city forest mountain coffee people technology space rain sunset snow river"
"""Eight videos and eight photos for each, so two of Pexels' largest pages; four words find 32."""


def search(platform: Platform, path: str, *keywords: str, worker: str = "stock-media-uncached", **fields: Any) -> Any:
    """Return the body of a success."""
    return success_of(platform.client(worker).post(path, json={"keywords": list(keywords), **fields}))


def asked(emulators: Emulators) -> list[tuple[str, dict[str, str]]]:
    """Return the path and the query of each request that Pexels got."""
    return [
        (call["path"], {name: values[0] for name, values in parse_qs(call["query"]).items()})
        for call in emulators.requests("pexels")
    ]


@SINGLE
def test_search_when_successful_then_media_and_all_metadata(platform: Platform, path: str) -> None:
    body = search(platform, path, "ocean")

    assert body.keys() == {
        "success", "media", "total_results", "page", "per_page", "metadata", "request_id", "timestamp",
    }  # fmt: skip
    assert (body["total_results"], body["page"], body["per_page"], len(body["media"])) == (8, 1, 15, 8)
    took = body["metadata"].pop("search_time_ms")
    assert type(took) is int
    assert body["metadata"] == {"provider": "pexels", "query": "ocean", "cached": False}


@SINGLE
def test_medium_has_every_field_and_its_attribution(platform: Platform, path: str) -> None:
    media = search(platform, path, "ocean")["media"]

    fields = {
        "id", "type", "url", "preview_url", "width", "height", "provider",
        "photographer", "photographer_url", "page_url",
    }  # fmt: skip
    for item in media:
        assert item.keys() == fields | ({"duration"} if path == "/search/videos" else set())
        assert (item["type"], item["provider"]) == (KINDS[path], "pexels")
        assert item["id"] and isinstance(item["id"], str)
        assert item["url"].startswith("http") and item["preview_url"].startswith("http")
        assert item["photographer"]
        assert item["photographer_url"].startswith("https://www.pexels.com/@")
        assert item["page_url"].startswith("https://www.pexels.com/")


@SINGLE
def test_url_when_fetched_then_it_is_the_medium_in_full(platform: Platform, path: str) -> None:
    body = search(platform, path, "tea", options={"per_page": 8})
    item = min(body["media"], key=lambda item: item["width"] * item["height"])

    file = httpx2.head(item["url"], trust_env=False)

    assert file.status_code == 200
    assert file.headers["Content-Type"] == {"video": "video/mp4", "image": "image/jpeg"}[item["type"]]


@SINGLE
def test_keywords_alone_are_sent_with_the_page(platform: Platform, emulators: Emulators, path: str) -> None:
    search(platform, path, "ocean", " big  waves ")

    ((endpoint, query),) = asked(emulators)
    assert endpoint == ENDPOINTS[path]
    assert query == {"query": "ocean big waves", "page": "1", "per_page": "15"}
    (call,) = emulators.requests("pexels")
    assert call["method"] == "GET"
    assert "authorization" in call["headers"]
    assert call["headers"]["user-agent"].startswith("distributed-electrons/")
    assert call["body_bytes"] == 0


@SINGLE
def test_call_when_everything_is_chosen_then_it_is_sent(platform: Platform, emulators: Emulators, path: str) -> None:
    body = search(platform, path, "ocean", orientation="landscape", size="small", options={"per_page": 80, "page": 2})

    ((_, query),) = asked(emulators)
    assert query == {"query": "ocean", "orientation": "landscape", "size": "small", "page": "2", "per_page": "80"}
    assert (body["media"], body["page"], body["per_page"]) == ([], 2, 80)
    assert body["total_results"] > 0


def test_keywords_of_any_characters_reach_pexels(platform: Platform, emulators: Emulators) -> None:
    keywords = ["naïve", "好的", "a&b=c#d", "50%", "🚀+"]

    body = search(platform, "/search/photos", *keywords)

    ((_, query),) = asked(emulators)
    assert query["query"] == body["metadata"]["query"] == "naïve 好的 a&b=c#d 50% 🚀+"


def test_credentials_of_the_caller_never_reach_pexels(platform: Platform, emulators: Emulators) -> None:
    platform.client("stock-media-uncached").post(
        "/search/videos", json={"keywords": ["ocean"]}, headers={"Cookie": "session=mine", "X-API-Key": "mine"}
    )

    (call,) = emulators.requests("pexels")
    assert not {"cookie", "x-api-key"} & call["headers"].keys()


@pytest.mark.parametrize("orientation", ["landscape", "portrait", "square"])
def test_orientation_when_chosen_then_all_have_it(platform: Platform, orientation: str) -> None:
    media = search(platform, "/search", "ocean", orientation=orientation)["media"]

    assert {item["type"] for item in media} == {"video", "image"}
    for item in media:
        shape = "square" if item["width"] == item["height"] else "landscape"
        assert ("portrait" if item["width"] < item["height"] else shape) == orientation


def test_both_kinds_come_in_turn_with_their_totals_added(platform: Platform, emulators: Emulators) -> None:
    body = search(platform, "/search", "ocean", "city")

    assert [item["type"] for item in body["media"]] == ["video", "image"] * 10
    assert (body["total_results"], body["per_page"]) == (32, 10)
    assert sorted(endpoint for endpoint, _ in asked(emulators)) == sorted(ENDPOINTS.values())
    assert {query["per_page"] for _, query in asked(emulators)} == {"10"}


def test_both_kinds_when_one_has_fewer_then_the_rest_follows(platform: Platform) -> None:
    body = search(platform, "/search", "ocean", options={"per_page": 4, "min_duration": 9})

    types = [item["type"] for item in body["media"]]
    videos = types.count("video")
    assert 0 < videos < 4
    assert types == ["video", "image"] * videos + ["image"] * (4 - videos)


@PATHS
def test_search_when_nothing_is_found_then_an_empty_page(platform: Platform, path: str) -> None:
    body = search(platform, path, "xqz42")

    assert (body["media"], body["total_results"]) == ([], 0)


@pytest.mark.parametrize(
    "bounds",
    [
        {"min_duration": 6},
        {"max_duration": 4},
        {"min_duration": 3.5, "max_duration": 8.5},
        {"min_width": 2000},
        {"min_height": 1440},
        {"min_width": 1920, "min_height": 1080, "max_duration": 5},
    ],
)
def test_results_are_exactly_those_within_the_bounds(platform: Platform, bounds: dict[str, float]) -> None:
    everything = search(platform, "/search/videos", "ocean", "city", "forest", options={"per_page": 80})
    filtered = search(platform, "/search/videos", "ocean", "city", "forest", options={"per_page": 80, **bounds})

    def keeps(item: dict[str, Any]) -> bool:
        return bool(
            bounds.get("min_duration", 0) <= item["duration"] <= bounds.get("max_duration", 1000)
            and item["width"] >= bounds.get("min_width", 0)
            and item["height"] >= bounds.get("min_height", 0)
        )

    expected = [item for item in everything["media"] if keeps(item)]
    assert 0 < len(expected) < len(everything["media"])
    assert filtered["media"] == expected
    assert filtered["total_results"] == everything["total_results"]


def test_bounds_when_zero_then_they_are_no_bounds(platform: Platform, emulators: Emulators) -> None:
    options = {"per_page": 5, "min_duration": 0, "min_width": 0, "min_height": 0}

    body = search(platform, "/search/videos", "ocean", options=options)

    assert len(body["media"]) == 5
    assert asked(emulators)[0][1]["per_page"] == "5"


def test_bounds_of_photos_are_sizes_only(platform: Platform) -> None:
    durations = search(platform, "/search/photos", "ocean", options={"min_duration": 100})
    sizes = search(platform, "/search/photos", "ocean", options={"min_width": 5000})

    assert len(durations["media"]) == 8
    assert {item["width"] for item in sizes["media"]} == {6000, 5472}


def test_max_duration_of_zero_excludes_every_video(platform: Platform) -> None:
    body = search(platform, "/search/videos", "ocean", options={"max_duration": 0})

    assert (body["media"], body["total_results"]) == ([], 8)


def test_bounds_make_it_read_further_pages(platform: Platform, emulators: Emulators) -> None:
    body = search(platform, "/search/videos", TWELVE_TOPICS, options={"per_page": 70, "min_duration": 3})

    assert [(query["page"], query["per_page"]) for _, query in asked(emulators)] == [("1", "80"), ("2", "80")]
    assert len({item["id"] for item in body["media"]}) == 70
    assert min(item["duration"] for item in body["media"]) == 3
    assert "warnings" not in body["metadata"]


def test_pages_within_bounds_miss_and_repeat_no_medium(platform: Platform) -> None:
    def page(number: int, per_page: int) -> list[str]:
        options = {"page": number, "per_page": per_page, "min_duration": 5}
        body = search(platform, "/search/videos", TWELVE_TOPICS, options=options)
        return [item["id"] for item in body["media"]]

    whole = page(1, 80)
    assert len(whole) > 20
    assert [item for number in range(1, 6) for item in page(number, 20)][:80] == whole


def test_limit_of_pages_gives_a_warning(platform: Platform, emulators: Emulators) -> None:
    worker = "stock-media-of-two-pages"
    more = "desert flower animal food business fitness music car travel"

    body = search(
        platform, "/search/videos", TWELVE_TOPICS, more, worker=worker, options={"per_page": 80, "min_duration": 12}
    )

    assert len(asked(emulators)) == 2
    (warning,) = body["metadata"]["warnings"]
    assert warning.startswith("Only the first 160 of")
    assert "`STOCK_MAX_PAGES`" in warning
