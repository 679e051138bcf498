"""Executions under an idempotency key, as a Workflow whose process is killed."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from electrons.errors import UnavailableError
from electrons.providers.anthropic import AnthropicProvider
from electrons.testing import MemoryDatabase, TestClient, TestResponse, create_memory_bindings
from sandbox_executor import commits
from sandbox_executor.durable_effects import DurableEffects
from sandbox_executor.models.commit import Commit, CommitRequest
from sandbox_executor.routes import app
from sandbox_executor.storage.executions import Execution
from sandbox_executor.storage.work import ExecutionWork
from tests.unit.memory_workflow import Killed, MemorySteps
from tests.unit.test_sandbox_executions import FINISH, WRITE, Platform, create_platform

MORE = [["write_file", {"path": "more.md", "content": "# More"}]]


async def execute_and_kill(platform: Platform, **kills: Any) -> TestResponse:
    """Return the response of an execution whose process is killed once, and then begun again."""
    platform.workflow.model = MemorySteps(**kills)
    waiting = asyncio.create_task(platform.execute(key="key"))
    await platform.workflow.killed.wait()
    (execution_id,) = platform.workflow.steps
    await platform.workflow.send(execution_id, event="go-on")
    return await waiting


async def usage_of(platform: Platform) -> list[tuple[Any, ...]]:
    rows = await platform.database.query("SELECT input_units, output_units, error_code FROM usage")
    return [tuple(row.values()) for row in rows]


async def test_process_when_killed_between_turns_then_paid_once() -> None:
    platform = await create_platform(WRITE, MORE, FINISH)

    response = await execute_and_kill(platform, kill_before={"turn 3"})

    body = response.json()
    assert (response.status, body["result"]["metadata"]["ended_by"]) == (200, "finished")
    assert [file["path"] for file in body["result"]["files"]] == ["more.md", "notes.md"]
    assert body["result"]["metadata"]["tokens_used"] == 60
    assert len(platform.model.requests) == 3
    assert await usage_of(platform) == [(30, 30, None)]


async def test_turn_when_killed_while_it_is_paid_then_not_repeated() -> None:
    platform = await create_platform(WRITE, MORE, FINISH)

    response = await execute_and_kill(platform, kill_in={"turn 2"})

    body = response.json()
    assert (response.status, body["error_code"]) == (503, "EXECUTION_INTERRUPTED")
    assert [file["path"] for file in body["details"]["result"]["files"]] == ["notes.md"]
    assert len(platform.model.requests) == 2
    assert (await platform.row())["status"] == "failed"
    assert await usage_of(platform) == [(10, 10, "EXECUTION_INTERRUPTED")]

    again = await platform.execute(key="key")

    assert (again.status, again.json()["error_code"]) == (409, "IDEMPOTENCY_OUTCOME_UNKNOWN")
    assert len(platform.model.requests) == 2


@pytest.mark.parametrize("step", ["record usage", "end", "delete work"])
async def test_process_when_killed_at_the_end_then_one_usage_row(step: str) -> None:
    platform = await create_platform(WRITE, FINISH)

    response = await execute_and_kill(platform, kill_in={step})

    assert response.status == 200
    await asyncio.gather(*platform.workflow.tasks.values())
    assert len(platform.model.requests) == 2
    assert await usage_of(platform) == [(20, 20, None)]
    assert await platform.database.query("SELECT * FROM execution_work") == []
    assert (await platform.row())["status"] == "succeeded"


async def test_caller_when_it_left_then_finds_the_result() -> None:
    platform = await create_platform(WRITE, FINISH)
    waiting = asyncio.create_task(platform.execute(key="key"))
    await platform.workflow.started.wait()
    waiting.cancel()
    await asyncio.gather(waiting, *platform.workflow.tasks.values(), return_exceptions=True)

    (execution_id,) = platform.workflow.steps
    shown = (await platform.load(execution_id)).json()

    assert (shown["status"], shown["result"]["files"][0]["path"]) == ("succeeded", "notes.md")
    assert await usage_of(platform) == [(20, 20, None)]


async def test_failure_of_the_model_is_the_responses() -> None:
    platform = await create_platform(WRITE, httpx2.Response(529, json={"error": {"message": "overloaded"}}))

    response = await platform.execute(key="key")

    body = response.json()
    assert (response.status, body["error_code"]) == (502, "PROVIDER_ERROR")
    assert body["details"]["result"]["files"][0]["path"] == "notes.md"
    assert await usage_of(platform) == [(10, 10, "PROVIDER_ERROR")]


@pytest.mark.parametrize("killed", [False, True])
async def test_commit_when_run_again_then_made_once(killed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    database, count = MemoryDatabase(), 0

    async def commit(*_: Any, **__: Any) -> Commit:
        nonlocal count
        count += 1
        return Commit(sha="1f", url="https://github.example/1f", branch="main")

    monkeypatch.setattr(commits, "commit", commit)
    context = TestClient(app, bindings=replace(create_memory_bindings(), DB=database)).create_context("WORKFLOW", "/")
    await ExecutionWork(database).insert("id", "{}")
    steps = MemorySteps(kill_in={"commit"} if killed else set())
    row = Execution(id="id", request_id="id", task="Write", model="claude-sonnet-4-6")
    effects = DurableEffects(steps, context, row=row, route="/execute", provider=AnthropicProvider())
    with suppress(Killed):
        await effects.commit(CommitRequest.model_construct(), expected_head=None)

    with pytest.raises(UnavailableError) if killed else nullcontext():
        await effects.commit(CommitRequest.model_construct(), expected_head=None)

    assert count == 1
