"""Searching stock media with any `StockProvider`: pages from the cache or the provider, and bounds that filter them.

What is cached are the provider's own pages, so that searches which differ only in their bounds share them. The provider
is asked for a page once in `STOCK_CACHE_SECONDS`, whoever wants it.
"""

from __future__ import annotations

import hashlib
import json
from abc import abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from electrons.context import Context
from electrons.upstream.client import open_response, parsing, read_json
from electrons.upstream.provider import Provider, ProviderRequest
from electrons.upstream.quota import Quota, note_quota
from electrons.upstream.reading import as_object
from electrons.usage import Usage

Kind = Literal["videos", "photos"]

KV_LEAST_SECONDS = 60
"""KV keeps nothing for less (https://developers.cloudflare.com/kv/api/write-key-value-pairs/)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StockCall:
    """One page of a search as a provider gets it."""

    kind: Kind
    query: str
    orientation: str | None = None
    size: str | None = None
    page: int = 1
    per_page: int = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaFile:
    """One size in which a video or photo is to be had; pixels."""

    url: str
    width: int
    height: int


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
    """One page of a provider's results; `total_results` counts all pages."""

    media: tuple[Medium, ...]
    total_results: int
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a medium must keep to. Durations say nothing about photos."""

    min_duration: float | None = None
    max_duration: float | None = None
    min_width: int | None = None
    min_height: int | None = None

    def filters(self, kind: Kind) -> bool:
        """Whether a medium of this kind can fail them at all."""
        sizes = bool(self.min_width or self.min_height)
        return sizes or (kind == "videos" and (bool(self.min_duration) or self.max_duration is not None))

    def choose(self, medium: Medium) -> MediaFile | None:
        """The medium's largest file if that keeps to the bounds, None if there is none."""
        if medium.duration is not None:
            longest = float("inf") if self.max_duration is None else self.max_duration
            if not (self.min_duration or 0) <= medium.duration <= longest:
                return None
        fitting = [
            file
            for file in medium.files
            if file.width >= (self.min_width or 0) and file.height >= (self.min_height or 0)
        ]
        return max(fitting, key=lambda file: file.width * file.height, default=None)


@dataclass(slots=True, kw_only=True)
class SearchResult:
    """One page of what was asked for: each medium with its chosen file."""

    found: list[tuple[Medium, MediaFile]] = field(default_factory=list)
    total_results: int = 0
    cached: bool = True
    warnings: list[str] = field(default_factory=list)


class StockProvider(Provider):
    """A vendor of stock media. Its capabilities are the kinds that it has."""

    page_limit: ClassVar[int]
    """The most results that the vendor puts on one page."""

    @abstractmethod
    def build_search(self, call: StockCall) -> ProviderRequest:
        """The request for one page."""

    @abstractmethod
    def parse_search(self, kind: Kind, document: dict[str, Any]) -> MediaPage:
        """The page in a 200 answer.

        A document of another shape raises AttributeError, LookupError, TypeError or ValueError.
        """

    @abstractmethod
    def parse_quota(self, headers: dict[str, str]) -> Quota | None:
        """What an answer's headers (lower-case names) say about the quota, None if that is nothing."""


async def search_media(
    context: Context, provider: StockProvider, call: StockCall, bounds: Bounds, *, max_pages: int, cache_seconds: int
) -> SearchResult:
    """The asked-for page of the results that keep to the bounds. Raises `ProviderError` and what derives from it.

    `context.usage` counts the calls to the provider, and stays None when the cache knew everything.

    Where bounds filter, the provider's largest pages are looked through from the first one on, `STOCK_MAX_PAGES` at
    most: only so do our pages follow one another without a gap or a repetition. Otherwise our page is the provider's.
    """
    result = SearchResult()
    if not bounds.filters(call.kind):
        page = await _fetch_page(context, provider, call, result, cache_seconds)
        result.found = [(medium, file) for medium in page.media if (file := bounds.choose(medium))]
        return result

    wanted = call.page * call.per_page
    # By id, because a vendor's results can move between two calls.
    found: dict[str, tuple[Medium, MediaFile]] = {}
    for number in range(1, max(1, max_pages) + 1):
        largest = replace(call, page=number, per_page=provider.page_limit)
        page = await _fetch_page(context, provider, largest, result, cache_seconds)
        found |= {medium.id: (medium, file) for medium in page.media if (file := bounds.choose(medium))}
        if len(found) >= wanted or page.is_last:
            break
    else:
        looked_at = number * provider.page_limit
        result.warnings.append(
            f"Only the first {looked_at} of {result.total_results} {call.kind} were looked at (`STOCK_MAX_PAGES`); "
            f"{len(found)} of them keep to the bounds"
        )
    result.found = list(found.values())[wanted - call.per_page : wanted]
    return result


async def _fetch_page(
    context: Context, provider: StockProvider, call: StockCall, result: SearchResult, cache_seconds: int
) -> MediaPage:
    key = _cache_key(context, provider, call)
    cached = await _read_cache(context, key) if cache_seconds else None
    document = cached or await _ask(context, provider, call)
    with parsing(provider):
        page = provider.parse_search(call.kind, document)
    if cached is None:
        result.cached = False
        _write_cache(context, key, document, seconds=cache_seconds)
    result.total_results = page.total_results
    return page


async def _ask(context: Context, provider: StockProvider, call: StockCall) -> dict[str, Any]:
    if context.usage is None:
        context.usage = Usage(provider=provider.name, model=call.kind, unit="requests")
    context.usage.input_units += 1
    async with open_response(context, provider, provider.build_search(call)) as response:
        document = await read_json(provider, response)
    if quota := provider.parse_quota(dict(response.headers)):
        note_quota(context, provider, quota)
    return document


def _cache_key(context: Context, provider: StockProvider, call: StockCall) -> str:
    """The hash of the page's URL, the query in lower case: KV's keys are short, and the query is the caller's."""
    request = provider.build_search(replace(call, query=call.query.lower()))
    url = provider.url(context.settings, request.path)
    return f"stock:{provider.name}:{hashlib.sha256(url.encode()).hexdigest()}"


async def _read_cache(context: Context, key: str) -> dict[str, Any] | None:
    try:
        text = await context.bindings.cache.get(key)
        return as_object(json.loads(text or "null")) or None
    except Exception as error:  # noqa: BLE001  # whatever is wrong with the cache, the provider can still be asked
        context.log.warning("cache", request_id=context.request_id, error=str(error))
        return None


def _write_cache(context: Context, key: str, document: dict[str, Any], *, seconds: int) -> None:
    if not seconds:
        return

    async def write() -> None:
        text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
        await context.bindings.cache.put(key, text, ttl_seconds=max(seconds, KV_LEAST_SECONDS))

    context.defer(write)
