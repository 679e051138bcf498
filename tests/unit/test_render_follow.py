"""The background work of a render: checks, its usage row, its callback."""

import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from electrons.logs import Logger
from render_service.follow import follow
from render_service.storage import Renders
from tests.providers.mutations import Mutation, mutate
from tests.unit.memory_workflow import MemorySteps
from tests.unit.render_stack import (
    LINK,
    MP4,
    RENDER,
    RenderStack,
    follow_render,
    progress,
    shotstack,
)


async def test_render_when_done_then_its_file_is_stored() -> None:
    stack = RenderStack(shotstack(progress("rendering"), progress(url=LINK)))

    render, steps = await follow_render(stack)

    assert (render.status, render.error, render.size_bytes) == ("done", None, len(MP4))
    stored, content = stack.files.objects[f"renders/{RENDER.id}.mp4"]
    assert (stored.content_type, content) == ("video/mp4", MP4)
    assert steps.done == ["check 1", "check 2", "copy", "record usage", "call back 1"]
    (usage,) = await stack.usage_rows()
    assert (usage["status"], usage["output_units"], usage["estimated_cost_microusd"]) == (200, 3, 0)


async def test_paid_render_costs_its_length() -> None:
    stack = RenderStack(shotstack(progress(url=LINK)), prices='{"shotstack:edit-v1": {"minute": 0.3}}')

    await follow_render(stack, environment="v1")

    (usage,) = await stack.usage_rows()
    assert (usage["output_units"], usage["estimated_cost_microusd"], usage["price_date"]) == (3, 15_000, "PRICES")


async def test_usage_row_when_d1_fails_then_before_the_callback() -> None:
    statements: list[str] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        if request.url.host == "caller.example":
            statements.extend(stack.database.statements)
            return httpx2.Response(204)
        return answer(request)

    answer = shotstack(progress(url=LINK))
    stack = RenderStack(respond)
    stack.database.fail("INSERT INTO usage", times=3)

    await follow_render(stack, callback_url="https://caller.example/hook", callback_status="pending")

    assert len([statement for statement in statements if "INSERT INTO usage" in statement]) == 1
    assert len(await stack.usage_rows()) == 1


async def test_usage_row_when_d1_stays_away_then_callback_sent() -> None:
    def respond(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(204) if request.url.host == "caller.example" else answer(request)

    answer = shotstack(progress(url=LINK))
    stack = RenderStack(respond)
    stack.database.fail("INSERT INTO usage", times=1_000)

    render, _ = await follow_render(stack, callback_url="https://caller.example/hook", callback_status="pending")

    assert render.callback_status == "delivered"
    assert await stack.usage_rows() == []


async def test_usage_row_when_its_step_is_repeated_then_one_row() -> None:
    stack = RenderStack(shotstack(progress(url=LINK)))
    await follow_render(stack)

    again = MemorySteps()
    await Renders(stack.database).note(RENDER.id, error=None)
    await stack.database.execute("UPDATE renders SET status = 'saving'")
    await follow(again, stack.create_context(), RENDER.id)

    assert len(await stack.usage_rows()) == 1


async def test_usage_rows_when_two_share_a_request_id_then_both() -> None:
    stack = RenderStack(shotstack(progress(url=LINK)))
    await follow_render(stack)
    other = "3f0c7a52-8f0e-4c5a-9f57-6f6a35b0a0bb"
    created = await Renders(stack.database).create(replace(RENDER, id=other))
    await stack.database.execute("UPDATE renders SET created_at = '2026-01-01T00:00:00.000Z' WHERE id = ?", created.id)

    await follow(MemorySteps(), stack.create_context(), other)

    assert len(await stack.usage_rows()) == 2


async def test_callback_when_sent_then_signed_over_time_and_body() -> None:
    seen: list[httpx2.Request] = []

    def respond(request: httpx2.Request) -> httpx2.Response:
        if request.url.host == "caller.example":
            seen.append(request)
            return httpx2.Response(500 if len(seen) == 1 else 200)
        return answer(request)

    answer = shotstack(progress(url=LINK))
    stack = RenderStack(respond)

    render, _ = await follow_render(stack, callback_url="https://caller.example/hook", callback_status="pending")

    assert (render.callback_status, render.callback_attempts, render.callback_last_status) == ("delivered", 2, 200)
    moment, body = seen[-1].headers["X-Electrons-Timestamp"], seen[-1].content
    expected = hmac.new(b"signing-1", f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    assert seen[-1].headers["X-Electrons-Signature"] == f"sha256={expected}"
    assert json.loads(body)["url"] == f"https://renders.example/renders/{RENDER.id}.mp4"


async def test_callback_when_secret_is_gone_then_never_unsigned() -> None:
    stack = RenderStack(
        shotstack(progress(url=LINK)), callback_signing_secret="", callback_retry_seconds=1, callback_give_up_seconds=3
    )

    render, _ = await follow_render(stack, callback_url="https://caller.example/hook", callback_status="pending")

    assert (render.callback_status, render.callback_attempts, render.callback_last_status) == ("given_up", 3, None)
    assert all(request.url.host != "caller.example" for request in stack.requests)


@pytest.mark.parametrize(
    "answer",
    [
        progress("polishing"),
        progress(None),  # type: ignore[arg-type]
        httpx2.Response(200, json={"success": False, "message": "busy"}),
        httpx2.Response(200, json=[]),
        httpx2.Response(200, content=b"<html>"),
        httpx2.Response(500),
        httpx2.Response(404, json={"message": "Not Found"}),
        progress("rendering", duration="x", renderTime=-1, url=7, error={}),
        httpx2.Response(200, content=b'{"response": {"status": "rendering", "duration": 1e999, "renderTime": NaN}}'),
    ],
)
async def test_check_when_the_answer_is_odd_then_the_next_one_counts(answer: httpx2.Response) -> None:
    stack = RenderStack(shotstack(answer, progress(url=LINK)))

    render, _ = await follow_render(stack)

    assert render.status == "done"


async def test_check_when_it_fails_then_log_has_no_vendor_words() -> None:
    quoting = httpx2.Response(500, json={"message": "cannot render the secret plan"})
    stack = RenderStack(shotstack(quoting, progress(url=LINK)))
    lines: list[str] = []
    context = stack.create_context()
    context.log = Logger(worker="render-service", write=lambda _level, line: lines.append(line))
    await Renders(stack.database).create(RENDER)

    await follow(MemorySteps(), context, RENDER.id)

    assert any('"status":500' in line for line in lines)
    assert "secret plan" not in "".join(lines)


@pytest.mark.parametrize("reason", [None, "", {}, 5, []])
async def test_failure_when_without_a_reason_then_text_says_so(reason: Any) -> None:
    stack = RenderStack(shotstack(progress("failed", error=reason)))

    render, _ = await follow_render(stack)

    assert (render.status, render.error) == ("failed", "Shotstack could not render the edit and gave no reason")


MUTATIONS = list(mutate(json.loads(progress(url=LINK).content)))


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: f"{mutation.field}, {mutation.change}")
async def test_render_when_a_lookup_has_a_wrong_value_then_ended(mutation: Mutation) -> None:
    wrong = httpx2.Response(200, content=json.dumps(mutation.document).encode())
    stack = RenderStack(shotstack(wrong, progress(url=LINK)))

    render, _ = await follow_render(stack)

    assert render.status in {"done", "failed"}
    (usage,) = await stack.usage_rows()
    assert isinstance(usage["output_units"], int) and usage["output_units"] >= 0
