"""`Idempotency-Key` on streams: a retry gets the frames that the first caller got, if these were all."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from electrons.app import App
from electrons.context import Context
from electrons.errors import ProviderError
from electrons.http import Response
from electrons.middleware.errors import describe
from electrons.models import RequestModel
from electrons.testing import TestClient, TestResponse
from tests.unit.gateway import CHAT, HELLO, MESSAGES, Gateway, chunk, streamed
from tests.unit.idempotent_stack import Stack

KEY = {"Idempotency-Key": "k1"}
STREAM = (
    chunk(choices=[{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]),
    chunk(choices=[], usage={"prompt_tokens": 3, "completion_tokens": 1}),
    b"data: [DONE]\n\n",
)
CHATTING = {"model": "gpt-4o", "messages": HELLO, "stream": True}
REQUESTS = [
    ("/generate/stream", {"prompt": "Hello", "model": "openai:gpt-4o"}),
    (CHAT, CHATTING),
    (CHAT, {**CHATTING, "stream_options": {"include_usage": True}}),
    (MESSAGES, {**CHATTING, "max_tokens": 5}),
]


class Empty(RequestModel):
    """A body without fields."""


def stream_of(frames: Callable[[Context], AsyncGenerator[str, None]]) -> TestClient:
    """Return a client of a worker whose one route streams `frames(context)`."""
    app = App("worker")

    @app.post("/stream")
    async def stream(context: Context, _body: Empty) -> Response:
        return Response.event_stream(frames(context))

    return TestClient(app)


async def post(client: TestClient) -> TestResponse:
    return await client.request("POST", "/stream", json={}, headers=KEY)


def code_of(answer: TestResponse) -> str:
    code: str = answer.json()["error_code"]
    return code


@pytest.mark.parametrize(("path", "body"), REQUESTS)
async def test_stream_comes_back_as_the_same_stream(path: str, body: dict[str, Any]) -> None:
    gateway = Gateway(streamed(*STREAM))
    first = await gateway.send(path, body, KEY)
    second = await gateway.send(path, body, KEY)

    assert (second.status, second.body) == (200, first.body)
    assert second.headers.get("Idempotent-Replayed") == "true"
    for name in ("Content-Type", "Cache-Control", "X-DE-Provider", "X-DE-Model", "X-DE-Attempts"):
        assert first.headers.get(name)
        assert second.headers.get(name) == first.headers.get(name)
    assert (len(gateway.requests), len(await gateway.bindings.database.query("SELECT 1 FROM usage"))) == (1, 1)


async def test_call_is_noted_before_it_is_made() -> None:
    noted: list[Any] = []

    async def respond(_request: httpx2.Request) -> httpx2.Response:
        noted.extend(await gateway.bindings.database.query("SELECT spending, ended FROM idempotent_answers"))
        return streamed(*STREAM)

    gateway = Gateway(streamed())
    gateway.client.http = httpx2.MockTransport(respond)
    await gateway.send(CHAT, CHATTING, KEY)
    assert noted == [{"spending": 1, "ended": 0}]


async def test_broken_stream_is_not_redone() -> None:
    gateway = Gateway(streamed(STREAM[0]))
    first = await gateway.send(CHAT, CHATTING, KEY)
    second = await gateway.send(CHAT, CHATTING, KEY)

    assert b"interrupted" in first.body
    assert (second.status, second.json()["error"]["code"]) == (409, "idempotency_outcome_unknown")
    assert len(gateway.requests) == 1


@pytest.mark.parametrize(("path", "body"), REQUESTS)
async def test_stream_that_never_ends_is_ended(path: str, body: dict[str, Any]) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield STREAM[0]
        await asyncio.Event().wait()

    response = httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, content=pieces())
    gateway = Gateway(response, total_timeout_seconds=0.05)
    first = await gateway.send(path, body, KEY)
    assert b"took too long" in first.body
    assert (await gateway.send(path, body, KEY)).status == 409


async def test_stream_that_makes_its_own_calls_has_no_total_time() -> None:
    async def frames() -> AsyncGenerator[str, None]:
        for frame in ("data: 1\n\n", "data: 2\n\n"):
            await asyncio.sleep(0)
            yield frame

    async def work(_context: Context) -> Response:
        return Response.event_stream(frames())

    stack = Stack(work)
    stack.client.settings = replace(stack.client.settings, total_timeout_seconds=1e-9)
    first = await stack.post()

    assert first.body == b"data: 1\n\ndata: 2\n\n"
    assert (await stack.post()).body == first.body


@pytest.mark.parametrize(("attempts", "calls"), [(0, 2), (1, 1)])
async def test_failed_stream_frees_the_key_if_it_was_free(attempts: int, calls: int) -> None:
    begun: list[Context] = []

    async def frames(context: Context) -> AsyncGenerator[str, None]:
        begun.append(context)
        context.attempts = attempts
        yield "data: 1\n\n"
        describe(ProviderError("no", provider="openai"), context)
        yield "data: failed\n\n"

    client = stream_of(frames)
    await post(client)
    await post(client)
    assert len(begun) == calls


async def test_stream_that_was_left_is_not_redone() -> None:
    begun: list[Context] = []

    async def frames(context: Context) -> AsyncGenerator[str, None]:
        begun.append(context)
        context.attempts = 1
        yield "data: 1\n\n"
        yield "data: 2\n\n"

    client = stream_of(frames)
    context = client.create_context("POST", "/stream", content=b"{}", headers=KEY)
    body = (await client.app.handle(context)).body
    assert isinstance(body, AsyncGenerator)
    await anext(body)
    await body.aclose()
    await context.finish()
    assert code_of(await post(client)) == "IDEMPOTENCY_OUTCOME_UNKNOWN"
    assert len(begun) == 1


async def test_retry_during_a_stream_has_to_wait() -> None:
    async def frames(_context: Context) -> AsyncGenerator[str, None]:
        yield "data: 1\n\n"

    client = stream_of(frames)
    context = client.create_context("POST", "/stream", content=b"{}", headers=KEY)
    body = (await client.app.handle(context)).body
    assert code_of(await post(client)) == "IDEMPOTENCY_IN_PROGRESS"
    assert isinstance(body, AsyncGenerator)
    assert [frame async for frame in body] == ["data: 1\n\n"]
    await context.finish()
    assert (await post(client)).body == b"data: 1\n\n"


@pytest.mark.parametrize("path_and_body", [REQUESTS[0], REQUESTS[2]])
async def test_caller_who_leaves_first_finds_the_stream(path_and_body: tuple[str, dict[str, Any]]) -> None:
    path, body = path_and_body
    asked, answer = asyncio.Event(), asyncio.Event()

    async def late(request: httpx2.Request) -> httpx2.Response:
        asked.set()
        await answer.wait()
        return streamed(*STREAM)

    gateway = Gateway(streamed())
    gateway.client.http = httpx2.MockTransport(late)
    content = httpx2.Request("POST", "http://x", json=body).content
    context = gateway.client.create_context("POST", path, content=content, headers=KEY)
    first = asyncio.create_task(gateway.client.app.handle(context))
    await asked.wait()
    first.cancel()
    await asyncio.wait([first])
    context.error_code = "CLIENT_CLOSED_REQUEST"
    answer.set()
    await context.finish()

    second = await gateway.client.request("POST", path, content=content, headers=KEY)
    assert second.headers.get("Idempotent-Replayed") == "true"
    assert b'"Hi"' in second.body


async def test_caller_who_leaves_as_the_stream_begins_finds_it() -> None:
    leaving: list[asyncio.Task[Response]] = []

    async def frames(_context: Context) -> AsyncGenerator[str, None]:
        yield "data: 1\n\n"

    def begin(context: Context) -> AsyncGenerator[str, None]:
        for task in leaving:
            task.cancel()
        return frames(context)

    client = stream_of(begin)
    context = client.create_context("POST", "/stream", content=b"{}", headers=KEY)
    leaving.append(asyncio.create_task(client.app.handle(context)))
    await asyncio.wait(leaving)
    assert leaving[0].cancelled()
    await context.finish()
    second = await post(client)
    assert (second.body, second.headers.get("Idempotent-Replayed")) == (b"data: 1\n\n", "true")
