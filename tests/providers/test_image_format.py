"""The format of an image is read from its content; a file that was cut short has none."""

from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from electrons.media.images import CONTENT_TYPES, ImageFormat, read_image_format

WRITERS: dict[str, dict[str, Any]] = {
    "png": {"format": "PNG"},
    "jpg": {"format": "JPEG"},
    "jpg progressive": {"format": "JPEG", "progressive": True},
    "jpg with exif": {"format": "JPEG", "exif": Image.Exif().tobytes(), "comment": b"x" * 3000},
    "webp": {"format": "WEBP"},
    "webp lossless": {"format": "WEBP", "lossless": True},
    "webp with exif": {"format": "WEBP", "exif": b"Exif\0\0II*\0\x08\0\0\0\0\0"},
}
EACH = pytest.mark.parametrize("kind", WRITERS)


def draw(kind: str, size: tuple[int, int] = (300, 200)) -> bytes:
    file = BytesIO()
    Image.effect_noise(size, 90).convert("RGB").save(file, **WRITERS[kind])
    return file.getvalue()


@EACH
@pytest.mark.parametrize("size", [(1, 1), (300, 200), (200, 300), (3000, 17)])
def test_whole_image_has_its_format_and_size(kind: str, size: tuple[int, int]) -> None:
    found = read_image_format(draw(kind, size))

    assert found == ImageFormat(kind.partition(" ")[0], *size)
    assert found.name in CONTENT_TYPES


@EACH
def test_image_that_was_cut_short_has_no_format(kind: str) -> None:
    whole = draw(kind)

    for size in (len(whole) - 4, len(whole) // 2, 40, 25, 13, 5):
        with pytest.raises(ValueError, match="it "):
            read_image_format(whole[:size])


@pytest.mark.parametrize(
    "content", [b"", b"<!DOCTYPE html>", b"GIF89a", b"\x89PNG", b"<svg/>", b"RIFF\0\0\0\0WAVEfmt ", b"\xff\xd8\xff\xd9"]
)
def test_content_of_another_kind_has_no_format(content: bytes) -> None:
    with pytest.raises(ValueError, match="it "):
        read_image_format(content)


@given(start=st.sampled_from([b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"RIFF\0\0\0\0WEBP"]), rest=st.binary(max_size=64))
def test_any_bytes_have_a_format_or_raise_value_error(start: bytes, rest: bytes) -> None:
    try:
        found = read_image_format(start + rest + b"IEND\xaeB`\x82\xff\xd9")
    except ValueError:
        return
    assert found.width > 0
    assert found.height > 0
