"""The usage ledger: one row for each call that reached a provider, failed ones included, and none otherwise."""

import asyncio
from typing import Any

import httpx2
import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.shapes import TIMESTAMP, frames_of, success_of

MODELS = {"anthropic": "anthropic:claude-sonnet-4-6", "openai": "openai:gpt-4o"}
PRICES = {"anthropic": (3, 15), "openai": (2.50, 10)}
BOTH = pytest.mark.parametrize("vendor", list(MODELS))
PATHS = pytest.mark.parametrize("path", ["/generate", "/generate/stream"])


@BOTH
@PATHS
def test_row_of_a_success_has_every_figure(platform: Platform, vendor: str, path: str) -> None:
    answer = platform.client("text-gen").post(path, json={"prompt": "Hello there", "model": MODELS[vendor]})

    metadata = (success_of(answer) if path == "/generate" else frames_of(answer)[-1])["metadata"]
    request_id = answer.headers["X-Request-ID"]
    (row,) = platform.usage_rows(request_id)
    input_price, output_price = PRICES[vendor]
    known = {
        "request_id": request_id,
        "worker": "text-gen",
        "route": path,
        "key_id": None,
        "instance_id": None,
        "project_id": None,
        "provider": vendor,
        "model": metadata["model"],
        "unit": "tokens",
        "input_units": metadata["input_tokens"],
        "output_units": metadata["output_tokens"],
        "status": 200,
        "error_code": None,
        "estimated_cost_microusd": round(
            metadata["input_tokens"] * input_price + metadata["output_tokens"] * output_price
        ),
    }
    assert {name: row[name] for name in known} == known
    assert TIMESTAMP.fullmatch(row["created_at"])
    assert len(row["price_date"]) == len("2026-11-22")
    assert 0 <= row["upstream_ms"] <= row["latency_ms"]
    assert all(type(row[name]) is int for name in ("input_units", "status", "latency_ms", "estimated_cost_microusd"))


@PATHS
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"kind": "status", "status": 400}, (422, "PROVIDER_REJECTED")),
        ({"kind": "status", "status": 401}, (502, "PROVIDER_AUTH_FAILED")),
        ({"kind": "status", "status": 402}, (502, "PROVIDER_QUOTA_EXHAUSTED")),
        ({"kind": "status", "status": 429, "retry_after": 60}, (429, "PROVIDER_RATE_LIMIT")),
        ({"kind": "status", "status": 529, "retry_after": 60}, (502, "PROVIDER_ERROR")),
        ({"kind": "empty"}, (502, "PROVIDER_ERROR")),
    ],
    ids=lambda value: str(value.get("status", value["kind"])) if isinstance(value, dict) else None,
)
def test_row_of_a_failure_has_its_error_code(
    platform: Platform, emulators: Emulators, path: str, fault: dict[str, Any], expected: tuple[int, str]
) -> None:
    emulators.add_fault("anthropic", **fault)

    answer = platform.client("text-gen").post(path, json={"prompt": "Hello"})

    assert answer.status_code == expected[0]
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert (row["status"], row["error_code"]) == expected
    assert (row["provider"], row["model"]) == ("anthropic", "claude-sonnet-4-6")
    # An answer that cannot be read may be charged.
    is_unknown = fault["kind"] == "empty"
    assert [row[name] > 0 for name in ("input_units", "output_units", "estimated_cost_microusd")] == [is_unknown] * 3


def test_several_tries_make_one_row(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("anthropic", kind="status", status=500, times=2, retry_after=0.2)

    body = success_of(platform.client("text-gen").post("/generate", json={"prompt": "Hello"}))

    (row,) = platform.usage_rows(body["request_id"])
    assert row["status"] == 200
    assert row["upstream_ms"] >= 200  # half of the pauses: clocks are coarse


def test_unpriced_model_has_no_estimate(platform: Platform) -> None:
    body = success_of(platform.client("text-gen").post("/generate", json={"prompt": "Hello", "model": "gpt-6.2-astra"}))

    (row,) = platform.usage_rows(body["request_id"])
    assert row["output_units"] > 0
    assert (row["estimated_cost_microusd"], row["price_date"]) == (None, None)


@PATHS
@pytest.mark.parametrize(
    ("worker", "body", "status"),
    [
        ("text-gen", {"prompt": ""}, 400),
        ("text-gen", {"prompt": "Hello", "model": "nobody:pro"}, 400),
        ("text-gen-without-keys", {"prompt": "Hello"}, 500),
        ("text-gen-metered", {"prompt": "Hello", "options": {"max_tokens": 6000}}, 429),
        ("text-gen-with-keys-required", {"prompt": "Hello"}, 401),
        ("text-gen-limiter-closed", {"prompt": "Hello"}, 503),
    ],
)
def test_refused_request_has_no_row(
    platform: Platform, worker: str, path: str, body: dict[str, Any], status: int
) -> None:
    refused = platform.client(worker).post(path, json=body)
    assert refused.status_code == status
    assert platform.log_lines(refused.headers["X-Request-ID"])

    # A row that was on its way would come before this one.
    later = platform.client("text-gen").post("/generate", json={"prompt": "Hello"})
    assert platform.usage_rows(later.headers["X-Request-ID"])
    assert platform.usage_rows(refused.headers["X-Request-ID"], wait=False) == []


@PATHS
@pytest.mark.parametrize(
    ("body", "header", "expected"),
    [
        ({"instance_id": "i-1", "project_id": "p-1"}, None, ("i-1", "p-1")),
        ({}, "i-2", ("i-2", None)),
        ({"instance_id": "from body"}, "from header", ("from body", None)),
        ({"instance_id": None, "project_id": "../p?&'\""}, "i-3", ("i-3", "../p?&'\"")),
        ({"project_id": "Köln 好"}, None, (None, "Köln 好")),
        ({}, "x" * 300, ("x" * 256, None)),
    ],
)
def test_row_has_the_labels_and_the_bodys_win(
    platform: Platform, path: str, body: dict[str, Any], header: str | None, expected: tuple[str | None, str | None]
) -> None:
    headers = {"X-Instance-ID": header} if header else {}

    answer = platform.client("text-gen").post(path, json={"prompt": "Hello", **body}, headers=headers)

    assert answer.status_code == 200
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert (row["instance_id"], row["project_id"]) == expected


def test_concurrent_calls_have_their_own_rows(platform: Platform) -> None:
    async def call_all() -> list[httpx2.Response]:
        async with httpx2.AsyncClient(base_url=platform.urls["text-gen"], timeout=30, trust_env=False) as client:
            return await asyncio.gather(
                *(client.post("/generate", json={"prompt": f"Number {n}", "project_id": f"p-{n}"}) for n in range(50))
            )

    bodies = [success_of(answer) for answer in asyncio.run(call_all())]

    assert len({body["request_id"] for body in bodies}) == 50
    for n, body in enumerate(bodies):
        assert f"You wrote “Number {n}”" in body["text"]
        (row,) = platform.usage_rows(body["request_id"])
        assert (row["project_id"], row["output_units"]) == (f"p-{n}", body["metadata"]["output_tokens"])
        assert len(platform.log_lines(body["request_id"])) == 1
