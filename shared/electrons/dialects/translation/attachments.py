"""Images and PDF documents: data URLs and links of chat completions, sources of messages."""

from __future__ import annotations

import re
from typing import Any

from electrons.dialects.translation.fields import Fields

IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")
PDF = "application/pdf"

# RFC 2397; the data itself is not searched.
_DATA_URL = re.compile(r"data:([^;,]{0,100})((?:;[^;,]{0,100}){0,8}),", re.IGNORECASE)
_LINK = re.compile(r"https?://", re.IGNORECASE)


def read_image_url(fields: Fields, name: str) -> dict[str, Any]:
    """Return the source of the image in a field with a URL. Raises `RequestError` for what is not an image."""
    url = fields.string(name)
    if _LINK.match(url):
        return {"type": "url", "url": url}
    media_type, data = _read_data_url(fields, name, url)
    media_type = "image/jpeg" if media_type == "image/jpg" else media_type
    if media_type not in IMAGE_TYPES:
        raise fields.wrong(name, f"must be an image of one of these types: {', '.join(IMAGE_TYPES)}")
    return {"type": "base64", "media_type": media_type, "data": data}


def read_pdf_url(fields: Fields, name: str) -> dict[str, Any]:
    """Return the source of the PDF in a field with a data URL. Raises `RequestError` for any other file."""
    media_type, data = _read_data_url(fields, name, fields.string(name))
    if media_type != PDF:
        raise fields.wrong(name, f"must be a file of the type {PDF}")
    return {"type": "base64", "media_type": PDF, "data": data}


def write_source_url(source: Fields, types: tuple[str, ...]) -> str:
    """Return the URL of a source: a link, or a data URL with one of these types. Raises `RequestError`."""
    kind = source.string("type")
    if kind == "url":
        return source.string("url")
    if kind != "base64":
        raise source.unsupported("type")
    media_type = source.string("media_type")
    if media_type not in types:
        raise source.wrong("media_type", f"must be one of {', '.join(types)}")
    return f"data:{media_type};base64,{source.string('data')}"


def _read_data_url(fields: Fields, name: str, url: str) -> tuple[str, str]:
    """Return the type and the base64."""
    found = _DATA_URL.match(url)
    if found is None or not found[2].lower().endswith(";base64"):
        raise fields.wrong(name, "must be a data URL with base64")
    return found[1].strip().lower(), url[found.end() :]
