"""render-service when Shotstack, the network or the caller's own server fail."""

import hashlib
import hmac
import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

import local
from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.variants import PLANTED_SECRET
from tests.workers.renders import CallbackServer, clip_of, edit_of, render_of, render_to_end, submissions, wait_for_end
from tests.workers.shapes import error_of

SERVICE = "render-service"


@pytest.fixture
def caller() -> Iterator[CallbackServer]:
    with CallbackServer.start() as server:
        yield server


REFUSALS = [
    pytest.param(400, 422, "PROVIDER_REJECTED", id="400"),
    pytest.param(402, 502, "PROVIDER_QUOTA_EXHAUSTED", id="402"),
    pytest.param(403, 502, "PROVIDER_AUTH_FAILED", id="403"),
]


@pytest.mark.parametrize(("upstream", "status", "code"), REFUSALS)
def test_submission_when_refused_then_error_and_failed_render(
    platform: Platform, emulators: Emulators, upstream: int, status: int, code: str
) -> None:
    emulators.add_fault("shotstack", kind="status", status=upstream, method="POST")
    client = platform.client(SERVICE)

    error = error_of(client.post("/render", json=edit_of()), status, code)

    body = render_of(client.get(f"/render/{error['details']['render_id']}"), 200)
    assert (body["status"], body["error"]) == ("failed", error["error"])
    assert len(submissions(emulators)) == 1
    (row,) = platform.usage_rows(error["request_id"])
    assert (row["status"], row["error_code"], row["output_units"]) == (status, code, 0)


def test_submission_when_throttled_then_waits_and_tries_again(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("shotstack", kind="status", status=429, retry_after=0.01, method="POST")

    render_to_end(platform.client(SERVICE), edit_of())

    assert len(submissions(emulators)) == 2


def test_submission_when_throttled_for_long_then_429(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("shotstack", kind="status", status=429, retry_after=600, method="POST")

    answer = platform.client(SERVICE).post("/render", json=edit_of())

    error_of(answer, 429, "PROVIDER_RATE_LIMIT")
    assert answer.headers["Retry-After"] == "600"


LOST = [
    pytest.param({"kind": "status", "status": 500}, 502, "PROVIDER_ERROR", id="500"),
    pytest.param({"kind": "status", "status": 504}, 502, "PROVIDER_ERROR", id="504"),
    pytest.param({"kind": "cut", "after": 0}, 502, "PROVIDER_UNREACHABLE", id="cut before"),
    pytest.param({"kind": "cut", "after": 1}, 502, "PROVIDER_ERROR", id="cut in the middle"),
    pytest.param({"kind": "broken_json"}, 502, "PROVIDER_ERROR", id="broken JSON"),
    pytest.param({"kind": "empty"}, 502, "PROVIDER_ERROR", id="empty"),
    pytest.param({"kind": "html"}, 502, "PROVIDER_ERROR", id="HTML"),
]


@pytest.mark.parametrize(("fault", "status", "code"), LOST)
def test_submission_when_its_response_is_lost_then_not_repeated(
    platform: Platform, emulators: Emulators, fault: dict[str, Any], status: int, code: str
) -> None:
    emulators.add_fault("shotstack", method="POST", **fault)
    client = platform.client(SERVICE)

    error = error_of(client.post("/render", json=edit_of()), status, code)

    assert "may or may not be rendering" in error["error"]
    body = wait_for_end(client, error["details"]["render_id"])
    assert (body["status"], body["error"]) == ("failed", error["error"])
    assert len(submissions(emulators)) == 1


def test_submission_when_too_slow_then_504_and_unconfirmed(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("shotstack", kind="slow_first_byte", seconds=3, method="POST")

    error = error_of(platform.client(f"{SERVICE}-impatient").post("/render", json=edit_of()), 504, "GATEWAY_TIMEOUT")

    assert "may or may not be rendering" in error["error"]
    assert len(submissions(emulators)) == 1


def test_submission_when_the_caller_leaves_then_still_followed(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("shotstack", kind="slow_first_byte", seconds=1, method="POST")
    request_id = str(uuid.uuid4())

    with pytest.raises(httpx2.ReadTimeout):
        platform.client(SERVICE).post("/render", json=edit_of(), headers={"X-Request-ID": request_id}, timeout=0.5)

    (row,) = platform.usage_rows(request_id)
    assert (row["status"], row["output_units"]) == (200, 1)
    assert len(submissions(emulators)) == 1


def test_submission_when_shotstack_is_unreachable_then_502(platform: Platform) -> None:
    answer = platform.client(f"{SERVICE}-unreachable").post("/render", json=edit_of())

    assert "Shotstack cannot be reached" in error_of(answer, 502, "PROVIDER_UNREACHABLE")["error"]


def test_secret_when_missing_then_500_says_which(platform: Platform) -> None:
    error = error_of(platform.client(f"{SERVICE}-without-keys").post("/render", json=edit_of()), 500, "MISSING_API_KEY")

    assert "Shotstack API key not configured" in error["error"]
    assert "`SHOTSTACK_API_KEY`" in error["error"]


def test_secret_when_refused_then_502_does_not_show_it(platform: Platform) -> None:
    answer = platform.client(f"{SERVICE}-with-wrong-keys").post("/render", json=edit_of())

    error_of(answer, 502, "PROVIDER_AUTH_FAILED")
    assert PLANTED_SECRET not in answer.text + platform.logged()


def test_render_when_shotstack_fails_it_then_its_reason(platform: Platform) -> None:
    missing = {"type": "image", "src": f"{platform.urls[SERVICE]}/renders/no-such-image.png"}

    answer = platform.client(SERVICE).post("/render", json=edit_of(clip_of(missing), wait_seconds=20))

    body = render_of(answer, 200)
    assert body["status"] == "failed"
    assert "no-such-image.png" in body["error"]
    assert "url" not in body
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert (row["status"], row["error_code"], row["output_units"]) == (502, "RENDER_FAILED", 0)


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "cut", "after": 0}, {"kind": "html"}])
def test_render_when_shotstack_is_down_for_a_while_then_done(
    platform: Platform, emulators: Emulators, fault: dict[str, Any]
) -> None:
    emulators.add_fault("shotstack", method="GET", path_contains="/render/", times=4, **fault)

    assert render_to_end(platform.client(SERVICE), edit_of())["status"] == "done"


def test_render_when_it_does_not_end_in_time_then_failed(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("shotstack", kind="status", status=500, method="GET", path_contains="/render/", times=1000)

    body = render_to_end(platform.client(f"{SERVICE}-hurried"), edit_of())

    assert (body["status"], body["error"]) == ("failed", "The render did not end within 1 seconds")


def test_video_when_its_copy_is_interrupted_then_repeated(platform: Platform, emulators: Emulators) -> None:
    emulators.add_fault("shotstack", kind="cut", after=1, path_contains="/_files/", times=2)
    client = platform.client(SERVICE)

    body = render_to_end(client, edit_of())

    assert body["status"] == "done"
    assert len(client.get(body["url"]).content) == body["metadata"]["size_bytes"]


def test_callback_when_the_render_is_done_then_one_signed_call(platform: Platform, caller: CallbackServer) -> None:
    client = platform.client(SERVICE)
    answer = client.post("/render", json=edit_of(callback_url=caller.url))

    headers, body = caller.calls.get(timeout=30)

    document = json.loads(body)
    assert document["render_id"] == render_of(answer, 202)["render_id"]
    assert (document["status"], document["url"]) == (
        "done",
        f"{platform.urls[SERVICE]}/renders/{document['render_id']}.mp4",
    )
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"] == document["request_id"] == answer.headers["X-Request-ID"]
    signed = headers["x-electrons-timestamp"].encode() + b"." + body
    secret = local.LOCAL_VARS["CALLBACK_SIGNING_SECRET"].encode()
    assert headers["x-electrons-signature"] == f"sha256={hmac.new(secret, signed, hashlib.sha256).hexdigest()}"
    state = wait_for_callback(platform, document["render_id"])
    assert state == {"url": caller.url, "status": "delivered", "attempts": 1, "last_status": 204}
    assert caller.calls.empty()


def test_callback_when_the_render_fails_then_it_says_so(platform: Platform, caller: CallbackServer) -> None:
    missing = {"type": "image", "src": f"{platform.urls[SERVICE]}/renders/no-such-image.png"}
    platform.client(SERVICE).post("/render", json=edit_of(clip_of(missing), callback_url=caller.url))

    _, body = caller.calls.get(timeout=30)

    assert json.loads(body)["status"] == "failed"
    assert "no-such-image.png" in json.loads(body)["error"]


@pytest.mark.parametrize("status", [301, 404, 500])
def test_callback_when_it_is_not_taken_then_it_is_repeated(
    platform: Platform, caller: CallbackServer, status: int
) -> None:
    caller.statuses = [status, status]
    answer = platform.client(SERVICE).post("/render", json=edit_of(callback_url=caller.url))

    bodies = [json.loads(caller.calls.get(timeout=30)[1]) for _ in range(3)]

    assert len({body["render_id"] for body in bodies}) == 1
    state = wait_for_callback(platform, render_of(answer, 202)["render_id"])
    assert (state["status"], state["attempts"], state["last_status"]) == ("delivered", 3, 204)


def test_callback_when_it_is_never_taken_then_it_is_given_up(platform: Platform, caller: CallbackServer) -> None:
    caller.statuses = [500] * 100
    client = platform.client(f"{SERVICE}-giving-up")
    answer = client.post("/render", json=edit_of(callback_url=caller.url))

    state = wait_for_callback(platform, render_of(answer, 202)["render_id"])

    # Pauses of 0.1 and 0.2 seconds fit into 0.5.
    assert (state["status"], state["attempts"], state["last_status"]) == ("given_up", 3, 500)


def test_callback_when_unreachable_then_given_up_without_status(platform: Platform) -> None:
    client = platform.client(f"{SERVICE}-giving-up")
    answer = client.post("/render", json=edit_of(callback_url="http://127.0.0.1:9/hook"))

    state = wait_for_callback(platform, render_of(answer, 202)["render_id"])

    assert (state["status"], state["attempts"]) == ("given_up", 3)
    assert "last_status" not in state


def wait_for_callback(platform: Platform, render_id: str) -> dict[str, Any]:
    """Wait until the callback is no longer pending, and return what GET /render shows of it."""
    client = platform.client(SERVICE)
    wait_for_end(client, render_id)

    def find_ended() -> dict[str, Any] | None:
        state: dict[str, Any] = client.get(f"/render/{render_id}").json()["callback"]
        return state if state["status"] != "pending" else None

    state = wait_for(find_ended)
    assert state is not None
    return state
