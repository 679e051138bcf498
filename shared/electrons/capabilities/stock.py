"""Search stock media with any `StockProvider`: pages from the cache or the provider, and bounds that filter them.

The cache has the provider's own pages, so searches that differ only in their bounds share them. The provider is called
for a page once in `STOCK_CACHE_SECONDS`, for all callers together.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from electrons.context import Context
from electrons.upstream.client import open_response, read_json
from electrons.upstream.failures import parsing, unreadable
from electrons.upstream.provider import Provider, ProviderRequest
from electrons.upstream.quota import Quota, note_quota
from electrons.upstream.reading import as_object
from electrons.usage import Usage

Kind = Literal["videos", "photos"]
Orientation = Literal["landscape", "portrait", "square"]

SQUARE_TOLERANCE = 0.05
"""By how much, of the longer edge, the edges of a square may differ."""

KV_LEAST_SECONDS = 60
"""KV keeps nothing for a shorter time (https://developers.cloudflare.com/kv/api/write-key-value-pairs/)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockCall:
    """One page of a search as a provider gets it."""

    kind: Kind
    query: str
    orientation: Orientation | None = None
    size: str | None = None
    page: int = 1
    per_page: int = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFile:
    """One of the sizes of a video or photo, in pixels."""

    url: str
    width: int
    height: int

    def has_shape(self, orientation: Orientation | None) -> bool:
        """Return whether the file has that orientation; any file has none."""
        match orientation:
            case "landscape":
                return self.width > self.height
            case "portrait":
                return self.width < self.height
            case "square":
                longer = max(self.width, self.height)
                return abs(self.width - self.height) <= longer * SQUARE_TOLERANCE
            case _:
                return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """A video or photo with its files, in any order. `duration` is in seconds, None for photos."""

    id: str
    files: tuple[MediaFile, ...]
    preview_url: str
    photographer: str
    photographer_url: str
    page_url: str
    duration: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaPage:
    """One page of a provider's results; `total_results` counts all pages, `unreadable` what had to be left out."""

    media: tuple[Medium, ...]
    total_results: int
    is_last: bool
    unreadable: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """The limits that a medium must be within. Durations do not apply to photos."""

    min_duration: float | None = None
    max_duration: float | None = None
    min_width: int | None = None
    min_height: int | None = None

    def filters(self, kind: Kind) -> bool:
        """Return whether a medium of this kind can be outside them at all."""
        sizes = bool(self.min_width or self.min_height)
        return sizes or (kind == "videos" and (bool(self.min_duration) or self.max_duration is not None))

    def choose(self, medium: Medium, orientation: Orientation | None = None) -> MediaFile | None:
        """Return the medium's largest file that has the orientation and is within the bounds, None if none is."""
        if medium.duration is not None:
            longest = float("inf") if self.max_duration is None else self.max_duration
            if not (self.min_duration or 0) <= medium.duration <= longest:
                return None
        fitting = [
            file
            for file in medium.files
            if file.width >= (self.min_width or 0)
            and file.height >= (self.min_height or 0)
            and file.has_shape(orientation)
        ]
        return max(fitting, key=lambda file: file.width * file.height, default=None)


@dataclass(slots=True, kw_only=True)
class SearchResult:
    """One page of the requested media, each with its chosen file."""

    found: list[tuple[Medium, MediaFile]] = field(default_factory=list)
    total_results: int = 0
    cached: bool = True
    warnings: list[str] = field(default_factory=list)


class StockProvider(Provider):
    """A vendor of stock media."""

    page_limit: ClassVar[int]
    """The most results that the vendor puts on one page."""

    def fit_search(self, call: StockCall) -> tuple[StockCall, list[str]]:
        """Return the call without what the vendor does not take, and a warning for each option that was left out."""
        return call, []

    @abstractmethod
    def build_search(self, call: StockCall) -> ProviderRequest:
        """Build the request for one page."""

    @abstractmethod
    def parse_search(self, kind: Kind, document: dict[str, Any]) -> MediaPage:
        """Return the page in a 200 response, without the items that cannot be read.

        Raises AttributeError, LookupError, TypeError or ValueError for a document of another shape.
        """

    @abstractmethod
    def parse_quota(self, headers: dict[str, str]) -> Quota | None:
        """Return what a response's headers (lower-case names) say about the quota, None if they say nothing."""


async def search_media(
    context: Context, provider: StockProvider, call: StockCall, bounds: Bounds, *, max_pages: int, cache_seconds: int
) -> SearchResult:
    """Return the requested page of the results within the bounds. Raises `ProviderError` and its subclasses.

    `context.usage` counts the calls to the provider; it stays None if the cache had everything.

    Without bounds that filter, our page is the provider's page, without the media of another orientation. With them,
    the provider's largest pages are read from the first one on, `STOCK_MAX_PAGES` at most: only that way do our pages
    follow one another without a gap or a repetition.
    """
    call, warnings = provider.fit_search(call)
    result = SearchResult(warnings=warnings)
    orientation = call.orientation
    if not bounds.filters(call.kind):
        page = await _fetch_page(context, provider, call, result, cache_seconds)
        _note_unreadable(provider, call.kind, [page], result)
        result.found = [(medium, file) for medium in page.media if (file := bounds.choose(medium, orientation))]
        others = sum(1 for medium in page.media if medium.files) - len(result.found)
        if others:
            result.warnings.append(f"{others} of {len(page.media)} {call.kind} were left out: not {orientation}")
        return result

    wanted = call.page * call.per_page
    # By id, because a vendor's results can move between two calls.
    found: dict[str, tuple[Medium, MediaFile]] = {}
    pages: list[MediaPage] = []
    for number in range(1, max(1, max_pages) + 1):
        largest = replace(call, page=number, per_page=provider.page_limit)
        page = await _fetch_page(context, provider, largest, result, cache_seconds)
        pages.append(page)
        found |= {medium.id: (medium, file) for medium in page.media if (file := bounds.choose(medium, orientation))}
        if len(found) >= wanted or page.is_last:
            break
    else:
        read = number * provider.page_limit
        result.warnings.append(
            f"Only the first {read} of {result.total_results} {call.kind} were read (`STOCK_MAX_PAGES`); "
            f"{len(found)} of them are within the bounds"
        )
    _note_unreadable(provider, call.kind, pages, result)
    result.found = list(found.values())[wanted - call.per_page : wanted]
    return result


async def _fetch_page(
    context: Context, provider: StockProvider, call: StockCall, result: SearchResult, cache_seconds: int
) -> MediaPage:
    """Return a page from the cache or the provider, and note in `result` the total and whether the cache had it."""
    key = _cache_key(context, provider, call)
    cached = await _read_cache(context, key) if cache_seconds else None
    document = cached or await _call_search(context, provider, call)
    with parsing(provider):
        page = provider.parse_search(call.kind, document)
    if cached is None:
        result.cached = False
        if page.media or not page.unreadable:
            _write_cache(context, key, document, seconds=cache_seconds)
    result.total_results = page.total_results
    return page


def _note_unreadable(provider: StockProvider, kind: Kind, pages: list[MediaPage], result: SearchResult) -> None:
    """Add a warning about the items that cannot be read. Raises `ProviderError` if there are no others."""
    lost = sum(page.unreadable for page in pages)
    total = lost + sum(len(page.media) for page in pages)
    if lost and lost == total:
        raise unreadable(provider)
    if lost:
        result.warnings.append(f"{lost} of {total} {kind} from {provider.title} could not be read and were left out")


async def _call_search(context: Context, provider: StockProvider, call: StockCall) -> dict[str, Any]:
    if context.usage is None:
        context.usage = Usage(provider=provider.name, model=call.kind, unit="requests")
    context.usage.input_units += 1
    async with open_response(context, provider, provider.build_search(call)) as response:
        document = await read_json(provider, response)
    if quota := provider.parse_quota(dict(response.headers)):
        note_quota(context, provider, quota)
    return document


def _cache_key(context: Context, provider: StockProvider, call: StockCall) -> str:
    """Return a key from the page's URL, hashed because KV's keys are short and the query is the caller's."""
    request = provider.build_search(replace(call, query=call.query.lower()))
    url = provider.url(context.settings, request.path)
    return f"stock:{provider.name}:{hashlib.sha256(url.encode()).hexdigest()}"


async def _read_cache(context: Context, key: str) -> dict[str, Any] | None:
    try:
        text = await context.bindings.cache.get(key)
        return as_object(json.loads(text or "null")) or None
    except Exception as error:  # noqa: BLE001  # whatever is wrong with the cache, the provider can still be called
        context.log.warning("cache", request_id=context.request_id, error=str(error))
        return None


def _write_cache(context: Context, key: str, document: dict[str, Any], *, seconds: int) -> None:
    if not seconds:
        return

    async def write() -> None:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        await context.bindings.cache.put(key, text, ttl_seconds=max(seconds, KV_LEAST_SECONDS))

    context.defer(write)
