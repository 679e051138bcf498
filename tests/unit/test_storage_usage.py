"""The usage ledger."""

import asyncio

from electrons.app import App
from electrons.context import Context
from electrons.errors import ProviderError
from electrons.http import Response
from electrons.models import LabeledRequest
from electrons.storage.ledger import record_usage
from electrons.testing import TestClient
from electrons.upstream.prices import PRICE_DATE
from electrons.usage import Usage


class Work(LabeledRequest):
    model: str = "gpt-6-luna"
    fail: bool = False


def create_client() -> TestClient:
    app = App("worker")

    @app.post("/work")
    async def work(context: Context, body: Work) -> Response:
        usage = Usage(provider="openai", model=body.model)
        record_usage(context, usage)
        usage.input_units, usage.output_units, usage.upstream_ms = 1000, 200, 30
        if body.fail:
            raise ProviderError("Down", provider="openai")
        return Response.json({})

    return TestClient(app)


async def test_usage_when_a_call_succeeds_then_one_row_with_all_of_it() -> None:
    client = create_client()

    answer = await client.request("POST", "/work", json={"instance_id": "i", "project_id": "p"})

    (row,) = await client.bindings.database.query("SELECT * FROM usage")
    assert str(row.pop("created_at")).endswith("Z")
    assert isinstance(row.pop("latency_ms"), int)
    assert row == {
        "id": 1,
        "request_id": answer.headers.get("X-Request-ID"),
        "worker": "worker",
        "route": "/work",
        "key_id": None,
        "instance_id": "i",
        "project_id": "p",
        "provider": "openai",
        "model": "gpt-6-luna",
        "unit": "tokens",
        "input_units": 1000,
        "output_units": 200,
        "status": 200,
        "error_code": None,
        "upstream_ms": 30,
        "estimated_cost_microusd": 200,
        "price_date": PRICE_DATE,
    }


async def test_usage_when_the_call_fails_then_its_row_says_how() -> None:
    client = create_client()

    await client.request("POST", "/work", json={"fail": True})

    (row,) = await client.bindings.database.query("SELECT status, error_code, input_units FROM usage")
    assert row == {"status": 502, "error_code": "PROVIDER_ERROR", "input_units": 1000}


async def test_usage_when_the_model_has_no_price_then_the_cost_is_unknown() -> None:
    client = create_client()

    await client.request("POST", "/work", json={"model": "new"})

    (row,) = await client.bindings.database.query("SELECT estimated_cost_microusd, price_date FROM usage")
    assert row == {"estimated_cost_microusd": None, "price_date": None}


async def test_usage_when_requests_are_concurrent_then_a_row_for_each() -> None:
    client = create_client()

    await asyncio.gather(*(client.request("POST", "/work", json={"project_id": f"'{n}\""}) for n in range(20)))

    rows = await client.bindings.database.query("SELECT DISTINCT project_id FROM usage")
    assert len(rows) == 20
