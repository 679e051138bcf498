"""The one log line per request."""

import asyncio

import pytest

from electrons.app import App
from electrons.context import Context
from electrons.errors import ForbiddenError
from electrons.http import Response
from electrons.logs import Logger
from electrons.testing import TestClient
from electrons.usage import Usage


def create_app() -> App:
    app = App("worker")

    @app.get("/things/{thing}")
    async def read(context: Context) -> Response:
        if context.path_parameters["thing"] == "locked":
            raise ForbiddenError("This key lacks the scope")
        context.usage = Usage(provider="openai", model="gpt-6-luna", input_units=3, output_units=4, upstream_ms=5)
        return Response.json({"secret": "the answer"})

    @app.get("/slow")
    async def wait(_context: Context) -> Response:
        await asyncio.Event().wait()
        return Response()

    return app


async def test_access_log_when_answered_then_one_line_with_usage() -> None:
    answer = await TestClient(create_app()).request("GET", "/things/42?q=private")

    (line,) = answer.log
    del line["timestamp"], line["ms"], line["request_id"], line["trace_id"], line["span_id"]
    assert line == {
        "level": "info",
        "worker": "worker",
        "event": "request",
        "method": "GET",
        "route": "/things/{thing}",
        "status": 200,
        "provider": "openai",
        "model": "gpt-6-luna",
        "upstream_ms": 5,
        "input_units": 3,
        "output_units": 4,
    }


async def test_access_log_when_refused_then_line_has_status_and_code() -> None:
    answer = await TestClient(create_app()).request("GET", "/things/locked")

    (line,) = answer.log
    assert (line["status"], line["error_code"]) == (403, "FORBIDDEN")


async def test_access_log_when_no_route_matches_then_path_not_logged() -> None:
    answer = await TestClient(create_app()).request("GET", "/things/a/secret")

    (line,) = answer.log
    assert "route" not in line
    assert line["status"] == 404


async def test_access_log_when_caller_leaves_early_then_one_line() -> None:
    client, lines = TestClient(create_app()), list[str]()
    context = client.create_context("GET", "/slow")
    context.log = Logger(worker="worker", write=lambda _level, line: lines.append(line))

    task = asyncio.create_task(client.app.handle(context))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await context.finish()

    assert len(lines) == 1
