"""A worker with one route, for tests of `Idempotency-Key`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from electrons.app import App
from electrons.context import Context
from electrons.http import Response
from electrons.logs import timestamp
from electrons.models import RequestModel
from electrons.routing import Dialect
from electrons.testing import MemoryDatabase, TestClient, TestResponse

Work = Callable[[Context], Awaitable[Response]]
KEY = {"Idempotency-Key": "k1"}


class Body(RequestModel):
    name: str = ""


class Stack:
    """A worker with one route, whose work is counted."""

    def __init__(
        self, work: Work | None = None, *, dialect: Dialect | None = None, work_id_field: str | None = None
    ) -> None:
        self.calls = 0
        app = App("worker")

        @app.post("/work", dialect=dialect, work_id_field=work_id_field)
        async def handle(context: Context, body: Body) -> Response:
            self.calls += 1
            if work:
                return await work(context)
            response = Response.json({"call": self.calls}, status=201)
            response.headers += [("Location", "/x"), ("Set-Cookie", "a=b"), ("traceparent", "00-1-2-00")]
            return response

        self.client = TestClient(app)

    async def post(self, body: object = None, *, headers: dict[str, str] | None = None) -> TestResponse:
        return await self.client.request("POST", "/work", json=body or {}, headers=KEY if headers is None else headers)

    @property
    def database(self) -> MemoryDatabase:
        database = self.client.bindings.database
        assert isinstance(database, MemoryDatabase)
        return database

    async def seen_at(self) -> object:
        """Return when the only request last reported that it is alive."""
        (row,) = await self.database.query("SELECT seen_at FROM idempotent_answers")
        return row["seen_at"]

    async def age(self, seconds: float) -> None:
        await self.database.execute("UPDATE idempotent_answers SET created_at = ?", timestamp(seconds_ago=seconds))
