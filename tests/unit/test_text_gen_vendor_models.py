"""The list of models of all providers, in the formats of OpenAI and Anthropic."""

from typing import Any

import httpx2
import pytest

from tests.unit.gateway import Gateway

OPENAI_MODELS: dict[str, Any] = {
    "object": "list",
    "data": [{"id": "gpt-4o", "object": "model", "created": 7, "owned_by": "system"}],
}
CLAUDE = {"type": "model", "id": "claude-sonnet-4-6", "display_name": "Sonnet", "created_at": "2026-01-01T00:00:00Z"}
VERSION = {"anthropic-version": "2023-06-01"}


def gateway_with_models() -> Gateway:
    gateway = Gateway(httpx2.Response(500))

    def respond(request: httpx2.Request) -> httpx2.Response:
        gateway.requests.append(request)
        is_openai = request.url.host == "api.openai.com"
        return httpx2.Response(200, json=OPENAI_MODELS if is_openai else {"data": [CLAUDE], "has_more": False})

    gateway.client.http = httpx2.MockTransport(respond)
    return gateway


async def test_models_of_all_providers_in_openais_format() -> None:
    gateway = gateway_with_models()

    first = await gateway.client.request("GET", "/v1/models")
    again = await gateway.client.request("GET", "/v1/models")

    assert first.json() == again.json()
    assert first.json()["object"] == "list"
    assert first.json()["data"] == [
        {"id": "claude-sonnet-4-6", "object": "model", "created": 1767225600, "owned_by": "anthropic"},
        OPENAI_MODELS["data"][0],
    ]
    assert len(gateway.requests) == 2


async def test_models_of_all_providers_in_anthropics_format() -> None:
    answer = await gateway_with_models().client.request("GET", "/v1/models?limit=1", headers=VERSION)
    rest = await gateway_with_models().client.request(
        "GET", "/v1/models?limit=1&after_id=claude-sonnet-4-6", headers=VERSION
    )

    assert answer.json() == {"data": [CLAUDE], "has_more": True, "first_id": CLAUDE["id"], "last_id": CLAUDE["id"]}
    (model,) = rest.json()["data"]
    assert (model["type"], model["id"], model["created_at"]) == ("model", "gpt-4o", "1970-01-01T00:00:07Z")


@pytest.mark.parametrize("name", ["gpt-4o", "openai:gpt-4o", "openai%3Agpt-4o"])
async def test_one_model_under_the_name_it_was_asked_by(name: str) -> None:
    answer = await gateway_with_models().client.request("GET", f"/v1/models/{name}")

    assert answer.json() == {**OPENAI_MODELS["data"][0], "id": name.replace("%3A", ":")}


@pytest.mark.parametrize("name", ["gpt-9", "nobody:gpt-4o", "openai:"])
async def test_missing_model_is_named_in_either_format(name: str) -> None:
    client = gateway_with_models().client

    openai = await client.request("GET", f"/v1/models/{name}")
    anthropic = await client.request("GET", f"/v1/models/{name}", headers=VERSION)

    assert (openai.status, openai.json()["error"]["code"]) == (404, "model_not_found")
    assert (anthropic.status, anthropic.json()["error"]["type"]) == (404, "not_found_error")
    assert f"`{name}`" in openai.json()["error"]["message"]


async def test_models_of_a_provider_that_fails_are_left_out() -> None:
    gateway = gateway_with_models()

    def respond(request: httpx2.Request) -> httpx2.Response:
        is_openai = request.url.host == "api.openai.com"
        return httpx2.Response(200, json=OPENAI_MODELS) if is_openai else httpx2.Response(500)

    gateway.client.http = httpx2.MockTransport(respond)

    answer = await gateway.client.request("GET", "/v1/models")

    assert [model["id"] for model in answer.json()["data"]] == ["gpt-4o"]
    assert any(line["event"] == "models_left_out" for line in answer.log)


async def test_models_when_every_provider_fails_are_an_error() -> None:
    gateway = Gateway(httpx2.Response(500))

    assert (await gateway.client.request("GET", "/v1/models")).status == 500
