"""Who may call."""

import pytest

from electrons.app import App
from electrons.context import Context
from electrons.http import Response
from electrons.settings import Settings
from electrons.testing import TestClient


def create_app() -> App:
    app = App("worker")

    @app.get("/who")
    async def who(context: Context) -> Response:
        return Response.json({"id": context.principal.id})

    return app


@pytest.mark.parametrize(("address", "expected"), [({"CF-Connecting-IP": "203.0.113.7"}, "203.0.113.7"), ({}, "local")])
async def test_auth_when_open_then_the_callers_address_is_who_calls(address: dict[str, str], expected: str) -> None:
    answer = await TestClient(create_app()).request("GET", "/who", headers=address)

    assert answer.json() == {"id": expected}


async def test_auth_when_keys_are_required_and_there_is_no_key_table_then_refused() -> None:
    client = TestClient(create_app(), settings=Settings())

    answer = await client.request("GET", "/who", headers={"Authorization": "Bearer de_live_any"})

    assert (answer.status, answer.json()["error_code"]) == (503, "AUTH_UNAVAILABLE")
    assert "`AUTH_MODE`" in answer.json()["error"]


async def test_auth_when_route_is_public_then_nobody_is_asked() -> None:
    assert (await TestClient(create_app(), settings=Settings()).request("GET", "/health")).status == 200
