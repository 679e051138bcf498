"""`GET /metrics`: the calls of this worker in Prometheus' text format, for a key with the scope `metrics`.

The figures are those of the usage ledger: one call is one row, counted once it is written. They come from the table
`usage_totals`, so a scrape costs one query whatever has been called.
Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from electrons.bindings import Row
from electrons.context import Context
from electrons.http import Response

SCOPE = "metrics"

BUCKETS_MS = (100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000)
"""The upper bounds of the histograms; each has a column in `usage_totals`."""

ROWS_LIMIT = 2000
"""Series of one scrape; the most called come first."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_QUERY = "SELECT * FROM usage_totals WHERE worker = ? ORDER BY calls DESC LIMIT ?"
_ESCAPED = str.maketrans({"\\": r"\\", '"': r"\"", "\n": r"\n"})

Labels = Mapping[str, object]


async def metrics(context: Context) -> Response:
    """`GET /metrics`: calls, units, estimated cost, and histograms of latency, in Prometheus' text format."""
    rows = await context.bindings.database.query(_QUERY, context.service, ROWS_LIMIT)
    return Response(headers=[("Content-Type", CONTENT_TYPE)], body=render(rows))


def render(rows: Sequence[Row]) -> str:
    """Return the text for rows of `usage_totals`."""
    return "".join(f"{line}\n" for line in _render(rows))


def _render(rows: Sequence[Row]) -> Iterator[str]:
    yield from _describe("electrons_calls_total", "counter", "Calls of providers by status of the response.")
    for row in rows:
        yield _sample("electrons_calls_total", _labels(row, status=row["status"]), row["calls"])
    yield from _describe("electrons_units_total", "counter", "Units that the calls used, in the provider's own unit.")
    for row in rows:
        for direction in ("input", "output"):
            labels = _labels(row, status=row["status"], unit=row["unit"], direction=direction)
            yield _sample("electrons_units_total", labels, row[f"{direction}_units"])
    yield from _describe("electrons_cost_usd_total", "counter", "Estimated cost of the calls in US dollars.")
    for row in rows:
        cost = int(row["cost_microusd"] or 0) / 1e6
        yield _sample("electrons_cost_usd_total", _labels(row, status=row["status"]), f"{cost:.6f}")
    yield from _histogram(rows, "electrons_request_duration_seconds", "latency", "Time until the response was out.")
    yield from _histogram(
        rows,
        "electrons_upstream_duration_seconds",
        "upstream",
        "Time spent waiting for the provider, with retries.",
    )


def _histogram(rows: Sequence[Row], name: str, column: str, meaning: str) -> Iterator[str]:
    yield from _describe(name, "histogram", meaning)
    for row in rows:
        labels = _labels(row, status=row["status"])
        for bound in BUCKETS_MS:
            yield _sample(f"{name}_bucket", {**labels, "le": f"{bound / 1000:g}"}, row[f"{column}_le_{bound}"])
        yield _sample(f"{name}_bucket", {**labels, "le": "+Inf"}, row["calls"])
        yield _sample(f"{name}_sum", labels, int(row[f"{column}_ms_sum"] or 0) / 1000)
        yield _sample(f"{name}_count", labels, row["calls"])


def _labels(row: Row, **more: object) -> Labels:
    return {**{name: row[name] for name in ("worker", "route", "provider", "model")}, **more}


def _describe(name: str, kind: str, meaning: str) -> Iterable[str]:
    return f"# HELP {name} {meaning}", f"# TYPE {name} {kind}"


def _sample(name: str, labels: Labels, value: object) -> str:
    text = ",".join(f'{label}="{str(found).translate(_ESCAPED)}"' for label, found in labels.items())
    return f"{name}{{{text}}} {value}"
