"""Other vendors' endpoints that speak OpenAI's chat completions, and those that a deployment adds."""

import json
from typing import Any

import httpx2
import pytest

from electrons.capabilities.text import generate_text
from electrons.errors import ConfigurationError
from electrons.providers.openai.compatible import BUILT_IN, built_in_providers, read_providers
from electrons.settings import Secret, Settings
from tests.providers.cases import TEXT_CALL, create_context
from tests.providers.test_openai import COMPLETION
from text_gen.routes import app

PROVIDERS = {provider.name: provider for provider in built_in_providers()}


@pytest.mark.parametrize("name", sorted(PROVIDERS))
async def test_each_endpoint_answers_under_its_own_key(name: str) -> None:
    provider = PROVIDERS[name]
    requests: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        requests.append(request)
        return httpx2.Response(200, json=COMPLETION)

    address = {} if provider.base_url else {provider.base_url_setting.name: "http://127.0.0.1:1/v1"}
    context = create_context(provider, respond, **address)

    result = await generate_text(context, provider, TEXT_CALL)

    assert result.text == "Good morning"
    assert str(requests[0].url) == f"{provider.base_url or 'http://127.0.0.1:1/v1'}/chat/completions"
    assert requests[0].headers["Authorization"] == "Bearer test-key-0001"


def test_names_are_those_of_settings_and_differ() -> None:
    assert len({endpoint.name for endpoint in BUILT_IN}) == len(BUILT_IN)
    assert PROVIDERS["workers-ai"].credentials[0].name == "WORKERS_AI_API_KEY"
    assert PROVIDERS["workers-ai"].base_url_setting.name == "WORKERS_AI_BASE_URL"


def test_server_without_keys_needs_an_address_only() -> None:
    ollama = PROVIDERS["ollama"]

    with pytest.raises(ConfigurationError, match=r"set `OLLAMA_BASE_URL`$"):
        ollama.check(Settings())
    assert ollama.api_key(Settings(declared={"OLLAMA_BASE_URL": "http://127.0.0.1:11434/v1"})) == ""
    assert ollama.build_headers("", "request-1") == []


def test_missing_key_and_address_are_named() -> None:
    with pytest.raises(ConfigurationError, match="GROQ_API_KEY"):
        PROVIDERS["groq"].check(Settings())
    with pytest.raises(ConfigurationError, match="`WORKERS_AI_BASE_URL` and the secret `WORKERS_AI_API_KEY`"):
        PROVIDERS["workers-ai"].check(Settings())


def test_row_of_a_deployment_has_its_own_secret() -> None:
    row = {"name": "mine", "title": "Mine", "base_url": "https://llm.example/v1", "secret": "MY_KEY"}

    (provider,) = read_providers(json.dumps([row]))

    assert (provider.name, provider.title) == ("mine", "Mine")
    settings = Settings(declared={"MY_KEY": Secret("key-1")})
    assert provider.api_key(settings) == "key-1"
    assert provider.url(settings, "/chat/completions") == "https://llm.example/v1/chat/completions"
    assert not provider.has_responses


def test_settings_of_added_rows_are_read() -> None:
    texts = {"PROVIDERS": '[{"name": "mine", "base_url": "https://llm.example/v1", "secret": "MY_KEY"}]', "MY_KEY": "k"}

    settings = app.read_settings(texts.get)

    assert settings.declared["MY_KEY"].reveal() == "k"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "Invalid JSON"),
        ("{}", "valid list|valid array"),
        ('[{"title": "x"}]', "0.name"),
        ('[{"name": "Bad Name"}]', "0.name"),
        ('[{"name": "a", "flags": 1}]', "0.flags"),
        ('[{"name": "a", "needs_key": "no"}]', "0.needs_key"),
        ('[{"name": "a", "base_url": "ftp://a"}]', "0.base_url"),
        ('[{"name": "a", "base_url": "a"}]', "0.base_url"),
        ('[{"name": "a"}, {"name": "a"}]', "1.name"),
        ('[{"name": "taken"}]', "0.name"),
    ],
)
def test_wrong_row_is_named(text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=f"`PROVIDERS`: .*({reason})"):
        read_providers(text, frozenset({"taken"}))


async def test_authenticated_ai_gateway_gets_its_token() -> None:
    sent: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        sent.append(request)
        return httpx2.Response(200, json=COMPLETION)

    gateway: dict[str, Any] = {"GROQ_BASE_URL": "https://gateway.ai.cloudflare.com/v1/a/g/groq"}
    token = Secret("gateway-token-1")

    await generate_text(
        create_context(PROVIDERS["groq"], respond, ai_gateway_token=token, **gateway), PROVIDERS["groq"], TEXT_CALL
    )
    await generate_text(
        create_context(PROVIDERS["groq"], respond, ai_gateway_token=token), PROVIDERS["groq"], TEXT_CALL
    )

    assert [request.headers.get("cf-aig-authorization") for request in sent] == ["Bearer gateway-token-1", None]
