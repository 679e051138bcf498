"""Callers who leave before the end: the call to the provider is cancelled, and counted nevertheless."""

from contextlib import AbstractContextManager
from http.client import HTTPConnection
from typing import Any

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.workers.callers import asking

MODELS = {"anthropic": "anthropic:claude-sonnet-4-6", "openai": "openai:gpt-4o"}
BOTH = pytest.mark.parametrize("vendor", list(MODELS))


def asking_for_text(
    platform: Platform, vendor: str, request_id: str, *, path: str
) -> AbstractContextManager[HTTPConnection]:
    """`asking` text-gen."""
    body = {"prompt": "Hello there", "model": MODELS[vendor]}
    return asking(platform.urls["text-gen"], path, body, {"X-Request-ID": request_id})


def wait_until_cancelled(emulators: Emulators, vendor: str) -> None:
    """Return when the provider has noticed; it has been called once."""
    assert wait_for(lambda: any(call["aborted"] for call in emulators.requests(vendor)))
    assert len(emulators.requests(vendor)) == 1


@BOTH
@pytest.mark.parametrize("path", ["/generate", "/generate/stream"])
@pytest.mark.parametrize("fault", [{"kind": "slow_first_byte", "seconds": 60}, {"kind": "stall"}], ids=["head", "body"])
def test_leaving_before_the_response_cancels_and_counts(
    platform: Platform, emulators: Emulators, vendor: str, path: str, fault: dict[str, Any]
) -> None:
    request_id = f"left-{vendor}-{path.count('/')}-{fault['kind']}"
    emulators.add_fault(vendor, **fault)

    with asking_for_text(platform, vendor, request_id, path=path):
        assert wait_for(lambda: emulators.requests(vendor))

    wait_until_cancelled(emulators, vendor)
    (row,) = platform.usage_rows(request_id)
    assert (row["status"], row["error_code"]) == (499, "CLIENT_CLOSED_REQUEST")
    assert row["latency_ms"] >= row["upstream_ms"] > 0
    (line,) = platform.log_lines(request_id)
    assert (line["status"], line["route"]) == (499, path)


@BOTH
@pytest.mark.parametrize("silent", [False, True], ids=["flowing", "silent"])
def test_leaving_in_a_stream_cancels_and_counts(
    platform: Platform, emulators: Emulators, vendor: str, silent: bool
) -> None:
    if silent:
        emulators.add_fault(vendor, kind="stall", after=6)
    else:
        emulators.set_latency(vendor, per_frame_ms=50)
    request_id = f"left-{vendor}-in-the-stream-{silent}"

    with (
        asking_for_text(platform, vendor, request_id, path="/generate/stream") as connection,
        connection.getresponse() as answer,
    ):
        assert answer.readline().startswith(b'data: {"text":"[emulated')

    wait_until_cancelled(emulators, vendor)
    (row,) = platform.usage_rows(request_id)
    assert (row["status"], row["error_code"]) == (499, "CLIENT_CLOSED_REQUEST")
    assert row["input_units"] > 0
    assert 0 < row["output_units"] < 60
    assert row["estimated_cost_microusd"] > 0
    (line,) = platform.log_lines(request_id)
    assert (line["status"], line["output_units"]) == (499, row["output_units"])


def test_worker_survives_many_callers_leaving(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("anthropic", kind="stall", times=5)
    ids = [f"left-one-of-many-{number}" for number in range(5)]
    for request_id in ids:
        with asking_for_text(platform, "anthropic", request_id, path="/generate"):
            assert wait_for(lambda: [call for call in emulators.requests("anthropic") if not call["finished"]])
        assert wait_for(lambda: all(call["finished"] for call in emulators.requests("anthropic")))

    answer = platform.client("text-gen").post("/generate", json={"prompt": "Hello"})

    assert answer.status_code == 200
    assert [platform.usage_rows(request_id)[0]["status"] for request_id in ids] == [499] * 5
    assert platform.usage_rows(answer.headers["X-Request-ID"])[0]["status"] == 200
