"""`POST /execute` and `GET /execute/{execution_id}` on plain CPython: failures, kills, and callers who leave."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx2
import pytest

from electrons.bindings import Row, Value
from electrons.errors import DatabaseError
from electrons.logs import timestamp
from electrons.middleware.idempotency import RUNNING_SECONDS
from electrons.middleware.validation import parse_body
from sandbox_executor import deployments
from sandbox_executor.models.deploy import Deployment
from sandbox_executor.models.execute import ExecuteRequest
from tests.unit.sandbox_platform import (
    CODE,
    FINISH,
    SETTINGS,
    TURN_COST,
    WRITE,
    Hanging,
    HangingLoader,
    Trials,
    create_platform,
    message,
)


@pytest.mark.parametrize("refused", ["SET answer", "UPDATE executions"])
async def test_execution_goes_on_when_progress_cannot_be_saved(refused: str) -> None:
    platform = await create_platform(WRITE, FINISH)
    platform.database.refused = {refused}

    response = await platform.execute()

    assert response.status == 200
    assert response.json()["result"]["files"][0]["path"] == "notes.md"
    assert "execution_progress_not_saved" in [line["event"] for line in response.log]


async def test_end_that_cannot_be_saved_is_saved_after_the_response() -> None:
    platform = await create_platform(WRITE, FINISH)

    original = platform.database.query
    ends = 0

    async def query(statement: str, *parameters: Value) -> list[Row]:
        nonlocal ends
        if "ended_by = ?" in statement:
            ends += 1
            if ends == 1:
                raise DatabaseError("disk")
        return await original(statement, *parameters)

    platform.database.query = query  # type: ignore[method-assign]
    response = await platform.execute()

    assert response.status == 200
    row = await platform.row()
    assert (ends, row["status"], row["ended_by"]) == (2, "succeeded", "finished")


async def test_database_error_does_not_replace_the_models_error() -> None:
    platform = await create_platform(WRITE, httpx2.Response(500, json={"error": {"message": "overloaded"}}))
    platform.database.refused = {"UPDATE executions"}

    response = await platform.execute()

    body = response.json()
    assert (response.status, body["error_code"]) == (502, "PROVIDER_ERROR")
    assert body["details"]["execution_id"]
    assert body["details"]["result"]["files"][0]["path"] == "notes.md"
    usage = await platform.database.query("SELECT * FROM usage")
    assert [(row["input_units"], row["output_units"]) for row in usage] == [(10, 10)]


async def test_interrupted_execution_is_ended_when_it_is_read() -> None:
    platform = await create_platform(WRITE, FINISH)
    execution_id = (await platform.execute()).json()["execution_id"]
    await platform.database.execute(
        "UPDATE executions SET status = 'running', ended_by = NULL, updated_at = '2026-01-01T00:00:00.000Z'"
    )

    shown = (await platform.load(execution_id)).json()

    assert (shown["status"], shown["error_code"]) == ("failed", "EXECUTION_INTERRUPTED")
    assert shown["error"].startswith("The execution was interrupted; `result` has what exists")
    assert shown["result"]["files"][0]["path"] == "notes.md"
    assert (await platform.row())["status"] == "failed"


async def test_killed_execution_is_ended_with_what_it_has_spent() -> None:
    hanging = Hanging()
    platform = await create_platform(WRITE, WRITE, hanging, FINISH)
    killed = asyncio.create_task(platform.execute())
    await hanging.begun.wait()
    execution_id = str((await platform.row())["id"])
    assert (await platform.load(execution_id)).json()["status"] == "running"
    await platform.age(SETTINGS.execute_max_seconds + 121)

    shown = (await platform.load(execution_id)).json()
    await platform.load(execution_id)

    assert (shown["status"], shown["error_code"]) == ("failed", "EXECUTION_INTERRUPTED")
    assert shown["result"]["files"][0]["path"] == "notes.md"
    assert shown["result"]["metadata"]["tokens_used"] == 40
    assert await platform.usage() == [(20, 20, "EXECUTION_INTERRUPTED")]
    killed.cancel()
    await asyncio.wait([killed])


async def test_killed_trial_leaves_its_turn_settled_and_counted() -> None:
    loader = HangingLoader()
    platform = await create_platform([*CODE, *FINISH], loader=loader, budget="1/day")
    killed = asyncio.create_task(platform.execute())
    await loader.begun.wait()
    execution_id = str((await platform.row())["id"])
    assert await platform.budget() == (TURN_COST, 0)
    await platform.age(SETTINGS.execute_max_seconds + 121)

    shown = (await platform.load(execution_id)).json()

    assert shown["error_code"] == "EXECUTION_INTERRUPTED"
    metadata = shown["result"]["metadata"]
    assert (metadata["tokens_used"], metadata["estimated_cost_usd"]) == (20, TURN_COST / 1e6)
    assert await platform.usage() == [(10, 10, "EXECUTION_INTERRUPTED")]
    killed.cancel()
    await asyncio.wait([killed])


async def test_caller_who_leaves_without_a_key_ends_the_work() -> None:
    hanging = Hanging()
    platform = await create_platform(WRITE, hanging, FINISH)
    leaving = asyncio.create_task(platform.execute())
    await hanging.begun.wait()
    leaving.cancel()
    await asyncio.wait([leaving])

    shown = (await platform.load(str((await platform.row())["id"]))).json()

    assert (shown["status"], shown["error_code"]) == ("cancelled", "EXECUTION_CANCELLED")
    assert shown["error"].startswith("The caller left")
    assert shown["result"]["files"][0]["path"] == "notes.md"
    metadata = shown["result"]["metadata"]
    assert (metadata["ended_by"], metadata["complete"]) == ("cancelled", False)
    assert metadata["estimated_cost_usd"] > 0
    assert len(platform.model.requests) == 2


async def test_caller_who_leaves_after_the_last_turn_finds_the_deployment(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, may_end = asyncio.Event(), asyncio.Event()

    async def deploy(*_: Any) -> Deployment:
        begun.set()
        await may_end.wait()
        return Deployment(worker_id="1f", version="1", deployed_at="2026-11-26T00:00:00.000Z", worker_name="hello")

    monkeypatch.setattr(deployments, "deploy", deploy)
    platform = await create_platform([*CODE, *FINISH], loader=Trials())
    leaving = asyncio.create_task(platform.execute(auto_deploy=True, worker_name="hello"))
    await begun.wait()
    leaving.cancel()
    may_end.set()
    await asyncio.wait([leaving])

    shown = (await platform.load(str((await platform.row())["id"]))).json()

    assert (shown["status"], shown["deployment"]["worker_id"]) == ("succeeded", "1f")


async def test_interrupted_execution_is_ended_by_the_next_one() -> None:
    platform = await create_platform(WRITE, FINISH, FINISH)
    first = (await platform.execute()).json()["execution_id"]
    await platform.database.execute("UPDATE executions SET status = 'running', updated_at = '2026-01-01T00:00:00.000Z'")

    await platform.execute("Another task")

    (row,) = await platform.database.query("SELECT * FROM executions WHERE id = ?", first)
    assert (row["status"], row["error_code"], row["error_status"]) == ("failed", "EXECUTION_INTERRUPTED", 503)


async def test_retry_after_a_kill_learns_the_id_of_what_exists() -> None:
    platform = await create_platform(WRITE, FINISH)
    first = (await platform.execute(key="key-1")).json()["execution_id"]
    await platform.database.execute("UPDATE executions SET status = 'running', updated_at = '2026-01-01T00:00:00.000Z'")
    await platform.database.execute(
        "UPDATE idempotent_answers SET ended = 0, status = NULL, body = NULL, created_at = ?",
        timestamp(seconds_ago=RUNNING_SECONDS + 1),
    )

    response = await platform.execute(key="key-1")
    shown = (await platform.load(first)).json()

    body = response.json()
    assert (response.status, body["error_code"]) == (409, "IDEMPOTENCY_OUTCOME_UNKNOWN")
    assert body["details"] == {"execution_id": first}
    assert (shown["error_code"], shown["result"]["files"][0]["path"]) == ("EXECUTION_INTERRUPTED", "notes.md")
    assert len(platform.model.requests) == 2


async def test_retry_while_the_first_is_at_work_learns_its_id() -> None:
    platform = await create_platform(WRITE, FINISH)
    first = (await platform.execute(key="key-1")).json()["execution_id"]
    await platform.database.execute("UPDATE idempotent_answers SET ended = 0, status = NULL, body = NULL")

    response = await platform.execute(key="key-1")

    body = response.json()
    assert (body["error_code"], body["details"]) == ("IDEMPOTENCY_IN_PROGRESS", {"execution_id": first})
    assert (response.headers.get("Retry-After"), response.headers.get("x-should-retry")) == ("1", "true")


async def test_retry_of_a_paid_failure_is_not_paid_again() -> None:
    platform = await create_platform(WRITE, httpx2.Response(500, json={"error": {"message": "overloaded"}}))
    failed = (await platform.execute(key="key-1")).json()

    response = await platform.execute(key="key-1")

    body = response.json()
    assert (failed["error_code"], body["error_code"]) == ("PROVIDER_ERROR", "IDEMPOTENCY_OUTCOME_UNKNOWN")
    assert body["details"]["execution_id"] == failed["details"]["execution_id"]
    assert (await platform.load(body["details"]["execution_id"])).json()["error_code"] == "PROVIDER_ERROR"
    assert len(platform.model.requests) == 2


async def test_retry_of_a_failure_that_cost_nothing_is_a_new_one() -> None:
    platform = await create_platform(httpx2.Response(500, json={"error": {"message": "overloaded"}}), WRITE, FINISH)
    failed = (await platform.execute(key="key-1")).json()

    body = (await platform.execute(key="key-1")).json()

    assert body["success"] is True
    assert body["execution_id"] != failed["details"]["execution_id"]


async def test_execution_thought_interrupted_can_still_succeed() -> None:
    platform = await create_platform(WRITE, FINISH)
    original = platform.model.respond

    async def respond(request: httpx2.Request) -> httpx2.Response:
        if len(platform.model.requests) == 1:  # as if another isolate had given this one up
            platform.database._connection.execute(  # noqa: SLF001
                "UPDATE executions SET status = 'failed', error = 'x', error_code = 'EXECUTION_INTERRUPTED'"
            )
        return await original(request)

    platform._client.http = httpx2.MockTransport(respond)  # noqa: SLF001
    await platform.execute()

    row = await platform.row()
    assert (row["status"], row["error"], row["error_code"]) == ("succeeded", None, None)


@pytest.mark.parametrize("text", ["", " \n"])
async def test_blank_text_of_a_turn_is_not_sent_back(text: str) -> None:
    turn = message(WRITE)
    turn["content"].insert(0, {"type": "text", "text": text})
    platform = await create_platform(turn, FINISH)

    assert (await platform.execute()).status == 200

    blocks = [block for each in platform.model.requests[1]["messages"] for block in each["content"]]
    assert [block for block in blocks if block["type"] == "text" and not block["text"].strip()] == []
    assert [block["type"] for block in blocks] == ["text", "tool_use", "tool_result"]


async def test_turn_that_says_nothing_is_left_out_of_the_conversation() -> None:
    silent = {**message([]), "content": [{"type": "text", "text": " "}], "stop_reason": "max_tokens"}
    platform = await create_platform(silent, WRITE, FINISH)

    assert (await platform.execute()).status == 200

    assert [each["role"] for each in platform.model.requests[1]["messages"]] == ["user"]


async def test_result_of_only_white_space_is_described() -> None:
    files = [["write_file", {"path": "a.txt", "content": "\n"}], ["read_file", {"path": "a.txt"}]]
    platform = await create_platform(files, FINISH)

    await platform.execute()

    result = platform.model.requests[1]["messages"][-1]["content"][-1]
    assert result["content"] == "(only white space)"


async def test_failed_commit_is_logged_without_what_the_provider_says() -> None:
    platform = await create_platform(httpx2.Response(404, json={"message": "Not Found: const plan = 1"}))

    response = await platform.execute(repo="demo/hello")

    assert response.status >= 400
    assert "const plan" not in json.dumps(response.log)


@pytest.mark.parametrize(
    ("fields", "message_part"),
    [
        ({"create_branch": True}, "create_branch: needs `commit`"),
        ({"create_pr": True}, "create_pr: needs `commit`"),
        ({"auto_commit": True}, "commit: needs a `repo`"),
        (
            {"repo": "demo/hello", "commit": True, "create_pr": True, "branch": "new", "base_branch": "new"},
            "base_branch: must be another branch than `branch`",
        ),
        ({"github_repo": "hello"}, "must be in owner/repo format"),
    ],
)
async def test_branches_that_do_not_fit_are_refused(fields: dict[str, Any], message_part: str) -> None:
    response = await (await create_platform()).execute(**fields)

    assert (response.status, message_part in response.json()["error"]) == (400, True), response.json()


def test_older_names_of_fields_are_understood() -> None:
    body = parse_body(
        json.dumps(
            {"task": "x", "github_repo": "demo/hello", "auto_commit": True, "commitMessage": "Say hello"}
        ).encode(),
        ExecuteRequest,
    )

    assert (body.repo, body.commit, body.commit_message) == ("demo/hello", True, "Say hello")
    assert list(body.unknown_fields()) == []


def test_newer_name_of_a_field_wins_over_the_older_one() -> None:
    document = {"task": "x", "github_repo": "old/name", "repo": "new/name", "auto_commit": True, "commit": None}

    body = parse_body(json.dumps(document).encode(), ExecuteRequest)

    assert (body.repo, body.commit) == ("new/name", True)


async def test_unknown_fields_are_named_in_the_warnings() -> None:
    platform = await create_platform(FINISH)

    body = (await platform.execute(maxTokens=5)).json()

    assert "`maxTokens`" in json.dumps(body["result"]["metadata"]["warnings"])
