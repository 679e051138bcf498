"""`GET /` of a worker."""

import pytest

from electrons.app import App
from electrons.context import Context
from electrons.http import Response
from electrons.models import RequestModel
from electrons.testing import TestClient
from tests.apps import load_apps

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


class Order(RequestModel):
    """A body with every kind of field."""

    title: str
    tags: list[str] | None = None
    count: int = 1


def create_client() -> TestClient:
    app = App("shop", scope="buy")

    @app.post("/orders/{name}")
    async def order(_context: Context, _body: Order) -> Response:
        """`POST /orders/{name}`: order <b>things</b>."""
        return Response.json({})

    return TestClient(app)


async def test_index_when_a_program_asks_then_the_routes_as_json() -> None:
    answer = await create_client().request("GET", "/")

    body = answer.json()
    assert answer.status == 200
    assert (body["service"], body["status"]) == ("shop", "healthy")
    assert {(route["method"], route["path"]) for route in body["routes"]} == {
        ("GET", "/"),
        ("GET", "/health"),
        ("GET", "/metrics"),
        ("GET", "/openapi.json"),
        ("GET", "/docs"),
        ("GET", "/docs/{file}"),
        ("POST", "/orders/{name}"),
    }
    assert body["routes"][-1] == {
        "method": "POST",
        "path": "/orders/{name}",
        "scope": "buy",
        "summary": "Order <b>things</b>.",
        "fields": {
            "title": {"type": "string", "required": True},
            "tags": {"type": "list of strings", "required": False},
            "count": {"type": "integer", "required": False},
        },
    }


async def test_index_when_a_browser_asks_then_a_page_without_scripts() -> None:
    answer = await create_client().request("GET", "/", headers=BROWSER)

    page = answer.body.decode()
    assert answer.headers.get("Content-Type") == "text/html; charset=utf-8"
    assert answer.headers.get("Vary") == "Accept"
    assert "default-src 'none'" in (answer.headers.get("Content-Security-Policy") or "")
    assert "/orders/{name}" in page
    assert "Order &lt;b&gt;things&lt;/b&gt;." in page
    assert "<script" not in page


async def test_index_when_asked_with_head_then_no_body() -> None:
    answer = await create_client().request("HEAD", "/", headers=BROWSER)

    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("worker", sorted(load_apps()))
async def test_every_route_of_a_worker_has_a_summary(worker: str) -> None:
    answer = await TestClient(load_apps()[worker]).request("GET", "/")

    assert [route["path"] for route in answer.json()["routes"] if not route["summary"]] == []
