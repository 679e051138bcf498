"""render-service survives the end of its process, and accepts Shotstack's webhook at its public address."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

import local
from database import LocalDatabase
from ports import find_free_port
from tests.emulators.process import Emulators
from tests.platform import run_alone, wait_for
from tests.workers.renders import CallbackServer, edit_of, render_of, submissions, wait_for_end
from tests.workers.shapes import error_of

pytestmark = pytest.mark.full


@contextmanager
def run(
    state: Path, emulators: Emulators, *, port: int = 0, **vars_: str
) -> Iterator[tuple[local.Part, httpx2.Client]]:
    """render-service alone on a stack of its own."""
    shared = {**local.LOCAL_VARS, "RATE_LIMIT_POLICY": "none", **local.emulated_vars(emulators.base_urls), **vars_}
    with run_alone("render-service", state=state, vars_=shared, port=port) as running:
        yield running


@pytest.fixture
def state(migrated_state: Path) -> Path:
    return migrated_state


@pytest.fixture
def caller() -> Iterator[CallbackServer]:
    with CallbackServer.start() as server:
        yield server


def test_render_when_process_is_killed_then_done_after_restart(
    state: Path, emulators: Emulators, caller: CallbackServer
) -> None:
    emulators.add_fault("shotstack", kind="status", status=503, method="GET", path_contains="/render/", times=1000)
    with run(state, emulators, RENDER_POLL_SECONDS="0.1", MAX_RETRIES="0") as (workers, client):
        render_id = render_of(client.post("/render", json=edit_of(callback_url=caller.url)), 202)["render_id"]
        lookups = wait_for(lambda: [x for x in emulators.requests("shotstack") if x["method"] == "GET"][2:])
        assert lookups
        workers.kill()
    before = len(submissions(emulators))
    emulators.reset()

    with run(state, emulators, RENDER_POLL_SECONDS="0.1", MAX_RETRIES="0") as (_, client):
        assert client.get("/health").status_code == 200  # no request names the render

        assert json.loads(caller.calls.get(timeout=60)[1])["status"] == "done"
        assert client.get(f"/renders/{render_id}.mp4").status_code == 200
    assert (before, len(submissions(emulators))) == (1, 0)


@pytest.fixture(scope="module")
def public_state(make_state: Callable[[], Path]) -> Path:
    return make_state()


@pytest.fixture(scope="module")
def public(public_state: Path, running_emulators: Emulators) -> Iterator[httpx2.Client]:
    """Yield a deployment that Shotstack can reach, and that checks by itself only after these tests have timed out."""
    port = find_free_port()
    vars_: Mapping[str, str] = {"PUBLIC_BASE_URL": f"http://127.0.0.1:{port}", "RENDER_POLL_SECONDS": "600"}
    with run(public_state, running_emulators, port=port, **vars_) as (_, client):
        yield client


def test_webhook_when_render_ended_then_checked_at_once(public: httpx2.Client, emulators: Emulators) -> None:
    render_id = render_of(public.post("/render", json=edit_of()), 202)["render_id"]

    assert wait_for_end(public, render_id)["status"] == "done"

    (submission,) = submissions(emulators)
    assert submission["body"]["callback"] == f"{public.base_url}/webhooks/shotstack/{render_id}"


def test_webhook_when_submission_was_lost_then_render_found(
    public: httpx2.Client, public_state: Path, emulators: Emulators
) -> None:
    emulators.add_fault("shotstack", kind="broken_json", method="POST")
    error = error_of(public.post("/render", json=edit_of()), 502, "PROVIDER_ERROR")
    render_id = error["details"]["render_id"]

    found = wait_for(lambda: public.get(f"/render/{render_id}").json()["status"] == "done")

    assert found
    assert public.get(f"/renders/{render_id}.mp4").status_code == 200
    assert len(submissions(emulators)) == 1
    usage = ("SELECT status FROM usage WHERE request_id = ?", (error["request_id"],))
    assert wait_for(lambda: [row["status"] for row in LocalDatabase(public_state).run(usage)] == [200])


def test_webhook_when_it_names_another_render_then_not_adopted(public: httpx2.Client, emulators: Emulators) -> None:
    foreign = {"x-api-key": "any"}
    with httpx2.Client(base_url=emulators.url_of("shotstack"), headers=foreign, trust_env=False) as shotstack:
        other = shotstack.post("/edit/stage/render", json=edit_of()).json()["response"]["id"]
    emulators.add_fault("shotstack", kind="status", status=500, method="POST")
    error = error_of(public.post("/render", json=edit_of()), 502, "PROVIDER_ERROR")
    render_id = error["details"]["render_id"]

    answer = public.post(f"/webhooks/shotstack/{render_id}", json={"type": "edit", "status": "done", "id": other})

    assert answer.status_code == 200
    assert public.get(f"/render/{render_id}").json()["status"] == "failed"


def test_webhook_when_its_status_is_wrong_then_looked_up(public: httpx2.Client, emulators: Emulators) -> None:
    render_id = render_of(public.post("/render", json=edit_of()), 202)["render_id"]
    lie = {"type": "edit", "status": "failed", "id": str(uuid.uuid4()), "error": "a lie"}

    assert public.post(f"/webhooks/shotstack/{render_id}", json=lie).status_code == 200

    assert wait_for_end(public, render_id)["status"] == "done"


@pytest.mark.parametrize("render_id", ["0b9d1f0e-6f0a-4c41-9d5f-3f1c8e2a7b64", "x"])
def test_webhook_when_the_render_is_unknown_then_404(public: httpx2.Client, render_id: str) -> None:
    error_of(public.post(f"/webhooks/shotstack/{render_id}", json={"id": "x"}), 404, "RENDER_NOT_FOUND")


def test_render_when_no_webhook_comes_then_checked_anyway(state: Path, emulators: Emulators) -> None:
    with run(state, emulators, PUBLIC_BASE_URL="http://127.0.0.1:9", RENDER_POLL_SECONDS="0.2") as (_, client):
        render_id = render_of(client.post("/render", json=edit_of()), 202)["render_id"]

        body = wait_for_end(client, render_id)

    assert (body["status"], body["url"]) == ("done", f"http://127.0.0.1:9/renders/{render_id}.mp4")
