"""Whatever one value of one answer is, in requests that need several calls of a provider: no 500 of ours.

The answers are recorded from the emulators. Then the session is repeated once for each value of each answer, with that
value wrong.
"""

from __future__ import annotations

import asyncio
import json
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, replace
from typing import Any

import httpx2
import pytest

import local
from electrons.app import App
from electrons.settings import Settings
from electrons.testing import TestClient, TestResponse, create_key, create_memory_bindings
from sandbox_executor.routes import app as sandbox_executor
from tests.emulators.process import Emulators
from tests.providers.mutations import Mutation, mutate

pytestmark = pytest.mark.full

VARS = {
    "RATE_LIMIT_POLICY": "none",
    "MAX_RETRIES": "0",
    "EXECUTE_MAX_COST_USD": "0",
    "ALLOWED_WORKER_PREFIXES": "*",
    "ALLOWED_REPOSITORIES": "demo/*",
}

CHANGES = {
    "left out",
    "null",
    "true",
    "negative",
    "too large",
    "words",
    "half a surrogate pair",
    "empty list",
    "list of lists",
    "object of objects",
    "one bad item",
}

AT_ONCE = 64

Call = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer of a provider."""

    status: int
    headers: tuple[tuple[str, str], ...]
    content: bytes

    @classmethod
    async def read(cls, response: httpx2.Response) -> Answer:
        """Read a response to its end."""
        kept = [(name, value) for name, value in response.headers.items() if name.lower() != "content-length"]
        return cls(response.status_code, tuple(kept), await response.aread())

    def to_response(self) -> httpx2.Response:
        """Return the answer as a response."""
        return httpx2.Response(self.status, headers=list(self.headers), content=self.content)

    def load(self) -> Any:
        """Return the document, None for what is not JSON."""
        try:
            return json.loads(self.content)
        except ValueError:
            return None


class Recorder(httpx2.AsyncBaseTransport):
    """Passes requests on and keeps the answers, by method and path in their order."""

    def __init__(self) -> None:
        self.answers: dict[Call, list[Answer]] = defaultdict(list)
        self._transport = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request and keep its answer."""
        answer = await Answer.read(await self._transport.handle_async_request(request))
        self.answers[call_of(request)].append(answer)
        return answer.to_response()

    async def aclose(self) -> None:
        """Close the connections."""
        await self._transport.aclose()


class Player(httpx2.AsyncBaseTransport):
    """Gives recorded answers, but for one; a call that was not recorded is refused."""

    def __init__(self, answers: dict[Call, list[Answer]]) -> None:
        self._answers = {call: iter(recorded) for call, recorded in answers.items()}
        self._last = {call: recorded[-1] for call, recorded in answers.items()}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Return the next answer to this call."""
        call = call_of(request)
        if call not in self._last:
            return httpx2.Response(404, json={"message": "Not Found", "errors": [{"code": 10007, "message": "none"}]})
        return next(self._answers[call], self._last[call]).to_response()


def call_of(request: httpx2.Request) -> Call:
    """Return what tells calls apart."""
    return request.method, request.url.path


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A request whose route calls a provider several times."""

    app: App
    path: str
    body: dict[str, Any]
    scopes: tuple[str, ...]

    async def run(self, http: httpx2.AsyncBaseTransport, settings: Settings) -> TestResponse:
        """Send the request to a new deployment."""
        bindings = create_memory_bindings()
        key = await create_key(bindings.database, *self.scopes)
        client = TestClient(self.app, settings=settings, bindings=bindings, http=http)
        return await client.request("POST", self.path, json=self.body, headers={"Authorization": f"Bearer {key}"})


SESSIONS = {
    "deploy": Session(
        app=sandbox_executor,
        path="/deploy",
        body={"worker_name": "wrong-answers", "code": "export default { fetch: () => new Response('hello') }"},
        scopes=("sandbox:deploy",),
    ),
    "commit": Session(
        app=sandbox_executor,
        path="/github/commit",
        body={
            "repo": "demo/hello-worker",
            "branch": "wrong-answers",
            "create_branch": True,
            "base_branch": "main",
            "files": [{"path": "notes.md", "content": "Notes"}],
            "message": "Add notes",
            "create_pr": True,
            "pr_title": "Notes",
        },
        scopes=("sandbox:commit",),
    ),
    "execute": Session(
        app=sandbox_executor,
        path="/execute",
        body={"task": json.dumps({"play": []}), "repo": "demo/hello-worker", "branch": "main"},
        scopes=("sandbox:execute", "sandbox:commit"),
    ),
}


@pytest.fixture
async def recorder() -> AsyncIterator[Recorder]:
    """Return a transport to the emulators."""
    transport = Recorder()
    yield transport
    await transport.aclose()


def iterate_mutations(answers: dict[Call, list[Answer]]) -> Iterator[tuple[str, dict[Call, list[Answer]]]]:
    """Iterate over the session with one value of one answer wrong, with what is wrong."""
    for call, recorded in answers.items():
        for position, answer in enumerate(recorded):
            document = answer.load()
            if document is None:
                continue
            # A document that appears again, such as the same blob for many files, is read by the same code.
            if any(earlier.content == answer.content for earlier in recorded[:position]):
                continue
            for mutation in mutate(document):
                if mutation.change in CHANGES:
                    changed = [*recorded]
                    changed[position] = replace(answer, content=_write(mutation))
                    yield f"{' '.join(call)}: {mutation.field}, {mutation.change}", {**answers, call: changed}


def _write(mutation: Mutation) -> bytes:
    return json.dumps(mutation.document).encode()


@pytest.mark.parametrize("session", SESSIONS.values(), ids=SESSIONS.keys())
async def test_wrong_value_in_a_session_is_no_error_of_ours(
    session: Session, emulators: Emulators, recorder: Recorder, delete_deployed: None
) -> None:
    values = {**local.emulated_vars(emulators.base_urls), **VARS}
    settings = session.app.read_settings(values.get)
    usual = await session.run(recorder, settings)
    assert usual.status == 200, usual.body
    assert len(recorder.answers) > 2
    slots = asyncio.Semaphore(AT_ONCE)

    async def run(name: str, answers: dict[Call, list[Answer]]) -> tuple[str, TestResponse]:
        async with slots:
            return name, await session.run(Player(answers), settings)

    mutations = list(iterate_mutations(recorder.answers))
    ran = await asyncio.gather(*(run(name, answers) for name, answers in mutations))

    problems = {name: response.body for name, response in ran if is_problem(response)}
    assert problems == {}


def is_problem(response: TestResponse) -> bool:
    """Return whether a response is one that nobody must ever get."""
    if response.status < 400:
        return response.json().get("success") is not True
    return response.status == 500 or response.json()["error_code"] in {"INTERNAL_ERROR", "SERVICE_UNAVAILABLE"}
