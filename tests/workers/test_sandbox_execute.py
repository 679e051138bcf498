"""`POST /execute`: the loop, its tools, the trial, and what ends it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.variants import PLANTED_SECRET
from tests.workers.sandbox import call, execute, files_of, play, tools_of
from tests.workers.shapes import UUID4, error_of

pytestmark = pytest.mark.usefixtures("delete_deployed")


def test_task_for_a_worker_returns_files_trial_and_cost(platform: Platform) -> None:
    body = execute(platform, "Write a greeter", requests=[{"path": "/hello/Grace"}, {"method": "POST", "path": "/x"}])

    result, metadata = body["result"], body["result"]["metadata"]
    assert UUID4.fullmatch(body["execution_id"])
    assert [(file["path"], file["type"]) for file in result["files"]] == [("src/index.js", "javascript")]
    assert "export default" in files_of(body)["src/index.js"]
    assert tools_of(body) == [("write_file", True), ("check", True), ("run", True), ("finish", True)]
    assert [step["turn"] for step in result["steps"]] == [1, 2, 3, 4]
    trial = result["trial"]
    assert (trial["passed"], trial["main"]) == (True, "src/index.js")
    assert [(answer["status"], answer["body"]) for answer in trial["answers"]] == [
        (200, '{"hello":"Grace"}'),
        (404, '{"error":"not found"}'),
    ]
    assert (metadata["ended_by"], metadata["complete"], metadata["turns"], metadata["repairs"]) == (
        "finished",
        True,
        4,
        0,
    )
    assert metadata["model"] == "claude-sonnet-4-6"
    assert metadata["tokens_used"] == metadata["input_tokens"] + metadata["output_tokens"] > 0
    assert metadata["estimated_cost_usd"] > 0
    assert "deployment" not in body and "commit" not in body


def test_execution_is_in_the_ledger_and_in_its_table(platform: Platform) -> None:
    body = execute(platform, "Write a greeter", instance_id="i-1", project_id="p-1")

    (usage,) = platform.usage_rows(body["request_id"])
    metadata = body["result"]["metadata"]
    assert (usage["worker"], usage["route"], usage["provider"]) == ("sandbox-executor", "/execute", "anthropic")
    assert usage["input_units"] + usage["output_units"] == metadata["tokens_used"]
    assert usage["estimated_cost_microusd"] == round(metadata["estimated_cost_usd"] * 1e6)
    (row,) = platform.rows("executions", request_id=body["request_id"])
    assert (row["id"], row["status"], row["ended_by"]) == (body["execution_id"], "succeeded", "finished")
    assert (row["task"], row["instance_id"], row["project_id"]) == ("Write a greeter", "i-1", "p-1")
    assert row["key_id"] == usage["key_id"] is not None


def test_code_when_it_throws_then_the_model_repairs_it(platform: Platform) -> None:
    body = execute(platform, "A counter that throws at first")

    assert tools_of(body) == [
        ("write_file", True),
        ("run", False),
        ("edit_file", True),
        ("run", True),
        ("finish", True),
    ]
    assert "the counter is broken" in body["result"]["steps"][1]["output"]
    assert body["result"]["metadata"]["repairs"] == 1
    assert body["result"]["metadata"]["complete"] is True


def test_code_that_never_works_is_not_deployed(platform: Platform, emulators: Emulators) -> None:
    body = execute(platform, "This never works", auto_deploy=True, worker_name="never-works")

    metadata = body["result"]["metadata"]
    assert (metadata["ended_by"], metadata["complete"], metadata["repairs"]) == ("max_repairs", False, 4)
    assert body["result"]["trial"]["passed"] is False
    assert "does not work either" in body["result"]["trial"]["answers"][0]["error"]
    assert "src/index.js" in files_of(body)
    assert body["deployment"]["success"] is False
    assert body["deployment"]["error_code"] == "EXECUTION_INCOMPLETE"
    assert emulators.requests("cloudflare") == []


def test_code_that_never_ends_is_stopped_and_repaired(platform: Platform) -> None:
    body = execute(platform, "An endless loop")

    assert tools_of(body)[1] == ("run", False)
    assert body["result"]["metadata"]["complete"] is True
    assert platform.client("render-service").get("/health").status_code == 200


def test_python_when_written_then_it_is_run_as_well(platform: Platform) -> None:
    body = execute(platform, "A python greeter", requests=[{"path": "/hello/Ada"}])

    assert [(file["path"], file["type"]) for file in body["result"]["files"]] == [("src/entry.py", "python")]
    trial = body["result"]["trial"]
    assert trial["passed"] is True
    assert [answer["body"] for answer in trial["answers"]] == ['{"hello": "Ada"}']


@pytest.mark.parametrize(
    ("worker", "task", "ended_by"),
    [
        ("sandbox-executor-of-few-turns", "It wanders", "max_turns"),
        ("sandbox-executor-of-few-tokens", "It wanders", "max_tokens"),
        ("sandbox-executor-of-little-money", "It wanders", "max_cost"),
        ("sandbox-executor", "refuse this", "refusal"),
    ],
)
def test_result_names_the_limit_that_was_reached(platform: Platform, worker: str, task: str, ended_by: str) -> None:
    body = execute(platform, task, worker=worker)

    metadata = body["result"]["metadata"]
    assert (metadata["ended_by"], metadata["complete"]) == (ended_by, False)
    (row,) = platform.rows("executions", request_id=body["request_id"])
    assert (row["status"], row["ended_by"]) == ("succeeded", ended_by)


def test_limits_of_tokens_and_cost_are_never_exceeded(platform: Platform) -> None:
    tokens = execute(platform, "It wanders", worker="sandbox-executor-of-few-tokens")["result"]["metadata"]
    money = execute(platform, "It wanders", worker="sandbox-executor-of-little-money")["result"]["metadata"]

    assert tokens["turns"] > 1 and tokens["tokens_used"] <= 12_000
    assert money["turns"] > 1 and money["estimated_cost_usd"] <= 0.05


def test_clock_when_it_runs_out_then_the_turn_is_ended(platform: Platform, emulators: Emulators) -> None:
    emulators.set_latency("anthropic", first_byte_ms=700)

    metadata = execute(platform, "It wanders", worker="sandbox-executor-in-a-hurry")["result"]["metadata"]

    assert (metadata["ended_by"], metadata["complete"]) == ("max_seconds", False)


def test_model_when_it_only_talks_then_its_text_is_the_answer(platform: Platform) -> None:
    body = execute(platform, "only text, please")

    assert "An emulated model only talks" in body["result"]["output"]
    assert body["result"]["files"] == []
    assert body["result"]["metadata"]["ended_by"] == "answered"


def test_model_when_it_is_cut_off_then_the_half_is_not_written(platform: Platform) -> None:
    body = execute(platform, "A long answer", options={"max_tokens": 1000})

    assert tools_of(body) == [("write_file", False), ("write_file", True), ("finish", True)]
    assert "limit of your output" in body["result"]["steps"][0]["output"]


def test_model_when_it_uses_two_tools_at_once_then_both(platform: Platform) -> None:
    body = execute(platform, "two at once")

    assert [(step["turn"], step["tool"]) for step in body["result"]["steps"]][:2] == [
        (1, "write_file"),
        (1, "write_file"),
    ]
    assert files_of(body).keys() == {"README.md", "src/index.js"}
    assert body["result"]["trial"]["unchecked"] == ["README.md"]


def test_model_when_it_invents_a_tool_then_it_is_told(platform: Platform) -> None:
    body = execute(platform, "an unknown tool")

    assert body["result"]["steps"][0]["ok"] is False
    assert "There is no tool" in body["result"]["steps"][0]["output"]
    assert body["result"]["metadata"]["complete"] is True


def test_paths_when_they_lead_out_then_each_is_refused(platform: Platform) -> None:
    body = execute(platform, "escape")

    assert [step["ok"] for step in body["result"]["steps"]] == [False, False, False, False, True]
    assert body["result"]["files"] == []
    assert "4 of 4 writes were refused" in body["result"]["output"]


@pytest.mark.parametrize(
    ("members", "text"),
    [
        ({"task": "  "}, "Task is required"),
        ({"task": None}, "Task is required"),
        ({}, "Task is required"),
        ({"task": "x", "repo": "no-slash"}, "owner/repo"),
        ({"task": "x", "repo": "../.."}, "owner/repo"),
        ({"task": "x", "repo": "a/b", "branch": "a..b"}, "branch"),
        ({"task": "x", "commit": True}, "commit: needs a `repo`"),
        ({"task": "x", "auto_deploy": True}, "worker_name: is needed"),
        ({"task": "x", "worker_name": "Not A Name"}, "worker_name"),
        ({"task": "x", "options": {"max_tokens": 0}}, "max_tokens"),
        ({"task": "x", "options": {"temperature": "hot"}}, "temperature"),
        ({"task": "x", "requests": [{"path": "no-slash"}]}, "path"),
        ({"task": "x", "requests": [{"body": "x"}]}, "cannot be sent with GET"),
        ({"task": "x", "requests": [{"headers": {"no name": "x"}}]}, "headers"),
        ({"task": "x", "requests": [{"headers": {"X-Line": "a\nb"}}]}, "headers"),
        ({"task": "x", "commit_message": "a\0b"}, "commit_message"),
        ({"task": "x", "paths": [""]}, "paths"),
    ],
)
def test_request_when_it_is_wrong_then_400_and_nothing_is_asked(
    platform: Platform, emulators: Emulators, members: dict[str, object], text: str
) -> None:
    answer = call(platform, "/execute", members)

    assert text in error_of(answer, 400, "INVALID_REQUEST")["error"]
    assert emulators.requests("anthropic") == []
    assert platform.rows("executions", request_id=answer.headers["X-Request-ID"]) == []


def test_model_when_of_a_provider_without_tools_then_400(platform: Platform) -> None:
    answer = call(platform, "/execute", {"task": "x", "options": {"model": "openai:gpt-4o"}})

    assert error_of(answer, 400, "UNKNOWN_PROVIDER")["details"]["providers"] == ["anthropic"]


def test_model_without_a_known_price_is_refused_unpaid(platform: Platform, emulators: Emulators) -> None:
    answer = call(platform, "/execute", {"task": "x", "options": {"model": "claude-mythos-5-1"}})

    assert "`EXECUTE_MAX_COST_USD`" in error_of(answer, 400, "INVALID_REQUEST")["error"]
    assert emulators.requests("anthropic") == []


def test_secrets_when_missing_then_500_says_which(platform: Platform) -> None:
    worker = "sandbox-executor-without-keys"

    anthropic = call(platform, "/execute", {"task": "x"}, worker=worker)
    github = call(platform, "/execute", {"task": "x", "repo": "demo/hello-worker"}, worker=worker)
    deployed = {"task": "x", "auto_deploy": True, "worker_name": "x"}
    cloudflare = call(platform, "/execute", deployed, worker=worker)

    assert "Anthropic API key not configured" in error_of(anthropic, 500, "MISSING_API_KEY")["error"]
    assert "GitHub PAT not configured" in error_of(github, 500, "MISSING_CREDENTIALS")["error"]
    assert "Cloudflare credentials not configured" in error_of(cloudflare, 500, "MISSING_CREDENTIALS")["error"]


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "status", "status": 400}, 422, "PROVIDER_REJECTED"),
        ({"kind": "status", "status": 401}, 502, "PROVIDER_AUTH_FAILED"),
        ({"kind": "status", "status": 402}, 502, "PROVIDER_QUOTA_EXHAUSTED"),
        ({"kind": "status", "status": 429, "retry_after": 60}, 429, "PROVIDER_RATE_LIMIT"),
        ({"kind": "status", "status": 529, "retry_after": 60}, 502, "PROVIDER_ERROR"),
        ({"kind": "empty"}, 502, "PROVIDER_ERROR"),
    ],
    ids=lambda value: str(value.get("status", value["kind"])) if isinstance(value, dict) else None,
)
def test_failure_of_the_first_turn_is_returned_and_recorded(
    platform: Platform, emulators: Emulators, fault: dict[str, Any], status: int, code: str
) -> None:
    emulators.add_fault("anthropic", **fault)

    body = error_of(call(platform, "/execute", {"task": "Write a greeter"}), status, code)

    (row,) = platform.rows("executions", request_id=body["request_id"], status="failed")
    assert (row["status"], row["error_code"], row["error_status"]) == ("failed", code, status)
    assert body["details"]["execution_id"] == row["id"]


def test_error_in_a_later_turn_has_the_partial_result(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("anthropic", kind="status", status=400, prompt_contains="`src/index.js` is written")

    body = error_of(call(platform, "/execute", {"task": "Write a greeter"}), 422, "PROVIDER_REJECTED")

    result = body["details"]["result"]
    assert [file["path"] for file in result["files"]] == ["src/index.js"]
    assert result["metadata"]["ended_by"] == "failure"
    (usage,) = platform.usage_rows(body["request_id"])
    assert usage["input_units"] + usage["output_units"] == result["metadata"]["tokens_used"] > 0


def test_secret_in_a_task_is_in_no_row_and_no_log(platform: Platform) -> None:
    token = "ghp_" + "a1B2" * 9

    body = execute(platform, f"only text about {token}")

    assert token not in platform.logged()
    (row,) = platform.rows("executions", request_id=body["request_id"])
    assert token not in str(row)
    assert PLANTED_SECRET not in str(row)


def test_code_that_passed_its_trial_is_not_changed_later(platform: Platform) -> None:
    tried, untried = 'export default { fetch: () => new Response("tried") };', "export default {};"
    writes = [["write_file", {"path": "src/index.js", "content": text}] for text in (tried, untried)]
    done = ["finish", {"summary": "Done"}]

    body = execute(platform, play([writes[0], done, writes[1], done]))

    assert tools_of(body) == [("write_file", True), ("finish", True), ("write_file", False), ("finish", False)]
    assert files_of(body) == {"src/index.js": tried}


def test_secret_in_a_trials_response_is_masked(platform: Platform, emulators: Emulators) -> None:
    token = "ghp_" + "a1B2" * 9
    code = "export default { fetch: () => new Response(['ghp', 'a1B2'.repeat(9)].join('_')) };"
    write = ["write_file", {"path": "src/index.js", "content": code}]

    body = execute(platform, play([write, ["run", {"requests": [{}]}]], [["finish", {"summary": "Done"}]]))

    assert token not in str(emulators.requests("anthropic"))
    assert token not in str(body["result"]["steps"])


def test_imported_json_is_the_same_in_trial_and_deployment(platform: Platform) -> None:
    code = 'import data from "./data.json"; export default { fetch: () => new Response(typeof data) };'
    files = {"src/index.js": code, "src/data.json": "{}"}
    writes = [["write_file", {"path": path, "content": text}] for path, text in files.items()]

    body = execute(platform, play([*writes, ["finish", {"summary": "Done"}]]))

    assert body["result"]["trial"]["answers"][0]["body"] == "string"


def test_huge_responses_are_cut_and_stored(platform: Platform) -> None:
    code = r'export default { fetch: () => new Response("\u0001".repeat(60000)) };'
    write = ["write_file", {"path": "src/index.js", "content": code}]

    body = execute(platform, play([write, ["finish", {"summary": "Done"}]]), requests=[{}] * 10)

    assert {(len(answer["body"]), answer["truncated"]) for answer in body["result"]["trial"]["answers"]} == {
        (8000, True)
    }
    (row,) = platform.rows("executions", request_id=body["request_id"])
    assert row["status"] == "succeeded"


@pytest.mark.parametrize("text", ["import" + " " * 80_000, "export default " * 5000], ids=["import", "export"])
def test_code_cannot_keep_a_pattern_busy(platform: Platform, text: str) -> None:
    write = ["write_file", {"path": "src/index.js", "content": text}]

    task = play([write, ["finish", {"summary": "Done", "main": "src/index.js"}]])
    body = execute(platform, task, options={"max_tokens": 64_000})

    assert tools_of(body)[:2] == [("write_file", True), ("finish", False)]


def test_key_across_two_files_leaves_the_row_readable(platform: Platform) -> None:
    texts = {"a.txt": "-----BEGIN PRIVATE KEY-----", "b.txt": "-----END PRIVATE KEY-----"}
    writes = [["write_file", {"path": path, "content": text}] for path, text in texts.items()]
    body = execute(platform, play([*writes, ["finish", {"summary": "Done"}]]))

    shown = platform.client("sandbox-executor").get(
        f"/execute/{body['execution_id']}", headers={"X-API-Key": platform.all_powerful_key}
    )

    assert files_of(shown.json()) == texts


def test_partial_result_of_a_broken_turn_is_in_no_log(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault(
        "anthropic", kind="status", status=529, retry_after=60, prompt_contains="`src/index.js` is written"
    )

    body = error_of(call(platform, "/execute", {"task": "Write a greeter"}), 502, "PROVIDER_ERROR")

    assert "export default" in str(body["details"]["result"]["files"])
    assert platform.log_lines(body["request_id"])
    assert "export default" not in platform.logged()
