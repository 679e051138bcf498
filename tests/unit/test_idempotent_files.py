"""`Idempotency-Key` on answers that a row does not take: they are kept in the worker's bucket, and come from there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

import httpx2
import pytest

from audio_gen.routes import app as audio
from audio_gen.settings import AudioSettings
from electrons.app import App
from electrons.bindings import ObjectStore
from electrons.context import Context
from electrons.errors import UnavailableError
from electrons.http import Response
from electrons.middleware.idempotent_work import LONGEST_BODY
from electrons.middleware.kept_parts import PART_BYTES
from electrons.models import RequestModel
from electrons.settings import Secret
from electrons.storage.idempotency import delete_old_answer_files
from electrons.testing import MemoryObjectStore, TestClient, TestResponse
from electrons.testing.bindings import create_memory_bindings

KEY = {"Idempotency-Key": "k1"}
SPEECH = b"\xff\xfb\x90speech"
SETTINGS = AudioSettings(auth_mode="open", max_retries=0, declared={"OPENAI_API_KEY": Secret("test-key-0001")})


class Empty(RequestModel):
    """A body without fields."""


class Speech:
    """audio-gen, whose provider answers each call with `content`."""

    def __init__(self, *content: bytes | Exception, content_type: str = "audio/mpeg") -> None:
        self.calls = 0
        self._content = content
        self._content_type = content_type
        self.client = TestClient(audio, settings=SETTINGS, http=httpx2.MockTransport(self._respond))
        store = self.client.bindings.bucket("AUDIO_STORAGE")
        assert isinstance(store, MemoryObjectStore)
        self.store = store

    def _respond(self, _request: httpx2.Request) -> httpx2.Response:
        self.calls += 1
        return httpx2.Response(200, headers={"Content-Type": self._content_type}, content=self._pieces())

    async def _pieces(self) -> AsyncIterator[bytes]:
        for piece in self._content:
            if isinstance(piece, Exception):
                raise piece
            yield piece

    async def post(self) -> TestResponse:
        body = {"model": "tts-1", "input": "Hello", "voice": "alloy"}
        return await self.client.request("POST", "/v1/audio/speech", json=body, headers=KEY)


def answering(body: bytes | str) -> TestClient:
    """Return a client of a worker whose one route answers with `body`."""
    app = App("worker")

    @app.post("/work")
    async def work(context: Context, _body: Empty) -> Response:
        context.attempts = 1
        return Response(headers=[("Content-Type", "image/png")], body=body)

    return TestClient(app)


async def post(client: TestClient) -> TestResponse:
    return await client.request("POST", "/work", json={}, headers=KEY)


@pytest.mark.parametrize("content_type", ["audio/mpeg", "text/event-stream", "application/json"])
async def test_file_of_a_provider_comes_back(content_type: str) -> None:
    speech = Speech(SPEECH[:4], SPEECH[4:], content_type=content_type)
    first, second = await speech.post(), await speech.post()

    assert (first.status, first.body, speech.calls) == (200, SPEECH, 1)
    assert (second.status, second.body) == (200, SPEECH)
    assert second.headers.get("Idempotent-Replayed") == "true"
    for name in ("Content-Type", "Content-Length", "X-DE-Provider", "X-DE-Model", "X-DE-Attempts"):
        assert first.headers.get(name)
        assert second.headers.get(name) == first.headers.get(name)
    (row,) = await speech.client.bindings.database.query("SELECT input_units FROM usage")
    assert row == {"input_units": 5}


async def test_file_that_is_gone_is_reported() -> None:
    speech = Speech(SPEECH)
    await speech.post()
    speech.store.objects.clear()
    gone = await speech.post()
    assert (gone.status, gone.json()["error"]["code"]) == (409, "idempotency_outcome_unknown")
    assert "gone" in gone.json()["error"]["message"]
    assert speech.calls == 1


async def test_broken_file_is_an_error_and_not_redone() -> None:
    speech = Speech(SPEECH, httpx2.ReadError("broken"))
    first, second = await speech.post(), await speech.post()
    assert (first.status, second.status, speech.calls) == (502, 409, 1)
    assert speech.store.objects == {}


@pytest.mark.parametrize("body", [b"\xff\xfe", "x" * (PART_BYTES + 1), "\u00e9" * PART_BYTES])
async def test_large_and_binary_answers_come_back(body: bytes | str) -> None:
    client = answering(body)
    first, second = await post(client), await post(client)
    assert second.body == first.body == (body if isinstance(body, bytes) else body.encode())
    assert second.headers.get("Content-Type") == "image/png"
    assert second.headers.get("Idempotent-Replayed") == "true"


class Away(MemoryObjectStore):
    """A bucket that cannot be written to."""

    async def put(self, *_: object, **__: object) -> None:  # type: ignore[override]
        raise UnavailableError("The object store cannot be reached")


@pytest.mark.parametrize(("bucket", "size"), [(None, 2), (Away(), 2), (MemoryObjectStore(), LONGEST_BODY + 1)])
async def test_answer_that_cannot_be_kept_is_not_redone(bucket: ObjectStore | None, size: int) -> None:
    client = answering(b"\xff" * size)
    bindings = client.bindings
    client.bindings = replace(bindings, AUDIO_STORAGE=bucket, IMAGE_STORAGE=None, RENDER_STORAGE=None)
    assert (await post(client)).status == 200
    assert (await post(client)).json()["error_code"] == "IDEMPOTENCY_OUTCOME_UNKNOWN"


async def test_file_without_a_bucket_is_handed_on() -> None:
    speech = Speech(SPEECH)
    bindings = speech.client.bindings
    speech.client.bindings = replace(bindings, AUDIO_STORAGE=None, IMAGE_STORAGE=None, RENDER_STORAGE=None)
    assert (await speech.post()).body == SPEECH
    assert (await speech.post()).status == 409


async def test_expired_files_are_deleted() -> None:
    now = 1e9
    client = answering(b"\xff\xfe")
    client.bindings = create_memory_bindings(clock=lambda: now)
    await post(client)
    store = client.bindings.bucket("AUDIO_STORAGE")
    assert isinstance(store, MemoryObjectStore)
    (key,) = store.objects
    stored, content = store.objects[key]
    context = client.create_context("POST", "/")

    assert key.startswith("idempotent-answers/")
    assert await delete_old_answer_files(context) == 1
    assert store.objects == {}
    store.objects[key] = (replace(stored, uploaded=stored.uploaded.replace(year=9999)), content)
    assert await delete_old_answer_files(context) == 0


async def test_worker_without_a_bucket_has_no_old_files() -> None:
    client = answering(b"")
    bindings = client.bindings
    client.bindings = replace(bindings, AUDIO_STORAGE=None, IMAGE_STORAGE=None, RENDER_STORAGE=None)
    assert await delete_old_answer_files(client.create_context("POST", "/")) == 0
