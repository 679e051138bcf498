"""The copy of a finished video: its link, its format, and what is stored."""

from typing import Any

import httpx2
import pytest

from render_service.follow import follow
from render_service.storage import Renders
from tests.unit.memory_workflow import MemorySteps
from tests.unit.render_stack import (
    HTML,
    LINK,
    RENDER,
    RenderStack,
    file_response,
    follow_render,
    progress,
    shotstack,
)


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

    render, _ = await follow_render(stack)

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

    render, _ = await follow_render(stack)

    assert (render.status, render.provider_url) == ("done", LINK)
    assert [str(request.url) for request in stack.requests if request.url.host != "api.shotstack.io"] == [
        "https://cdn.shotstack.example/old.mp4", LINK, LINK,
    ]  # fmt: skip


async def test_link_when_checked_then_first_bytes_without_key() -> None:
    stack = RenderStack(shotstack(progress(url=LINK)))

    await follow_render(stack)

    first, second = [request for request in stack.requests if request.url.host != "api.shotstack.io"]
    assert first.headers["Range"] == "bytes=0-63"
    assert "Range" not in second.headers
    assert "x-api-key" not in first.headers.keys() | second.headers.keys()


@pytest.mark.parametrize("link", [None, 5, "", [], {}])
async def test_done_when_without_a_link_then_shotstack_is_asked_again(link: Any) -> None:
    stack = RenderStack(shotstack(progress(url=link), progress(url=link), progress(url=LINK)))

    render, steps = await follow_render(stack)

    assert render.status == "done"
    assert steps.done[:4] == ["check 1", "check 2", "check 3", "copy"]


async def test_done_when_a_link_never_comes_then_failed_in_time() -> None:
    stack = RenderStack(shotstack(progress()), render_timeout_seconds=0.05)

    steps = MemorySteps(limit=100_000)
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

    render, _ = await follow_render(stack)

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

    render, _ = await follow_render(stack, format=file_format)

    assert render.status == "done", render.error
    assert stack.files.objects[f"renders/{RENDER.id}.{file_format}"][0].content_type == kind
