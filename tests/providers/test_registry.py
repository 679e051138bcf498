"""The provider and the model that a name means."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.capabilities.text import TextProvider
from electrons.errors import UnknownProviderError
from electrons.registry import find_providers, resolve_model
from electrons.upstream.prices import estimate_cost
from electrons.usage import Usage
from text_gen.settings import TextSettings

PROVIDERS = find_providers(TextProvider)
NAMES = [provider.name for provider in PROVIDERS]

RETIRED_MODELS = [(provider.name, *pair) for provider in PROVIDERS for pair in provider.retired_models.items()]


def resolve(model: str) -> tuple[str, str]:
    provider, name = resolve_model(model, PROVIDERS)
    return provider.name, name


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("anthropic:claude-haiku-4-5", ("anthropic", "claude-haiku-4-5")),
        ("OpenAI:gpt-6-luna", ("openai", "gpt-6-luna")),
        (" openai : gpt-6-luna ", ("openai", "gpt-6-luna")),
        ("openai:ft:gpt-4o:org::id", ("openai", "ft:gpt-4o:org::id")),
        ("openai:claude-like", ("openai", "claude-like")),
        ("claude-haiku-4-5", ("anthropic", "claude-haiku-4-5")),
        ("Claude-haiku-4-5", ("anthropic", "Claude-haiku-4-5")),
        ("gpt-6-luna", ("openai", "gpt-6-luna")),
        ("o3", ("openai", "o3")),
        ("claude-sonnet-4-20250514", ("anthropic", "claude-sonnet-4-6")),
        ("anthropic:claude-sonnet-4-20250514", ("anthropic", "claude-sonnet-4-6")),
        ("openai:claude-sonnet-4-20250514", ("openai", "claude-sonnet-4-20250514")),
        ("claude-3-5-sonnet-20241022", ("anthropic", "claude-sonnet-4-6")),
        ("claude-3-5-sonnet-latest", ("anthropic", "claude-sonnet-4-6")),
        ("claude-3-opus-20240229", ("anthropic", "claude-opus-4-8")),
        ("claude-2.1", ("anthropic", "claude-sonnet-4-6")),
        ("gpt-4-turbo", ("openai", "gpt-6.1-sol")),
        ("gpt-4", ("openai", "gpt-6.1-sol")),
        ("openai:o1-mini", ("openai", "gpt-6.1-terra")),
        ("gpt-3.5-turbo", ("openai", "gpt-6.1-terra")),
        ("gpt-4.1-nano", ("openai", "gpt-6-luna")),
        ("gpt-4o-mini", ("openai", "gpt-4o-mini")),
    ],
)
def test_model_name_resolves_to_provider_and_name(model: str, expected: tuple[str, str]) -> None:
    assert resolve(model) == expected


@pytest.mark.parametrize("model", ["nobody:gemini", ":gpt-6-luna", "ft:gpt-4o:org::id", ":"])
def test_unknown_provider_names_the_known_ones(model: str) -> None:
    with pytest.raises(UnknownProviderError, match="Unknown provider") as caught:
        resolve(model)

    assert {"anthropic", "openai"} <= set(NAMES)
    assert caught.value.details == {"providers": NAMES}
    assert ", ".join(NAMES) in caught.value.message


@pytest.mark.parametrize("model", ["openai:", "anthropic:  ", ""])
def test_model_without_a_name_is_refused(model: str) -> None:
    with pytest.raises(UnknownProviderError, match="does not name a model"):
        resolve(model)


@given(st.text())
def test_any_name_is_a_model_or_an_unknown_provider(model: str) -> None:
    try:
        provider, name = resolve(model)
    except UnknownProviderError:
        return
    assert provider in NAMES
    assert name.strip() == name != ""


def test_default_model_resolves_to_itself() -> None:
    default = TextSettings().default_model

    assert ":".join(resolve(default)) == default


@pytest.mark.parametrize(("provider", "retired", "replacement"), RETIRED_MODELS)
def test_replacement_of_a_retired_model_is_current(provider: str, retired: str, replacement: str) -> None:
    assert retired != replacement
    assert replacement not in {name for owner, name, _ in RETIRED_MODELS if owner == provider}
    if not replacement.startswith("gpt-image-"):  # images have no verified price yet
        assert estimate_cost(Usage(provider=provider, model=replacement), {})
