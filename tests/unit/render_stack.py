"""render-service without a runtime: a database that can fail, a Workflow that is recorded."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2

from electrons.bindings import Bindings, Row, Value
from electrons.context import Context
from electrons.errors import DatabaseError, UnavailableError
from electrons.settings import Secret
from electrons.testing import MemoryDatabase, TestClient
from electrons.testing.bindings import MemoryObjectStore
from render_service.follow import follow
from render_service.routes import app
from render_service.settings import RenderSettings
from render_service.storage import Render, Renders
from tests.unit.memory_workflow import MemorySteps

MP4 = b"\x00\x00\x00\x18ftypmp42" + bytes(100)
LINK = "https://cdn.shotstack.example/video.mp4"

Respond = Callable[[httpx2.Request], httpx2.Response]


class FlakyDatabase(MemoryDatabase):
    """A database; the next `failures` statements that contain `failing` are refused. `statements` were not."""

    def __init__(self) -> None:
        super().__init__()
        self.failing = ""
        self.failures = 0
        self.statements: list[str] = []

    async def query(self, statement: str, *parameters: Value) -> list[Row]:
        """Refuse the statement, or run it."""
        if self.failures and self.failing in statement:
            self.failures -= 1
            raise DatabaseError("D1 is away")
        self.statements.append(statement)
        return await super().query(statement, *parameters)

    def fail(self, statement: str, *, times: int = 1) -> None:
        """Refuse the next statements that contain this text."""
        self.failing, self.failures = statement, times


@dataclass
class RecordedWorkflow:
    """A Workflow whose instances do nothing, and cannot be started if there is a `failure`."""

    failure: UnavailableError | None = None
    created: list[str] = field(default_factory=list)
    woken: list[str] = field(default_factory=list)

    async def create(self, instance_id: str) -> None:
        """See `Workflow.create`."""
        if self.failure is not None:
            raise self.failure
        self.created.append(instance_id)

    async def send(self, instance_id: str, *, event: str) -> None:
        """See `Workflow.send`."""
        self.woken.append(instance_id)


class RenderStack:
    """One deployment. `shotstack(request)` answers everything that it sends outwards."""

    def __init__(self, shotstack: Respond, **settings: Any) -> None:
        self.requests: list[httpx2.Request] = []
        self.database = FlakyDatabase()
        self.workflow = RecordedWorkflow()
        self.files = MemoryObjectStore()
        secrets = {"SHOTSTACK_API_KEY": Secret("key-1"), "CALLBACK_SIGNING_SECRET": Secret("signing-1")}

        def respond(request: httpx2.Request) -> httpx2.Response:
            self.requests.append(request)
            return shotstack(request)

        values = {"AUTH_MODE": "open", "RATE_LIMIT_POLICY": "none", "MAX_RETRIES": "0"} | {
            name: secret.reveal() for name, secret in secrets.items()
        }
        values |= {name.upper(): str(value) for name, value in settings.items()}
        self.client = TestClient(
            app,
            settings=app.read_settings(values.get),
            bindings=Bindings(DB=self.database, RENDER_STORAGE=self.files, RENDER_WORKFLOW=self.workflow),
            http=httpx2.MockTransport(respond),
        )

    @property
    def settings(self) -> RenderSettings:
        """Return the deployment's settings."""
        assert isinstance(self.client.settings, RenderSettings)
        return self.client.settings

    def create_context(self) -> Context:
        """Create a context as the Workflow does."""
        return self.client.create_context("WORKFLOW", "/")

    async def render_row(self) -> Row:
        """Return the only row of `renders`."""
        (row,) = await self.database.query("SELECT * FROM renders")
        return row

    async def usage_rows(self) -> list[Row]:
        """Return all rows of the usage ledger."""
        return await self.database.query("SELECT * FROM usage ORDER BY id")


def submitted(render_id: str = "shotstack-1") -> httpx2.Response:
    """Return Shotstack's response to an accepted edit."""
    return httpx2.Response(201, json={"success": True, "response": {"id": render_id}})


def progress(status: str = "done", **fields: Any) -> httpx2.Response:
    """Return Shotstack's response to a lookup."""
    return httpx2.Response(200, json={"success": True, "response": {"status": status, "duration": 2.5, **fields}})


RENDER = Render(
    id="3f0c7a52-8f0e-4c5a-9f57-6f6a35b0a0aa",
    request_id="request-1",
    provider="shotstack",
    environment="stage",
    format="mp4",
    base_url="https://renders.example",
    status="queued",
    provider_id="shotstack-1",
)

HTML = httpx2.Response(200, headers={"Content-Type": "text/html"}, content=b"<html>expired</html>")


def file_response(content: bytes = MP4, *, kind: str = "video/mp4", status: int = 200) -> httpx2.Response:
    """Return the response of the server that has the finished file."""
    return httpx2.Response(status, headers={"Content-Type": kind}, content=content)


def shotstack(*lookups: httpx2.Response, files: list[httpx2.Response] | None = None) -> Respond:
    """Return a Shotstack with these responses; the last of each kind is repeated."""
    remaining = {"lookups": list(lookups), "files": files or [file_response()]}

    def respond(request: httpx2.Request) -> httpx2.Response:
        kind = "lookups" if request.url.host == "api.shotstack.io" else "files"
        queue = remaining[kind]
        response = queue.pop(0) if len(queue) > 1 else queue[0]
        return httpx2.Response(response.status_code, headers=response.headers, content=response.content)

    return respond


async def follow_render(stack: RenderStack, **fields: Any) -> tuple[Render, MemorySteps]:
    """Insert a render and follow it to its end; return its row and the steps."""
    steps = MemorySteps()
    await Renders(stack.database).create(replace(RENDER, **fields))
    await follow(steps, stack.create_context(), RENDER.id)
    render = await Renders(stack.database).find(RENDER.id)
    assert render is not None
    return render, steps
