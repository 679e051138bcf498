"""The usage ledger."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from electrons.app import App
from electrons.bindings import Value
from electrons.context import Context
from electrons.errors import DatabaseError, ProviderError
from electrons.http import Response
from electrons.models import LabeledRequest
from electrons.storage import ledger
from electrons.storage.ledger import COLUMNS, UsageLedger, UsageLostError, check_row, record_usage
from electrons.testing import MemoryDatabase, TestClient
from electrons.upstream.price_list import PRICE_DATE
from electrons.usage import Usage


class Work(LabeledRequest):
    model: str = "gpt-6-luna"
    fail: bool = False


def create_client() -> TestClient:
    app = App("worker")

    @app.post("/work")
    async def work(context: Context, body: Work) -> Response:
        usage = Usage(provider="openai", model=body.model)
        record_usage(context, usage)
        usage.input_units, usage.output_units, usage.upstream_ms = 1000, 200, 30
        if body.fail:
            raise ProviderError("Down", provider="openai")
        return Response.json({})

    return TestClient(app)


async def test_usage_when_a_call_succeeds_then_one_row_with_all_of_it() -> None:
    client = create_client()

    answer = await client.request("POST", "/work", json={"instance_id": "i", "project_id": "p"})

    (row,) = await client.bindings.database.query("SELECT * FROM usage")
    assert str(row.pop("created_at")).endswith("Z")
    assert isinstance(row.pop("latency_ms"), int)
    assert row == {
        "id": 1,
        "request_id": answer.headers.get("X-Request-ID"),
        "worker": "worker",
        "route": "/work",
        "key_id": None,
        "instance_id": "i",
        "project_id": "p",
        "provider": "openai",
        "model": "gpt-6-luna",
        "unit": "tokens",
        "input_units": 1000,
        "output_units": 200,
        "status": 200,
        "error_code": None,
        "upstream_ms": 30,
        "estimated_cost_microusd": 200,
        "price_date": PRICE_DATE,
    }


async def test_usage_when_the_call_fails_then_its_row_says_how() -> None:
    client = create_client()

    await client.request("POST", "/work", json={"fail": True})

    (row,) = await client.bindings.database.query("SELECT status, error_code, input_units FROM usage")
    assert row == {"status": 502, "error_code": "PROVIDER_ERROR", "input_units": 1000}


async def test_usage_when_model_has_no_price_then_cost_is_unknown() -> None:
    client = create_client()

    await client.request("POST", "/work", json={"model": "new"})

    (row,) = await client.bindings.database.query("SELECT estimated_cost_microusd, price_date FROM usage")
    assert row == {"estimated_cost_microusd": None, "price_date": None}


async def test_usage_when_requests_are_concurrent_then_a_row_for_each() -> None:
    client = create_client()

    await asyncio.gather(*(client.request("POST", "/work", json={"project_id": f"'{n}\""}) for n in range(20)))

    rows = await client.bindings.database.query("SELECT DISTINCT project_id FROM usage")
    assert len(rows) == 20


ROW: list[Value] = [
    "r", "2026-11-25T18:00:00.000Z", "worker", "/work", None, None, None, "openai", "m", "tokens",
    1, 2, 200, None, 3, 4, None, None,
]  # fmt: skip


def row_of(request_id: str) -> list[Value]:
    return [request_id, *ROW[1:]]


class UnsteadyDatabase(MemoryDatabase):
    """A database whose next writes fail for these reasons; `lost` ones are done first."""

    def __init__(self, *reasons: str) -> None:
        super().__init__()
        self.reasons = list(reasons)

    async def execute(self, statement: str, *parameters: Value) -> None:
        reason = self.reasons.pop(0) if self.reasons else None
        if reason is None or reason == "lost":
            await super().execute(statement, *parameters)
        if reason is not None:
            raise DatabaseError(reason)


async def written(database: MemoryDatabase) -> list[Value]:
    return [row["request_id"] for row in await database.query("SELECT request_id FROM usage ORDER BY id")]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "RETRY_PAUSES_SECONDS", (0.01, 0.01))


@pytest.mark.parametrize(
    ("model", "stored"),
    [(None, "unknown"), (5, "unknown"), ("", "unknown"), ("a\ud800b", "a?b"), ("x" * 999, "x" * 512)],
)
async def test_row_with_a_wrong_model_is_written_with_its_neighbours(model: Any, stored: str) -> None:
    client = create_client()
    usage = Usage(provider="openai", model=model)
    context = client.create_context("POST", "/work")
    record_usage(context, usage)

    await asyncio.gather(context.finish(), *(client.request("POST", "/work", json={}) for _ in range(9)))

    rows = await client.bindings.database.query("SELECT model FROM usage")
    assert sorted(str(row["model"]) for row in rows) == sorted([*["gpt-6-luna"] * 9, stored])


@pytest.mark.parametrize(
    ("units", "stored"),
    [(-5, 0), (None, 0), ("5", 0), (True, 0), (1.6, 2), (10**15, 10**9), (float("inf"), 0), ([], 0)],
)
def test_row_with_units_that_are_no_count_has_a_count(units: Any, stored: int) -> None:
    position = COLUMNS.index("input_units")

    assert check_row([*ROW[:position], units, *ROW[position + 1 :]])[position] == stored


async def test_write_that_failed_is_repeated() -> None:
    database = UnsteadyDatabase("D1_ERROR: database is locked", "D1_ERROR: database is locked")

    await UsageLedger(database).write(row_of("a"))

    assert await written(database) == ["a"]


async def test_write_whose_response_was_lost_is_not_done_twice() -> None:
    database = UnsteadyDatabase("lost")

    await UsageLedger(database).write(row_of("a"))

    assert await written(database) == ["a"]


async def test_write_when_all_retries_fail_then_next_write_keeps_rows() -> None:
    database = UnsteadyDatabase(*["D1_ERROR: Network connection lost"] * 3)
    table = UsageLedger(database)

    with pytest.raises(DatabaseError):
        await table.write(row_of("a"))
    await table.write(row_of("b"))

    assert sorted(map(str, await written(database))) == ["a", "b"]


async def test_write_when_request_is_cancelled_then_rows_are_kept() -> None:
    class Silent(UnsteadyDatabase):
        async def execute(self, statement: str, *parameters: Value) -> None:
            if self.reasons:
                self.reasons.clear()
                await asyncio.Event().wait()
            await super().execute(statement, *parameters)

    database = Silent("silent")
    table = UsageLedger(database)

    with pytest.raises(TimeoutError):
        await asyncio.wait_for(table.write(row_of("a")), 0.1)
    await table.write(row_of("b"))

    assert sorted(map(str, await written(database))) == ["a", "b"]


async def test_write_when_one_row_is_refused_then_others_are_written() -> None:
    database = MemoryDatabase()
    await database.execute("CREATE UNIQUE INDEX one ON usage (request_id)")
    await database.execute(
        "CREATE TRIGGER refuse BEFORE INSERT ON usage WHEN new.request_id = 'bad' "
        "BEGIN SELECT RAISE(ABORT, 'CHECK constraint failed'); END"
    )
    table = UsageLedger(database)

    results = await asyncio.gather(*(table.write(row_of(name)) for name in ("a", "bad", "c")), return_exceptions=True)

    assert await written(database) == ["a", "c"]
    (lost,) = [error for error in results if isinstance(error, UsageLostError)]
    assert [(row["request_id"], row["reason"]) for row in lost.rows] == [("bad", "D1 refuses its values")]
    assert "instance_id" not in lost.rows[0]


async def test_rows_over_the_limit_are_given_up_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "KEPT_LIMIT", 2)
    database = UnsteadyDatabase(*["D1_ERROR: down"] * 3)
    table = UsageLedger(database)

    results = await asyncio.gather(*(table.write(row_of(name)) for name in "abc"), return_exceptions=True)
    assert any(isinstance(error, DatabaseError) for error in results)
    with pytest.raises(UsageLostError) as caught:
        await table.write(row_of("d"))

    assert [row["request_id"] for row in caught.value.rows] == ["a"]
    assert sorted(map(str, await written(database))) == ["b", "c", "d"]


async def test_log_says_which_rows_were_given_up_or_wait() -> None:
    database = UnsteadyDatabase("CHECK constraint failed", *["D1_ERROR: down"] * 3)
    client = create_client()
    client.bindings = replace(client.bindings, DB=database)

    given_up = await client.request("POST", "/work", json={"project_id": "p"})
    waiting = await client.request("POST", "/work", json={})

    (lost,) = [line for line in given_up.log if line["event"] == "usage_lost"]
    assert (lost["model"], lost["input_units"], "project_id" in lost) == ("gpt-6-luna", 1000, False)
    (delayed,) = [line for line in waiting.log if line["event"] == "usage_delayed"]
    assert delayed["error"] == "D1_ERROR: down"


async def test_write_now_when_retried_after_failure_then_written_once() -> None:
    database = UnsteadyDatabase("D1_ERROR: down", "lost")
    table = UsageLedger(database)

    for _ in range(2):
        with pytest.raises(DatabaseError):
            await table.write_now(row_of("a"))
    await table.write_now(row_of("a"))

    assert await written(database) == ["a"]


async def test_replace_writes_one_row_in_place_of_the_one_before() -> None:
    database = UnsteadyDatabase()
    table = UsageLedger(database)
    for other in ("b", "c"):
        await table.write_now(row_of(other))
    corrected = row_of("b")
    corrected[COLUMNS.index("output_units")] = 9

    await table.replace(corrected)
    await table.replace(row_of("d"))

    rows = await database.query("SELECT request_id, output_units FROM usage ORDER BY id")
    assert [tuple(row.values()) for row in rows] == [("b", 9), ("c", 2), ("d", 2)]


async def test_replace_when_retried_after_failure_then_written_once() -> None:
    database = UnsteadyDatabase("D1_ERROR: down", "lost")
    table = UsageLedger(database)

    for _ in range(2):
        with pytest.raises(DatabaseError):
            await table.replace(row_of("a"))
    await table.replace(row_of("a"))

    assert await written(database) == ["a"]


async def test_usage_that_a_provider_reports_as_anything_is_recorded() -> None:
    client = create_client()
    usage = Usage(provider="openai", model="gpt-6-luna", input_units=None, output_units="5", upstream_ms=-3)  # type: ignore[arg-type]
    context = client.create_context("POST", "/work")
    record_usage(context, usage)

    await context.finish()

    (row,) = await client.bindings.database.query("SELECT input_units, output_units, upstream_ms FROM usage")
    assert row == {"input_units": 0, "output_units": 0, "upstream_ms": 0}
