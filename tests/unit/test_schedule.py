"""What the Cron Triggers do: old rows and files are deleted, and what a kill left is ended."""

from __future__ import annotations

import json
import tomllib
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from electrons.app import App
from electrons.bindings import Value
from electrons.context import Context
from electrons.errors import UnavailableError
from electrons.logs import Logger, timestamp
from electrons.schedule import SECONDS_A_DAY, run_tasks
from electrons.storage.media import MediaFolder, new_name
from electrons.testing import MemoryDatabase, MemoryObjectStore, TestClient, create_memory_bindings
from render_service.recovery import recover_renders
from render_service.storage import Renders
from setup import ROOT
from tests.apps import load_apps
from tests.unit.render_stack import (
    HTML,
    LINK,
    RENDER,
    RecordedWorkflow,
    RenderStack,
    Respond,
    file_response,
    progress,
    shotstack,
)

DAYS_30 = timestamp(seconds_ago=30 * SECONDS_A_DAY)
EXISTS = UnavailableError("The instance exists")
FOLDER = MediaFolder(bucket="AUDIO_STORAGE", path="/audio", not_found="Not found", content_types=("audio/mpeg",))


def client_of(worker: str, **settings: Any) -> TestClient:
    app = load_apps()[worker]
    return TestClient(app, settings=app.settings(**settings), bindings=create_memory_bindings())


def database_of(client: TestClient) -> MemoryDatabase:
    database = client.bindings.database
    assert isinstance(database, MemoryDatabase)
    return database


async def insert(database: MemoryDatabase, table: str, *, created_at: str, **values: Value) -> None:
    """Insert a row whose other columns have a value of their type."""
    columns = await database.query("SELECT name, type, pk FROM pragma_table_info(?)", table)
    row: dict[str, Value] = {
        str(column["name"]): 0 if column["type"] == "INTEGER" else str(column["name"])
        for column in columns
        if not (column["pk"] and column["type"] == "INTEGER")
    }
    row |= {"created_at": created_at, "updated_at": created_at, **values} if "updated_at" in row else {}
    row |= {"created_at": created_at, **values}
    marks = ", ".join("?" for _ in row)
    await database.execute(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})", *row.values())  # noqa: S608


async def run(client: TestClient) -> list[dict[str, Any]]:
    """Do what the worker's trigger does, and return the lines of the log."""
    lines: list[str] = []
    context = client.create_context("SCHEDULE", "/")
    context.log = Logger(worker=client.app.service, write=lambda _level, line: lines.append(line))
    await run_tasks(context, client.app.scheduled_tasks)
    return [line for line in map(json.loads, lines) if line["event"] == "scheduled"]


async def count(database: MemoryDatabase, table: str) -> int:
    (row,) = await database.query(f"SELECT count(*) AS number FROM {table}")  # noqa: S608
    return int(row["number"] or 0)


@pytest.mark.parametrize("worker", sorted(load_apps()))
def test_worker_has_a_trigger_if_it_has_tasks(worker: str) -> None:
    config = tomllib.loads((ROOT / "workers" / worker / "wrangler.toml").read_text())

    assert bool(config.get("triggers")) == bool(load_apps()[worker].scheduled_tasks)


async def test_task_that_fails_leaves_the_others_running() -> None:
    app = App("worker")
    done: list[str] = []

    @app.on_schedule
    async def fails(_context: Context) -> int:
        raise UnavailableError("The store is away")

    @app.on_schedule
    async def works(_context: Context) -> int:
        done.append("works")
        return 3

    lines = await run(TestClient(app, bindings=create_memory_bindings()))

    assert done == ["works"]
    assert [(line["task"], line["level"], line.get("count")) for line in lines] == [
        ("fails", "error", None),
        ("works", "info", 3),
    ]


@pytest.mark.parametrize(("keep_days", "left"), [(0.0, 2), (29.0, 1), (31.0, 2)])
async def test_usage_rows_are_kept_for_so_many_days(keep_days: float, left: int) -> None:
    client = client_of("text-gen", usage_keep_days=keep_days)
    await insert(database_of(client), "usage", created_at=DAYS_30)
    await insert(database_of(client), "usage", created_at=timestamp())

    await run(client)

    assert await count(database_of(client), "usage") == left
    assert await count(database_of(client), "usage_totals") >= 1  # the counters of /metrics never fall


async def test_one_run_deletes_a_bounded_number_of_rows() -> None:
    client = client_of("text-gen", usage_keep_days=1.0)
    database = database_of(client)
    await insert(database, "usage", created_at=DAYS_30)
    for _ in range(13):
        columns = [str(row["name"]) for row in await database.query("SELECT name FROM pragma_table_info('usage')")][1:]
        names = ", ".join(columns)
        await database.execute(f"INSERT INTO usage ({names}) SELECT {names} FROM usage")  # noqa: S608

    first, second = await run(client), await run(client)

    assert (first[-1]["count"], second[-1]["count"]) == (5000, 2**13 - 5000)


@pytest.mark.parametrize(
    ("table", "worker", "kept"),
    [
        ("executions", "sandbox-executor", {"status": "running"}),
        ("commits", "sandbox-executor", None),
        ("renders", "render-service", {"status": "rendering"}),
        ("renders", "render-service", {"status": "done", "callback_status": "pending"}),
        ("deployments", "sandbox-executor", {"status": "succeeded"}),
    ],
)
async def test_records_are_deleted_when_they_have_ended(table: str, worker: str, kept: dict[str, Value] | None) -> None:
    client = client_of(worker, records_keep_days=29.0)
    database = database_of(client)
    endings: dict[str, dict[str, Value]] = {
        "executions": {"status": "failed"},
        "renders": {"status": "done", "callback_status": None},
    }
    ended = endings.get(table, {})
    if table != "deployments":
        await insert(database, table, created_at=DAYS_30, **({"id": "old"} | ended))
    if kept is not None:
        young = {"updated_at": timestamp()} if table != "commits" else {}
        more: dict[str, Value] = {"id": "kept", "idempotency_key": "other"} if table == "executions" else {}
        more = {"id": "kept"} if table == "renders" else more
        await insert(database, table, created_at=DAYS_30, **{**young, **more, **kept})

    await run(client)

    assert await count(database, table) == (0 if kept is None else 1)


async def test_files_are_kept_for_so_many_days() -> None:
    now = 1_795_000_000.0
    bindings = create_memory_bindings(clock=lambda: now)
    app = App("worker")
    app.serve_media(FOLDER)
    client = TestClient(app, bindings=bindings)
    client.settings = replace(client.settings, media_keep_days=3650.0)
    context = client.create_context("POST", "/")
    for _ in range(600):
        name = new_name("mp3")
        await FOLDER.put_bytes(context, name, b"sound", content_type="audio/mpeg", provider="p", model="m")
    store = bindings.bucket("AUDIO_STORAGE")
    assert isinstance(store, MemoryObjectStore)

    await run(client)
    assert len(store.objects) == 600
    old = sorted(store.objects)[:300]
    for key in old:
        facts, content = store.objects[key]
        store.objects[key] = (replace(facts, uploaded=facts.uploaded.replace(year=2010)), content)

    while any(key in store.objects for key in old):
        await run(client)

    assert len(store.objects) == 300


async def test_files_are_kept_without_the_setting() -> None:
    client = client_of("audio-gen")

    lines = await run(client)

    assert [line["count"] for line in lines] == [0, 0]


def idle_stack(workflow: RecordedWorkflow, respond: Respond | None = None) -> RenderStack:
    stack = RenderStack(respond or shotstack(progress("rendering")))
    stack.workflow = workflow
    stack.client.bindings = replace(stack.client.bindings, RENDER_WORKFLOW=workflow)
    return stack


async def create_idle(stack: RenderStack, *, seconds: float = SECONDS_A_DAY) -> None:
    await Renders(stack.database).create(RENDER)
    idle = timestamp(seconds_ago=seconds)
    await stack.database.execute("UPDATE renders SET updated_at = ?, created_at = ?", idle, idle)


class EndedWorkflow(RecordedWorkflow):
    """A Workflow whose instances cannot be woken."""

    async def send(self, instance_id: str, *, event: str) -> None:
        raise UnavailableError("There is no such instance")


async def test_render_that_is_idle_for_long_is_woken() -> None:
    stack = idle_stack(RecordedWorkflow())
    await create_idle(stack, seconds=1000)

    assert await recover_renders(stack.create_context()) == 1
    assert stack.workflow.woken == [RENDER.id]
    assert (await stack.render_row())["status"] == "queued"


async def test_render_that_is_late_although_it_was_woken_is_ended() -> None:
    stack = idle_stack(RecordedWorkflow())
    await create_idle(stack)

    await recover_renders(stack.create_context())

    assert (await stack.render_row())["status"] == "failed"


async def test_render_that_is_at_work_is_left_alone() -> None:
    stack = idle_stack(RecordedWorkflow())
    await Renders(stack.database).create(RENDER)

    assert await recover_renders(stack.create_context()) == 0


async def test_render_without_background_work_gets_it() -> None:
    stack = idle_stack(EndedWorkflow())
    await create_idle(stack)

    await recover_renders(stack.create_context())

    assert stack.workflow.created == [RENDER.id]


async def test_render_whose_background_work_failed_is_ended() -> None:
    stack = idle_stack(EndedWorkflow(failure=EXISTS))
    await create_idle(stack)

    await recover_renders(stack.create_context())

    assert (await stack.render_row())["status"] == "failed"
    assert [row["error_code"] for row in await stack.usage_rows()] == ["RENDER_FAILED"]


async def test_finished_render_that_nobody_copied_is_copied() -> None:
    stack = idle_stack(EndedWorkflow(failure=EXISTS), shotstack(progress("done", url=LINK)))
    await create_idle(stack)
    await stack.database.execute("UPDATE renders SET status = 'saving', provider_url = ?", LINK)

    await recover_renders(stack.create_context())

    assert (await stack.render_row())["status"] == "done"
    assert [row["status"] for row in await stack.usage_rows()] == [200]


async def test_copy_that_fails_is_repeated_by_the_next_run() -> None:
    stack = idle_stack(
        EndedWorkflow(failure=EXISTS), shotstack(progress("done", url=LINK), files=[HTML, file_response()])
    )
    await create_idle(stack, seconds=SECONDS_A_DAY / 2)
    await stack.database.execute("UPDATE renders SET status = 'saving', provider_url = ?", LINK)
    await recover_renders(stack.create_context())
    first = (await stack.render_row())["status"]
    await stack.database.execute("UPDATE renders SET updated_at = created_at")

    await recover_renders(stack.create_context())

    assert (first, (await stack.render_row())["status"]) == ("saving", "done")


async def test_copy_is_given_up_when_the_link_is_dead() -> None:
    stack = idle_stack(EndedWorkflow(failure=EXISTS), shotstack(progress("done", url=LINK), files=[HTML]))
    await create_idle(stack, seconds=3 * SECONDS_A_DAY)
    await stack.database.execute("UPDATE renders SET status = 'saving', provider_url = ?", LINK)

    await recover_renders(stack.create_context())

    assert (await stack.render_row())["status"] == "failed"


@pytest.mark.parametrize(("days", "left"), [(0.5, "pending"), (30, "given_up")])
async def test_callback_that_nobody_makes_is_made(days: float, left: str) -> None:
    stack = idle_stack(EndedWorkflow(failure=EXISTS), lambda _request: httpx2.Response(500))
    await create_idle(stack, seconds=days * SECONDS_A_DAY)
    await stack.database.execute(
        "UPDATE renders SET status = 'done', callback_url = 'https://example.com/', callback_status = 'pending'"
    )

    await recover_renders(stack.create_context())

    assert (await stack.render_row())["callback_status"] == left
    assert [request.method for request in stack.requests] == ["POST"]


async def test_render_that_fails_leaves_the_others_recovered() -> None:
    stack = idle_stack(EndedWorkflow(failure=EXISTS))
    await Renders(stack.database).create(replace(RENDER, id="second"))
    await create_idle(stack)
    stack.database.fail("INSERT INTO usage", times=1)

    await recover_renders(stack.create_context())

    rows = await stack.database.query("SELECT status FROM renders")
    assert [row["status"] for row in rows] == ["failed", "failed"]


async def test_one_run_ends_a_bounded_number_of_renders() -> None:
    stack = idle_stack(EndedWorkflow(failure=EXISTS))
    for number in range(7):
        await Renders(stack.database).create(replace(RENDER, id=f"render-{number}", request_id=f"request-{number}"))
    await create_idle(stack)
    stack.database.statements.clear()

    assert await recover_renders(stack.create_context()) == 3
    assert len(stack.database.statements) < 40
    assert await recover_renders(stack.create_context()) == 3
    assert await recover_renders(stack.create_context()) == 2


async def test_execution_that_was_interrupted_is_ended() -> None:
    client = client_of("sandbox-executor")
    await insert(database_of(client), "executions", created_at=DAYS_30, status="running", outcome=None)

    await run(client)

    (row,) = await database_of(client).query("SELECT status, error_code FROM executions")
    assert row == {"status": "failed", "error_code": "EXECUTION_INTERRUPTED"}
