"""sandbox-executor on plain CPython: a model that plays along, and a database that fails when it is told to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx2

from electrons.bindings import LoadedRequest, LoadedResponse, LoadedWorker, Loader, LoaderError, Row, Value
from electrons.context import Context
from electrons.errors import DatabaseError
from electrons.logs import Logger, timestamp
from electrons.settings import Secret
from electrons.testing import MemoryDatabase, TestClient, TestResponse, create_key, create_memory_bindings
from sandbox_executor.execution_workflow import run_execution
from sandbox_executor.routes import app
from sandbox_executor.settings import SandboxSettings
from tests.unit.memory_workflow import MemoryWorkflow

SCOPES = ("sandbox:execute", "sandbox:deploy", "sandbox:commit")
SETTINGS = SandboxSettings(
    declared={
        "ANTHROPIC_API_KEY": Secret("key"),
        "GITHUB_PAT": Secret("token"),
        "CLOUDFLARE_API_TOKEN": Secret("token"),
        "CLOUDFLARE_ACCOUNT_ID": "account",
    },
    allowed_repositories="*",
    allowed_worker_prefixes="*",
    max_retries=0,
)

WRITE = [["write_file", {"path": "notes.md", "content": "# Notes"}]]
CODE = [["write_file", {"path": "src/index.js", "content": "export default { fetch() {} };"}]]
FINISH = [["finish", {"summary": "Done"}]]

TURN_COST = 180
"""Millionths of a dollar: ten tokens each way."""


class FailingDatabase(MemoryDatabase):
    """A database that refuses the statements that contain one of the texts in `refused`."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: set[str] = set()

    async def query(self, statement: str, *parameters: Value) -> list[Row]:
        """See `Database.query`."""
        if any(text in statement for text in self.refused):
            raise DatabaseError("disk")
        return await super().query(statement, *parameters)


class Hanging:
    """A turn that never ends. `begun` is set when it was asked for."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()


Turn = list[list[Any]] | dict[str, Any] | httpx2.Response | Hanging


class Model:
    """Anthropic's API with turns to take, one after the other; a turn is a list of tool uses, or a response."""

    def __init__(self, *turns: Turn) -> None:
        self._turns = list(turns)
        self.requests: list[dict[str, Any]] = []

    async def respond(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(json.loads(request.content))
        turn = self._turns.pop(0)
        if isinstance(turn, Hanging):
            turn.begun.set()
            await asyncio.Event().wait()
            raise AssertionError("it hangs")
        if isinstance(turn, httpx2.Response):
            return turn
        return httpx2.Response(200, json=turn if isinstance(turn, dict) else message(turn))


def message(uses: list[list[Any]]) -> dict[str, Any]:
    content = [
        {"type": "tool_use", "id": f"toolu_{index}", "name": name, "input": value}
        for index, (name, value) in enumerate(uses)
    ]
    usage = {"input_tokens": 10, "output_tokens": 10}
    return {"model": "claude-sonnet-4-6", "content": content, "stop_reason": "tool_use", "usage": usage}


class NoLoader:
    """A loader for executions that write no code."""

    async def load(self, code: Mapping[str, Any]) -> LoadedWorker:
        """See `Loader.load`."""
        raise AssertionError("there is no code to load")


class HangingLoader:
    """A loader that never loads. `begun` is set when it should."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def load(self, code: Mapping[str, Any]) -> LoadedWorker:
        """See `Loader.load`."""
        self.begun.set()
        await asyncio.Event().wait()
        raise AssertionError("it hangs")


class Trials:
    """A loader whose Workers answer; of those that are run, not only parsed, the first one may fail."""

    def __init__(self, *, first_fails: bool = False) -> None:
        self._first_fails = first_fails

    async def load(self, code: Mapping[str, Any]) -> LoadedWorker:
        """See `Loader.load`."""
        is_run = "electrons:absent" not in str(code)
        fails = is_run and self._first_fails
        self._first_fails &= not is_run
        return OneAnswer(LoaderError("Error: boom") if fails else None)


@dataclass
class OneAnswer:
    """A Worker with one answer, or one error."""

    error: LoaderError | None

    async def fetch(self, request: LoadedRequest, *, max_body_bytes: int) -> LoadedResponse:
        """See `LoadedWorker.fetch`."""
        if self.error is not None:
            raise self.error
        return LoadedResponse(status=200, headers=[], body=b"alive", truncated=False)

    def close(self) -> None:
        """See `LoadedWorker.close`."""


class Platform:
    """The worker with a key, a database and a model."""

    def __init__(
        self, model: Model, database: FailingDatabase, key: str, *, settings: SandboxSettings, loader: Loader
    ) -> None:
        self.model = model
        self.database = database
        self.key_id = key.split("_")[2]
        self.workflow_log: list[dict[str, Any]] = []
        self._headers = {"Authorization": f"Bearer {key}"}
        self.workflow = MemoryWorkflow(run_execution, self._create_workflow_context)
        self._client = TestClient(
            app,
            settings=settings,
            bindings=replace(create_memory_bindings(), DB=database, LOADER=loader, EXECUTION_WORKFLOW=self.workflow),
            http=httpx2.MockTransport(model.respond),
        )

    def _create_workflow_context(self) -> Context:
        context = self._client.create_context("WORKFLOW", "/")
        context.log = Logger(worker=app.service, write=lambda _, line: self.workflow_log.append(json.loads(line)))
        return context

    async def execute(self, task: str = "Write notes", *, key: str | None = None, **fields: Any) -> TestResponse:
        headers = {**self._headers, **({"Idempotency-Key": key} if key else {})}
        return await self._client.request("POST", "/execute", json={"task": task, **fields}, headers=headers)

    async def load(self, execution_id: str) -> TestResponse:
        return await self._client.request("GET", f"/execute/{execution_id}", headers=self._headers)

    async def row(self) -> Row:
        (row,) = await self.database.query("SELECT * FROM executions")
        return row

    async def usage(self) -> list[tuple[Any, ...]]:
        """Return input, output and error code of each usage row."""
        rows = await self.database.query("SELECT input_units, output_units, error_code FROM usage")
        return [tuple(row.values()) for row in rows]

    async def budget(self) -> tuple[int, int]:
        """Return what the key's budget for a day has spent and reserved, in millionths of a dollar."""
        read = {"do": "read"}
        state = await self._client.bindings.rate_limiter.budget(f"key:{self.key_id}", read)
        return state["periods"]["day"]["spent"], state["periods"]["day"]["reserved"]

    async def age(self, seconds: float) -> None:
        """Let so many seconds pass in which no execution saves anything."""
        await self.database.execute("UPDATE executions SET updated_at = ?", timestamp(seconds_ago=seconds))


async def create_platform(
    *turns: Any, budget: str | None = None, settings: SandboxSettings = SETTINGS, loader: Loader | None = None
) -> Platform:
    database = FailingDatabase()
    key = await create_key(database, *SCOPES, budget=budget)
    return Platform(Model(*turns), database, key, settings=settings, loader=loader or NoLoader())
