"""Pexels: videos and photos.

Wire format: https://www.pexels.com/api/documentation/ (2026-11). Videos lie below `/v1/videos`; the former `/videos`
still answers and is deprecated. Searches know neither durations nor widths, so those are filtered by `stock.py`.
"""

from __future__ import annotations

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


class PexelsProvider(StockProvider):
    """The default limits are 200 calls an hour and 20,000 a month; the headers tell of the month only."""

    name = "pexels"
    title = "Pexels"
    base_url = "https://api.pexels.com"
    page_limit = 80

    def build_headers(self, api_key: str, request_id: str) -> HeaderPairs:
        """The bare key: there is no scheme before it, and no place for a request id of ours."""
        return [("Authorization", api_key)]

    def build_search(self, call: StockCall) -> ProviderRequest:
        """`GET /v1/videos/search` or `GET /v1/search`; `size` is the least size of the original."""
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
        """`{"videos" | "photos": [...], "total_results", "next_page"?}`."""
        items = document[kind]
        parse = _parse_video if kind == "videos" else _parse_photo
        return MediaPage(
            media=tuple(parse(item) for item in items),
            total_results=int(document["total_results"]),
            is_last=not items or not document.get("next_page"),
        )

    def parse_quota(self, headers: dict[str, str]) -> Quota | None:
        """`X-Ratelimit-Limit`, `-Remaining` and `-Reset` (Unix seconds): on successful answers only."""
        try:
            return Quota(
                limit=int(headers["x-ratelimit-limit"]),
                remaining=int(headers["x-ratelimit-remaining"]),
                resets_at=datetime.fromtimestamp(int(headers["x-ratelimit-reset"]), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
        except (LookupError, ValueError, OverflowError, OSError):
            return None

    def parse_error(self, status: int, headers: dict[str, str], content: bytes) -> ProviderError:
        """`{"error": "..."}`, sometimes with `status` and `code` (a text)."""
        document = parse_json_error(content)
        return classify_error(
            as_text(document.get("error")),
            provider=self,
            status=status,
            code=as_text(document.get("code")),
            retry_after=parse_retry_after(headers),
        )


def _parse_video(item: dict[str, Any]) -> Medium:
    """A playlist (`quality: hls`) has neither width nor height, and is nothing to cut a video from."""
    return Medium(
        id=str(item["id"]),
        files=tuple(
            MediaFile(url=_text(file["link"]), width=int(file["width"]), height=int(file["height"]))
            for file in item["video_files"]
            if file["file_type"] == _PLAYABLE and file["width"] and file["height"]
        ),
        preview_url=_text(item["image"]),
        photographer=_text(item["user"]["name"]),
        photographer_url=_text(item["user"]["url"]),
        page_url=_text(item["url"]),
        duration=float(item["duration"]),
    )


def _parse_photo(item: dict[str, Any]) -> Medium:
    """The other members of `src` are scaled down from `original`."""
    return Medium(
        id=str(item["id"]),
        files=(MediaFile(url=_text(item["src"]["original"]), width=int(item["width"]), height=int(item["height"])),),
        preview_url=_text(item["src"]["medium"]),
        photographer=_text(item["photographer"]),
        photographer_url=_text(item["photographer_url"]),
        page_url=_text(item["url"]),
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError("a text is missing")
    return value
