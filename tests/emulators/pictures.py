"""Pictures without a model: shapes and colours from a seed, with the prompt written across them.

A prompt for a title card gets the title alone, on a plain background.
"""

import random
import re
from io import BytesIO
from typing import Literal

from PIL import Image, ImageDraw, ImageFilter

from .lettering import draw_centred, load_font

_SHAPES = 9
_TITLE = re.compile(
    r"\btitle (?:card|slide|screen)\b.{0,80}?(?:\b(?:words?|text|title|says?|reads?|saying)\b\s*:?\s*[“\"']?|[“\"])"
    r"([^“”\"]{1,120}?)[”\"']?\s*(?:[.,;(\n]|$)",
    re.IGNORECASE,
)


def paint(prompt: str, *, seed: int, size: tuple[int, int], signature: str, transparent: bool = False) -> Image.Image:
    """Return the picture of a prompt, always the same for the same arguments.

    `signature` names the emulated model in the lower right corner.
    """
    chance = random.Random(f"{seed} {prompt}")  # noqa: S311 - reproducible, not secret
    width, height = size
    if (title := _TITLE.search(prompt)) and not transparent:
        return _paint_title_card(title[1], chance, size)
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
    draw_centred(image, prompt, pixels=height // 8)
    font = load_font(max(12, height // 40), weight="Regular")
    draw.text(
        (width - 8, height - 8), signature, font=font, fill="white", anchor="rd", stroke_width=2, stroke_fill="black"
    )
    return image


def encode(image: Image.Image, kind: Literal["png", "jpeg", "webp"], *, quality: int = 85) -> bytes:
    """Return the picture as a file; in a JPEG, transparent areas become black."""
    file = BytesIO()
    match kind:
        case "png":
            image.save(file, "PNG", compress_level=1)
        case "jpeg":
            image.convert("RGB").save(file, "JPEG", quality=max(1, quality))
        case "webp":
            image.save(file, "WEBP", quality=quality, method=0)
    return file.getvalue()


def _paint_title_card(title: str, chance: random.Random, size: tuple[int, int]) -> Image.Image:
    """Return a title in large letters in front of soft lights in two colours."""
    hue = chance.randrange(180, 290)
    small = (max(1, size[0] // 16), max(1, size[1] // 16))
    image = Image.new("RGB", small, f"hsl({hue}, 45%, 11%)")
    draw = ImageDraw.Draw(image)
    for step in range(5):
        x, y = chance.randrange(small[0]), chance.randrange(small[1])
        reach = max(small) * chance.uniform(0.2, 0.45)
        colour = f"hsl({(hue + 35 * (step % 2)) % 360}, 55%, {chance.randrange(18, 34)}%)"
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=colour)
    image = image.filter(ImageFilter.GaussianBlur(max(small) / 7)).resize(size, Image.Resampling.BICUBIC)
    card = image.convert("RGBA")
    draw_centred(card, title, pixels=min(size) // 6, outline=False)
    return card


def _colour(chance: random.Random, *, lightness: int) -> str:
    return f"hsl({chance.randrange(360)}, {chance.randrange(40, 90)}%, {lightness}%)"
