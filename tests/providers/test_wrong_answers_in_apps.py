"""Whatever one value of a provider's answer is: no route fails with a 500 of ours, and the call is always recorded.

As `test_wrong_answers.py`, but through the workers' apps: from the request to the last frame and the usage row.
"""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any

import httpx2
import pytest
from PIL import Image

from audio_gen.routes import app as audio_gen
from audio_gen.settings import AudioSettings
from electrons.app import App
from electrons.settings import Secret, Settings
from electrons.testing import TestClient, TestResponse, create_key, create_memory_bindings
from electrons.upstream.provider import Provider
from image_gen.routes import app as image_gen
from image_gen.settings import ImageSettings
from sandbox_executor.routes import app as sandbox_executor
from sandbox_executor.settings import SandboxSettings
from stock_media.routes import app as stock_media
from stock_media.settings import StockSettings
from tests.providers.cases import Case
from tests.providers.mutations import ABSENT, Mutation, mutate
from tests.providers.test_conformance import PROVIDERS, read_cases
from text_gen.routes import app as text_gen
from text_gen.settings import TextSettings

AT_ONCE = 32
"""Requests that run concurrently: each waits a moment for its usage row."""

MP3 = (b"\xff\xfb\x90\xc4" + bytes(413)) * 20


def _draw() -> bytes:
    file = BytesIO()
    Image.new("RGB", (32, 16)).save(file, format="PNG")
    return file.getvalue()


PNG = _draw()

CONTENT = {"b64_json": base64.b64encode(PNG).decode(), "audio_base64": base64.b64encode(MP3).decode()}
"""Files, by the fields in which a provider puts them: those in the tables are too short to be any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How a capability is called through the app that needs it. `body["model"]` gets the provider's name."""

    app: App
    settings: Settings
    method: str = "POST"
    path: str
    body: Mapping[str, Any] = field(default_factory=dict)


OPEN: dict[str, Any] = {"auth_mode": "open", "rate_limit_policy": "none", "max_retries": 0}
STOCK = StockSettings(**OPEN, stock_cache_seconds=0)
KEYWORDS = {"keywords": ["ocean"]}

PROBES: Mapping[str, Probe] = {
    "text": Probe(
        app=text_gen, settings=TextSettings(**OPEN), path="/generate", body={"prompt": "Hello", "model": "model-1"}
    ),
    "stream": Probe(
        app=text_gen,
        settings=TextSettings(**OPEN),
        path="/generate/stream",
        body={"prompt": "Hello", "model": "model-1"},
    ),
    "turns": Probe(
        app=sandbox_executor,
        settings=SandboxSettings(rate_limit_policy="none", max_retries=0, execute_max_cost_usd=0),
        path="/execute",
        body={"task": "Write notes", "options": {"model": "model-1"}},
    ),
    "image": Probe(
        app=image_gen, settings=ImageSettings(**OPEN), path="/generate", body={"prompt": "A cat", "model": "v3"}
    ),
    "timed_speech": Probe(
        app=audio_gen, settings=AudioSettings(**OPEN), path="/synthesize", body={"text": "Hi", "timestamps": True}
    ),
    "voices": Probe(
        app=audio_gen, settings=AudioSettings(**OPEN, voices_cache_seconds=0), method="GET", path="/voices"
    ),
    "videos": Probe(app=stock_media, settings=STOCK, path="/search/videos", body=KEYWORDS),
    "photos": Probe(app=stock_media, settings=STOCK, path="/search/photos", body=KEYWORDS),
}

MANY_CALLS = {"speech", "render", "repository", "deployment"}
"""Capabilities whose answers are not JSON, or that a route uses for one of many calls."""

TABLES = [
    pytest.param(provider, capability, cases["success"], id=f"{provider.name}-{capability}")
    for provider in PROVIDERS
    for capability, cases in read_cases(provider).items()
    if capability not in MANY_CALLS
]


class Caller:
    """Sends one request after the other to the app of a capability, each to a provider with another answer."""

    def __init__(self, provider: Provider, capability: str, case: Case) -> None:
        probe = PROBES[capability]
        self._provider, self._probe, self._case = provider, probe, case
        self._bindings = create_memory_bindings()
        self._settings = replace(
            probe.settings, declared={credential.name: Secret("test-key-0001") for credential in provider.credentials}
        )
        self._headers: dict[str, str] = {}
        self._slots = asyncio.Semaphore(AT_ONCE)

    async def authenticate(self) -> None:
        """Create a key, which some workers always need."""
        key = await create_key(self._bindings.database, "sandbox:execute")
        self._headers = {"Authorization": f"Bearer {key}"}

    async def call(self, document: Any) -> TestResponse:
        """Return the response to a request for which the provider answers with this document."""
        http = httpx2.MockTransport(_Vendor(self._provider, self._case, document))
        client = TestClient(self._probe.app, settings=self._settings, bindings=self._bindings, http=http)
        async with self._slots:
            return await client.request(
                self._probe.method, self._probe.path, json=self._build_body(), headers=self._headers
            )

    async def load_rows(self) -> dict[str, dict[str, Any]]:
        """Return the usage rows by request id."""
        rows = await self._bindings.database.query("SELECT * FROM usage")
        return {str(row["request_id"]): row for row in rows}

    def _build_body(self) -> dict[str, Any] | None:
        if self._probe.method == "GET":
            return None
        body: dict[str, Any] = json.loads(json.dumps(self._probe.body))
        for holder in (body, body.get("options", {})):
            if "model" in holder:
                holder["model"] = f"{self._provider.name}:{holder['model']}"
        return body


class _Vendor:
    """A provider that answers its first call with a document, and later ones as its case does; its files are images."""

    def __init__(self, provider: Provider, case: Case, document: Any) -> None:
        self._host = httpx2.URL(provider.base_url).host
        self._cases = [replace(case, body=document)]
        self._later = replace(case, body=_without_tools(case.body))

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.host != self._host:
            return httpx2.Response(200, content=PNG)
        return (self._cases.pop() if self._cases else self._later).respond(request)


def _without_tools(body: Any) -> Any:
    """Return a turn of a model that needs no tools any more."""
    if not (isinstance(body, dict) and body.get("stop_reason") == "tool_use"):
        return body
    return {**body, "stop_reason": "end_turn", "content": [{"type": "text", "text": "Done"}]}


def _put_files(document: Any) -> Any:
    if isinstance(document, dict):
        return {name: CONTENT.get(name) or _put_files(value) for name, value in document.items()}
    return [_put_files(item) for item in document] if isinstance(document, list) else document


def find_problem(response: TestResponse, row: dict[str, Any] | None) -> str | None:
    """Return what must never happen to a request, None if nothing of it did."""
    body = response.events()[-1] if response.frames else response.json()
    if body.get("error_code") in {"INTERNAL_ERROR", "SERVICE_UNAVAILABLE"} or response.status == 500:
        return f"{response.status} {body}"
    if response.frames and body.get("done") is not True:
        return f"the last frame is {body}"
    if row is None:
        return "no usage row"
    counts = [row["input_units"], row["output_units"], row["estimated_cost_microusd"] or 0]
    if not all(type(count) is int and count >= 0 for count in counts) or not row["model"]:
        return f"the usage row is {row}"
    return None


@pytest.mark.parametrize(("provider", "capability", "case"), TABLES)
async def test_wrong_value_is_no_error_of_ours_and_recorded(provider: Provider, capability: str, case: Case) -> None:
    caller = Caller(provider, capability, case)
    await caller.authenticate()
    document = _put_files(case.body)
    mutations = list(mutate(document))

    usual = await caller.call(document)
    responses = await asyncio.gather(*(caller.call(mutation.document) for mutation in mutations))
    rows = await caller.load_rows()

    assert usual.status == 200, usual.body
    problems = {
        describe(mutation): problem
        for mutation, response in zip(mutations, responses, strict=True)
        if (problem := find_problem(response, rows.get(str(response.headers.get("X-Request-ID")))))
    }
    assert problems == {}
    lost = {
        describe(mutation): response.body
        for mutation, response in zip(mutations, responses, strict=True)
        if mutation.change in ABSENT
        and mutation.field not in case.needed
        and (response.status != usual.status or has_failed(response) != has_failed(usual))
    }
    assert lost == {}


def describe(mutation: Mutation) -> str:
    """Return which value was wrong, and how."""
    return f"{mutation.field}, {mutation.change}"


def has_failed(response: TestResponse) -> bool:
    """Return whether a stream ended with an error."""
    return bool(response.frames) and "error" in response.events()[-1]


def test_each_capability_has_a_probe_or_a_reason() -> None:
    capabilities = {capability for provider in PROVIDERS for capability in read_cases(provider)}

    assert capabilities == PROBES.keys() | MANY_CALLS
