"""The official `pexels` client of npm, and plain HTTP, get from the emulator what they would get from the vendor."""

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
Ask = Callable[..., Any]
Http = Callable[..., httpx2.Response]


@pytest.fixture
def ask(emulators: Emulators) -> Ask:
    """Makes one call with the official client: `ask("videos.search", query="ocean")`."""

    def call(name: str, *, key: str = "any", **params: Any) -> Any:
        command = [str(NODE), str(SCRIPT), emulators.url_of("pexels"), key, json.dumps([[name, params]])]
        (result,) = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        return result.get("value", result)

    return call


@pytest.fixture
def get(emulators: Emulators) -> Http:
    """A GET below the base URL, or of a whole URL, with a key."""

    def call(path: str, *, key: str = "any", method: str = "GET", **options: Any) -> httpx2.Response:
        headers = {"authorization": key, **options.pop("headers", {})}
        url = path if path.startswith("http") else emulators.url_of("pexels") + path
        return httpx2.request(method, url, headers=headers, timeout=60, **options)

    return call


def test_video_search_when_the_client_asks_then_gets_a_page_of_videos_with_files(ask: Ask) -> None:
    page = ask("videos.search", query="ocean", per_page=3)

    assert (page["page"], page["per_page"], page["total_results"], len(page["videos"])) == (1, 3, 8, 3)
    assert page["url"] == "https://www.pexels.com/search/videos/ocean/"
    for video in page["videos"]:
        assert 2 <= video["duration"] <= 12
        assert video["user"]["url"].startswith("https://www.pexels.com/@")
        assert max(file["width"] for file in video["video_files"]) == video["width"]
        assert {"id", "quality", "file_type", "width", "height", "fps", "link"} == set(video["video_files"][0])
        assert {picture["nr"] for picture in video["video_pictures"]} == {0, 1, 2}


def test_photo_search_when_the_client_asks_then_gets_a_page_of_photos_with_all_sizes(ask: Ask) -> None:
    page = ask("photos.search", query="coffee", per_page=2)

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


def test_single_media_when_the_client_shows_them_then_are_those_of_the_search(ask: Ask) -> None:
    video = ask("videos.search", query="forest", per_page=1)["videos"][0]
    photo = ask("photos.search", query="forest", per_page=1)["photos"][0]

    assert ask("videos.show", id=video["id"]) == video
    assert ask("photos.show", id=photo["id"]) == photo


def test_lists_when_the_client_asks_then_curated_and_popular_have_many(ask: Ask) -> None:
    assert len(ask("photos.curated", per_page=80)["photos"]) == 80
    assert len(ask("videos.popular", per_page=5)["videos"]) == 5


def test_collections_when_the_client_asks_then_list_their_media_by_type(ask: Ask) -> None:
    collection = ask("collections.featured", per_page=1)["collections"][0]
    everything = ask("collections.media", id=collection["id"])
    videos = ask("collections.media", id=collection["id"], type="videos")

    assert ask("collections.all", per_page=1)["collections"] == [collection]
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
def test_client_when_it_is_refused_then_throws_the_reason(
    ask: Ask, name: str, options: dict[str, Any], message: str
) -> None:
    assert ask(name, **options) == {"error": message}


def test_paths_when_old_and_new_then_answer_alike(get: Http) -> None:
    old, new = get("/videos/search?query=rain"), get("/v1/videos/search?query=rain")
    identity = new.json()["videos"][0]["id"]

    assert old.json() == new.json()
    shown = [get(f"{prefix}/{identity}").json() for prefix in ("/videos/videos", "/v1/videos/videos", "/v1/videos")]
    assert shown == [new.json()["videos"][0]] * 3


def test_pages_when_followed_by_their_links_then_give_every_result_once(get: Http) -> None:
    answer = get("/v1/search?query=night+city&per_page=3")
    total, seen, links = answer.json()["total_results"], [], 0
    while True:
        page = answer.json()
        seen += [photo["id"] for photo in page["photos"]]
        assert ("prev_page" in page) == (page["page"] > 1)
        if "next_page" not in page:
            break
        answer = get(page["next_page"])
        links += 1

    assert len(seen) == len(set(seen)) == total
    assert links == -(-total // 3) - 1
    assert get("/v1/search?query=night&page=99").json()["photos"] == []


@pytest.mark.parametrize(("asked", "given"), [("500", 80), ("0", 1), ("many", 15)])
def test_page_size_when_out_of_bounds_then_is_the_nearest_or_the_default(get: Http, asked: str, given: int) -> None:
    assert get(f"/v1/search?query=sky&per_page={asked}").json()["per_page"] == given


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
def test_search_when_words_are_known_or_not_then_finds_the_topic_or_something_or_nothing(
    get: Http, query: str, topics: set[str]
) -> None:
    videos = get("/v1/videos/search", params={"query": query, "per_page": 80}).json()["videos"]

    assert {video["url"].split("-")[1] for video in videos} == topics


def test_search_when_topics_fit_better_then_they_come_first(get: Http) -> None:
    photos = get("/v1/search", params={"query": "mountain nature", "per_page": 80}).json()["photos"]

    topics = [photo["url"].split("-")[1] for photo in photos]
    assert topics[0] == "mountain"
    assert topics.index("river") >= 8


@pytest.mark.parametrize("orientation", ["landscape", "portrait", "square"])
@pytest.mark.parametrize("kind", ["videos", "photos"])
def test_orientation_when_asked_for_then_all_results_have_it(get: Http, kind: str, orientation: str) -> None:
    path = "/v1/search" if kind == "photos" else "/v1/videos/search"
    found = get(f"{path}?query=city&orientation={orientation}").json()[kind]

    assert found
    for medium in found:
        difference = medium["width"] - medium["height"]
        assert {"landscape": difference > 0, "portrait": difference < 0, "square": difference == 0}[orientation]


@pytest.mark.parametrize(
    ("size", "lines", "megapixels"), [("large", 2160, 24), ("medium", 1080, 12), ("small", 720, 4)]
)
def test_size_when_asked_for_then_is_the_least_one(get: Http, size: str, lines: int, megapixels: int) -> None:
    videos = get(f"/v1/videos/search?query=space&size={size}").json()["videos"]
    photos = get(f"/v1/search?query=space&size={size}").json()["photos"]

    assert min(min(video["width"], video["height"]) for video in videos) >= lines
    assert min(photo["width"] * photo["height"] for photo in photos) >= megapixels * 1_000_000


def test_colour_when_asked_for_then_fewer_photos_by_name_as_by_value(get: Http) -> None:
    everything = get("/v1/search?query=ocean").json()["total_results"]
    named = get("/v1/search?query=ocean&color=blue").json()
    valued = get("/v1/search?query=ocean&color=%231f8fbf").json()

    assert 0 < named["total_results"] < everything
    assert named["photos"] == valued["photos"]
    assert get("/v1/search?query=ocean&color=red").json()["total_results"] == 0


def test_popular_when_bounded_then_all_results_are_within(get: Http) -> None:
    query = "min_width=1900&min_height=1000&min_duration=4&max_duration=8&per_page=80"
    videos = get(f"/v1/videos/popular?{query}").json()["videos"]

    assert videos
    assert all(video["width"] >= 1900 and video["height"] >= 1000 and 4 <= video["duration"] <= 8 for video in videos)


def test_quota_when_requests_succeed_then_counts_down_and_errors_do_not_tell_it(get: Http) -> None:
    first, second = (get("/v1/curated", key="counted").headers for _ in range(2))
    failed = get("/v1/photos/1", key="counted").headers

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
def test_request_when_refused_then_the_body_says_status_and_code(
    get: Http, path: str, headers: dict[str, str], status: int, code: str
) -> None:
    answer = get(path, headers=headers)

    assert answer.status_code == status
    assert answer.json() == {"status": status, "code": code, "error": code}


def test_status_when_it_is_due_for_a_query_then_only_that_query_fails(get: Http, emulators: Emulators) -> None:
    emulators.add_fault("pexels", kind="status", status=429, retry_after=7, prompt_contains="deep blue")

    assert get("/v1/search?query=forest").status_code == 200
    failed = get("/v1/search?query=deep+blue")
    assert (failed.status_code, failed.headers["retry-after"], failed.json()["error"]) == (
        429,
        "7",
        "Too Many Requests",
    )
