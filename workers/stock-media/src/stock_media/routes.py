"""Search stock media: videos, photos, or both of them in turn."""

import asyncio
from itertools import chain, zip_longest

from electrons.app import App
from electrons.capabilities.stock import (
    Bounds,
    Kind,
    MediaFile,
    Medium,
    SearchResult,
    StockCall,
    StockProvider,
    search_media,
)
from electrons.context import Context
from electrons.errors import ConfigurationError
from electrons.registry import find_providers
from electrons.routing import RouteDocs
from electrons.storage.ledger import record_usage
from stock_media.models import StockItem, StockMetadata, StockRequest, StockResponse
from stock_media.settings import StockSettings

PROVIDERS = find_providers(StockProvider)

app = App("stock-media", scope="media", providers=PROVIDERS, settings=StockSettings)


@app.post("/search/videos", docs=RouteDocs(example={"keywords": ["lighthouse"], "options": {"per_page": 3}}))
async def search_videos(context: Context, body: StockRequest) -> StockResponse:
    """Return one page of videos."""
    return await search(context, body, kinds=("videos",), default_per_page=15)


@app.post("/search/photos", docs=RouteDocs(example={"keywords": ["lighthouse"], "options": {"per_page": 3}}))
async def search_photos(context: Context, body: StockRequest) -> StockResponse:
    """Return one page of photos."""
    return await search(context, body, kinds=("photos",), default_per_page=15)


@app.post("/search", docs=RouteDocs(example={"keywords": ["lighthouse"], "options": {"per_page": 3}}))
async def search_both(context: Context, body: StockRequest) -> StockResponse:
    """Return one page of each kind, a video and a photo in turn."""
    return await search(context, body, kinds=("videos", "photos"), default_per_page=10)


async def search(
    context: Context, body: StockRequest, *, kinds: tuple[Kind, ...], default_per_page: int
) -> StockResponse:
    """Return the response of all three routes. Only calls that reached the provider are recorded."""
    options = body.options
    per_page = options.per_page or default_per_page
    provider = find_provider(context.settings_as(StockSettings))
    try:
        results = await search_kinds(context, provider, body, kinds=kinds, per_page=per_page)
    finally:
        if context.usage is not None:
            # Two calls at once have waited once.
            context.usage.upstream_ms = min(context.usage.upstream_ms, context.elapsed_ms())
            context.usage.model = "+".join(kinds)
            record_usage(context, context.usage)

    described = [[describe(provider, medium, file) for medium, file in result.found] for result in results]
    in_turn = chain.from_iterable(zip_longest(*described))
    # Both kinds leave out the same options.
    warnings = list(dict.fromkeys(warning for result in results for warning in result.warnings))
    return StockResponse(
        media=[item for item in in_turn if item],
        total_results=sum(result.total_results for result in results),
        page=options.page,
        per_page=per_page,
        metadata=StockMetadata(
            provider=provider.name,
            query=body.query,
            search_time_ms=context.elapsed_ms(),
            cached=all(result.cached for result in results),
            warnings=warnings or None,
        ),
    )


def find_provider(settings: StockSettings) -> StockProvider:
    """Return the deployment's provider. Raises `ConfigurationError` for an unknown one, and without its key."""
    names = [provider.name for provider in PROVIDERS]
    if settings.stock_provider not in names:
        raise ConfigurationError(f"`STOCK_PROVIDER` must be one of {', '.join(names)}")
    provider = PROVIDERS[names.index(settings.stock_provider)]
    provider.check(settings)
    return provider


async def search_kinds(
    context: Context, provider: StockProvider, body: StockRequest, *, kinds: tuple[Kind, ...], per_page: int
) -> list[SearchResult]:
    """Return a result for each kind, searched at once. The first failure ends the other search and is raised."""
    options = body.options
    bounds = Bounds(
        min_duration=options.min_duration,
        max_duration=options.max_duration,
        min_width=options.min_width,
        min_height=options.min_height,
    )
    settings = context.settings_as(StockSettings)
    limits = {"max_pages": settings.stock_max_pages, "cache_seconds": settings.stock_cache_seconds}
    calls = [
        StockCall(
            kind=kind,
            query=body.query,
            orientation=body.orientation,
            size=body.size,
            page=options.page,
            per_page=per_page,
        )
        for kind in kinds
    ]
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(search_media(context, provider, call, bounds, **limits)) for call in calls]
    except ExceptionGroup as failures:
        failure = failures.exceptions[0]
        raise failure from failure.__cause__
    return [task.result() for task in tasks]


def describe(provider: StockProvider, medium: Medium, file: MediaFile) -> StockItem:
    """Return a medium and its chosen file as callers see them."""
    return StockItem(
        id=medium.id,
        type="image" if medium.duration is None else "video",
        url=file.url,
        preview_url=medium.preview_url,
        duration=medium.duration,
        width=file.width,
        height=file.height,
        provider=provider.name,
        photographer=medium.photographer,
        photographer_url=medium.photographer_url,
        page_url=medium.page_url,
    )
