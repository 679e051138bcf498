"""`GET /v1/usage`: what a key has used, and what is left of its budget."""

from datetime import UTC, datetime
from typing import Any

from tests.unit.test_budgets import CALL, PRICE, Deployment, id_of


async def show(deployment: Deployment, key: str) -> Any:
    answer = await deployment.client.request("GET", "/v1/usage", headers={"X-API-Key": key})
    assert answer.status == 200, answer.body
    return answer.json()


async def test_usage_is_that_of_the_key() -> None:
    deployment = Deployment()
    key, other = await deployment.key(budget="1/day, 5/month", models="openai:*"), await deployment.key()
    await deployment.call(key=key)
    await deployment.call(key=key)
    await deployment.call(key=other)

    body = await show(deployment, key)

    today = datetime.now(UTC).strftime("%Y-%m-%d")
    assert body["key_id"] == id_of(key)
    expected = {"calls": 2, "errors": 0, "cost_usd": 2 * PRICE / 1e6, "calls_without_price": 0}
    assert body["day"] == {"since": f"{today}T00:00:00Z", **expected}
    assert body["month"] == {"since": f"{today[:7]}-01T00:00:00Z", **expected}
    assert body["models"] == [
        {
            "model": "openai:gpt-4o-2024-08-06",
            "unit": "tokens",
            "calls": 2,
            "input_units": 60,
            "output_units": 200,
            "cost_usd": 2 * PRICE / 1e6,
        }
    ]
    assert body["allowed_models"] == ["openai:*"]
    assert '"requests"' in body["rate_limit_policy"]
    day, month = body["budgets"]
    assert day == {
        "period": "day",
        "limit_usd": 1.0,
        "spent_usd": 2 * PRICE / 1e6,
        "reserved_usd": 0.0,
        "left_usd": (1e6 - 2 * PRICE) / 1e6,
        "renews_at": "2026-11-27T00:00:00Z",
    }
    assert (month["period"], month["limit_usd"], month["renews_at"]) == ("month", 5.0, "2026-12-01T00:00:00Z")


async def test_usage_of_a_rotated_key_contains_that_of_the_old_one() -> None:
    deployment = Deployment()
    old, new = await deployment.key(budget="1/day"), await deployment.key(budget="1/day")
    await deployment.database.execute("UPDATE api_keys SET first_id = ? WHERE id = ?", id_of(old), id_of(new))
    await deployment.call(key=old)

    body = await show(deployment, new)

    assert (body["day"]["calls"], body["budgets"][0]["spent_usd"]) == (1, PRICE / 1e6)


async def test_usage_of_a_new_key_is_nothing() -> None:
    deployment = Deployment()

    body = await show(deployment, await deployment.key())

    assert (body["day"]["calls"], body["month"]["cost_usd"], body["models"], body["budgets"]) == (0, 0, [], [])
    assert "allowed_models" not in body


async def test_calls_without_a_price_are_counted() -> None:
    deployment = Deployment()
    key = await deployment.key()
    await deployment.database.execute(
        "INSERT INTO usage (request_id, created_at, worker, route, key_id, provider, model, unit, input_units, "
        "output_units, status, latency_ms, upstream_ms) VALUES ('r', ?, 'audio-gen', '/synthesize', ?, 'elevenlabs', "
        "'eleven_v3', 'characters', 5, 0, 200, 1, 1)",
        datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z"),
        id_of(key),
    )

    body = await show(deployment, key)

    assert (body["day"]["calls_without_price"], body["day"]["cost_usd"]) == (1, 0)


async def test_usage_where_access_is_open_is_that_without_a_key() -> None:
    deployment = Deployment()
    key = await deployment.key()
    await deployment.call(key=key)
    deployment.client.settings = type(deployment.client.settings)(
        auth_mode="open", declared=deployment.client.settings.declared
    )
    await deployment.call(body=CALL)

    body = await show(deployment, key)

    assert ("key_id" in body, body["day"]["calls"]) == (False, 1)
