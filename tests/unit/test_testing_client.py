"""The test client itself, where other tests do not show it."""

from collections.abc import AsyncGenerator

import httpx2
import pytest

from electrons.app import App
from electrons.context import Context
from electrons.http import Response
from electrons.testing import TestClient


async def test_client_when_stream_breaks_then_defers_run_and_raises() -> None:
    app, order = App("worker"), list[str]()

    @app.get("/stream")
    async def stream(context: Context) -> Response:
        async def note() -> None:
            order.append("deferred")

        async def frames() -> AsyncGenerator[str, None]:
            yield "data: 1\n\n"
            raise OSError("broken")

        context.defer(note)
        return Response.event_stream(frames())

    with pytest.raises(OSError, match="broken"):
        await TestClient(app).request("GET", "/stream")

    assert order == ["deferred"]


async def test_client_when_it_has_no_http_then_outgoing_call_fails() -> None:
    app = App("worker")

    @app.get("/call")
    async def call(context: Context) -> Response:
        await context.http.handle_async_request(httpx2.Request("GET", "https://api.example/"))
        return Response()

    answer = await TestClient(app).request("GET", "/call")

    assert answer.status == 500
    assert "has no `http`" in answer.log[0]["traceback"]
