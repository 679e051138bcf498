"""Pictures without a model: shapes and colours from a seed, with the prompt written across them."""

import random
import re
from io import BytesIO
from typing import Literal

from PIL import Image, ImageDraw

from .lettering import draw_centred, load_font

_SHAPES = 9
_QUOTED = re.compile(r"[\"“]([^\"“”]{2,120})[\"”]")


def paint(prompt: str, *, seed: int, size: tuple[int, int], signature: str, transparent: bool = False) -> Image.Image:
    """Return the picture of a prompt, always the same for the same arguments.

    A prompt that quotes words is taken for a title card, which shows these words alone. Any other picture shows the
    prompt, and `signature`, the name of the emulated model, in the lower right corner.
    """
    if title := _QUOTED.search(prompt):
        return _paint_title(title[1], seed=seed, size=size)
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
    draw_centred(image, prompt, pixels=height // 8)
    font = load_font(max(12, height // 40), weight="Regular")
    draw.text(
        (width - 8, height - 8), signature, font=font, fill="white", anchor="rd", stroke_width=2, stroke_fill="black"
    )
    return image


def _paint_title(title: str, *, seed: int, size: tuple[int, int]) -> Image.Image:
    """Return the words in front of a calm evening sky."""
    chance = random.Random(f"{seed} {title}")  # noqa: S311 - reproducible, not secret
    width, height = size
    hue = chance.randrange(200, 260)
    sky = Image.linear_gradient("L").resize(size)
    top, bottom = f"hsl({hue}, 55%, 14%)", f"hsl({(hue + 110) % 360}, 60%, 46%)"
    image = Image.composite(Image.new("RGBA", size, bottom), Image.new("RGBA", size, top), sky)
    glow = Image.radial_gradient("L").resize((height, height)).point(lambda value: max(0, 150 - value))
    x = chance.randrange(width // 4, width * 3 // 4) - height // 2
    image.paste(Image.new("RGBA", glow.size, "hsl(38, 95%, 72%)"), (x, height // 3), glow)
    draw_centred(image, title, pixels=height // 7)
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


def _colour(chance: random.Random, *, lightness: int) -> str:
    return f"hsl({chance.randrange(360)}, {chance.randrange(40, 90)}%, {lightness}%)"
