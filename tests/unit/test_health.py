"""`GET /health`."""

from typing import Literal

import pytest

from electrons import health
from electrons.app import App
from electrons.bindings import Bindings, Row, Value
from electrons.keys import generate
from electrons.providers.anthropic import AnthropicProvider
from electrons.providers.openai.provider import OpenAIProvider
from electrons.providers.pexels import PexelsProvider
from electrons.settings import Secret, Settings
from electrons.testing import MemoryDatabase, MemoryKeyValueStore, TestClient, create_key
from electrons.upstream.quota import Quota, note_quota

APP = App("text-gen", providers=(AnthropicProvider(), OpenAIProvider()))
WITH_KEYS = Settings(declared={"ANTHROPIC_API_KEY": Secret("a"), "OPENAI_API_KEY": Secret("o")})


class BrokenDatabase:
    async def query(self, statement: str, *parameters: Value) -> list[Row]:
        raise OSError("D1_ERROR: no such table: usage")

    async def execute(self, statement: str, *parameters: Value) -> None:
        raise OSError("D1_ERROR")


async def test_health_when_database_is_broken_then_still_healthy() -> None:
    client = TestClient(APP, settings=Settings(), bindings=Bindings(DB=BrokenDatabase()))

    answer = await client.request("GET", "/health")

    body = answer.json()
    assert answer.status == 200
    assert body == {
        "status": "healthy",
        "service": "text-gen",
        "version": "0.1.0",
        "commit": "unknown",
        "timestamp": body["timestamp"],
    }


async def test_deep_health_when_all_is_there_then_each_check_is_ok() -> None:
    answer = await TestClient(APP, settings=WITH_KEYS).request("GET", "/health?deep=1")

    assert answer.status == 200
    assert answer.json()["status"] == "healthy"
    buckets = ["AUDIO_STORAGE", "IMAGE_STORAGE", "RENDER_STORAGE"]
    assert answer.json()["checks"] == dict.fromkeys(
        ["DB", "CACHE", "RATE_LIMITER", *buckets, "ANTHROPIC_API_KEY", "OPENAI_API_KEY"], "ok"
    )


async def test_deep_health_when_binding_and_secret_fail_then_degraded() -> None:
    bindings = Bindings(DB=BrokenDatabase(), CACHE=MemoryKeyValueStore())
    settings = Settings(declared={"ANTHROPIC_API_KEY": Secret("a")})

    answer = await TestClient(APP, settings=settings, bindings=bindings).request("GET", "/health?deep=1")

    assert answer.status == 503
    assert answer.json()["status"] == "degraded"
    assert answer.json()["checks"] == {
        "DB": "unreachable",
        "CACHE": "ok",
        "ANTHROPIC_API_KEY": "ok",
        "OPENAI_API_KEY": "not configured",
    }
    assert "no such table" in answer.log[0]["error"]


class CountingDatabase(MemoryDatabase):
    """A database that counts the checks of it."""

    def __init__(self) -> None:
        super().__init__()
        self.checks = 0

    async def query(self, statement: str, *parameters: Value) -> list[Row]:
        self.checks += statement == "SELECT 1 FROM usage LIMIT 1"
        return await super().query(statement, *parameters)


async def test_deep_health_tries_the_bindings_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    database = CountingDatabase()
    client = TestClient(APP, settings=WITH_KEYS, bindings=Bindings(DB=database))

    for _ in range(5):
        assert (await client.request("GET", "/health?deep=1")).json()["checks"]["DB"] == "ok"
    assert database.checks == 1

    monkeypatch.setattr(health, "CHECKED_SECONDS", 0)
    await client.request("GET", "/health?deep=1")
    assert database.checks == 2


@pytest.mark.parametrize(
    ("auth_mode", "never_open", "credential", "is_shown"),
    [
        ("open", False, "none", True),
        ("open", True, "none", False),
        ("required", False, "none", False),
        ("required", False, "made up", False),
        ("required", False, "valid", True),
        ("open", True, "valid", True),
    ],
)
async def test_deep_health_shows_quotas_to_those_who_are_admitted(
    auth_mode: Literal["open", "required"], never_open: bool, credential: str, is_shown: bool
) -> None:
    provider = PexelsProvider()
    app = App("stock-media", providers=(provider,), never_open=never_open)
    client = TestClient(app, settings=Settings(auth_mode=auth_mode, declared={"PEXELS_API_KEY": Secret("p")}))
    context = client.create_context("GET", "/")
    note_quota(context, provider, Quota(limit=20, remaining=7, resets_at="2026-12-01T00:00:00Z"))
    await context.finish()
    keys = {"made up": generate("live"), "valid": await create_key(client.bindings.database)}
    headers = {"X-API-Key": keys[credential]} if credential in keys else {}

    answer = await client.request("GET", "/health?deep=1", headers=headers)

    assert answer.status == 200
    assert ("quotas" in answer.json()) is is_shown
