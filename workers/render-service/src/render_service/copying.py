"""The copy of a finished video (or sound, or image) from the vendor's link, which expires, into R2."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import replace

import httpx2

from electrons.capabilities.render import look_up_render
from electrons.context import Context
from electrons.errors import ProviderError
from electrons.upstream.client import iterate_body, open_response
from electrons.upstream.provider import ProviderRequest
from render_service.renders import FILES, PROVIDER, describe, file_name, load_render, model_name
from render_service.settings import RenderSettings
from render_service.storage import Render, Renders
from render_service.urls import find_url_problem

COPY_TIMEOUT_SECONDS = 800.0
"""For the whole file; a step has 15 minutes."""

HEAD_BYTES = 64
"""Bytes of a file that are read to check its format."""

_CONTENT_TYPES = {
    "mp4": "video/mp4", "gif": "image/gif", "mp3": "audio/mpeg", "jpg": "image/jpeg", "png": "image/png",
    "bmp": "image/bmp",
}  # fmt: skip

# The types of error pages. A media file may have any other type, such as `application/octet-stream`.
_DOCUMENT_TYPES = ("text/", "application/json", "application/xml", "application/xhtml")

# The names of the boxes that an MP4 file may begin with (ISO/IEC 14496-12; `wide` is QuickTime's).
_MP4_BOXES = {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide", b"styp", b"pnot"}
_STARTS = {
    "gif": (b"GIF87a", b"GIF89a"), "jpg": (b"\xff\xd8\xff",), "png": (b"\x89PNG\r\n\x1a\n",), "bmp": (b"BM",),
}  # fmt: skip


async def copy_file(context: Context, render_id: str, *, is_repeat: bool) -> None:
    """Copy the file of a render into R2, with its metadata beside it, and mark the render as done.

    A repeated copy asks the vendor for the link again. Raises `ProviderError` if there is no file at the link, or it
    cannot be copied; then the row has the reason.
    """
    render = await load_render(context, render_id)
    renders = Renders(context.bindings.database)
    try:
        url = await _refresh_link(context, render) if is_repeat else render.provider_url
        stored_bytes = await _copy(context, render, url)
    except ProviderError as error:
        await renders.note(render_id, error=error.message)
        raise
    await renders.note(render_id, size_bytes=stored_bytes)
    document = describe(context, replace(render, status="done", size_bytes=stored_bytes))
    await FILES.put_bytes(
        context,
        file_name(render, "json"),
        document.model_dump_json(exclude_none=True, exclude={"callback", "success", "timestamp"}).encode(),
        content_type="application/json",
        provider=PROVIDER.name,
        model=model_name(render),
    )
    await renders.advance(render_id, "done", error=None)


async def give_up_copy(context: Context, render_id: str) -> None:
    """Mark a render as failed that is finished at the vendor, but has no copy here."""
    render = await load_render(context, render_id)
    reason = render.error or f"{PROVIDER.title}'s file could not be stored"
    text = f"The render is finished, but its file could not be copied: {reason}"
    if render.provider_url:
        text += f". For a day it is at {render.provider_url}"
    await Renders(context.bindings.database).advance(render_id, "failed", error=text)


async def _refresh_link(context: Context, render: Render) -> str | None:
    progress = await look_up_render(context, PROVIDER, render.provider_id or "", environment=render.environment)
    if progress.url and progress.url != render.provider_url:
        await Renders(context.bindings.database).note(render.id, provider_url=progress.url)
    return progress.url or render.provider_url


async def _copy(context: Context, render: Render, url: str | None) -> int:
    """Copy the file at the link, and return its size in bytes. Raises `ProviderError`."""
    allow_loopback = context.settings_as(RenderSettings).allow_loopback_urls == "true"
    if problem := find_url_problem(url or "", allow_loopback=allow_loopback):
        raise _error(f"{PROVIDER.title}'s link {problem}")
    # The file itself never passes through Python, so its beginning is read with a request of its own.
    if problem := _find_content_problem(await _read_head(context, url or ""), file_format=render.format):
        raise _error(problem)
    request = ProviderRequest(method="GET", file_url=url)
    async with open_response(context, PROVIDER, request, total_timeout_seconds=COPY_TIMEOUT_SECONDS) as response:
        if problem := _find_type_problem(response):
            raise _error(problem)
        stored = await FILES.put_stream(
            context,
            file_name(render),
            response,
            content_type=_CONTENT_TYPES[render.format],
            provider=PROVIDER,
            model=model_name(render),
        )
    return stored.size


async def _read_head(context: Context, url: str) -> bytes:
    """Return the first bytes of a file. Raises `ProviderError` if it is a document by its type, or has no bytes."""
    # A server may ignore the range; then the rest is not read.
    request = ProviderRequest(method="GET", file_url=url, headers=[("Range", f"bytes=0-{HEAD_BYTES - 1}")])
    head = b""
    async with open_response(context, PROVIDER, request) as response:
        if problem := _find_type_problem(response):
            raise _error(problem)
        async with aclosing(iterate_body(PROVIDER, response)) as chunks:
            async for chunk in chunks:
                head += chunk
                if len(head) >= HEAD_BYTES:
                    break
    return head


def _find_type_problem(response: httpx2.Response) -> str | None:
    content_type = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type.startswith(_DOCUMENT_TYPES):
        return f"{PROVIDER.title}'s link leads to {content_type}, not to a file"
    return None


def _find_content_problem(head: bytes, *, file_format: str) -> str | None:
    if not head:
        return f"{PROVIDER.title}'s file is empty"
    return None if is_format(head, file_format) else f"{PROVIDER.title}'s link does not lead to a file in {file_format}"


def is_format(head: bytes, file_format: str) -> bool:
    """Return whether a file begins as files of this format do."""
    if file_format == "mp4":
        return head[4:8] in _MP4_BOXES
    if file_format == "mp3":
        return head.startswith(b"ID3") or (len(head) > 1 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0)
    return head.startswith(_STARTS[file_format])


def _error(message: str) -> ProviderError:
    return ProviderError(message, provider=PROVIDER.name)
