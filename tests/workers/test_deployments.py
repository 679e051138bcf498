"""The effect of a deployment's own vars and secrets: missing, wrong, or stricter than usual."""

import pytest

from tests.emulators.process import Emulators
from tests.platform import SETTINGS_HEADER, Platform
from tests.variants import PLANTED_SECRET
from tests.workers.shapes import error_of, success_of

MODELS = [
    pytest.param("anthropic:claude-sonnet-4-6", "Anthropic", "ANTHROPIC_API_KEY", id="anthropic"),
    pytest.param("openai:gpt-4o", "OpenAI", "OPENAI_API_KEY", id="openai"),
]


@pytest.mark.parametrize("path", ["/generate", "/generate/stream"])
@pytest.mark.parametrize(("model", "title", "secret"), MODELS)
def test_secret_when_missing_then_500_says_which(
    platform: Platform, model: str, title: str, secret: str, path: str
) -> None:
    answer = platform.client("text-gen-without-keys").post(path, json={"prompt": "Hello", "model": model})

    body = error_of(answer, 500, "MISSING_API_KEY")
    assert f"{title} API key not configured" in body["error"]
    assert f"`{secret}`" in body["error"]


@pytest.mark.parametrize("path", ["/generate", "/generate/stream"])
@pytest.mark.parametrize("model", ["anthropic:claude-sonnet-4-6", "openai:gpt-4o"])
def test_secret_when_provider_refuses_it_then_502_hides_it(
    platform: Platform, emulators: Emulators, model: str, path: str
) -> None:
    answer = platform.client("text-gen-with-wrong-keys").post(path, json={"prompt": "Hello", "model": model})

    body = error_of(answer, 502, "PROVIDER_AUTH_FAILED")
    assert platform.log_lines(body["request_id"])
    assert PLANTED_SECRET not in answer.text
    assert PLANTED_SECRET not in platform.logged()
    assert len(emulators.requests(model.partition(":")[0])) == 1


def test_secret_when_echoed_by_provider_then_never_revealed(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("anthropic", kind="status", status=400, message=f"Bad header x-api-key: {PLANTED_SECRET}")

    answer = platform.client("text-gen-with-wrong-keys").post("/generate", json={"prompt": "Hello"})

    body = error_of(answer, 422, "PROVIDER_REJECTED")
    assert body["error"].startswith("Anthropic rejected the request: Bad header")
    assert platform.log_lines(body["request_id"])
    assert "planted" not in answer.text + platform.logged()


def test_default_model_when_deployment_sets_one_then_it_answers(platform: Platform) -> None:
    body = success_of(platform.client("text-gen-with-another-default").post("/generate", json={"prompt": "Hello"}))

    assert body["metadata"]["provider"] == "openai"
    assert body["metadata"]["model"].startswith("gpt-4o-mini")


@pytest.mark.parametrize("path", ["/generate", "/health", "/nothing-here"])
def test_var_when_it_cannot_be_read_then_500_names_it(platform: Platform, path: str) -> None:
    answer = platform.client("text-gen-misconfigured").post(path, json={"prompt": "Hello"})

    body = error_of(answer, 500, "CONFIGURATION_ERROR")
    assert body["error"] == "`MAX_RETRIES` must be a number"


def test_provider_when_unreachable_then_502_after_another_try(platform: Platform) -> None:
    answer = platform.client("text-gen-unreachable").post("/generate", json={"prompt": "Hello"})

    body = error_of(answer, 502, "PROVIDER_UNREACHABLE")
    assert "Anthropic cannot be reached" in body["error"]
    assert "127.0.0.1" not in answer.text
    assert [line["attempt"] for line in platform.log_lines(body["request_id"], event="retry")] == [1]


def test_deployment_ignores_the_settings_header(platform: Platform) -> None:
    opened = {SETTINGS_HEADER: '{"AUTH_MODE": "open"}'}

    answer = platform.client("text-gen-with-keys-required").post("/generate", json={"prompt": "Hello"}, headers=opened)

    error_of(answer, 401, "UNAUTHORIZED")


def test_worker_under_test_obeys_the_settings_header(platform: Platform) -> None:
    """The other half of the test above: what the deployment has not read is what a worker under test would read."""
    closed = {SETTINGS_HEADER: '{"AUTH_MODE": "required"}'}

    answer = platform.client("text-gen").post("/generate", json={"prompt": "Hello"}, headers=closed)

    error_of(answer, 401, "UNAUTHORIZED")
