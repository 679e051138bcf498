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
from sandbox_executor import commits, deployments
from sandbox_executor.durable_effects import DurableEffects
from sandbox_executor.execution_record import ExecutionRecord
from sandbox_executor.models.commit import Commit, CommitRequest
from sandbox_executor.models.deploy import Deployment, DeployRequest
from sandbox_executor.routes import app
from sandbox_executor.storage.executions import Execution
from sandbox_executor.storage.work import ExecutionWork
from tests.unit.memory_workflow import Killed, MemorySteps
from tests.unit.sandbox_platform import (
    CODE,
    FINISH,
    SETTINGS,
    TURN_COST,
    WRITE,
    Platform,
    Trials,
    create_platform,
    message,
)

MORE = [["write_file", {"path": "more.md", "content": "# More"}]]


async def execute_and_kill(platform: Platform, **kills: Any) -> TestResponse:
    """Return the response of an execution whose process is killed once, and then begun again."""
    platform.workflow.model = MemorySteps(**kills)
    waiting = asyncio.create_task(platform.execute(key="key"))
    await platform.workflow.killed.wait()
    (execution_id,) = platform.workflow.steps
    await platform.workflow.send(execution_id, event="go-on")
    return await waiting


async def test_process_when_killed_between_turns_then_paid_once() -> None:
    platform = await create_platform(WRITE, MORE, FINISH)

    response = await execute_and_kill(platform, kill_before={"turn 3"})

    body = response.json()
    assert (response.status, body["result"]["metadata"]["ended_by"]) == (200, "finished")
    assert [file["path"] for file in body["result"]["files"]] == ["more.md", "notes.md"]
    assert body["result"]["metadata"]["tokens_used"] == 60
    assert len(platform.model.requests) == 3
    assert await platform.usage() == [(30, 30, None)]


async def test_turn_when_killed_while_it_is_paid_then_not_repeated() -> None:
    platform = await create_platform(WRITE, MORE, FINISH)

    response = await execute_and_kill(platform, kill_in={"turn 2"})

    body = response.json()
    assert (response.status, body["error_code"]) == (503, "EXECUTION_INTERRUPTED")
    assert [file["path"] for file in body["details"]["result"]["files"]] == ["notes.md"]
    assert len(platform.model.requests) == 2
    assert (await platform.row())["status"] == "failed"
    assert body["details"]["result"]["metadata"]["tokens_used"] == 40
    assert await platform.usage() == [(20, 20, "EXECUTION_INTERRUPTED")]

    again = await platform.execute(key="key")

    assert (again.status, again.json()["error_code"]) == (409, "IDEMPOTENCY_OUTCOME_UNKNOWN")
    assert len(platform.model.requests) == 2


@pytest.mark.parametrize("step", ["record usage 1", "end 1", "delete work"])
async def test_process_when_killed_at_the_end_then_one_usage_row(step: str) -> None:
    platform = await create_platform(WRITE, FINISH)

    response = await execute_and_kill(platform, kill_in={step})

    assert response.status == 200
    await asyncio.gather(*platform.workflow.tasks.values())
    assert len(platform.model.requests) == 2
    assert await platform.usage() == [(20, 20, None)]
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
    assert await platform.usage() == [(20, 20, None)]


async def test_failure_of_the_model_is_the_responses() -> None:
    platform = await create_platform(WRITE, httpx2.Response(529, json={"error": {"message": "overloaded"}}))

    response = await platform.execute(key="key")

    body = response.json()
    assert (response.status, body["error_code"]) == (502, "PROVIDER_ERROR")
    assert body["details"]["result"]["files"][0]["path"] == "notes.md"
    assert await platform.usage() == [(10, 10, "PROVIDER_ERROR")]


@pytest.mark.parametrize("killed", [False, True])
@pytest.mark.parametrize("action", ["deploy", "commit"])
async def test_action_when_run_again_then_done_once(action: str, killed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    database, count = MemoryDatabase(), 0

    async def commit(*_: Any, **__: Any) -> Commit:
        nonlocal count
        count += 1
        return Commit(sha="1f", url="https://github.example/1f", branch="main")

    async def deploy(*_: Any) -> Deployment:
        nonlocal count
        count += 1
        return Deployment(worker_id="1f", version="1", deployed_at="2026-11-26T00:00:00.000Z", worker_name="hello")

    monkeypatch.setattr(commits, "commit", commit)
    monkeypatch.setattr(deployments, "deploy", deploy)
    context = TestClient(app, bindings=replace(create_memory_bindings(), DB=database)).create_context("WORKFLOW", "/")
    await ExecutionWork(database).insert("id", "{}")
    steps = MemorySteps(kill_in={action} if killed else set())
    row = Execution(id="id", request_id="id", task="Write", model="claude-sonnet-4-6")
    record = ExecutionRecord(context, row, route="/execute")

    async def act() -> Commit | Deployment:
        effects = DurableEffects(steps, context, record=record, provider=AnthropicProvider())
        if action == "deploy":
            return await effects.deploy(DeployRequest.model_construct(worker_name="hello"))
        return await effects.commit(CommitRequest.model_construct(), expected_head=None)

    first: Commit | Deployment | None = None
    with suppress(Killed):
        first = await act()

    with pytest.raises(UnavailableError) if killed else nullcontext():
        assert await act() == first

    assert count == 1


@pytest.mark.parametrize(
    ("kills", "turns"),
    [({"kill_before": {"turn 3"}}, 3), ({"kill_in": {"turn 2"}}, 2), ({"kill_in": {"end 1"}}, 3)],
)
async def test_budget_when_the_process_is_killed_then_settled_once(kills: dict[str, set[str]], turns: int) -> None:
    platform = await create_platform(WRITE, MORE, FINISH, budget="1/day")

    await execute_and_kill(platform, **kills)

    assert len(platform.model.requests) == turns
    assert await platform.budget() == (turns * TURN_COST, 0)
    (row,) = await platform.database.query("SELECT estimated_cost_microusd FROM usage")
    assert row["estimated_cost_microusd"] == turns * TURN_COST


@pytest.mark.parametrize("kills", [{"kill_before": {"record usage 1"}}, {"kill_in": {"turn 3"}}])
async def test_trial_when_it_differs_in_a_replay_then_all_turns_are_counted(kills: dict[str, set[str]]) -> None:
    platform = await create_platform([*CODE, *FINISH], MORE, FINISH, loader=Trials(first_fails=True))

    response = await execute_and_kill(platform, **kills)

    metadata = response.json()["result"]["metadata"]
    assert (response.status, metadata["ended_by"], metadata["turns"]) == (200, "finished", 1)
    assert (metadata["tokens_used"], len(platform.model.requests)) == (60, 3)
    assert await platform.usage() == [(30, 30, None)]


async def test_price_when_unknown_then_logged_once() -> None:
    settings = replace(SETTINGS, execute_max_cost_usd=0, default_code_model="claude-mythos-5-1")
    answered = {**message(FINISH), "model": "claude-mythos-5-1"}
    platform = await create_platform(answered, answered, settings=settings)

    await execute_and_kill(platform, kill_in={"end 1"})
    unkeyed = await platform.execute()

    lines = [[line for line in log if line["event"] == "price_unknown"] for log in (platform.workflow_log, unkeyed.log)]
    facts = [[(line["provider"], line["model"], line["unit"]) for line in found] for found in lines]
    assert facts == [[("anthropic", "claude-mythos-5-1", "tokens")]] * 2


async def test_end_when_it_cannot_be_stored_then_stored_after_a_wake() -> None:
    platform = await create_platform(WRITE, FINISH)
    platform.workflow.model = MemorySteps(patient=True)
    platform.database.refused = {"ended_by = ?", "INSERT INTO usage"}
    waiting = asyncio.create_task(platform.execute(key="key"))
    await platform.workflow.started.wait()
    ((execution_id, steps),) = platform.workflow.steps.items()
    await steps.waiting.wait()
    assert (await platform.load(execution_id)).json()["status"] == "running"
    platform.database.refused = set()
    await platform.age(11)

    await platform.load(execution_id)
    response = await waiting

    assert (response.status, response.json()["result"]["files"][0]["path"]) == (200, "notes.md")
    assert (await platform.load(execution_id)).json()["status"] == "succeeded"
    assert await platform.usage() == [(20, 20, None)]
    assert len(platform.model.requests) == 2
    assert await platform.database.query("SELECT * FROM execution_work") == []


async def test_end_when_it_can_never_be_stored_then_interrupted() -> None:
    platform = await create_platform(WRITE, FINISH)
    platform.workflow.model = MemorySteps(limit=100)
    platform.database.refused = {"ended_by = ?", "INSERT INTO usage"}
    waiting = asyncio.create_task(platform.execute(key="key"))
    await platform.workflow.started.wait()
    await asyncio.gather(*platform.workflow.tasks.values())
    (execution_id,) = platform.workflow.steps
    platform.database.refused = set()
    await platform.database.execute("UPDATE execution_work SET woken = 5")
    await platform.age(SETTINGS.execute_max_seconds + 121)

    shown = (await platform.load(execution_id)).json()
    response = await waiting

    assert (shown["status"], shown["error_code"]) == ("failed", "EXECUTION_INTERRUPTED")
    assert shown["result"]["files"][0]["path"] == "notes.md"
    assert (response.status, response.json()["error_code"]) == (503, "EXECUTION_INTERRUPTED")
    assert await platform.usage() == [(20, 20, "EXECUTION_INTERRUPTED")]
    again = await platform.execute(key="key")
    assert (again.json()["error_code"], len(platform.model.requests)) == ("IDEMPOTENCY_OUTCOME_UNKNOWN", 2)
