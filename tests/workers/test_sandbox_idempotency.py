"""`Idempotency-Key` on /execute: what was spent is not spent again."""

from __future__ import annotations

import json
import threading
import time

import httpx2
import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.workers.callers import asking
from tests.workers.sandbox import call, stream, unique
from tests.workers.shapes import error_of, success_of


def test_retry_gets_the_first_response_without_a_call(platform: Platform, emulators: Emulators) -> None:
    key, body = unique("key"), {"task": "Write a greeter"}
    first = call(platform, "/execute", body, Idempotency_Key=key)
    calls = len(emulators.requests("anthropic"))

    again = call(platform, "/execute", body, Idempotency_Key=key)

    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert len(emulators.requests("anthropic")) == calls
    assert (success_of(first), again.status_code, again.content) == (first.json(), 200, first.content)
    assert platform.usage_rows(again.headers["X-Request-ID"], wait=False) == []


def test_retry_when_the_body_is_another_one_then_422(platform: Platform) -> None:
    key = unique("key")
    call(platform, "/execute", {"task": "only text"}, Idempotency_Key=key)

    error_of(call(platform, "/execute", {"task": "only text!"}, Idempotency_Key=key), 422, "IDEMPOTENCY_KEY_REUSED")


def test_retry_when_the_first_is_at_work_then_409(platform: Platform, emulators: Emulators) -> None:
    emulators.set_latency("anthropic", first_byte_ms=300)
    key, body = unique("key"), {"task": "Write a greeter"}
    first: list[httpx2.Response] = []
    thread = threading.Thread(target=lambda: first.append(call(platform, "/execute", body, Idempotency_Key=key)))
    thread.start()
    wait_for(lambda: emulators.requests("anthropic"))

    busy = call(platform, "/execute", body, Idempotency_Key=key)
    thread.join()

    assert error_of(busy, 409, "IDEMPOTENCY_IN_PROGRESS")["details"]["execution_id"] == first[0].json()["execution_id"]
    assert (busy.headers["Retry-After"], busy.headers["X-Should-Retry"]) == ("1", "true")


def test_same_idempotency_key_of_another_caller_is_independent(platform: Platform) -> None:
    key, body = unique("key"), {"task": "only text"}
    call(platform, "/execute", body, Idempotency_Key=key)

    other = call(platform, "/execute", body, Idempotency_Key=key, Authorization=f"Bearer {platform.key()}")

    assert "Idempotent-Replayed" not in other.headers


def test_retry_when_nothing_was_spent_then_it_is_a_new_try(platform: Platform, emulators: Emulators) -> None:
    key, body = unique("key"), {"task": "only text"}
    emulators.add_fault("anthropic", kind="status", status=529, retry_after=60)
    failed = call(platform, "/execute", body, Idempotency_Key=key)
    error_of(failed, 502, "PROVIDER_ERROR")
    assert platform.rows("executions", request_id=failed.headers["X-Request-ID"], status="failed")

    again = call(platform, "/execute", body, Idempotency_Key=key)

    success_of(again)
    assert "Idempotent-Replayed" not in again.headers


def test_retry_of_a_paid_failure_gets_the_same_error(platform: Platform, emulators: Emulators) -> None:
    key, body = unique("key"), {"task": "Write a greeter"}
    emulators.add_fault("anthropic", kind="status", status=400, prompt_contains="`src/index.js` is written")
    failed = error_of(call(platform, "/execute", body, Idempotency_Key=key), 422, "PROVIDER_REJECTED")
    assert platform.rows("executions", request_id=failed["request_id"], status="failed")
    calls = len(emulators.requests("anthropic"))

    again = call(platform, "/execute", body, Idempotency_Key=key)

    assert (again.status_code, again.json()) == (422, failed)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert [file["path"] for file in failed["details"]["result"]["files"]] == ["src/index.js"]
    assert len(emulators.requests("anthropic")) == calls


def test_retry_after_the_caller_left_gets_the_result(platform: Platform, emulators: Emulators) -> None:
    emulators.set_latency("anthropic", first_byte_ms=150)
    key, body = unique("key"), {"task": "Write a greeter"}
    request_id = unique("left")
    leave_early(platform, emulators, body, key, request_id)

    answers = wait_for(
        lambda: [a] if (a := call(platform, "/execute", body, Idempotency_Key=key)).status_code == 200 else []
    )

    assert answers[0].json()["result"]["metadata"]["complete"] is True
    assert answers[0].headers["Idempotent-Replayed"] == "true"
    assert len([r for r in emulators.requests("anthropic") if not r["aborted"]]) == 4
    (usage,) = platform.usage_rows(request_id)
    assert usage["input_units"] + usage["output_units"] == answers[0].json()["result"]["metadata"]["tokens_used"]


def test_caller_when_it_leaves_without_a_key_then_the_work_ends(platform: Platform, emulators: Emulators) -> None:
    emulators.set_latency("anthropic", first_byte_ms=400)
    request_id = unique("left")
    leave_early(platform, emulators, {"task": "Write a greeter"}, None, request_id)

    (row,) = platform.rows("executions", request_id=request_id, status="cancelled")
    shown = success_of(
        platform.client("sandbox-executor").get(
            f"/execute/{row['id']}", headers={"X-API-Key": platform.all_powerful_key}
        )
    )
    assert (shown["status"], shown["error_code"]) == ("cancelled", "EXECUTION_CANCELLED")
    assert shown["result"]["metadata"]["ended_by"] == row["ended_by"] == "cancelled"
    (usage,) = platform.usage_rows(request_id)
    assert usage["input_units"] + usage["output_units"] == shown["result"]["metadata"]["tokens_used"]
    time.sleep(0.5)
    assert len(emulators.requests("anthropic")) <= 2


@pytest.mark.parametrize("key", ["", "x" * 256, "line\x7fbreak"])
def test_key_when_it_is_malformed_then_400(platform: Platform, key: str) -> None:
    answer = call(platform, "/execute", {"task": "only text"}, Idempotency_Key=key)

    assert "Idempotency-Key" in error_of(answer, 400, "INVALID_REQUEST")["error"]


def test_stream_when_retried_then_all_its_frames(platform: Platform, emulators: Emulators) -> None:
    key, body = unique("key"), {"task": "Write a greeter"}
    first = call(platform, "/execute/stream", body, Idempotency_Key=key)
    calls = len(emulators.requests("anthropic"))

    answer = wait_for(
        lambda: [a] if (a := call(platform, "/execute/stream", body, Idempotency_Key=key)).status_code == 200 else []
    )[0]

    assert answer.headers["Idempotent-Replayed"] == "true"
    assert answer.text == first.text
    assert len(emulators.requests("anthropic")) == calls


def test_stream_when_its_caller_left_then_its_work_is_found(platform: Platform, emulators: Emulators) -> None:
    emulators.set_latency("anthropic", first_byte_ms=150)
    key, body, request_id = unique("key"), {"task": "Write a greeter"}, unique("left")
    headers = {"Authorization": f"Bearer {platform.all_powerful_key}"}
    headers |= {"Idempotency-Key": key, "X-Request-ID": request_id}
    client = platform.client("sandbox-executor")
    with client.stream("POST", "/execute/stream", content=json.dumps(body), headers=headers) as left_stream:
        next(left_stream.iter_lines())
    (row,) = platform.rows("executions", request_id=request_id, status="succeeded")

    left = error_of(call(platform, "/execute/stream", body, Idempotency_Key=key), 409, "IDEMPOTENCY_OUTCOME_UNKNOWN")

    assert left["details"]["execution_id"] == row["id"]
    assert len([r for r in emulators.requests("anthropic") if not r["aborted"]]) == 4


def test_stream_when_it_is_watched_then_a_frame_for_each_step(platform: Platform) -> None:
    begun, *steps, last = stream(platform, "Write a greeter")

    assert begun["done"] is False and begun["execution_id"] == last["execution_id"]
    assert [frame["step"]["tool"] for frame in steps] == ["write_file", "check", "run", "finish"]
    assert all(frame["done"] is False for frame in steps)
    assert last["done"] is True and last["success"] is True
    assert [step["tool"] for step in last["result"]["steps"]] == ["write_file", "check", "run", "finish"]
    assert {frame["request_id"] for frame in (begun, *steps, last)} == {last["request_id"]}


def test_last_frame_of_a_stream_has_the_providers_error(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("anthropic", kind="status", status=400, prompt_contains="`src/index.js` is written")

    frames = stream(platform, "Write a greeter")

    assert frames[-1]["done"] is True
    assert (frames[-1]["success"], frames[-1]["error_code"]) == (False, "PROVIDER_REJECTED")


def test_execution_is_shown_to_its_caller_only(platform: Platform) -> None:
    body = success_of(call(platform, "/execute", {"task": "Write a greeter"}))
    client, path = platform.client("sandbox-executor"), f"/execute/{body['execution_id']}"

    shown = success_of(client.get(path, headers={"X-API-Key": platform.all_powerful_key}))
    other = client.get(path, headers={"X-API-Key": platform.key()})
    nothing = client.get("/execute/none", headers={"X-API-Key": platform.all_powerful_key})

    assert (shown["status"], shown["result"]) == ("succeeded", body["result"])
    error_of(other, 404, "EXECUTION_NOT_FOUND")
    error_of(nothing, 404, "EXECUTION_NOT_FOUND")


def leave_early(
    platform: Platform,
    emulators: Emulators,
    body: dict[str, str],
    key: str | None,
    request_id: str | None = None,
) -> None:
    """Send a request and leave, like a killed program, as soon as the model was called."""
    headers = {"Authorization": f"Bearer {platform.all_powerful_key}"}
    headers |= {"Idempotency-Key": key} if key else {}
    headers |= {"X-Request-ID": request_id} if request_id else {}
    with asking(platform.urls["sandbox-executor"], "/execute", body, headers):
        assert wait_for(lambda: emulators.requests("anthropic"))
