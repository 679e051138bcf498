"""The background work of a render: checks, the copy of its file, its usage row, its callback."""

import hashlib
import hmac
import json
from dataclasses import replace
from typing import Any

import httpx2
import pytest

from electrons.logs import Logger
from render_service.follow import follow
from render_service.storage import Render, Renders
from tests.unit.render_stack import LINK, MP4, ImmediateSteps, RenderStack, Respond, progress

RENDER = Render(
    id="3f0c7a52-8f0e-4c5a-9f57-6f6a35b0a0aa",
    request_id="request-1",
    provider="shotstack",
    environment="stage",
    format="mp4",
    base_url="https://renders.example",
    status="queued",
    provider_id="shotstack-1",
)

HTML = httpx2.Response(200, headers={"Content-Type": "text/html"}, content=b"<html>expired</html>")


def file_response(content: bytes = MP4, *, kind: str = "video/mp4", status: int = 200) -> httpx2.Response:
    return httpx2.Response(status, headers={"Content-Type": kind}, content=content)


def shotstack(*lookups: httpx2.Response, files: list[httpx2.Response] | None = None) -> Respond:
    """Return a Shotstack with these responses; the last of each kind is repeated."""
    remaining = {"lookups": list(lookups), "files": files or [file_response()]}

    def respond(request: httpx2.Request) -> httpx2.Response:
        kind = "lookups" if request.url.host == "api.shotstack.io" else "files"
        queue = remaining[kind]
        response = queue.pop(0) if len(queue) > 1 else queue[0]
        return httpx2.Response(response.status_code, headers=response.headers, content=response.content)

    return respond


async def run(stack: RenderStack, **fields: Any) -> tuple[Render, ImmediateSteps]:
    steps = ImmediateSteps()
    await Renders(stack.database).create(replace(RENDER, **fields))
    await follow(steps, stack.create_context(), RENDER.id)
    render = await Renders(stack.database).find(RENDER.id)
    assert render is not None
    return render, steps


async def test_render_when_done_then_its_file_is_stored() -> None:
    stack = RenderStack(shotstack(progress("rendering"), progress(url=LINK)))

    render, steps = await run(stack)

    assert (render.status, render.error, render.size_bytes) == ("done", None, len(MP4))
    stored, content = stack.files.objects[f"renders/{RENDER.id}.mp4"]
    assert (stored.content_type, content) == ("video/mp4", MP4)
    assert steps.done == ["check 1", "check 2", "copy", "record usage", "call back 1"]
    (usage,) = await stack.usage_rows()
    assert (usage["status"], usage["output_units"]) == (200, 3)


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ([HTML], "leads to text/html, not to a file"),
        ([file_response(b"{}", kind="application/json")], "leads to application/json, not to a file"),
        ([file_response(b"<html>x</html>")], "does not lead to a file in mp4"),
        ([file_response(b"<html>x</html>", kind="binary/octet-stream")], "does not lead to a file in mp4"),
        ([file_response(b"")], "Shotstack's file is empty"),
        ([file_response(b"short")], "does not lead to a file in mp4"),
        ([file_response(), HTML] * 20, "leads to text/html, not to a file"),
    ],
)
async def test_link_when_it_leads_to_no_video_then_nothing_is_kept(files: list[httpx2.Response], reason: str) -> None:
    stack = RenderStack(shotstack(progress(url=LINK), files=files))

    render, _ = await run(stack)

    assert render.status == "failed"
    assert render.error is not None
    assert reason in render.error
    assert LINK in render.error
    assert stack.files.objects == {}
    (usage,) = await stack.usage_rows()
    assert (usage["status"], usage["error_code"], usage["output_units"]) == (502, "RENDER_FAILED", 3)


async def test_link_when_first_to_a_page_then_requested_again() -> None:
    lookups = [progress(url="https://cdn.shotstack.example/old.mp4"), progress(url=LINK)]
    stack = RenderStack(shotstack(*lookups, files=[HTML, file_response()]))

    render, _ = await run(stack)

    assert (render.status, render.provider_url) == ("done", LINK)
    assert [str(request.url) for request in stack.requests if request.url.host != "api.shotstack.io"] == [
        "https://cdn.shotstack.example/old.mp4", LINK, LINK,
    ]  # fmt: skip


async def test_link_when_checked_then_first_bytes_without_key() -> None:
    stack = RenderStack(shotstack(progress(url=LINK)))

    await run(stack)

    first, second = [request for request in stack.requests if request.url.host != "api.shotstack.io"]
    assert first.headers["Range"] == "bytes=0-63"
    assert "Range" not in second.headers
    assert "x-api-key" not in first.headers.keys() | second.headers.keys()


@pytest.mark.parametrize("link", [None, 5, "", [], {}])
async def test_done_when_without_a_link_then_shotstack_is_asked_again(link: Any) -> None:
    stack = RenderStack(shotstack(progress(url=link), progress(url=link), progress(url=LINK)))

    render, steps = await run(stack)

    assert render.status == "done"
    assert steps.done[:4] == ["check 1", "check 2", "check 3", "copy"]


async def test_done_when_a_link_never_comes_then_failed_in_time() -> None:
    stack = RenderStack(shotstack(progress()), render_timeout_seconds=0.05)

    steps = ImmediateSteps(limit=100_000)
    await Renders(stack.database).create(RENDER)
    await follow(steps, stack.create_context(), RENDER.id)

    render = await Renders(stack.database).find(RENDER.id)
    assert render is not None
    assert (render.status, render.error) == (
        "failed", "Shotstack finished the render, but gave no link to its file within 0.05 seconds",
    )  # fmt: skip


@pytest.mark.parametrize("link", ["http://10.0.0.1/a.mp4", "file:///etc/passwd", "https://169.254.169.254/"])
async def test_link_when_it_is_not_public_then_it_is_not_followed(link: str) -> None:
    stack = RenderStack(shotstack(progress(url=link)))

    render, _ = await run(stack)

    assert render.status == "failed"
    assert {request.url.host for request in stack.requests} == {"api.shotstack.io"}


@pytest.mark.parametrize(
    ("file_format", "content", "kind"),
    [
        ("gif", b"GIF89a" + bytes(9), "image/gif"),
        ("mp3", b"ID3\x04" + bytes(9), "audio/mpeg"),
        ("mp3", b"\xff\xfb\x90\x00" + bytes(9), "audio/mpeg"),
        ("jpg", b"\xff\xd8\xff\xe0" + bytes(9), "image/jpeg"),
        ("png", b"\x89PNG\r\n\x1a\n" + bytes(9), "image/png"),
        ("bmp", b"BM" + bytes(9), "image/bmp"),
        ("mp4", b"\x00\x00\x00\x08wide" + bytes(9), "video/mp4"),
    ],
)
async def test_file_when_of_its_format_then_stored_as_such(file_format: str, content: bytes, kind: str) -> None:
    stack = RenderStack(shotstack(progress(url=LINK), files=[file_response(content, kind="application/octet-stream")]))

    render, _ = await run(stack, format=file_format)

    assert render.status == "done", render.error
    assert stack.files.objects[f"renders/{RENDER.id}.{file_format}"][0].content_type == kind


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

    await run(stack, callback_url="https://caller.example/hook", callback_status="pending")

    assert len([statement for statement in statements if "INSERT INTO usage" in statement]) == 1
    assert len(await stack.usage_rows()) == 1


async def test_usage_row_when_d1_stays_away_then_callback_sent() -> None:
    def respond(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(204) if request.url.host == "caller.example" else answer(request)

    answer = shotstack(progress(url=LINK))
    stack = RenderStack(respond)
    stack.database.fail("INSERT INTO usage", times=1_000)

    render, _ = await run(stack, callback_url="https://caller.example/hook", callback_status="pending")

    assert render.callback_status == "delivered"
    assert await stack.usage_rows() == []


async def test_usage_row_when_its_step_is_repeated_then_one_row() -> None:
    stack = RenderStack(shotstack(progress(url=LINK)))
    await run(stack)

    again = ImmediateSteps()
    await Renders(stack.database).note(RENDER.id, error=None)
    await stack.database.execute("UPDATE renders SET status = 'saving'")
    await follow(again, stack.create_context(), RENDER.id)

    assert len(await stack.usage_rows()) == 1


async def test_usage_rows_when_two_share_a_request_id_then_both() -> None:
    stack = RenderStack(shotstack(progress(url=LINK)))
    await run(stack)
    other = "3f0c7a52-8f0e-4c5a-9f57-6f6a35b0a0bb"
    created = await Renders(stack.database).create(replace(RENDER, id=other))
    await stack.database.execute("UPDATE renders SET created_at = '2026-01-01T00:00:00.000Z' WHERE id = ?", created.id)

    await follow(ImmediateSteps(), stack.create_context(), other)

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

    render, _ = await run(stack, callback_url="https://caller.example/hook", callback_status="pending")

    assert (render.callback_status, render.callback_attempts, render.callback_last_status) == ("delivered", 2, 200)
    moment, body = seen[-1].headers["X-Electrons-Timestamp"], seen[-1].content
    expected = hmac.new(b"signing-1", f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    assert seen[-1].headers["X-Electrons-Signature"] == f"sha256={expected}"
    assert json.loads(body)["url"] == f"https://renders.example/renders/{RENDER.id}.mp4"


async def test_callback_when_secret_is_gone_then_never_unsigned() -> None:
    stack = RenderStack(
        shotstack(progress(url=LINK)), callback_signing_secret="", callback_retry_seconds=1, callback_give_up_seconds=3
    )

    render, _ = await run(stack, callback_url="https://caller.example/hook", callback_status="pending")

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

    render, _ = await run(stack)

    assert render.status == "done"


async def test_check_when_it_fails_then_log_has_no_vendor_words() -> None:
    quoting = httpx2.Response(500, json={"message": "cannot render the secret plan"})
    stack = RenderStack(shotstack(quoting, progress(url=LINK)))
    lines: list[str] = []
    context = stack.create_context()
    context.log = Logger(worker="render-service", write=lambda _level, line: lines.append(line))
    await Renders(stack.database).create(RENDER)

    await follow(ImmediateSteps(), context, RENDER.id)

    assert any('"status":500' in line for line in lines)
    assert "secret plan" not in "".join(lines)


@pytest.mark.parametrize("reason", [None, "", {}, 5, []])
async def test_failure_when_without_a_reason_then_text_says_so(reason: Any) -> None:
    stack = RenderStack(shotstack(progress("failed", error=reason)))

    render, _ = await run(stack)

    assert (render.status, render.error) == ("failed", "Shotstack could not render the edit and gave no reason")
