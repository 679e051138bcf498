"""Who answers: `model` as `provider:name`, bare, absent or retired, and the options that a model no longer takes."""

from typing import Any

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.shapes import error_of, frames_of, success_of
from text_gen.providers import PROVIDERS

TEXT_PROVIDERS = [provider.name for provider in PROVIDERS]


def ask(platform: Platform, model: str | None, **options: Any) -> dict[str, Any]:
    """Return the metadata of a response."""
    body = {"prompt": "Hello", **({"model": model} if model else {}), "options": options}
    metadata: dict[str, Any] = success_of(platform.client("text-gen").post("/generate", json=body))["metadata"]
    return metadata


@pytest.mark.parametrize(
    ("model", "provider", "answered"),
    [
        (None, "anthropic", "claude-sonnet-4-6"),
        ("anthropic:claude-opus-4-8", "anthropic", "claude-opus-4-8"),
        ("openai:gpt-4o", "openai", "gpt-4o-2024-08-06"),
        ("Anthropic:claude-opus-4-8", "anthropic", "claude-opus-4-8"),
        ("OPENAI:gpt-4.1", "openai", "gpt-4.1-2025-04-14"),
        ("claude-sonnet-4-6", "anthropic", "claude-sonnet-4-6"),
        ("claude-haiku-4-5", "anthropic", "claude-haiku-4-5-20251001"),
        ("gpt-4o-mini", "openai", "gpt-4o-mini-2024-07-18"),
        ("o3", "openai", "o3-2025-04-16"),
        ("claude-sonnet-4-20250514", "anthropic", "claude-sonnet-4-6"),
        ("anthropic:claude-sonnet-4-20250514", "anthropic", "claude-sonnet-4-6"),
        ("anthropic:claude-3-5-haiku-20241022", "anthropic", "claude-haiku-4-5-20251001"),
        ("claude-3-5-sonnet-20241022", "anthropic", "claude-sonnet-4-6"),
        ("claude-3-opus-20240229", "anthropic", "claude-opus-4-8"),
        ("gpt-4-turbo", "openai", "gpt-6.1-sol"),
        ("openai:o1-mini", "openai", "gpt-6.1-terra"),
    ],
)
def test_metadata_name_the_model_that_answered(
    platform: Platform, model: str | None, provider: str, answered: str
) -> None:
    metadata = ask(platform, model)

    assert (metadata["provider"], metadata["model"]) == (provider, answered)


@pytest.mark.parametrize("path", ["/generate", "/generate/stream"])
@pytest.mark.parametrize("model", ["nobody:pro", "nobody:a:b", ":gpt-4o", "anthropic:", "openai: "])
def test_unknown_provider_is_400_with_the_known_ones(
    platform: Platform, emulators: Emulators, model: str, path: str
) -> None:
    answer = platform.client("text-gen").post(path, json={"prompt": "Hello", "model": model})

    error = error_of(answer, 400, "UNKNOWN_PROVIDER")
    assert error["details"]["providers"] == TEXT_PROVIDERS
    assert ", ".join(TEXT_PROVIDERS) in error["error"]


@pytest.mark.parametrize("model", ["anthropic:claude-9", "openai:gpt-0", "openai:ft:gpt-4o:org::id", "some-model"])
def test_model_unknown_to_its_provider_is_422(platform: Platform, model: str) -> None:
    answer = platform.client("text-gen").post("/generate", json={"prompt": "Hello", "model": model})

    error = error_of(answer, 422, "PROVIDER_REJECTED")
    assert model.removeprefix("anthropic:").removeprefix("openai:") in error["error"]
    assert error["details"]["status"] == 404


@pytest.mark.parametrize("path", ["/generate", "/generate/stream"])
@pytest.mark.parametrize("model", ["anthropic:claude-sonnet-5-5", "openai:gpt-6.2-sol", "openai:o3"])
def test_sampling_is_left_out_with_a_warning(platform: Platform, emulators: Emulators, model: str, path: str) -> None:
    body = {"prompt": "Hello", "model": model, "options": {"temperature": 0.7, "top_p": 0.9}}
    answer = platform.client("text-gen").post(path, json=body)

    metadata = (success_of(answer) if path == "/generate" else frames_of(answer)[-1])["metadata"]
    provider, _, name = model.partition(":")
    assert metadata["warnings"][:2] == [
        f"{name} does not take {option}; it was left out" for option in ("temperature", "top_p")
    ]
    (call,) = emulators.requests(provider)
    assert not {"temperature", "top_p"} & call["body"].keys()


@pytest.mark.parametrize("model", ["anthropic:claude-sonnet-5-5", "openai:o3"])
def test_default_sampling_is_left_out_silently(platform: Platform, model: str) -> None:
    assert "warnings" not in ask(platform, model)


def test_temperature_stays_where_one_of_two_is_taken(platform: Platform, emulators: Emulators) -> None:
    metadata = ask(platform, "anthropic:claude-sonnet-4-6", temperature=0.5, top_p=0.9)

    (call,) = emulators.requests("anthropic")
    assert call["body"]["temperature"] == 0.5
    assert "top_p" not in call["body"]
    assert metadata["warnings"] == ["claude-sonnet-4-6 takes temperature or top_p, not both; top_p was left out"]


def test_top_p_replaces_the_default_temperature(platform: Platform, emulators: Emulators) -> None:
    metadata = ask(platform, "anthropic:claude-sonnet-4-6", top_p=0.9)

    (call,) = emulators.requests("anthropic")
    assert call["body"]["top_p"] == 0.9
    assert "temperature" not in call["body"]
    assert "warnings" not in metadata
