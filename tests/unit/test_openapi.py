"""`GET /openapi.json` and `GET /docs`: complete, valid, and true to the routes."""

from __future__ import annotations

import re
from typing import Any

import pytest
from openapi_spec_validator import validate

from electrons.app import App
from electrons.models import ResponseModel
from electrons.reference import FILES, load_file
from electrons.routing import Route
from electrons.testing import TestClient
from tests.apps import load_apps

APPS = load_apps()
ROUTES = [
    pytest.param(name, route, id=f"{name} {route.method} {route.path}")
    for name, app in APPS.items()
    for route in app.routes
]


async def load_document(name: str) -> dict[str, Any]:
    response = await TestClient(APPS[name]).request("GET", "/openapi.json")
    assert response.status == 200
    document: dict[str, Any] = response.json()
    return document


@pytest.mark.full
@pytest.mark.parametrize("name", APPS)
async def test_document_is_valid_openapi(name: str) -> None:
    validate(await load_document(name))


@pytest.mark.parametrize("name", APPS)
async def test_document_has_every_route_and_nothing_else(name: str) -> None:
    document = await load_document(name)

    listed = {(method.upper(), path) for path, methods in document["paths"].items() for method in methods}
    assert listed == {(route.method, route.path) for route in APPS[name].routes}
    ids = [method["operationId"] for methods in document["paths"].values() for method in methods.values()]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(("name", "route"), ROUTES)
async def test_operation_says_what_it_does_and_what_it_needs(name: str, route: Route) -> None:
    operation = (await load_document(name))["paths"][route.path][route.method.lower()]

    assert operation["summary"]
    assert bool(operation["security"]) is not route.public
    named = {each["name"] for each in operation["parameters"] if each["in"] == "path"}
    assert named == set(re.findall(r"\{(\w+)\}", route.path))
    assert ("requestBody" in operation) == (route.body is not None)
    if not route.public:
        assert {"401", "403", "429", "500", "503"} <= operation["responses"].keys()
    if route.scope and not route.public:
        assert f"`{route.scope}`" in operation["description"]


@pytest.mark.parametrize(("name", "route"), ROUTES)
def test_route_with_a_body_has_an_example_that_its_model_takes(name: str, route: Route) -> None:
    if route.body is None or route.public or "{" in route.path:
        return
    assert route.docs.example is not None, f"{route.path} needs `docs=RouteDocs(example=…)`"
    route.body.model_validate(dict(route.docs.example))


@pytest.mark.parametrize(
    ("name", "path", "schema"),
    [
        ("text-gen", "/generate", "Error"),
        ("text-gen", "/v1/chat/completions", "OpenAIError"),
        ("text-gen", "/v1/messages", "AnthropicError"),
    ],
)
async def test_errors_have_the_shape_of_their_dialect(name: str, path: str, schema: str) -> None:
    responses = (await load_document(name))["paths"][path]["post"]["responses"]

    found = responses["429"]["content"]["application/json"]["schema"]
    assert found == {"$ref": f"#/components/schemas/{schema}"}
    assert "Retry-After" in responses["429"]["headers"]


async def test_stream_and_media_have_their_types() -> None:
    text, audio = await load_document("text-gen"), await load_document("audio-gen")

    assert [*text["paths"]["/generate/stream"]["post"]["responses"]["200"]["content"]] == ["text/event-stream"]
    media = audio["paths"]["/audio/{name}"]["get"]["responses"]
    assert {"200", "206", "304", "404"} <= media.keys()
    assert "audio/mpeg" in media["200"]["content"]


async def test_page_loads_only_its_own_files() -> None:
    response = await TestClient(App("shop")).request("GET", "/docs")

    text = response.body.decode()
    assert re.findall(r'(?:src|href)="([^"]+)"', text) == [
        "data:,",
        "docs/swagger-ui.css",
        "docs/swagger-ui-bundle.js",
        "docs/start.js",
        "openapi.json",
    ]
    policy = response.headers.get("Content-Security-Policy") or ""
    assert policy.startswith("default-src 'none'; script-src 'self';")


@pytest.mark.parametrize("name", ["../app.py", "swagger-ui.js", "start.js.gz", "%2e%2e"])
async def test_file_that_is_not_the_references_is_404(name: str) -> None:
    response = await TestClient(App("shop")).request("GET", f"/docs/{name}")

    assert response.status == 404


async def test_file_of_the_reference_when_the_build_had_none_then_404() -> None:
    assert [load_file(name) for name in FILES] == [None, None]  # they are in what is uploaded only
    response = await TestClient(App("shop")).request("GET", "/docs/swagger-ui.css")

    assert response.status == 404


async def test_route_without_a_docstring_still_makes_a_valid_document() -> None:
    app = App("shop")

    @app.get("/plain")
    async def plain(_context: object) -> ResponseModel:
        return ResponseModel()

    response = await TestClient(app).request("GET", "/openapi.json")

    validate(response.json())
