"""What the tests of sandbox-executor share: calls with a key, and parts of an execution's response."""

from __future__ import annotations

import json
import uuid
from typing import Any

import httpx2

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.shapes import success_of

JSON = dict[str, Any]


def call(
    platform: Platform, path: str, body: JSON, *, worker: str = "sandbox-executor", **headers: str
) -> httpx2.Response:
    """Send a POST with a key that has all scopes; `headers` have underscores for dashes."""
    sent = {"Authorization": f"Bearer {platform.all_powerful_key}", "Content-Type": "application/json"}
    sent |= {name.replace("_", "-"): value for name, value in headers.items()}
    content = json.dumps(body)  # the same bytes as `callers.asking` sends
    return platform.client(worker).post(path, content=content, headers=sent, timeout=120)


def execute(platform: Platform, task: str, *, worker: str = "sandbox-executor", **fields: Any) -> JSON:
    """Return the body of a successful `POST /execute`."""
    return success_of(call(platform, "/execute", {"task": task, **fields}, worker=worker))


def stream(platform: Platform, task: str, *, worker: str = "sandbox-executor", **fields: Any) -> list[JSON]:
    """Return the frames of `POST /execute/stream`."""
    response = call(platform, "/execute/stream", {"task": task, **fields}, worker=worker)
    assert response.status_code == 200, response.text
    assert response.headers["Content-Type"] == "text/event-stream; charset=utf-8"
    return [json.loads(event.removeprefix("data: ")) for event in response.text.strip().split("\n\n")]


def play(*turns: list[list[Any]]) -> str:
    """Return a task for which the emulated model uses exactly these tools, turn after turn, and then finishes."""
    document = {"play": [[{"name": name, "input": value} for name, value in turn] for turn in turns]}
    return f"Do as follows.\n{json.dumps(document)}"


def use(platform: Platform, *uses: list[Any], worker: str = "sandbox-executor", **fields: Any) -> list[JSON]:
    """Return the steps of an execution whose model uses these tools, all in one turn."""
    body = execute(platform, play(list(uses)), worker=worker, **fields)
    steps: list[JSON] = body["result"]["steps"]
    assert [step["tool"] for step in steps] == [name for name, _ in uses]
    return steps


def tool_results(emulators: Emulators) -> list[str]:
    """Return the whole results of the tools that the model has used so far."""
    messages = emulators.requests("anthropic")[-1]["body"]["messages"]
    blocks = [block for message in messages for block in message["content"] if isinstance(block, dict)]
    return [block["content"] for block in blocks if block["type"] == "tool_result"]


def handler(body: str) -> str:
    """Return the main module of a Worker whose `fetch` has this body."""
    return f"export default {{ async fetch(request, env, ctx) {{ {body} }} }};\n"


def run(platform: Platform, emulators: Emulators, files: dict[str, str], **given: Any) -> tuple[bool, str]:
    """Run these files and delete them again; return whether the run succeeds, and the result that the model gets."""
    writes = [["write_file", {"path": path, "content": text}] for path, text in files.items()]
    deletions = [["delete_file", {"path": path}] for path in files]
    steps = use(platform, *writes, ["run", {"requests": [{}], **given}], *deletions)
    return steps[len(files)]["ok"], tool_results(emulators)[len(files)]


def finish(platform: Platform, files: dict[str, str], main: str | None = None, **fields: Any) -> JSON:
    """Return the body of an execution that writes these files and passes its trial."""
    writes = [["write_file", {"path": path, "content": text}] for path, text in files.items()]
    named = {"main": main} if main else {}
    body = execute(platform, play([*writes, ["finish", {"summary": "Done", **named}]]), **fields)
    assert body["result"]["metadata"]["ended_by"] == "finished", body["result"]["steps"]
    return body


def unique(prefix: str) -> str:
    """Return a name that no other test has."""
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def tools_of(body: JSON) -> list[tuple[str, bool]]:
    """Return the tools that were used, and whether each succeeded."""
    return [(step["tool"], step["ok"]) for step in body["result"]["steps"]]


def files_of(body: JSON) -> dict[str, str]:
    """Return the changed files by path."""
    return {file["path"]: file["content"] for file in body["result"]["files"]}
