"""Pexels: videos and photos.

Wire format: https://www.pexels.com/api/documentation/ (2026-11). Videos are below `/v1/videos`; the former `/videos`
is deprecated. A search has no parameters for durations and widths, so `capabilities/stock.py` filters by them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from electrons.capabilities.stock import Kind, MediaFile, MediaPage, Medium, StockCall, StockProvider
from electrons.errors import ProviderError
from electrons.http import HeaderPairs
from electrons.upstream.errors import classify_error, parse_json_error, parse_retry_after
from electrons.upstream.provider import ProviderRequest
from electrons.upstream.quota import Quota
from electrons.upstream.reading import Reader, UnreadableError, as_string

_PATHS = {"videos": "/v1/videos/search", "photos": "/v1/search"}

_PLAYABLE = "video/mp4"

_LARGEST_ID = 2**53
_DIGITS = 10
"""Of the largest number in a header: a time in Unix seconds."""


class PexelsProvider(StockProvider):
    """Pexels. The default limits are 200 calls an hour and 20,000 a month; the headers report the month only."""

    name = "pexels"
    title = "Pexels"
    base_url = "https://api.pexels.com"
    page_limit = 80

    def build_headers(self, api_key: str, request_id: str) -> HeaderPairs:
        """Return the bare key: there is no scheme before it, and no header for a request id of ours."""
        return [("Authorization", api_key)]

    def build_search(self, call: StockCall) -> ProviderRequest:
        """Build `GET /v1/videos/search` or `GET /v1/search`; `size` is the smallest size of the original."""
        parameters: dict[str, str | int | None] = {
            "query": call.query,
            "orientation": call.orientation,
            "size": call.size,
            "page": call.page,
            "per_page": call.per_page,
        }
        query = urlencode({name: value for name, value in parameters.items() if value is not None})
        return ProviderRequest(method="GET", path=f"{_PATHS[call.kind]}?{query}")

    def parse_search(self, kind: Kind, document: dict[str, Any]) -> MediaPage:
        """Parse `{"videos" | "photos": [...], "total_results", "next_page"?}`."""
        page = Reader(document)
        items = page.array(kind)
        parse = _parse_video if kind == "videos" else _parse_photo
        media = tuple(medium for item in items if (medium := _parse_item(parse, item)))
        return MediaPage(
            media=media,
            total_results=page.integer("total_results", default=len(items)),
            is_last=not items or not page.string("next_page", default=""),
            unreadable=len(items) - len(media),
        )

    def parse_quota(self, headers: dict[str, str]) -> Quota | None:
        """Parse `X-Ratelimit-Limit`, `-Remaining` and `-Reset` (Unix seconds): on successful responses only."""
        limit, remaining, reset = (
            _parse_number(headers.get(f"x-ratelimit-{name}", "")) for name in ("limit", "remaining", "reset")
        )
        if limit is None or remaining is None or reset is None:
            return None
        resets_at = datetime.fromtimestamp(reset, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Quota(limit=limit, remaining=remaining, resets_at=resets_at)

    def parse_error(self, status: int, headers: dict[str, str], content: bytes) -> ProviderError:
        """Parse `{"error": "..."}`, sometimes with `status` and `code` (a string)."""
        document = parse_json_error(content)
        return classify_error(
            as_string(document.get("error")),
            provider=self,
            status=status,
            code=as_string(document.get("code")),
            retry_after=parse_retry_after(headers),
        )


def _parse_item(parse: Callable[[Reader], Medium], item: object) -> Medium | None:
    """Return the medium, None for an item that lacks what a result needs: the others can still be shown."""
    try:
        return parse(Reader(item))
    except UnreadableError:
        return None


def _parse_video(item: Reader) -> Medium:
    user = item.child("user")
    files = (_parse_video_file(Reader(file)) for file in item.array("video_files"))
    return Medium(
        id=_read_id(item),
        files=tuple(file for file in files if file),
        preview_url=item.string("image"),
        photographer=user.string("name"),
        photographer_url=user.string("url"),
        page_url=item.string("url"),
        duration=float(item.number("duration")),
    )


def _parse_video_file(file: Reader) -> MediaFile | None:
    """Return the file, None for one that cannot be used: a playlist (`quality: hls`) has no width and height."""
    link, width, height = (file.string("link", default=""), *(_read_edge(file, name) for name in ("width", "height")))
    if file.string("file_type", default="") != _PLAYABLE or not (link and width and height):
        return None
    return MediaFile(url=link, width=width, height=height)


def _parse_photo(item: Reader) -> Medium:
    """Return the photo; the other fields of `src` are scaled down from `original`."""
    sources = item.child("src")
    width, height = _read_edge(item, "width"), _read_edge(item, "height")
    if not (width and height):
        raise UnreadableError("the photo has no size")
    return Medium(
        id=_read_id(item),
        files=(MediaFile(url=sources.string("original"), width=width, height=height),),
        preview_url=sources.string("medium"),
        photographer=item.string("photographer"),
        photographer_url=item.string("photographer_url"),
        page_url=item.string("url"),
    )


def _read_id(item: Reader) -> str:
    """Return the id, which is a number at Pexels; a string is as good."""
    number = item.integer("id", limit=_LARGEST_ID, default=None)
    return str(number) if number is not None else item.string("id")


def _read_edge(item: Reader, name: str) -> int:
    """Return a width or height in pixels, 0 for anything else."""
    return item.integer(name, default=0)


def _parse_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None
