"""Every provider is complete, and every case of every provider becomes what its table says."""

from __future__ import annotations

import importlib
import inspect
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import electrons.providers
from electrons.errors import ConfigurationError, ProviderError
from electrons.providers.base import Provider
from electrons.settings import Secret, Settings
from tests.providers.cases import API_KEY, CALLERS, REQUIRED_CASES, Case, Cases, create_context


def find_providers() -> list[Provider]:
    """An instance of each vendor's class in shared/electrons/providers."""
    (folder,) = map(Path, electrons.providers.__path__)
    modules = [importlib.import_module(f"electrons.providers.{path.stem}") for path in sorted(folder.glob("*.py"))]
    return [
        kind()
        for module in modules
        for _, kind in inspect.getmembers(module, inspect.isclass)
        if issubclass(kind, Provider) and not inspect.isabstract(kind) and kind.__module__ == module.__name__
    ]


def read_cases(provider: Provider) -> Cases:
    """The table in the provider's test file."""
    module = type(provider).__module__.rpartition(".")[2]
    cases: Cases = importlib.import_module(f"tests.providers.test_{module}").CASES
    return cases


PROVIDERS = find_providers()
ALL_CASES = [
    pytest.param(provider, capability, case, id=f"{provider.name}-{capability}-{name}")
    for provider in PROVIDERS
    for capability, cases in read_cases(provider).items()
    for name, case in cases.items()
]

each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)


def test_providers_when_globbed_then_their_names_differ() -> None:
    names = [provider.name for provider in PROVIDERS]

    assert {"anthropic", "openai"} <= set(names)
    assert len(names) == len(set(names))


@each_provider
def test_provider_when_looked_at_then_its_attributes_are_sound(provider: Provider) -> None:
    settings = Settings()

    assert type(provider).__module__ == f"electrons.providers.{provider.name}"
    assert provider.title
    assert provider.base_url.startswith("https://")
    assert not provider.base_url.endswith("/")
    assert provider.docs_url.startswith("https://")
    assert isinstance(getattr(settings, provider.api_key_setting.lower()), Secret)
    assert getattr(settings, provider.base_url_setting.lower()) == ""
    assert provider.capabilities
    assert provider.capabilities <= CALLERS.keys()


@each_provider
def test_provider_when_it_has_a_capability_then_its_cases_are_complete(provider: Provider) -> None:
    cases = read_cases(provider)

    assert cases.keys() == provider.capabilities
    for capability in provider.capabilities:
        assert set(REQUIRED_CASES) <= cases[capability].keys()


@pytest.mark.parametrize(("provider", "capability", "case"), ALL_CASES)
async def test_case_when_the_provider_answers_so_then_it_becomes_that(
    provider: Provider, capability: str, case: Case
) -> None:
    context = create_context(provider, case.respond, max_retries=0)

    if not isinstance(case.expected, type):
        assert await CALLERS[capability](context, provider) == case.expected
        return
    with pytest.raises(ProviderError) as caught:
        await CALLERS[capability](context, provider)
    assert type(caught.value) is case.expected
    assert caught.value.message
    assert caught.value.provider == provider.name


@each_provider
def test_url_when_a_deployment_sets_another_base_then_that(provider: Provider) -> None:
    setting = provider.base_url_setting.lower()

    assert provider.url(Settings(), "/path") == f"{provider.base_url}/path"
    assert provider.url(Settings(**{setting: "http://127.0.0.1:1/gateway/"}), "/path") == (  # type: ignore[arg-type]
        "http://127.0.0.1:1/gateway/path"
    )


@each_provider
def test_api_key_when_the_deployment_has_none_then_the_error_names_the_secret(provider: Provider) -> None:
    with pytest.raises(ConfigurationError, match=f"`{provider.api_key_setting}`"):
        provider.api_key(Settings())


@each_provider
def test_headers_when_built_then_the_key_stands_in_one_of_them(provider: Provider) -> None:
    headers = provider.build_headers(API_KEY, "request-1")

    assert len([value for _, value in headers if API_KEY in value]) == 1


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["error", "type", "code", "message", "details", "detail"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@each_provider
@given(status=st.integers(300, 599), document=json_values, content=st.binary())
def test_parse_error_when_the_body_has_any_shape_then_a_provider_error_that_can_be_written(
    provider: Provider, status: int, document: object, content: bytes
) -> None:
    for body in (json.dumps(document).encode(), content):
        error = provider.parse_error(status, {}, body)

        assert error.message
        assert json.dumps(error.to_body("request-1"))
