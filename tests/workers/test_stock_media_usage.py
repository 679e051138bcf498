"""What stock-media stores: pages in the cache, rows in the ledger, lines in the log, and Pexels' quota."""

from typing import Any

import httpx2
import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.workers.shapes import TIMESTAMP, success_of

MODELS = {"/search/videos": "videos", "/search/photos": "photos", "/search": "videos+photos"}
PATHS = pytest.mark.parametrize("path", MODELS)


@pytest.fixture
def word(request: pytest.FixtureRequest) -> str:
    """Return a word that no other test searches for, so that it is not in the cache."""
    name: str = request.node.name
    return name


def ask(platform: Platform, path: str, *keywords: str, worker: str = "stock-media", **fields: Any) -> httpx2.Response:
    return platform.client(worker).post(path, json={"keywords": list(keywords), **fields})


def ask_and_wait(platform: Platform, path: str, *keywords: str, **fields: Any) -> dict[str, Any]:
    """Return the body of a success when its pages are in the cache, which is after the response is sent."""
    body = success_of(ask(platform, path, *keywords, **fields))
    assert platform.log_lines(body["request_id"])
    assert wait_for(lambda: success_of(ask(platform, path, *keywords, **fields))["metadata"]["cached"])
    return body


@PATHS
def test_repeated_search_has_the_same_media_without_a_call(
    platform: Platform, emulators: Emulators, path: str, word: str
) -> None:
    first = ask_and_wait(platform, path, "ocean", word)
    calls = len(emulators.requests("pexels"))

    again = success_of(ask(platform, path, " OCEAN ", word))

    assert len(emulators.requests("pexels")) == calls
    assert first["media"]
    assert again["media"] == first["media"]
    assert again["total_results"] == first["total_results"]
    assert (first["metadata"]["cached"], again["metadata"]["cached"]) == (False, True)
    assert again["request_id"] != first["request_id"]


def test_searches_with_other_bounds_share_the_cached_pages(platform: Platform, emulators: Emulators, word: str) -> None:
    ask_and_wait(platform, "/search/videos", "ocean", word, options={"min_duration": 3})
    calls = len(emulators.requests("pexels"))

    body = success_of(ask(platform, "/search/videos", "ocean", word, options={"min_duration": 6, "per_page": 2}))

    assert body["metadata"]["cached"] is True
    assert len(body["media"]) == 2
    assert len(emulators.requests("pexels")) == calls


@pytest.mark.parametrize("changed", [{"orientation": "square"}, {"size": "medium"}, {"options": {"page": 2}}])
def test_cache_when_the_search_differs_then_pexels_is_asked(
    platform: Platform, changed: dict[str, Any], word: str
) -> None:
    ask_and_wait(platform, "/search/videos", "ocean", word)

    assert success_of(ask(platform, "/search/videos", "ocean", word, **changed))["metadata"]["cached"] is False


def test_cache_when_switched_off_then_each_search_asks(platform: Platform, emulators: Emulators) -> None:
    for _ in range(2):
        body = success_of(ask(platform, "/search/videos", "ocean", worker="stock-media-uncached"))
        assert body["metadata"]["cached"] is False

    assert len(emulators.requests("pexels")) == 2


def test_cache_when_pexels_failed_then_it_is_asked_again(platform: Platform, emulators: Emulators, word: str) -> None:
    emulators.add_fault("pexels", kind="status", status=400)
    assert ask(platform, "/search/videos", "ocean", word).status_code == 422

    assert success_of(ask(platform, "/search/videos", "ocean", word))["metadata"]["cached"] is False


@PATHS
def test_usage_row_counts_the_calls_to_pexels(platform: Platform, path: str) -> None:
    body = success_of(ask(platform, path, "ocean", worker="stock-media-uncached"))

    (row,) = platform.usage_rows(body["request_id"])
    known = {
        "worker": "stock-media",
        "route": path,
        "provider": "pexels",
        "model": MODELS[path],
        "unit": "requests",
        "input_units": 2 if path == "/search" else 1,
        "output_units": 0,
        "status": 200,
        "error_code": None,
    }
    assert {name: row[name] for name in known} == known
    assert TIMESTAMP.fullmatch(row["created_at"])
    assert 0 <= row["upstream_ms"] <= row["latency_ms"]


def test_usage_when_several_pages_were_needed_then_each_counts(platform: Platform) -> None:
    topics = "ocean city forest mountain coffee people technology space rain sunset snow river"

    answer = ask(
        platform, "/search/videos", topics, worker="stock-media-uncached", options={"per_page": 80, "min_duration": 3}
    )

    (row,) = platform.usage_rows(success_of(answer)["request_id"])
    assert row["input_units"] == 2


def test_usage_when_the_cache_answered_then_there_is_no_row(platform: Platform, word: str) -> None:
    ask_and_wait(platform, "/search/videos", "ocean", word)

    cached = success_of(ask(platform, "/search/videos", "ocean", word))

    (line,) = platform.log_lines(cached["request_id"])
    assert "provider" not in line
    # A row of the cached search would be written before this one.
    later = success_of(ask(platform, "/search/videos", "ocean", worker="stock-media-uncached"))
    assert platform.usage_rows(later["request_id"])
    assert platform.usage_rows(cached["request_id"], wait=False) == []


@PATHS
def test_usage_when_pexels_fails_then_its_row_says_how(platform: Platform, emulators: Emulators, path: str) -> None:
    emulators.add_fault("pexels", kind="status", status=401, times=2)

    answer = ask(platform, path, "ocean", worker="stock-media-uncached")

    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert (row["status"], row["error_code"]) == (502, "PROVIDER_AUTH_FAILED")
    assert (row["provider"], row["model"]) == ("pexels", MODELS[path])


@PATHS
@pytest.mark.parametrize(
    ("fields", "header", "expected"),
    [
        ({"instance_id": "i-1", "project_id": "p-1"}, None, ("i-1", "p-1")),
        ({}, "i-2", ("i-2", None)),
        ({"instance_id": "from body"}, "from header", ("from body", None)),
    ],
)
def test_labels_are_in_the_row_and_the_bodys_win(
    platform: Platform, path: str, fields: dict[str, str], header: str | None, expected: tuple[str, str | None]
) -> None:
    answer = platform.client("stock-media-uncached").post(
        path, json={"keywords": ["ocean"], **fields}, headers={"X-Instance-ID": header} if header else {}
    )

    (row,) = platform.usage_rows(success_of(answer)["request_id"])
    assert (row["instance_id"], row["project_id"]) == expected


def test_log_has_the_figures_of_a_search_but_not_its_words(platform: Platform, word: str) -> None:

    body = success_of(ask(platform, "/search/photos", "ocean", word))

    (line,) = platform.log_lines(body["request_id"])
    assert (line["route"], line["provider"], line["model"], line["input_units"]) == (
        "/search/photos",
        "pexels",
        "photos",
        1,
    )
    assert word not in platform.logged()


def test_quota_appears_in_the_log_and_in_deep_health(platform: Platform) -> None:
    body = success_of(ask(platform, "/search/videos", "ocean", worker="stock-media-uncached"))

    (line,) = platform.log_lines(body["request_id"], event="provider_quota")
    assert (line["provider"], line["limit"]) == ("pexels", 20_000)
    answer = platform.client("stock-media").get("/health?deep=1")
    assert answer.status_code == 200
    quota = answer.json()["quotas"]["pexels"]
    assert quota.keys() == {"limit", "remaining", "resets_at", "seen_at"}
    assert quota["limit"] == 20_000
    assert 0 < quota["remaining"] < 20_000
    assert quota["resets_at"] == line["resets_at"]
    assert TIMESTAMP.fullmatch(quota["seen_at"])


def test_health_does_not_call_pexels(platform: Platform, emulators: Emulators) -> None:
    client = platform.client("stock-media")

    assert client.get("/health").json().keys() == {"status", "service", "version", "commit", "timestamp"}
    checks = client.get("/health?deep=1").json()["checks"]
    assert checks == dict.fromkeys(("DB", "CACHE", "RATE_LIMITER", "PEXELS_API_KEY"), "ok")
    assert platform.client("stock-media-without-keys").get("/health?deep=1").status_code == 503
    assert emulators.requests("pexels") == []
