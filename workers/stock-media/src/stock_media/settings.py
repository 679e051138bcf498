"""The settings of this worker."""

from __future__ import annotations

from dataclasses import dataclass

from electrons.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class StockSettings(Settings):
    """The shared settings and those of stock-media."""

    stock_provider: str = "pexels"
    # How long pages of results are kept (0: not at all), and how many a filtered search reads
    stock_cache_seconds: int = 86400
    stock_max_pages: int = 5
