"""Files within requests: what a file is by its bytes, whatever the request says about it."""

import binascii
import re
from base64 import b64decode
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, UnidentifiedImageError

IMAGE_TYPES = ("image/jpeg", "image/png", "image/gif", "image/webp")

_DATA_URL = re.compile(r"data:(?P<type>[^;,]*)(?:;[^;,]+)*?;base64,(?P<data>.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image: its media type, and its width and height in pixels."""

    media_type: str
    width: int
    height: int


def read_image(content: bytes) -> ImageFile | None:
    """Return what the image is, or `None` if the bytes are not one."""
    try:
        with Image.open(BytesIO(content)) as image:
            return ImageFile(Image.MIME.get(image.format or "", ""), *image.size)
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError):
        return None


def is_pdf(content: bytes) -> bool:
    """Return whether the bytes begin like a PDF."""
    return content.startswith(b"%PDF-")


def decode_base64(text: str) -> bytes | None:
    """Return the bytes, or `None` if the text is not base64 (RFC 4648, section 4)."""
    try:
        return b64decode(text, validate=True) or None
    except (binascii.Error, ValueError):
        return None


def split_data_url(url: str) -> tuple[str, str] | None:
    """Return the media type in lower case and the base64 of a data URL (RFC 2397), or `None` if it is another one."""
    found = _DATA_URL.fullmatch(url)
    return (found["type"].lower(), found["data"]) if found else None
