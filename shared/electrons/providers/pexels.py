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
from electrons.upstream.reading import as_text

_PATHS = {"videos": "/v1/videos/search", "photos": "/v1/search"}

_PLAYABLE = "video/mp4"

_DIGITS = 10
_LARGEST = 10**_DIGITS - 1
"""More than any id, count or time has, and few enough for a date."""


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
        items = document[kind]
        if not isinstance(items, list):
            raise TypeError(f"`{kind}` is not a list")
        parse = _parse_video if kind == "videos" else _parse_photo
        media = tuple(medium for item in items if (medium := _parse_item(parse, item)))
        total = _read_count(document.get("total_results"))
        return MediaPage(
            media=media,
            total_results=len(items) if total is None else total,
            is_last=not items or not document.get("next_page"),
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
            as_text(document.get("error")),
            provider=self,
            status=status,
            code=as_text(document.get("code")),
            retry_after=parse_retry_after(headers),
        )


def _parse_item(parse: Callable[[dict[str, Any]], Medium], item: object) -> Medium | None:
    """Return the medium, None for an item that lacks what a result needs: one of many, and the others can be shown."""
    if not isinstance(item, dict):
        return None
    try:
        return parse(item)
    except (AttributeError, LookupError, TypeError, ValueError):
        return None


def _parse_video(item: dict[str, Any]) -> Medium:
    files = (_parse_video_file(file) for file in _read_list(item["video_files"]))
    return Medium(
        id=_read_id(item["id"]),
        files=tuple(file for file in files if file),
        preview_url=_read_string(item["image"]),
        photographer=_read_string(item["user"]["name"]),
        photographer_url=_read_string(item["user"]["url"]),
        page_url=_read_string(item["url"]),
        duration=_read_seconds(item["duration"]),
    )


def _parse_video_file(file: object) -> MediaFile | None:
    """Return the file, None for one that cannot be used: a playlist (`quality: hls`) has no width and height."""
    if not isinstance(file, dict) or file.get("file_type") != _PLAYABLE:
        return None
    link, width, height = file.get("link"), _read_count(file.get("width")), _read_count(file.get("height"))
    return (
        MediaFile(url=link, width=width, height=height) if isinstance(link, str) and link and width and height else None
    )


def _parse_photo(item: dict[str, Any]) -> Medium:
    """Return the photo; the other fields of `src` are scaled down from `original`."""
    width, height = _read_count(item["width"]), _read_count(item["height"])
    if not (width and height):
        raise ValueError("a photo has no size")
    return Medium(
        id=_read_id(item["id"]),
        files=(MediaFile(url=_read_string(item["src"]["original"]), width=width, height=height),),
        preview_url=_read_string(item["src"]["medium"]),
        photographer=_read_string(item["photographer"]),
        photographer_url=_read_string(item["photographer_url"]),
        page_url=_read_string(item["url"]),
    )


def _read_list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("a list is missing")
    return value


def _read_string(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("a string is missing")
    return value


def _read_id(value: object) -> str:
    """Return the id, which is a number at Pexels; a string is as good."""
    number = _read_count(value)
    return str(number) if number is not None else _read_string(value)


def _read_seconds(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= _LARGEST:
        raise TypeError("a duration is missing")
    return float(value)


def _read_count(value: object) -> int | None:
    """Return a whole number that is not negative, None for anything else."""
    is_count = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST
    return value if is_count else None


def _parse_number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else None
