"""render-service's routes when the database or Shotstack fails, and its webhook."""

import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from electrons.errors import UnavailableError
from electrons.testing import create_memory_rate_limiter
from render_service.follow import follow
from tests.providers.mutations import Mutation, mutate
from tests.unit.memory_workflow import MemorySteps
from tests.unit.render_stack import LINK, RenderStack, file_response, progress, submitted

EDIT = {"timeline": {"tracks": [{"clips": [{"asset": {"type": "title", "text": "Hi"}, "start": 0, "length": 1}]}]}}
PUBLIC = "https://renders.example"


def refuse(status: int) -> httpx2.Response:
    return httpx2.Response(status, json={"success": False, "message": "No"})


async def post(stack: RenderStack, **fields: Any) -> tuple[int, dict[str, Any]]:
    response = await stack.client.request("POST", "/render", json={**EDIT, **fields})
    body: dict[str, Any] = response.json()
    return response.status, body


async def post_webhook(stack: RenderStack, render_id: str, body: object) -> int:
    response = await stack.client.request("POST", f"/webhooks/shotstack/{render_id}", json=body)
    return response.status


async def unconfirmed(shotstack_id: Any = "shotstack-1", *, callback: Any, **settings: Any) -> tuple[RenderStack, str]:
    """Return a deployment and the id of its render, whose submission Shotstack did not confirm."""

    def respond(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            return refuse(500)
        return progress("rendering", id=shotstack_id, data={"callback": callback})

    stack = RenderStack(respond, **settings)
    status, body = await post(stack)
    assert status == 502
    return stack, body["details"]["render_id"]


@pytest.mark.parametrize("callback", [None, "", "None", "https://elsewhere.example/webhooks/shotstack/x"])
async def test_webhook_without_public_address_then_not_adopted(callback: Any) -> None:
    stack, render_id = await unconfirmed(callback=callback)
    before = len(stack.requests)

    assert await post_webhook(stack, render_id, {"id": "shotstack-1"}) == 200

    row = await stack.render_row()
    assert (row["status"], row["provider_id"]) == ("unconfirmed", None)
    assert len(stack.requests) == before


@pytest.mark.parametrize("callback", [None, "", f"{PUBLIC}/webhooks/shotstack/", f"{PUBLIC}/webhooks/shotstack/other"])
async def test_webhook_when_another_address_was_given_then_ignored(callback: Any) -> None:
    stack, render_id = await unconfirmed(callback=callback, public_base_url=PUBLIC)

    assert await post_webhook(stack, render_id, {"id": "shotstack-1"}) == 200

    row = await stack.render_row()
    assert (row["status"], row["provider_id"]) == ("unconfirmed", None)


async def test_webhook_when_this_address_was_given_then_adopted() -> None:
    known: dict[str, str] = {}

    def respond(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            known["callback"] = json.loads(request.content)["callback"]
            return refuse(500)
        return progress("rendering", data=known)

    stack = RenderStack(respond, public_base_url=PUBLIC)
    _, body = await post(stack)
    render_id = body["details"]["render_id"]

    assert await post_webhook(stack, render_id, {"id": "shotstack-1", "status": "done"}) == 200

    row = await stack.render_row()
    assert (row["status"], row["provider_id"], row["error"]) == ("queued", "shotstack-1", None)
    assert stack.workflow.woken == [render_id]


async def lose_submission(*lookups: str) -> tuple[RenderStack, str]:
    """Return a deployment whose submission was lost, with what lookups find after the webhook, and the render's id."""
    known: dict[str, str] = {}
    statuses = ["rendering", *lookups]

    def respond(request: httpx2.Request) -> httpx2.Response:
        if request.method == "POST":
            known["callback"] = json.loads(request.content)["callback"]
            return refuse(500)
        if request.url.host != "api.shotstack.io":
            return file_response()
        return progress(statuses.pop(0), data=known, url=LINK)

    stack = RenderStack(respond, public_base_url=PUBLIC)
    _, body = await post(stack)
    return stack, body["details"]["render_id"]


@pytest.mark.parametrize(
    ("status", "recorded"), [("done", (200, None, 3)), ("failed", (502, "RENDER_FAILED", 0))], ids=["done", "failed"]
)
async def test_usage_row_when_webhook_confirms_then_the_only_one(status: str, recorded: tuple[Any, ...]) -> None:
    stack, render_id = await lose_submission(status)
    (before,) = await stack.usage_rows()

    await post_webhook(stack, render_id, {"id": "shotstack-1"})
    await follow(MemorySteps(), stack.create_context(), render_id)

    (after,) = await stack.usage_rows()
    assert (before["status"], before["error_code"], before["output_units"]) == (502, "PROVIDER_ERROR", 1)
    assert (after["status"], after["error_code"], after["output_units"]) == recorded
    assert [after[name] for name in ("id", "created_at")] == [before[name] for name in ("id", "created_at")]


async def test_usage_row_when_never_confirmed_then_as_the_budget() -> None:
    stack, render_id = await lose_submission()
    before = await stack.usage_rows()

    await stack.database.execute("UPDATE renders SET created_at = '2026-01-01T00:00:00.000Z'")
    await stack.database.execute("UPDATE usage SET created_at = '2026-01-01T00:00:00.000Z'")
    steps = MemorySteps()
    await follow(steps, stack.create_context(), render_id)

    assert "record usage" in steps.done
    assert await stack.usage_rows() == [{**before[0], "created_at": "2026-01-01T00:00:00.000Z"}]


@pytest.mark.parametrize("claimed", ["..", ".", "", None, 5, ["x"], {"id": "x"}, "x" * 300])
async def test_webhook_when_its_id_is_not_one_then_no_lookup(claimed: Any) -> None:
    stack, render_id = await unconfirmed(callback=None, public_base_url=PUBLIC)
    before = len(stack.requests)

    assert await post_webhook(stack, render_id, {"id": claimed}) == 200

    assert len(stack.requests) == before


async def test_webhook_when_the_id_has_slashes_then_one_segment() -> None:
    stack, render_id = await unconfirmed(callback=None, public_base_url=PUBLIC)

    await post_webhook(stack, render_id, {"id": "../../v1/render/x?y#z"})

    assert stack.requests[-1].url.raw_path.startswith(b"/edit/stage/render/..%2F..%2Fv1%2Frender%2Fx%3Fy%23z?data=true")


async def test_submission_when_refused_and_d1_away_then_vendor_error() -> None:
    stack = RenderStack(lambda _request: refuse(402))
    stack.database.fail("UPDATE renders", times=100)

    status, body = await post(stack)

    assert (status, body["error_code"]) == (502, "PROVIDER_QUOTA_EXHAUSTED")
    assert body["details"]["render_id"]
    assert [row["error_code"] for row in await stack.usage_rows()] == ["PROVIDER_QUOTA_EXHAUSTED"]


async def test_submission_when_d1_fails_twice_then_saved() -> None:
    stack = RenderStack(lambda _request: submitted())
    stack.database.fail("UPDATE renders", times=2)

    status, body = await post(stack)

    row = await stack.render_row()
    assert (status, body["status"]) == (202, "queued")
    assert (row["status"], row["provider_id"]) == ("queued", "shotstack-1")


async def test_submission_when_never_saved_then_error_has_both_ids() -> None:
    stack = RenderStack(lambda _request: submitted())
    stack.database.fail("UPDATE renders", times=100)

    status, body = await post(stack)

    assert (status, body["error_code"]) == (503, "SERVICE_UNAVAILABLE")
    assert body["details"] == {"render_id": (await stack.render_row())["id"], "provider_id": "shotstack-1"}
    assert "Shotstack accepted the render as shotstack-1" in body["error"]


async def test_wait_when_d1_fails_then_the_render_is_still_shown() -> None:
    stack = RenderStack(lambda _request: submitted())
    stack.database.fail("SELECT * FROM renders", times=100)

    status, body = await post(stack, wait_seconds=0.6)

    assert (status, body["status"]) == (202, "queued")
    stack.database.fail("")
    stack.database.failures = 0
    assert body["render_id"] == (await stack.render_row())["id"]


async def test_render_when_workflow_cannot_start_then_not_submitted() -> None:
    stack = RenderStack(lambda _request: submitted())
    stack.workflow.failure = UnavailableError("The Workflow cannot be started; try again shortly")
    stack.database.fail("UPDATE renders")

    status, body = await post(stack)

    assert (status, body["error"]) == (503, "The Workflow cannot be started; try again shortly")
    assert stack.requests == []
    assert (await stack.render_row())["status"] == "failed"


async def test_submission_when_unconfirmed_then_error_keeps_facts() -> None:
    stack = RenderStack(lambda _request: refuse(503))

    status, body = await post(stack)

    row = await stack.render_row()
    assert (status, body["error_code"]) == (502, "PROVIDER_ERROR")
    assert body["details"] == {"provider": "shotstack", "status": 503, "render_id": row["id"]}
    assert body["error"] == row["error"]
    assert "may or may not be rendering" in body["error"]
    (usage,) = await stack.usage_rows()
    assert (usage["status"], usage["error_code"]) == (502, "PROVIDER_ERROR")
    assert usage["output_units"] == 1  # second: what the budget was charged


async def test_submission_that_was_not_made_has_failed() -> None:
    stack = RenderStack(lambda _request: refuse(500), circuit_failures=1)
    await post(stack)
    await stack.database.execute("DELETE FROM renders")

    status, body = await post(stack)

    assert (status, body["error_code"], len(stack.requests)) == (502, "PROVIDER_UNREACHABLE", 1)
    assert "may or may not be rendering" not in body["error"]
    assert (await stack.render_row())["status"] == "failed"


async def test_urls_when_many_are_private_then_first_and_count() -> None:
    stack = RenderStack(lambda _request: submitted())
    clip = {"asset": {"type": "video", "src": "https://10.0.0.1/"}, "start": 0, "length": 1}

    response = await stack.client.request("POST", "/render", json={"timeline": {"tracks": [{"clips": [clip] * 1_000}]}})

    details = response.json()["details"]
    assert (response.status, details["count"], len(details["fields"])) == (400, 1_000, 20)
    assert len(response.body) < 10_000


MUTATIONS = list(mutate(json.loads(submitted().content)))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: f"{mutation.field}, {mutation.change}")
async def test_submission_with_a_wrong_value_is_found_again(mutation: Mutation) -> None:
    stack = RenderStack(lambda _: httpx2.Response(201, content=json.dumps(mutation.document).encode()))

    status, body = await post(stack)

    assert status in {202, 429, 502}, body
    row = await stack.render_row()
    assert str(row["id"]) in json.dumps(body)
    assert row["status"] in {"queued", "unconfirmed", "failed"}


PRICE = '{"shotstack:edit-v1": {"minute": 0.3}}'


class PaidStack(RenderStack):
    """A deployment whose renders cost half a cent a second, with a budget."""

    def __init__(self, answer: httpx2.Response, **settings: Any) -> None:
        super().__init__(lambda _: answer, shotstack_env="v1", prices=PRICE, **settings)
        self.limiter = create_memory_rate_limiter()
        self.client.bindings = replace(self.client.bindings, RATE_LIMITER=self.limiter)

    async def spent(self) -> tuple[int, int]:
        """Return what is spent and reserved of the day's budget, in millionths of a dollar."""
        state = (await self.limiter.budget("deployment", {"do": "read"}))["periods"]["day"]
        return state["spent"], state["reserved"]


@pytest.mark.parametrize(
    ("answer", "status", "spent"),
    [(submitted(), 202, 5_000), (refuse(400), 422, 0), (refuse(500), 502, 5_000)],
)
async def test_render_is_charged_when_it_is_submitted(answer: httpx2.Response, status: int, spent: int) -> None:
    stack = PaidStack(answer, budget_per_day="1")

    assert (await post(stack))[0] == status

    assert await stack.spent() == (spent, 0)


async def test_render_over_the_budget_is_not_submitted() -> None:
    stack = PaidStack(submitted(), budget_per_day="0.004")

    status, body = await post(stack)

    assert (status, body["error_code"], stack.requests) == (402, "BUDGET_EXCEEDED", [])
    assert (await stack.spent())[0] == 0


async def test_render_without_a_price_has_a_warning() -> None:
    stack = RenderStack(lambda _: submitted(), shotstack_env="v1")

    _, body = await post(stack)

    assert "No price is known for `shotstack:edit-v1`" in body["metadata"]["warnings"][0]
