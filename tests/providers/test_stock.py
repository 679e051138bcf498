"""Search stock media: the bounds, the pages, the cache, and what is counted."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.bindings import Bindings
from electrons.capabilities.stock import (
    Bounds,
    MediaFile,
    Medium,
    Orientation,
    SearchResult,
    StockCall,
    search_media,
)
from electrons.context import Context
from electrons.errors import ProviderError, ProviderRateLimitError
from electrons.providers.pexels import PexelsProvider
from electrons.upstream.quota import read_quotas
from tests.providers.cases import STOCK_LIMITS, create_context
from tests.providers.test_pexels import VIDEO

PROVIDER = PexelsProvider()
CALL = StockCall(kind="videos", query="ocean", per_page=3)
MEDIUM = Medium(
    id="1",
    files=tuple(MediaFile(url=f"{w}x{h}", width=w, height=h) for w, h in ((1280, 720), (1920, 1080), (640, 360))),
    preview_url="",
    photographer="",
    photographer_url="",
    page_url="",
    duration=10,
)


class Library:
    """A vendor with so many videos, of 0, 1, 2... seconds, and the pages that were requested."""

    def __init__(self, size: int, **headers: str) -> None:
        self.size = size
        self.headers = headers
        self.asked: list[tuple[int, int]] = []

    def respond(self, request: httpx2.Request) -> httpx2.Response:
        page, per_page = (int(request.url.params[name]) for name in ("page", "per_page"))
        self.asked.append((page, per_page))
        ids = range(self.size)[(page - 1) * per_page : page * per_page]
        document: dict[str, Any] = {
            "videos": [{**VIDEO, "id": number, "duration": number} for number in ids],
            "total_results": self.size,
        }
        if page * per_page < self.size:
            document["next_page"] = "https://api.pexels.com/next"
        return httpx2.Response(200, headers=self.headers, json=document)


def ids(result: SearchResult) -> list[int]:
    return [int(medium.id) for medium, _ in result.found]


async def search(
    library: Library, call: StockCall = CALL, *, bindings: Bindings | None = None, **bounds: int
) -> tuple[SearchResult, Context]:
    """Search, and do the deferred work."""
    context = create_context(PROVIDER, library.respond)
    context.usage = None
    context.bindings = bindings or context.bindings
    result = await search_media(context, PROVIDER, call, Bounds(**bounds), **STOCK_LIMITS)
    await context.finish()
    return result, context


@pytest.mark.parametrize(
    ("bounds", "chosen"),
    [
        (Bounds(), "1920x1080"),
        (Bounds(min_width=1000), "1920x1080"),
        (Bounds(min_width=1920, min_height=1080), "1920x1080"),
        (Bounds(min_width=1921), None),
        (Bounds(min_height=1081), None),
        (Bounds(min_duration=10, max_duration=10), "1920x1080"),
        (Bounds(min_duration=10.5), None),
        (Bounds(max_duration=9), None),
        (Bounds(max_duration=0), None),
        (Bounds(min_duration=0, min_width=0, min_height=0), "1920x1080"),
    ],
)
def test_largest_file_within_the_bounds_is_chosen(bounds: Bounds, chosen: str | None) -> None:
    file = bounds.choose(MEDIUM)

    assert (file.url if file else None) == chosen


def test_choose_when_it_is_a_photo_then_durations_say_nothing() -> None:
    assert Bounds(min_duration=5, max_duration=0).choose(replace(MEDIUM, duration=None)) is not None


def test_choose_when_there_is_no_file_then_none() -> None:
    assert Bounds().choose(replace(MEDIUM, files=())) is None


LANDSCAPE, PORTRAIT, SQUARE = (1920, 1080), (1080, 1920), (1080, 1080)


@pytest.mark.parametrize(
    ("orientation", "sizes", "chosen"),
    [
        ("landscape", [LANDSCAPE, (2160, 3840)], LANDSCAPE),
        ("portrait", [(3840, 2160), PORTRAIT], PORTRAIT),
        ("portrait", [(3840, 2160), (720, 1280), PORTRAIT], PORTRAIT),
        ("square", [LANDSCAPE, SQUARE, PORTRAIT], SQUARE),
        ("square", [(1000, 950)], (1000, 950)),
        ("square", [(950, 1000)], (950, 1000)),
        ("square", [(1000, 949), (949, 1000)], None),
        ("portrait", [LANDSCAPE, SQUARE], None),
        ("landscape", [PORTRAIT, SQUARE], None),
        (None, [PORTRAIT, (3840, 2160)], (3840, 2160)),
    ],
)
@pytest.mark.parametrize("duration", [10, None])
def test_file_has_the_orientation_that_is_asked_for(
    orientation: Orientation | None,
    sizes: list[tuple[int, int]],
    chosen: tuple[int, int] | None,
    duration: float | None,
) -> None:
    files = tuple(MediaFile(url="", width=width, height=height) for width, height in sizes)

    file = Bounds().choose(replace(MEDIUM, files=files, duration=duration), orientation)

    assert (file and (file.width, file.height)) == chosen


def test_bounds_apply_to_the_file_of_the_orientation() -> None:
    files = tuple(MediaFile(url="", width=width, height=height) for width, height in (LANDSCAPE, (720, 1280)))

    assert Bounds(min_width=1000).choose(replace(MEDIUM, files=files), "portrait") is None


@pytest.mark.parametrize(
    ("bounds", "videos", "photos"),
    [
        (Bounds(), False, False),
        (Bounds(min_duration=0, min_width=0, min_height=0), False, False),
        (Bounds(min_duration=1), True, False),
        (Bounds(max_duration=0), True, False),
        (Bounds(min_width=1), True, True),
        (Bounds(min_height=1), True, True),
    ],
)
def test_filters_when_nothing_can_fail_then_false(bounds: Bounds, videos: bool, photos: bool) -> None:
    assert (bounds.filters("videos"), bounds.filters("photos")) == (videos, photos)


async def test_search_without_bounds_is_the_providers_page() -> None:
    library = Library(100)

    result, _ = await search(library, replace(CALL, page=4))

    assert library.asked == [(4, 3)]
    assert (ids(result), result.total_results, result.warnings) == ([9, 10, 11], 100, [])


async def test_first_page_that_is_enough_is_the_only_one() -> None:
    library = Library(200)

    result, _ = await search(library, min_duration=5)

    assert library.asked == [(1, 80)]
    assert (ids(result), result.total_results, result.warnings) == ([5, 6, 7], 200, [])


async def test_search_reads_on_while_too_few_fit() -> None:
    library = Library(240)

    result, context = await search(library, min_duration=158)

    assert library.asked == [(1, 80), (2, 80), (3, 80)]
    assert (ids(result), result.warnings) == ([158, 159, 160], [])
    assert context.usage is not None
    assert (context.usage.unit, context.usage.input_units) == ("requests", 3)


async def test_search_when_the_results_end_then_what_there_is() -> None:
    result, _ = await search(Library(100), min_duration=99)

    assert (ids(result), result.warnings) == ([99], [])


async def test_limit_of_pages_gives_a_warning() -> None:
    library = Library(1000)

    result, _ = await search(library, min_duration=239)

    assert [page for page, _ in library.asked] == [1, 2, 3]
    assert ids(result) == [239]
    (warning,) = result.warnings
    assert warning.startswith("Only the first 240 of 1000 videos")


@given(
    size=st.integers(0, 250),
    per_page=st.integers(20, 80),
    bounds=st.tuples(st.integers(0, 250), st.integers(0, 250)).map(sorted),
)
async def test_pages_have_every_fitting_medium_once_and_in_order(size: int, per_page: int, bounds: list[int]) -> None:
    library, (shortest, longest) = Library(size), bounds
    fitting = [number for number in range(min(size, 240)) if shortest <= number <= longest]
    pages = len(fitting) // per_page + 1

    found: list[int] = []
    for page in range(1, pages + 1):
        call = replace(CALL, page=page, per_page=per_page)
        result, _ = await search(library, call, min_duration=shortest, max_duration=longest)
        assert len(result.found) <= per_page
        found += ids(result)

    assert found == fitting


async def test_repeated_search_is_answered_by_the_cache_uncounted() -> None:
    library = Library(10)
    first, context = await search(library)

    again, later = await search(library, replace(CALL, query="OCEAN"), bindings=context.bindings)

    assert len(library.asked) == 1
    assert (first.cached, again.cached) == (False, True)
    assert (again.found, again.total_results) == (first.found, first.total_results)
    assert later.usage is None


async def test_searches_with_other_bounds_share_the_cached_pages() -> None:
    library = Library(200)
    _, context = await search(library, min_duration=5)

    same, _ = await search(library, replace(CALL, page=2), bindings=context.bindings, min_duration=7)
    more, _ = await search(library, bindings=context.bindings, min_duration=80)

    assert (ids(same), same.cached) == ([10, 11, 12], True)
    assert (ids(more), more.cached) == ([80, 81, 82], False)
    assert [page for page, _ in library.asked] == [1, 2]


@pytest.mark.parametrize(
    "changed",
    [{"query": "sea"}, {"orientation": "square"}, {"size": "large"}, {"page": 2}, {"per_page": 4}],
)
async def test_search_that_differs_for_the_provider_is_sent(changed: dict[str, Any]) -> None:
    library = Library(10)
    _, context = await search(library)

    result, _ = await search(library, replace(CALL, **changed), bindings=context.bindings)

    assert (len(library.asked), result.cached) == (2, False)


def video(number: int, width: int, height: int) -> dict[str, Any]:
    file = {"file_type": "video/mp4", "width": width, "height": height, "link": f"{number}"}
    return {**VIDEO, "id": number, "video_files": [file]}


async def search_documents(
    *documents: dict[str, Any], call: StockCall = CALL, **bounds: int
) -> tuple[SearchResult, Context]:
    """Search a vendor whose pages are these."""
    pages = iter(documents)
    context = create_context(PROVIDER, lambda _: httpx2.Response(200, json=next(pages)))
    context.usage = None
    result = await search_media(context, PROVIDER, call, Bounds(**bounds), **STOCK_LIMITS)
    await context.finish()
    return result, context


@pytest.mark.parametrize(("orientation", "kept"), [("portrait", [2]), ("landscape", [1]), ("square", [3])])
async def test_media_of_another_orientation_are_left_out(orientation: Orientation, kept: list[int]) -> None:
    document = {"videos": [video(1, *LANDSCAPE), video(2, *PORTRAIT), video(3, *SQUARE)], "total_results": 3}

    result, _ = await search_documents(document, call=replace(CALL, orientation=orientation))

    assert ids(result) == kept
    assert result.total_results == 3
    assert result.warnings == [f"2 of 3 videos were left out: not {orientation}"]


async def test_bounded_search_reads_on_for_the_orientation() -> None:
    first = {"videos": [video(1, *LANDSCAPE), video(2, *PORTRAIT)], "total_results": 4, "next_page": "x"}
    second = {"videos": [video(3, *PORTRAIT), video(4, *PORTRAIT)], "total_results": 4}

    result, _ = await search_documents(first, second, call=replace(CALL, orientation="portrait"), min_width=1)

    assert (ids(result), result.warnings) == ([2, 3, 4], [])


async def test_bounded_search_counts_unreadable_media_of_all_pages() -> None:
    bad = {**VIDEO, "duration": None}
    first = {"videos": [bad, video(1, *LANDSCAPE)], "total_results": 4, "next_page": "x"}
    second = {"videos": [bad], "total_results": 4, "next_page": "x"}
    third = {"videos": [video(2, *LANDSCAPE)], "total_results": 4}

    result, context = await search_documents(first, second, third, min_width=1)

    assert ids(result) == [1, 2]
    assert result.warnings == ["2 of 4 videos from Pexels could not be read and were left out"]
    assert context.usage is not None
    assert context.usage.input_units == 3


async def test_page_without_readable_media_is_an_error_not_cached() -> None:
    context = create_context(PROVIDER, lambda _: httpx2.Response(200, json={"videos": [5], "total_results": 1}))
    with pytest.raises(ProviderError):
        await search_media(context, PROVIDER, CALL, Bounds(), **STOCK_LIMITS)
    await context.finish()

    result, _ = await search(Library(1), bindings=context.bindings)

    assert (ids(result), result.cached) == ([0], False)


async def test_failed_search_is_counted_and_not_cached() -> None:
    context = create_context(PROVIDER, lambda _: httpx2.Response(429), max_retries=0)
    context.usage = None
    with pytest.raises(ProviderRateLimitError):
        await search_media(context, PROVIDER, CALL, Bounds(), **STOCK_LIMITS)
    await context.finish()

    assert context.usage is not None
    assert context.usage.input_units == 1
    result, _ = await search(Library(1), bindings=context.bindings)
    assert result.cached is False


class BrokenStore:
    """A KV namespace that fails."""

    async def get(self, key: str) -> str | None:
        raise RuntimeError(f"no {key}")

    async def put(self, key: str, value: str, *, ttl_seconds: int) -> None:
        raise RuntimeError(f"no {key}")


class DamagedStore(BrokenStore):
    """A KV namespace with something that is not JSON."""

    async def get(self, key: str) -> str | None:
        return "{"


@pytest.mark.parametrize("store", [BrokenStore(), DamagedStore()])
async def test_cache_when_it_cannot_be_used_then_the_provider_answers(store: BrokenStore) -> None:
    result, context = await search(Library(3), bindings=Bindings(CACHE=store))

    assert (ids(result), result.cached) == ([0, 1, 2], False)
    assert await read_quotas(context, [PROVIDER]) == {}


async def test_cache_when_switched_off_then_each_search_asks() -> None:
    library = Library(3)
    context = create_context(PROVIDER, library.respond)

    for _ in range(2):
        result = await search_media(context, PROVIDER, CALL, Bounds(), max_pages=3, cache_seconds=0)
        assert result.cached is False
    await context.finish()

    assert len(library.asked) == 2


async def test_cache_when_lifetime_is_below_kv_minimum_then_minimum() -> None:
    context = create_context(PROVIDER, Library(3).respond)
    limits = {"max_pages": 3, "cache_seconds": 1}

    await search_media(context, PROVIDER, CALL, Bounds(), **limits)
    await context.finish()

    assert (await search_media(context, PROVIDER, CALL, Bounds(), **limits)).cached is True


async def test_quota_of_a_response_is_stored_for_the_health_check() -> None:
    headers = {"X-Ratelimit-Limit": "20000", "X-Ratelimit-Remaining": "7", "X-Ratelimit-Reset": "1796083200"}

    _, context = await search(Library(3, **headers))

    quota = (await read_quotas(context, [PROVIDER]))["pexels"]
    assert json.loads(json.dumps(quota)).keys() == {"limit", "remaining", "resets_at", "seen_at"}
    assert (quota["limit"], quota["remaining"], quota["resets_at"]) == (20000, 7, "2026-12-01T00:00:00Z")


async def test_quota_is_unknown_without_headers() -> None:
    _, context = await search(Library(3))

    assert await read_quotas(context, [PROVIDER]) == {}
