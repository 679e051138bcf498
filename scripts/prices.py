"""`npm run prices`: write the part of shared/electrons/upstream/price_list.py that comes from `genai-prices`.

The package (https://github.com/pydantic/genai-prices) keeps the vendors' price lists. Raise its version in
pyproject.toml, run `npm run lock`, `npm run setup` and this command, and review the difference. What it does not list
is written by hand above the mark, from the vendors' pages.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from importlib.metadata import version
from typing import Any

import setup

PRICE_LIST = setup.ROOT / "shared" / "electrons" / "upstream" / "price_list.py"

VENDORS = {
    "anthropic": "anthropic",
    "deepseek": "deepseek",
    "gemini": "google",
    "groq": "groq",
    "mistral": "mistral",
    "openai": "openai",
    "together": "together",
    "workers-ai": "cloudflare",
}
"""Our names of providers, and those of the package. OpenRouter is left out: its prices depend on where it routes."""

_COLUMNS = ("input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok")
# Searches are charged for on top, and only when a request asks the vendor for them.
_IGNORED = {
    "web_searches_kcount",
    "storage_searches_kcount",
    "input_audio_mtok",
    "input_image_mtok",
    "input_video_mtok",
}
_IGNORED |= {"cache_audio_read_mtok", "cache_image_read_mtok"}
_MARK = "# Written by `npm run prices`; everything below is replaced.\n"
_NAME = re.compile(r"[\w./:@-]+", re.ASCII)
# What they hear and say has prices of its own, which the package does not have for each of them.
_SPOKEN = re.compile("audio|realtime")


def main() -> int:
    """Write the list with the project's own Python, which has the package; return its exit status."""
    return setup.run_with_packages(__file__, "--write")


def write() -> None:
    """Write the list as of today, and format it."""
    sys.path.insert(0, str(setup.ROOT / "shared"))
    PRICE_LIST.write_text(render(PRICE_LIST.read_text(encoding="utf-8"), datetime.now(UTC).date()), encoding="utf-8")
    subprocess.run([setup.PYTHON, "-m", "ruff", "format", "--quiet", str(PRICE_LIST)], check=True)


def render(text: str, day: date) -> str:
    """Return the module with the prices of a day below the mark."""
    kept = text.partition(_MARK)[0]
    rows = [f'    "{name}": {price},\n' for name, price in sorted(list_prices(day))]
    source = f'PRICE_DATE = "{day}"\n"""The day of the prices: genai-prices {version("genai-prices")}."""\n'
    return f"{kept}{_MARK}{source}\nLISTED: Mapping[str, Price] = {{\n{''.join(rows)}}}\n"


def list_prices(day: date) -> Iterator[tuple[str, str]]:
    """Iterate over `provider:model` and the source of its `Price`, once for each name that a vendor's model has."""
    from genai_prices.data_snapshot import get_snapshot  # noqa: PLC0415  # only the project's own Python has them

    from electrons.upstream.prices import strip_version  # noqa: PLC0415

    vendors = {vendor.id: vendor for vendor in get_snapshot().providers}
    for ours, theirs in VENDORS.items():
        named: dict[str, str] = {}
        for model in vendors[theirs].models:
            price = render_price(model, day)
            for name in {model.id, *find_names(model.match)} if price else ():
                is_known = _NAME.fullmatch(name) and not _SPOKEN.search(name)
                if price and is_known and is_of(model, vendors[theirs].find_model(name)):
                    named[name] = price
        for name, price in named.items():
            if named.get(strip_version(name)) != price or strip_version(name) == name:
                yield f"{ours}:{name}", price


def is_of(model: Any, found: Any) -> bool:
    """Return whether a name that leads to `found` is the model's: the first model of the package has it."""
    return found is None or found is model


def find_names(clause: Any) -> Iterator[str]:
    """Iterate over the whole names that a clause of the package consists of."""
    if alternatives := getattr(clause, "or_", None):
        for alternative in alternatives:
            yield from find_names(alternative)
    elif name := getattr(clause, "equals", None):
        yield str(name)


def render_price(model: Any, day: date) -> str | None:
    """Return the source of a `Price`, None for a model that has no price in tokens alone.

    Where the price depends on the time of day, it is the highest of the day.
    """
    hours = [datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour) for hour in range(24)]
    prices = [
        {name: value for name, value in vars(model.get_prices(hour)).items() if value is not None} for hour in hours
    ]
    found = max(prices, key=lambda price: _base(price.get("input_mtok")))
    if set(found) - _IGNORED == {"input_mchars"}:
        return f'Price({_write(found["input_mchars"])}, 0, unit="characters")'
    if "input_mtok" not in found or set(found) - _IGNORED - set(_COLUMNS):
        return None
    starts = sorted({tier.start for value in found.values() for tier in getattr(value, "tiers", ())})
    above = [f"({start}, {_render_columns(found, start)})" for start in starts]
    columns = _render_columns(found, 0)
    return f"{columns[:-1]}, above=({', '.join(above)},))" if above else columns


def _render_columns(found: dict[str, Any], start: int) -> str:
    values = [_at(found.get(column, Decimal(0) if column == "output_mtok" else None), start) for column in _COLUMNS]
    while values[-1] is None:
        values.pop()
    return f"Price({', '.join(map(_write, values))})"


def _at(value: Any, start: int) -> Decimal | None:
    tiers = [tier for tier in getattr(value, "tiers", ()) if tier.start <= start]
    return tiers[-1].price if tiers else _base(value) if value is not None else None


def _base(value: Any) -> Decimal:
    return Decimal(getattr(value, "base", value) or 0)


def _write(value: Decimal | None) -> str:
    return "None" if value is None else f"{value.normalize():f}"


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        setup.run_script(main)
