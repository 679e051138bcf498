"""`GET /health`: that a worker runs, and with `?deep=1` whether it could do its work."""

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.shapes import TIMESTAMP


def test_health_when_asked_then_state_version_and_time(platform: Platform) -> None:
    answer = platform.client("text-gen").get("/health")

    body = answer.json()
    assert answer.status_code == 200
    assert TIMESTAMP.fullmatch(body.pop("timestamp"))
    assert body == {"status": "healthy", "service": "text-gen", "version": "0.1.0", "commit": "unknown"}


def test_deep_health_then_checks_every_binding_and_secret(platform: Platform, emulators: Emulators) -> None:
    answer = platform.client("text-gen").get("/health?deep=1")

    body = answer.json()
    assert answer.status_code == 200
    assert body["status"] == "healthy"
    names = ("DB", "CACHE", "RATE_LIMITER", "ANTHROPIC_API_KEY", "OPENAI_API_KEY")
    assert body["checks"] == dict.fromkeys(names, "ok")
    assert [emulators.requests(vendor) for vendor in ("anthropic", "openai")] == [[], []]


def test_health_when_secrets_missing_then_only_deep_is_degraded(platform: Platform) -> None:
    client = platform.client("text-gen-without-keys")

    assert client.get("/health").json()["status"] == "healthy"
    answer = client.get("/health?deep=1")
    body = answer.json()
    assert answer.status_code == 503
    assert body["status"] == "degraded"
    assert body["checks"]["ANTHROPIC_API_KEY"] == body["checks"]["OPENAI_API_KEY"] == "not configured"
    assert body["checks"]["DB"] == "ok"


def test_health_when_called_often_then_not_limited_or_recorded(platform: Platform) -> None:
    client = platform.client("text-gen-limited")

    answers = [client.get("/health", headers={"CF-Connecting-IP": "192.0.2.1"}) for _ in range(101)]

    assert {answer.status_code for answer in answers} == {200}
    assert "RateLimit" not in answers[-1].headers
    assert platform.usage_rows(answers[-1].headers["X-Request-ID"], wait=False) == []
