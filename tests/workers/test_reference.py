"""The reference on workerd: its files, and answers that are as its document says."""

from __future__ import annotations

import gzip
import json
from typing import Any

import jsonschema
import pytest

from tests.apps import load_apps
from tests.platform import Platform

WORKERS = sorted(load_apps())
EXAMPLES = [
    pytest.param(worker, route.path, dict(route.docs.example), id=f"{worker} {route.path}")
    for worker in WORKERS
    for route in load_apps()[worker].routes
    if route.docs.example is not None and worker not in {"render-service", "sandbox-executor"}
]


def check(document: dict[str, Any], answer: Any, *, method: str, path: str) -> None:
    """Fail unless the answer is as the document says."""
    described = document["paths"][path][method]["responses"][str(answer.status_code)]
    kind = answer.headers["Content-Type"].partition(";")[0]
    content = described["content"]
    assert kind in content
    assert answer.headers["X-Request-ID"]
    if kind == "application/json":
        schema = {**content[kind]["schema"], "components": document["components"]}
        jsonschema.validate(answer.json(), schema)


@pytest.mark.parametrize("worker", WORKERS)
def test_reference_is_served_to_everyone(platform: Platform, worker: str) -> None:
    client = platform.client(worker)

    page, script = client.get("/docs"), client.get("/docs/swagger-ui-bundle.js", headers={"Accept-Encoding": "gzip"})

    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert script.headers["Content-Encoding"] == "gzip"
    assert "SwaggerUIBundle" in script.text
    assert len(gzip.compress(script.content)) < 600_000
    assert client.get("/openapi.json").json()["info"]["title"] == worker


@pytest.mark.parametrize(("worker", "path", "example"), EXAMPLES)
def test_example_works_and_its_answer_is_as_described(
    platform: Platform, worker: str, path: str, example: dict[str, Any]
) -> None:
    client = platform.client(worker)
    document = client.get("/openapi.json").json()

    answer = client.post(path, json=example)

    assert answer.status_code in {200, 202}, answer.text
    check(document, answer, method="post", path=path)


@pytest.mark.parametrize(
    ("worker", "path"),
    [
        ("text-gen", "/generate"),
        ("text-gen", "/v1/chat/completions"),
        ("text-gen", "/v1/messages"),
        ("stock-media", "/search"),
    ],
)
def test_error_is_as_described(platform: Platform, worker: str, path: str) -> None:
    client = platform.client(worker)
    document = client.get("/openapi.json").json()

    answer = client.post(path, content=json.dumps({}))

    assert answer.status_code == 400
    check(document, answer, method="post", path=path)
