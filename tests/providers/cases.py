"""What the tests of all providers share: cases, and how a capability is called.

A provider's test file has a table `CASES`: for each of its capabilities, by name, answers of the provider and what
becomes of them. `test_conformance.py` runs every table, and fails for a provider whose table lacks a required case.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2

from electrons.app import App
from electrons.context import Context, Usage
from electrons.providers.base import Provider, TextCall, TextProvider
from electrons.providers.text import generate_text
from electrons.settings import Secret, Settings
from electrons.testing import TestClient

REQUIRED_CASES = ("success", "401", "429", "5xx")

API_KEY = "test-key-0001"

TEXT_CALL = TextCall(model="model-1", prompt="Hello", max_tokens=100)

Cases = Mapping[str, Mapping[str, "Case"]]
Handler = (
    Callable[[httpx2.Request], httpx2.Response] | Callable[[httpx2.Request], Coroutine[None, None, httpx2.Response]]
)


@dataclass(frozen=True, kw_only=True)
class Case:
    """One answer of a provider, and the result or the kind of error that it becomes."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    expected: object

    def respond(self, _request: httpx2.Request) -> httpx2.Response:
        """The answer as the transport gives it; a body that is no text is sent as JSON."""
        body = self.body if isinstance(self.body, str) else json.dumps(self.body)
        return httpx2.Response(self.status, headers=dict(self.headers), content=body.encode())


async def call_text(context: Context, provider: Provider) -> object:
    """One text generation."""
    assert isinstance(provider, TextProvider)
    return await generate_text(context, provider, TEXT_CALL)


CALLERS: Mapping[str, Callable[[Context, Provider], Awaitable[object]]] = {"text": call_text}
"""How each capability is called once."""


def create_context(provider: Provider, handler: Handler, **settings: Any) -> Context:
    """A context whose calls to the outside are answered by `handler`; `settings` go over those of a test."""
    own: dict[str, Any] = {provider.api_key_setting.lower(): Secret(API_KEY)}
    client = TestClient(
        App("worker"), settings=replace(Settings(), **own, **settings), http=httpx2.MockTransport(handler)
    )
    context = client.create_context("POST", "/")
    context.request_id = "request-1"
    context.usage = Usage(provider=provider.name, model="model-1")
    return context


def body_of(content: bytes) -> dict[str, Any]:
    """A request's JSON document."""
    document: dict[str, Any] = json.loads(content)
    return document
