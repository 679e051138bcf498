"""The official `pexels` client of npm and plain HTTP get the same from the emulator as from the vendor."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import pytest

from setup import NODE
from tests.emulators.process import Emulators

SCRIPT = Path(__file__).with_name("pexels_client.mjs")
CallPexels = Callable[..., Any]
GetPexels = Callable[..., httpx2.Response]


@pytest.fixture
def call_pexels(emulators: Emulators) -> CallPexels:
    """Return a function that makes one call with the official client: `call_pexels("videos.search", query="ocean")`."""

    def call(name: str, *, key: str = "any", **params: Any) -> Any:
        command = [str(NODE), str(SCRIPT), emulators.url_of("pexels"), key, json.dumps([[name, params]])]
        (result,) = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        return result.get("value", result)

    return call


@pytest.fixture
def get_pexels(emulators: Emulators) -> GetPexels:
    """Return a function that sends a GET with a key to a path below the base URL, or to a complete URL."""

    def call(path: str, *, key: str = "any", method: str = "GET", **options: Any) -> httpx2.Response:
        headers = {"authorization": key, **options.pop("headers", {})}
        url = path if path.startswith("http") else emulators.url_of("pexels") + path
        return httpx2.request(method, url, headers=headers, timeout=60, **options)

    return call


def test_video_search_when_called_then_a_page_with_all_files(call_pexels: CallPexels) -> None:
    page = call_pexels("videos.search", query="ocean", per_page=3)

    assert (page["page"], page["per_page"], page["total_results"], len(page["videos"])) == (1, 3, 8, 3)
    assert page["url"] == "https://www.pexels.com/search/videos/ocean/"
    for video in page["videos"]:
        assert 2 <= video["duration"] <= 12
        assert video["user"]["url"].startswith("https://www.pexels.com/@")
        assert max(file["width"] for file in video["video_files"]) == video["width"]
        assert {"id", "quality", "file_type", "width", "height", "fps", "link"} == set(video["video_files"][0])
        assert {picture["nr"] for picture in video["video_pictures"]} == {0, 1, 2}


def test_photo_search_when_called_then_a_page_with_all_sizes(call_pexels: CallPexels) -> None:
    page = call_pexels("photos.search", query="coffee", per_page=2)

    assert (page["page"], page["per_page"], page["total_results"], len(page["photos"])) == (1, 2, 8, 2)
    photo = page["photos"][0]
    assert set(photo["src"]) == {
        "original",
        "large2x",
        "large",
        "medium",
        "small",
        "portrait",
        "landscape",
        "tiny",
    }
    assert photo["photographer_url"].startswith("https://www.pexels.com/@")
    assert photo["avg_color"].startswith("#")
    assert "coffee" in photo["alt"]


def test_media_when_loaded_by_id_then_the_same_as_in_a_search(call_pexels: CallPexels) -> None:
    video = call_pexels("videos.search", query="forest", per_page=1)["videos"][0]
    photo = call_pexels("photos.search", query="forest", per_page=1)["photos"][0]

    assert call_pexels("videos.show", id=video["id"]) == video
    assert call_pexels("photos.show", id=photo["id"]) == photo


def test_lists_when_curated_or_popular_then_pages_are_full(call_pexels: CallPexels) -> None:
    assert len(call_pexels("photos.curated", per_page=80)["photos"]) == 80
    assert len(call_pexels("videos.popular", per_page=5)["videos"]) == 5


def test_collections_when_listed_then_their_media_have_types(call_pexels: CallPexels) -> None:
    collection = call_pexels("collections.featured", per_page=1)["collections"][0]
    everything = call_pexels("collections.media", id=collection["id"])
    videos = call_pexels("collections.media", id=collection["id"], type="videos")

    assert call_pexels("collections.all", per_page=1)["collections"] == [collection]
    assert everything["total_results"] == collection["media_count"] == 16
    assert {medium["type"] for medium in everything["media"]} == {"Photo", "Video"}
    assert {medium["type"] for medium in videos["media"]} == {"Video"}
    assert videos["total_results"] == collection["videos_count"]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("videos.search", {"query": "ocean", "key": "invalid"}, "Unauthorized"),
        ("videos.search", {"query": "ocean", "key": "broke"}, "Too Many Requests"),
        ("photos.search", {"query": ""}, "Bad Request"),
        ("photos.show", {"id": 1}, "Not Found"),
    ],
)
def test_client_when_refused_then_it_throws_the_reason(
    call_pexels: CallPexels, name: str, options: dict[str, Any], message: str
) -> None:
    assert call_pexels(name, **options) == {"error": message}


def test_paths_when_old_or_new_then_the_response_is_the_same(get_pexels: GetPexels) -> None:
    old, new = get_pexels("/videos/search?query=rain"), get_pexels("/v1/videos/search?query=rain")
    identity = new.json()["videos"][0]["id"]

    assert old.json() == new.json()
    shown = [
        get_pexels(f"{prefix}/{identity}").json() for prefix in ("/videos/videos", "/v1/videos/videos", "/v1/videos")
    ]
    assert shown == [new.json()["videos"][0]] * 3


def test_pages_when_links_are_followed_then_each_result_once(get_pexels: GetPexels) -> None:
    answer = get_pexels("/v1/search?query=night+city&per_page=3")
    total, seen, links = answer.json()["total_results"], [], 0
    while True:
        page = answer.json()
        seen += [photo["id"] for photo in page["photos"]]
        assert ("prev_page" in page) == (page["page"] > 1)
        if "next_page" not in page:
            break
        answer = get_pexels(page["next_page"])
        links += 1

    assert len(seen) == len(set(seen)) == total
    assert links == -(-total // 3) - 1
    assert get_pexels("/v1/search?query=night&page=99").json()["photos"] == []


@pytest.mark.parametrize(("asked", "given"), [("500", 80), ("0", 1), ("many", 15)])
def test_page_size_when_invalid_then_the_nearest_or_the_default(get_pexels: GetPexels, asked: str, given: int) -> None:
    assert get_pexels(f"/v1/search?query=sky&per_page={asked}").json()["per_page"] == given


@pytest.mark.parametrize(
    ("query", "topics"),
    [
        ("Oceans", {"ocean"}),
        ("sea", {"ocean"}),
        ("robot ai", {"technology"}),
        ("sunset over the mountain", {"sunset", "mountain"}),
        ("serendipity", {"abstract"}),
        ("xqzptlk", set()),
        ("zebra99", set()),
    ],
)
def test_search_when_words_have_topics_then_only_those_topics(
    get_pexels: GetPexels, query: str, topics: set[str]
) -> None:
    videos = get_pexels("/v1/videos/search", params={"query": query, "per_page": 80}).json()["videos"]

    assert {video["url"].split("-")[1] for video in videos} == topics


def test_search_when_a_topic_matches_better_then_it_is_first(get_pexels: GetPexels) -> None:
    photos = get_pexels("/v1/search", params={"query": "mountain nature", "per_page": 80}).json()["photos"]

    topics = [photo["url"].split("-")[1] for photo in photos]
    assert topics[0] == "mountain"
    assert topics.index("river") >= 8


@pytest.mark.parametrize("orientation", ["landscape", "portrait", "square"])
@pytest.mark.parametrize("kind", ["videos", "photos"])
def test_orientation_when_given_then_all_results_have_it(get_pexels: GetPexels, kind: str, orientation: str) -> None:
    path = "/v1/search" if kind == "photos" else "/v1/videos/search"
    found = get_pexels(f"{path}?query=city&orientation={orientation}").json()[kind]

    assert found
    for medium in found:
        difference = medium["width"] - medium["height"]
        assert {"landscape": difference > 0, "portrait": difference < 0, "square": difference == 0}[orientation]


@pytest.mark.parametrize(
    ("size", "lines", "megapixels"), [("large", 2160, 24), ("medium", 1080, 12), ("small", 720, 4)]
)
def test_size_when_given_then_no_result_is_smaller(
    get_pexels: GetPexels, size: str, lines: int, megapixels: int
) -> None:
    videos = get_pexels(f"/v1/videos/search?query=space&size={size}").json()["videos"]
    photos = get_pexels(f"/v1/search?query=space&size={size}").json()["photos"]

    assert min(min(video["width"], video["height"]) for video in videos) >= lines
    assert min(photo["width"] * photo["height"] for photo in photos) >= megapixels * 1_000_000


def test_colour_when_given_by_name_or_value_then_fewer_photos(get_pexels: GetPexels) -> None:
    everything = get_pexels("/v1/search?query=ocean").json()["total_results"]
    named = get_pexels("/v1/search?query=ocean&color=blue").json()
    valued = get_pexels("/v1/search?query=ocean&color=%231f8fbf").json()

    assert 0 < named["total_results"] < everything
    assert named["photos"] == valued["photos"]
    assert get_pexels("/v1/search?query=ocean&color=red").json()["total_results"] == 0


def test_popular_when_bounds_are_given_then_results_are_within(get_pexels: GetPexels) -> None:
    query = "min_width=1900&min_height=1000&min_duration=4&max_duration=8&per_page=80"
    videos = get_pexels(f"/v1/videos/popular?{query}").json()["videos"]

    assert videos
    assert all(video["width"] >= 1900 and video["height"] >= 1000 and 4 <= video["duration"] <= 8 for video in videos)


def test_quota_when_a_request_succeeds_then_it_counts_down(get_pexels: GetPexels) -> None:
    first, second = (get_pexels("/v1/curated", key="counted").headers for _ in range(2))
    failed = get_pexels("/v1/photos/1", key="counted").headers

    assert first["x-ratelimit-limit"] == "20000"
    assert int(second["x-ratelimit-remaining"]) == int(first["x-ratelimit-remaining"]) - 1
    assert int(first["x-ratelimit-reset"]) > 1_795_000_000
    assert "x-ratelimit-limit" not in failed


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/v1/search?query=sky", {"authorization": ""}, 401, "Unauthorized"),
        ("/v1/search?query=sky", {"authorization": "Bearer any"}, 401, "Unauthorized"),
        ("/v1/search?query=sky", {"user-agent": ""}, 403, "Forbidden"),
        ("/v1/search", {}, 400, "No query param given"),
        ("/v1/nothing", {}, 404, "Not Found"),
    ],
)
def test_request_when_refused_then_the_body_has_status_and_code(
    get_pexels: GetPexels, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = get_pexels(path, headers=headers)

    assert answer.status_code == status
    assert answer.json() == {"status": status, "code": code, "error": code}


def test_status_fault_when_it_has_a_query_then_only_that_fails(get_pexels: GetPexels, emulators: Emulators) -> None:
    emulators.add_fault("pexels", kind="status", status=429, retry_after=7, prompt_contains="deep blue")

    assert get_pexels("/v1/search?query=forest").status_code == 200
    failed = get_pexels("/v1/search?query=deep+blue")
    assert (failed.status_code, failed.headers["retry-after"], failed.json()["error"]) == (
        429,
        "7",
        "Too Many Requests",
    )
