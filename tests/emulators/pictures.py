"""Pictures that no model painted: shapes and colours from a seed, with the prompt written across them."""

import random
from io import BytesIO
from typing import Literal

from PIL import Image, ImageDraw

from .lettering import load_font, measure, wrap

_SHAPES = 9


def paint(prompt: str, *, seed: int, size: tuple[int, int], signature: str, transparent: bool = False) -> Image.Image:
    """The same arguments always give the same picture. `signature` says in its lower corner where it comes from."""
    chance = random.Random(f"{seed} {prompt}")  # noqa: S311 - reproducible, not secret
    width, height = size
    image = Image.new("RGBA", size, (0, 0, 0, 0) if transparent else _colour(chance, lightness=35))
    draw = ImageDraw.Draw(image)
    for _ in range(_SHAPES):
        x, y = chance.randrange(width), chance.randrange(height)
        reach = chance.randrange(min(size) // 12, min(size) // 3)
        corners = (x - reach, y - reach, x + reach, y + reach)
        colour = _colour(chance, lightness=55)
        if chance.random() < 0.5:
            draw.ellipse(corners, fill=colour)
        else:
            draw.regular_polygon((x, y, reach), chance.randrange(3, 7), chance.randrange(90), fill=colour)
    _write(draw, prompt, size)
    font = load_font(max(12, height // 40), weight="Regular")
    draw.text(
        (width - 8, height - 8), signature, font=font, fill="white", anchor="rd", stroke_width=2, stroke_fill="black"
    )
    return image


def encode(image: Image.Image, kind: Literal["png", "jpeg", "webp"], *, quality: int = 85) -> bytes:
    """The picture as a file; JPEG has no transparency and gets black instead."""
    file = BytesIO()
    match kind:
        case "png":
            image.save(file, "PNG", compress_level=1)
        case "jpeg":
            image.convert("RGB").save(file, "JPEG", quality=max(1, quality))
        case "webp":
            image.save(file, "WEBP", quality=quality, method=0)
    return file.getvalue()


def _write(draw: ImageDraw.ImageDraw, prompt: str, size: tuple[int, int]) -> None:
    """The prompt in the middle, as large as leaves a margin around it."""
    width, height = size
    room = width * 9 // 10
    pixels = height // 8
    font = load_font(pixels)
    text = wrap(prompt, font, room)
    while pixels > 8 and (measure(text, font)[0] > room or measure(text, font)[1] > height * 8 // 10):
        pixels = pixels * 5 // 6
        font = load_font(pixels)
        text = wrap(prompt, font, room)
    draw.multiline_text(
        (width / 2, height / 2),
        text,
        font=font,
        fill="white",
        anchor="mm",
        align="center",
        stroke_width=max(1, pixels // 16),
        stroke_fill="black",
    )


def _colour(chance: random.Random, *, lightness: int) -> str:
    return f"hsl({chance.randrange(360)}, {chance.randrange(40, 90)}%, {lightness}%)"
