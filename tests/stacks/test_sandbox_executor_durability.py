"""Executions after the end of the process that did them: shown as they are, and paid for once."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest

import keys
import local
from database import LocalDatabase
from electrons.logs import timestamp
from tests.emulators.process import Emulators
from tests.platform import run_alone, wait_for
from tests.workers.sandbox import play
from tests.workers.shapes import success_of

pytestmark = pytest.mark.full

TASK = play(*[[["write_file", {"path": f"{number}.md", "content": "# Notes"}]] for number in (1, 2, 3)])
"""Four turns: three that write a file, and one that finishes."""


@dataclass
class Stack:
    """sandbox-executor alone on a stack of its own."""

    workers: local.Part
    client: httpx2.Client
    database: LocalDatabase

    def load(self, execution_id: str) -> dict[str, Any]:
        """Return what `GET /execute/{id}` shows."""
        return success_of(self.client.get(f"/execute/{execution_id}"))

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass in which no execution saves anything."""
        self.database.run(("UPDATE executions SET updated_at = ?", (timestamp(seconds_ago=seconds),)))

    def usage(self) -> list[dict[str, Any]]:
        """Return the usage rows."""
        return self.database.run(("SELECT route, input_units + output_units AS units, error_code FROM usage", ()))


@contextmanager
def run(state: Path, emulators: Emulators) -> Iterator[Stack]:
    """Run the stack until the block ends; its key is that of the first run."""
    shared = {**local.LOCAL_VARS, "RATE_LIMIT_POLICY": "none", **local.emulated_vars(emulators.base_urls)}
    with run_alone("sandbox-executor", state=state, vars_=shared) as (workers, client):
        client.headers["Authorization"] = f"Bearer {(state / 'key').read_text()}"
        yield Stack(workers, client, LocalDatabase(state))


@pytest.fixture
def state(migrated_state: Path) -> Path:
    key, _ = keys.create(
        LocalDatabase(migrated_state), environment="test", name="test", owner="tests", scopes=keys.SCOPES
    )
    (migrated_state / "key").write_text(key)
    return migrated_state


def execute_and_kill(stack: Stack, emulators: Emulators, **headers: str) -> str:
    """Kill the workers while the third turn is being paid for; return the id of the execution."""
    emulators.set_latency("anthropic", first_byte_ms=1500)
    body = json.dumps({"task": TASK})
    with (
        suppress(httpx2.TransportError),
        stack.client.stream("POST", "/execute/stream", content=body, headers=headers) as response,
    ):
        lines = response.iter_lines()  # to be kept: without it, the connection would be closed before the kill
        execution_id: str = json.loads(next(lines).removeprefix("data: "))["execution_id"]
        wait_for(lambda: emulators.requests("anthropic")[2:])
        stack.workers.kill()
    emulators.set_latency("anthropic", first_byte_ms=0)
    return execution_id


def test_execution_when_killed_without_a_key_then_ended_with_what_it_cost(state: Path, emulators: Emulators) -> None:
    with run(state, emulators) as stack:
        execution_id = execute_and_kill(stack, emulators)
    with run(state, emulators) as stack:
        before = stack.load(execution_id)
        stack.pass_time(721)
        after = stack.load(execution_id)
        usage = stack.usage()

    assert (before["status"], after["status"], after["error_code"]) == ("running", "failed", "EXECUTION_INTERRUPTED")
    assert [file["path"] for file in after["result"]["files"]] == ["1.md", "2.md"]
    tokens = after["result"]["metadata"]["tokens_used"]
    assert usage == [{"route": "/execute/stream", "units": tokens, "error_code": "EXECUTION_INTERRUPTED"}]
    assert len(emulators.requests("anthropic")) == 3


def test_execution_when_killed_with_a_key_then_ends_unpaid_after_a_wake(state: Path, emulators: Emulators) -> None:
    with run(state, emulators) as stack:
        execution_id = execute_and_kill(stack, emulators, **{"Idempotency-Key": "key"})
    with run(state, emulators) as stack:
        stack.pass_time(11)
        deadline = time.monotonic() + 60
        while (shown := stack.load(execution_id))["status"] == "running" and time.monotonic() < deadline:
            time.sleep(0.2)
        usage = stack.usage()

    assert (shown["status"], shown["error_code"]) == ("failed", "EXECUTION_INTERRUPTED")
    assert [file["path"] for file in shown["result"]["files"]] == ["1.md", "2.md"]
    tokens = shown["result"]["metadata"]["tokens_used"]
    assert usage == [{"route": "/execute/stream", "units": tokens, "error_code": "EXECUTION_INTERRUPTED"}]
    assert len(emulators.requests("anthropic")) == 3
