"""Read an image's format and size from its content, whatever its name or `Content-Type` say: PNG, JPEG or WebP.

Sources: PNG (W3C, third edition), 5.2 and 11.2.1; JPEG (ITU-T T.81), annex B; WebP container (RFC 9649, 2).
"""

from __future__ import annotations

from dataclasses import dataclass

CONTENT_TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp"}
"""The media type of each format; the formats' names are the file extensions."""

_TAIL = 1024
"""The mark of a whole file must be within so many bytes of its end; some writers pad."""

_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND\xaeB`\x82"
_JPEG_START, _JPEG_END = b"\xff\xd8\xff", b"\xff\xd9"

# Start-of-frame markers: C0 to CF without those of tables: DHT (C4), JPG (C8) and DAC (CC)
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class ImageFormat:
    """`name` is a key of `CONTENT_TYPES`; width and height are in pixels."""

    name: str
    width: int
    height: int


def read_image_format(content: bytes) -> ImageFormat:
    """Return the format of a whole image file. Raises ValueError for anything else, and for one cut short."""
    try:
        if content.startswith(_PNG_START):
            size = _read_png(content)
        elif content.startswith(_JPEG_START):
            size = _read_jpeg(content)
        elif content[:4] == b"RIFF" and content[8:12] == b"WEBP":
            size = _read_webp(content)
        else:
            raise ValueError("it is not a PNG, JPEG or WebP")
    except IndexError as error:
        raise ValueError("it was cut short") from error
    if not (size.width and size.height):
        raise ValueError("it has no pixels")
    return size


def _read_png(content: bytes) -> ImageFormat:
    """Read IHDR, the first chunk: width and height come after its length and name."""
    if content[12:16] != b"IHDR" or _PNG_END not in content[-_TAIL:]:
        raise ValueError("it was cut short")
    return ImageFormat("png", _big(content[16:20]), _big(content[20:24]))


def _read_jpeg(content: bytes) -> ImageFormat:
    """Read segments, each `FF marker length`, up to the frame header: length, precision, height, width."""
    if _JPEG_END not in content[-_TAIL:]:
        raise ValueError("it was cut short")
    at = 2
    while content[at] == 0xFF:
        marker = content[at + 1]
        if marker in _JPEG_FRAMES:
            return ImageFormat("jpg", _big(content[at + 7 : at + 9]), _big(content[at + 5 : at + 7]))
        # Any number of FF bytes may come before a marker (B.1.1.2).
        at += 1 if marker == 0xFF else 2 + _big(content[at + 2 : at + 4])
    raise ValueError("it has no frame")


def _read_webp(content: bytes) -> ImageFormat:
    """Read the first chunk: `VP8X` (canvas), `VP8L` (lossless) or `VP8 ` (lossy)."""
    if _little(content[4:8]) + 8 > len(content):
        raise ValueError("it was cut short")
    kind = content[12:16]
    if kind == b"VP8X":
        return ImageFormat("webp", _little(content[24:27]) + 1, _little(content[27:30]) + 1)
    if kind == b"VP8L":
        bits = _little(content[21:25])
        return ImageFormat("webp", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    if kind == b"VP8 ":
        return ImageFormat("webp", _little(content[26:28]) & 0x3FFF, _little(content[28:30]) & 0x3FFF)
    raise ValueError("it has no picture")


def _big(part: bytes) -> int:
    return int.from_bytes(part, "big")


def _little(part: bytes) -> int:
    return int.from_bytes(part, "little")
