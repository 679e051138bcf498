"""Images and documents in requests. Links are not followed: the emulators load nothing from elsewhere.

Source: https://platform.claude.com/docs/en/build-with-claude/vision and …/pdf-support, and published error texts.
"""

import re
from typing import Any

from ...attachments import IMAGE_TYPES, decode_base64, is_pdf, read_image
from .http import InvalidRequestError

_MAX_IMAGE_CHARACTERS = 5 * 1024 * 1024  # of base64
_MAX_EDGE = 8000
_LINK = re.compile(r"https?://[^\s/]+\S*", re.IGNORECASE)
_EXPECTED = {"image": "'base64', 'file', 'url'", "document": "'base64', 'content', 'file', 'text', 'url'"}


def check_media(kind: str, source: Any, where: str) -> None:
    """Check the source of an `image` or `document` block. Raises `InvalidRequestError`."""
    if not isinstance(source, dict):
        raise InvalidRequestError(f"{where}.{kind}.source: Field required")
    place = f"{where}.{kind}.source"
    match source.get("type"):
        case "base64":
            _check_base64(kind, source, place)
        case "url":
            if not _LINK.fullmatch(str(source.get("url", ""))):
                raise InvalidRequestError(f"{place}.url.url: Only HTTP and HTTPS URLs are supported.")
        case "text" if kind == "document":
            if source.get("media_type") != "text/plain" or not source.get("data"):
                raise InvalidRequestError(f"{place}.text.media_type: Input should be 'text/plain'")
        case "content" if kind == "document":
            if not source.get("content"):
                raise InvalidRequestError(f"{place}.content.content: Field required")
        case "file":
            raise InvalidRequestError(f"File not found: {source.get('file_id')}")
        case other:
            raise InvalidRequestError(
                f"{place}: Input tag '{other}' found using 'type' does not match any of the expected tags: "
                f"{_EXPECTED[kind]}"
            )


def _check_base64(kind: str, source: dict[str, Any], place: str) -> None:
    media_type, data = source.get("media_type"), source.get("data")
    allowed = IMAGE_TYPES if kind == "image" else ("application/pdf",)
    if media_type not in allowed:
        names = ", ".join(f"'{name}'" for name in allowed[:-1])
        expected = f"{names} or '{allowed[-1]}'" if names else f"'{allowed[-1]}'"
        raise InvalidRequestError(f"{place}.base64.media_type: Input should be {expected}")
    if not isinstance(data, str):
        raise InvalidRequestError(f"{place}.base64.data: Input should be a valid string")
    content = decode_base64(data)
    if content is None:
        raise InvalidRequestError(f"{place}.base64.data: The {kind} was not valid base64")
    if kind == "document":
        if not is_pdf(content):
            raise InvalidRequestError(f"{place}.base64.data: The PDF specified was not valid.")
        return
    if len(data) > _MAX_IMAGE_CHARACTERS:
        raise InvalidRequestError(
            f"{place}.base64: image exceeds 5 MB maximum: {len(data)} bytes > {_MAX_IMAGE_CHARACTERS} bytes"
        )
    image = read_image(content)
    if image is None:
        raise InvalidRequestError(f"{place}.base64.data: Could not process image")
    if image.media_type != media_type:
        raise InvalidRequestError(
            f"{place}.base64.data: The image was specified using the {media_type} media type, but the image appears to "
            f"be a {image.media_type} image"
        )
    if max(image.width, image.height) > _MAX_EDGE:
        raise InvalidRequestError(
            f"{place}.base64.data: At least one of the image dimensions exceed max allowed size: {_MAX_EDGE} pixels"
        )
