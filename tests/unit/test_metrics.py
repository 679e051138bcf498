"""`GET /metrics`: sums of the ledger that never run back, as Prometheus' own parser reads them."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from electrons.app import App
from electrons.metrics import BUCKETS_MS, render
from electrons.settings import Settings
from electrons.storage.ledger import COLUMNS
from electrons.testing import MemoryDatabase, TestClient, create_key, create_memory_bindings

MIGRATIONS = Path(__file__).parents[2] / "wrangler" / "migrations"
CALL: dict[str, Any] = {
    "request_id": "r",
    "created_at": "2026-11-25T00:00:00.000Z",
    "worker": "text-gen",
    "route": "/generate",
    "provider": "openai",
    "model": "gpt-4o",
    "unit": "tokens",
    "input_units": 10,
    "output_units": 20,
    "status": 200,
    "latency_ms": 300,
    "upstream_ms": 90,
    "estimated_cost_microusd": 1500,
}

INSERT = f"INSERT INTO usage ({', '.join(COLUMNS)}) VALUES ({', '.join('?' for _ in COLUMNS)})"  # noqa: S608  # our own


async def insert(database: MemoryDatabase, **fields: Any) -> None:
    await database.execute(INSERT, *{**dict.fromkeys(COLUMNS), **CALL, **fields}.values())


async def load(database: MemoryDatabase) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    """Return the samples by name and labels, without worker, route and provider."""
    text = render(await database.query("SELECT * FROM usage_totals WHERE worker = 'text-gen' ORDER BY calls DESC"))
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            labels = {
                name: value for name, value in sample.labels.items() if name not in {"worker", "route", "provider"}
            }
            found.setdefault(sample.name, {})[tuple(sorted(labels.items()))] = sample.value
    return found


async def test_calls_units_and_cost_are_summed() -> None:
    database = MemoryDatabase()
    for _ in range(3):
        await insert(database)
    await insert(database, worker="audio-gen")

    samples = await load(database)

    labels = (("model", "gpt-4o"), ("status", "200"))
    assert samples["electrons_calls_total"] == {labels: 3}
    assert samples["electrons_cost_usd_total"] == {labels: pytest.approx(0.0045)}
    assert {dict(key)["direction"]: value for key, value in samples["electrons_units_total"].items()} == {
        "input": 30,
        "output": 60,
    }


async def test_histogram_counts_each_call_in_every_bucket_that_holds_it() -> None:
    database = MemoryDatabase()
    for latency in (100, 101, 700, 100_000):
        await insert(database, latency_ms=latency)

    samples = await load(database)

    buckets = {dict(key)["le"]: value for key, value in samples["electrons_request_duration_seconds_bucket"].items()}
    assert buckets["0.1"] == 1
    assert buckets["0.25"] == buckets["0.5"] == 2
    assert buckets["1"] == buckets["60"] == 3
    assert buckets["+Inf"] == 4
    assert [*samples["electrons_request_duration_seconds_count"].values()] == [4]
    assert [*samples["electrons_request_duration_seconds_sum"].values()] == [pytest.approx(100.901)]
    assert [*samples["electrons_upstream_duration_seconds_count"].values()] == [4]


async def test_failures_of_models_that_callers_name_are_one_series() -> None:
    database = MemoryDatabase()
    for number in range(50):
        await insert(database, model=f"made-up-{number}", status=422, error_code="PROVIDER_REJECTED")

    samples = await load(database)

    assert samples["electrons_calls_total"] == {(("model", ""), ("status", "422")): 50}


async def test_sums_outlive_the_rows_of_the_ledger() -> None:
    database = MemoryDatabase()
    await insert(database)
    await database.execute("DELETE FROM usage")
    await insert(database, estimated_cost_microusd=None)

    samples = await load(database)

    assert [*samples["electrons_calls_total"].values()] == [2]


def test_migration_counts_the_rows_that_exist() -> None:
    connection = sqlite3.connect(":memory:")
    files = sorted(MIGRATIONS.glob("*.sql"))
    (totals,) = [path for path in files if "usage_totals" in path.name]
    for path in files[: files.index(totals)]:
        connection.executescript(path.read_text())
    connection.execute(INSERT, [*{**dict.fromkeys(COLUMNS), **CALL}.values()])
    connection.executescript(totals.read_text())

    assert connection.execute("SELECT calls, cost_microusd, latency_le_500 FROM usage_totals").fetchall() == [
        (1, 1500, 1)
    ]


def test_buckets_are_the_columns_of_the_table() -> None:
    (totals,) = [path for path in MIGRATIONS.glob("*.sql") if "usage_totals" in path.name]
    table = totals.read_text().split("WITHOUT ROWID")[0]

    for column in ("latency", "upstream"):
        assert [int(bound) for bound in re.findall(rf"{column}_le_(\d+) ", table)] == [*BUCKETS_MS]


def test_label_with_quotes_and_line_feeds_is_escaped() -> None:
    row = {**CALL, "model": 'a"b\\c\nd', "calls": 1, "cost_microusd": 0}
    row |= {f"{kind}_le_{bound}": 0 for kind in ("latency", "upstream") for bound in BUCKETS_MS}
    row |= {"latency_ms_sum": 0, "upstream_ms_sum": 0}

    families = list(text_string_to_metric_families(render([row])))

    assert families[0].samples[0].labels["model"] == 'a"b\\c\nd'


@pytest.mark.parametrize(("scope", "status"), [("metrics", 200), ("text", 403), (None, 401)])
async def test_scrape_needs_the_scope(scope: str | None, status: int) -> None:
    bindings = create_memory_bindings()
    headers = {"Authorization": f"Bearer {await create_key(bindings.database, scope)}"} if scope else {}
    client = TestClient(App("text-gen", scope="text"), settings=Settings(), bindings=bindings)

    response = await client.request("GET", "/metrics", headers=headers)

    assert response.status == status
    if status == 200:
        assert response.headers.get("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
