"""Every provider is complete, and every case of every provider becomes what its table says."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.capabilities.images import ImageProvider
from electrons.capabilities.render import RenderProvider
from electrons.capabilities.speech import SpeechProvider
from electrons.capabilities.stock import StockProvider
from electrons.capabilities.text import TextProvider
from electrons.capabilities.turns import TurnProvider
from electrons.errors import ConfigurationError, ProviderError
from electrons.providers.cloudflare.provider import CloudflareProvider
from electrons.providers.github.provider import GitHubProvider
from electrons.registry import find_providers
from electrons.settings import Settings
from electrons.upstream.provider import Provider
from tests.providers.cases import API_KEY, CALLERS, REQUIRED_CASES, Case, Cases, create_context

CAPABILITIES: Mapping[str, type[Provider]] = {
    "text": TextProvider,
    "stream": TextProvider,
    "turns": TurnProvider,
    "image": ImageProvider,
    "speech": SpeechProvider,
    "timed_speech": SpeechProvider,
    "voices": SpeechProvider,
    "videos": StockProvider,
    "photos": StockProvider,
    "render": RenderProvider,
    "repository": GitHubProvider,
    "deployment": CloudflareProvider,
}


def capabilities_of(provider: Provider) -> set[str]:
    """Return what must have cases, by the classes that the provider derives from."""
    names = {name for name, kind in CAPABILITIES.items() if isinstance(provider, kind)}
    if isinstance(provider, SpeechProvider):
        names -= set() if provider.has_timestamps else {"timed_speech"}
        names -= {"voices"} if provider.fixed_voices else set()
    return names


def read_cases(provider: Provider) -> Cases:
    """Return the table in the provider's test file."""
    cases: Cases = importlib.import_module(f"tests.providers.test_{provider.name}").CASES
    return cases


PROVIDERS = find_providers(Provider)
ALL_CASES = [
    pytest.param(provider, capability, case, id=f"{provider.name}-{capability}-{name}")
    for provider in PROVIDERS
    for capability, cases in read_cases(provider).items()
    for name, case in cases.items()
]

each_provider = pytest.mark.parametrize("provider", PROVIDERS, ids=lambda provider: provider.name)


def test_names_of_providers_differ() -> None:
    names = [provider.name for provider in PROVIDERS]

    assert {"anthropic", "openai"} <= set(names)
    assert len(names) == len(set(names))


@each_provider
def test_attributes_of_a_provider_are_sound(provider: Provider) -> None:
    assert type(provider).__module__.startswith(f"electrons.providers.{provider.name}")
    assert provider.title
    assert provider.base_url.startswith("https://")
    assert not provider.base_url.endswith("/")
    assert provider.credentials[0].is_secret
    assert not any(Settings().get(credential) for credential in provider.credentials)
    assert Settings().get(provider.base_url_setting) == ""
    assert capabilities_of(provider)
    assert capabilities_of(provider) <= CALLERS.keys()


@each_provider
def test_cases_of_a_provider_are_complete(provider: Provider) -> None:
    cases = read_cases(provider)

    assert cases.keys() == capabilities_of(provider)
    for capability in capabilities_of(provider):
        assert set(REQUIRED_CASES) <= cases[capability].keys()


@pytest.mark.parametrize(("provider", "capability", "case"), ALL_CASES)
async def test_case_becomes_what_its_table_says(provider: Provider, capability: str, case: Case) -> None:
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
def test_deployment_can_set_another_base_url(provider: Provider) -> None:
    settings = Settings(declared={provider.base_url_setting.name: "http://127.0.0.1:1/gateway/"})

    assert provider.url(Settings(), "/path") == f"{provider.base_url}/path"
    assert provider.url(settings, "/path") == "http://127.0.0.1:1/gateway/path"


@each_provider
def test_missing_api_key_names_the_secret(provider: Provider) -> None:
    with pytest.raises(ConfigurationError, match=f"`{provider.credentials[0].name}`"):
        provider.api_key(Settings())


@each_provider
def test_api_key_is_in_one_header(provider: Provider) -> None:
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
def test_error_body_of_any_shape_is_a_provider_error(
    provider: Provider, status: int, document: object, content: bytes
) -> None:
    for body in (json.dumps(document).encode(), content):
        error = provider.parse_error(status, {}, body)

        assert error.message
        assert json.dumps(error.to_body("request-1"))
