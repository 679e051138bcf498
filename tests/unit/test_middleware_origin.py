"""What a local run takes, and malformed hosts."""

from dataclasses import replace

import pytest

from electrons.app import App
from electrons.context import Context
from electrons.http import Response
from electrons.settings import Settings
from electrons.testing import TestClient, TestResponse
from platform_workers import find_workers

LOCAL = Settings(auth_mode="open", rate_limit_policy="none", local_run="true")
TUNNELLED = replace(LOCAL, public_base_url="https://Tunnel.example/de", cors_origins="https://app.example:8443")


async def send(
    method: str = "POST", *, host: str = "127.0.0.1:8787", origin: str | None = None, settings: Settings = LOCAL
) -> TestResponse:
    app = App("worker")

    @app.post("/work")
    async def work(_context: Context) -> Response:
        return Response.json({})

    headers = {"Content-Type": "text/plain"} | ({} if origin is None else {"Origin": origin})
    return await TestClient(app, settings=settings, host=host).request(method, "/work", headers=headers)


@pytest.mark.parametrize("host", ["127.0.0.1:8787", "localhost:8787", "[::1]:8787", "text-gen.localhost"])
@pytest.mark.parametrize("origin", [None, "http://localhost:3000", "http://127.0.0.1", "https://[::1]:4000"])
async def test_local_run_takes_requests_of_this_machine(host: str, origin: str | None) -> None:
    assert (await send(host=host, origin=origin)).status == 200


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "",
        "http://localhost.evil.example",
        "http://localhost@evil.example",
        "file://",
        "*",
    ],
)
async def test_local_run_refuses_a_foreign_origin(origin: str) -> None:
    answer = await send(origin=origin)

    assert (answer.status, answer.json()["error_code"]) == (403, "FORBIDDEN_ORIGIN")
    assert "`CORS_ORIGINS`" in answer.json()["error"]
    assert answer.headers.get("Access-Control-Allow-Origin") == "*"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8787", "192.168.0.7:8787", "0.0.0.0:8787"])
async def test_local_run_refuses_a_foreign_host(host: str) -> None:
    assert (await send(host=host)).json()["error_code"] == "FORBIDDEN_ORIGIN"


@pytest.mark.parametrize("path", ["/health", "/nowhere"])
async def test_local_run_refuses_foreign_requests_to_every_route(path: str) -> None:
    client = TestClient(App("worker"), settings=LOCAL, host="evil.example")

    assert (await client.request("GET", path)).json()["error_code"] == "FORBIDDEN_ORIGIN"


async def test_local_run_answers_the_preflight_of_any_origin() -> None:
    assert (await send("OPTIONS", origin="https://evil.example")).status == 204


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("tunnel.example", None, 200),
        ("localhost", "https://tunnel.example", 200),
        ("tunnel.example", "https://app.example:8443", 200),
        ("app.example", None, 200),
        ("localhost", "https://app.example", 403),
        ("localhost", "https://other.example", 403),
        ("other.example", None, 403),
    ],
)
async def test_local_run_takes_the_hosts_that_its_settings_name(host: str, origin: str | None, status: int) -> None:
    assert (await send(host=host, origin=origin, settings=TUNNELLED)).status == status


async def test_deployment_takes_any_host_and_origin() -> None:
    answer = await send(host="de.example", origin="https://a.example", settings=replace(LOCAL, local_run="false"))

    assert answer.status == 200


@pytest.mark.parametrize("settings", [LOCAL, replace(LOCAL, local_run="false")], ids=["local", "deployed"])
@pytest.mark.parametrize("host", ["[foo]", "", "a b"])
async def test_malformed_host_is_answered_in_our_shape(host: str, settings: Settings) -> None:
    client = TestClient(App("worker"), settings=settings)
    client.host = host

    answer = await client.request("GET", "/health")

    assert (answer.status, answer.json()["error_code"]) == (400, "INVALID_REQUEST")
    assert answer.json()["request_id"] == answer.headers.get("X-Request-ID")
    assert answer.log[-1]["status"] == 400


def test_no_deployment_is_a_local_run() -> None:
    for worker in find_workers():
        assert "LOCAL_RUN" not in (worker.folder / "wrangler.toml").read_text(encoding="utf-8")
