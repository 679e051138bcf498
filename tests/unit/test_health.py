"""`GET /health`."""

from electrons.app import App
from electrons.bindings import Bindings, Row, Value
from electrons.providers.anthropic import AnthropicProvider
from electrons.providers.openai.provider import OpenAIProvider
from electrons.settings import Secret, Settings
from electrons.testing import MemoryKeyValueStore, TestClient

APP = App("text-gen", providers=(AnthropicProvider(), OpenAIProvider()))
WITH_KEYS = Settings(declared={"ANTHROPIC_API_KEY": Secret("a"), "OPENAI_API_KEY": Secret("o")})


class BrokenDatabase:
    async def query(self, statement: str, *parameters: Value) -> list[Row]:
        raise OSError("D1_ERROR: no such table: usage")

    async def execute(self, statement: str, *parameters: Value) -> None:
        raise OSError("D1_ERROR")


async def test_health_when_asked_then_healthy_without_a_key_or_a_look_at_anything() -> None:
    client = TestClient(APP, settings=Settings(), bindings=Bindings(DB=BrokenDatabase()))

    answer = await client.request("GET", "/health")

    body = answer.json()
    assert answer.status == 200
    assert body == {"status": "healthy", "service": "text-gen", "timestamp": body["timestamp"]}


async def test_deep_health_when_all_is_there_then_each_check_is_ok() -> None:
    answer = await TestClient(APP, settings=WITH_KEYS).request("GET", "/health?deep=1")

    assert answer.status == 200
    assert answer.json()["status"] == "healthy"
    buckets = ["AUDIO_STORAGE", "IMAGE_STORAGE", "RENDER_STORAGE"]
    assert answer.json()["checks"] == dict.fromkeys(
        ["DB", "CACHE", "RATE_LIMITER", *buckets, "ANTHROPIC_API_KEY", "OPENAI_API_KEY"], "ok"
    )


async def test_deep_health_when_a_binding_fails_and_a_secret_is_missing_then_degraded() -> None:
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
