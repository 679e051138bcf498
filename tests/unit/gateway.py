"""text-gen with a provider behind it, for tests of the vendors' own routes on CPython."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx2

from electrons.settings import Secret
from electrons.testing import TestClient, TestResponse
from electrons.testing.bindings import create_memory_bindings
from text_gen.routes import app
from text_gen.settings import TextSettings

SETTINGS = TextSettings(
    auth_mode="open",
    max_retries=0,
    declared={"OPENAI_API_KEY": Secret("test-key-0001"), "ANTHROPIC_API_KEY": Secret("test-key-0002")},
)
CHAT, MESSAGES, RESPONSES = "/v1/chat/completions", "/v1/messages", "/v1/responses"
HELLO = [{"role": "user", "content": "Hello"}]


class Gateway:
    """text-gen with one provider behind it that gives this response."""

    def __init__(self, *responses: httpx2.Response | Exception, **settings: Any) -> None:
        self.requests: list[httpx2.Request] = []
        self.bindings = create_memory_bindings()
        self._responses = list(responses)
        http = httpx2.MockTransport(self._respond)
        self.client = TestClient(app, settings=replace(SETTINGS, **settings), bindings=self.bindings, http=http)

    def _respond(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        response = self._responses.pop(0) if len(self._responses) > 1 else self._responses[0]
        if isinstance(response, Exception):
            raise response
        return response

    async def send(self, path: str, body: object, headers: dict[str, str] | None = None) -> TestResponse:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.request("POST", path, content=content, headers=headers)

    async def row(self) -> dict[str, Any]:
        (row,) = await self.bindings.database.query("SELECT * FROM usage")
        return dict(row)


def streamed(*frames: bytes, content_type: str = "text/event-stream") -> httpx2.Response:
    async def body() -> AsyncIterator[bytes]:
        for frame in frames:
            yield frame

    return httpx2.Response(200, headers={"Content-Type": content_type}, content=body())


def chunk(**fields: Any) -> bytes:
    return b"data: %s\n\n" % json.dumps({"id": "x", **fields}, separators=(",", ":")).encode()
