"""Read the body of a provider's response that is a file."""

from __future__ import annotations

import io

import httpx2

from electrons.upstream.client import iterate_body
from electrons.upstream.provider import Provider


class BodyTooLargeError(Exception):
    """The body is larger than the limit."""


async def read_body(provider: Provider, response: httpx2.Response, *, max_bytes: int | None = None) -> bytes:
    """Return the body of an open response. Raises `ProviderError`, and `BodyTooLargeError` past `max_bytes`."""
    # It grows in place and gives its bytes away without a copy: the file is in memory once, not twice.
    content = io.BytesIO()
    async for chunk in iterate_body(provider, response):
        if max_bytes is not None and content.tell() + len(chunk) > max_bytes:
            raise BodyTooLargeError
        content.write(chunk)
    return content.getvalue()
