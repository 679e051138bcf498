"""Drawing with smooth edges: shapes in twice the size that are reduced at the end, gradients, glows, ridges, clouds."""

import math
import random
from collections.abc import Callable, Sequence
from itertools import pairwise

from PIL import Image, ImageChops, ImageDraw, ImageFilter

Colour = tuple[int, int, int]
Point = tuple[float, float]

_SCALE = 2


def rgb(colour: str) -> Colour:
    """Return the channels of `#rrggbb`."""
    red, green, blue = bytes.fromhex(colour.removeprefix("#"))
    return red, green, blue


def mix(first: Colour, second: Colour, share: float) -> Colour:
    """Return a colour between two others; a share of 1 is the second one."""
    red, green, blue = (round(a + (b - a) * share) for a, b in zip(first, second, strict=True))
    return red, green, blue


class Canvas:
    """A transparent picture to draw on, in its own coordinates."""

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height = max(1, round(width)), max(1, round(height))
        self.image = Image.new("RGBA", (self.width * _SCALE, self.height * _SCALE), (0, 0, 0, 0))
        self._draw = ImageDraw.Draw(self.image)

    def polygon(self, points: Sequence[Point], colour: Colour, *, alpha: int = 255) -> None:
        """Fill a polygon."""
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        self._fill(scaled, colour, alpha, lambda draw, fill: draw.polygon(scaled, fill=fill))

    def rectangle(
        self, box: tuple[float, float, float, float], colour: Colour, *, alpha: int = 255, radius: float = 0
    ) -> None:
        """Fill a rectangle given by two corners."""
        if box[2] > box[0] and box[3] > box[1]:
            left, top, right, bottom = (value * _SCALE for value in box)
            corners = [(left, top), (right, bottom)]
            self._fill(
                corners,
                colour,
                alpha,
                lambda draw, fill: draw.rounded_rectangle(corners, radius * _SCALE, fill=fill),
            )

    def ellipse(self, centre: Point, reach: Point | float, colour: Colour, *, alpha: int = 255) -> None:
        """Fill an ellipse around a centre."""
        across, down = reach if isinstance(reach, tuple) else (reach, reach)
        x, y = centre
        corners = [((x - across) * _SCALE, (y - down) * _SCALE), ((x + across) * _SCALE, (y + down) * _SCALE)]
        self._fill(corners, colour, alpha, lambda draw, fill: draw.ellipse(corners, fill=fill))

    def line(self, points: Sequence[Point], colour: Colour, *, width: float, alpha: int = 255) -> None:
        """Draw a line with round ends."""
        scaled = [(x * _SCALE, y * _SCALE) for x, y in points]
        pixels = max(1, round(width * _SCALE))

        def stroke(draw: ImageDraw.ImageDraw, fill: tuple[int, ...] | int) -> None:
            draw.line(scaled, fill=fill, width=pixels, joint="curve")
            for x, y in (scaled[0], scaled[-1]) if pixels > _SCALE else ():
                draw.circle((x, y), pixels / 2, fill=fill)

        self._fill(scaled, colour, alpha, stroke, margin=pixels)

    def _fill(
        self,
        points: Sequence[Point],
        colour: Colour,
        alpha: int,
        shape: Callable[[ImageDraw.ImageDraw, tuple[int, ...] | int], None],
        *,
        margin: int = 2,
    ) -> None:
        """Draw a shape; a translucent one is blended, which ImageDraw does not do by itself."""
        if alpha >= 255:
            shape(self._draw, (*colour, 255))
            return
        left = max(0, math.floor(min(x for x, _ in points)) - margin)
        top = max(0, math.floor(min(y for _, y in points)) - margin)
        right = min(self.image.width, math.ceil(max(x for x, _ in points)) + margin)
        bottom = min(self.image.height, math.ceil(max(y for _, y in points)) + margin)
        if right <= left or bottom <= top:
            return
        mask = Image.new("L", (right, bottom), 0)
        shape(ImageDraw.Draw(mask), alpha)
        patch = Image.new("RGBA", (right - left, bottom - top), (*colour, 0))
        patch.putalpha(mask.crop((left, top, right, bottom)))
        self.image.alpha_composite(patch, (left, top))

    def finish(self, *, blur: float = 0) -> Image.Image:
        """Return the picture in its own size."""
        return soften(self.image.reduce(_SCALE), blur)


def soften(image: Image.Image, radius: float) -> Image.Image:
    """Return a blurred picture whose transparent parts do not darken its edges."""
    if not radius:
        return image
    return image.convert("RGBa").filter(ImageFilter.GaussianBlur(radius)).convert("RGBA")


def gradient(width: float, height: float, stops: Sequence[Colour], *, alphas: Sequence[int] = ()) -> Image.Image:
    """Return a vertical gradient through colours at equal distances."""
    column = Image.new("RGBA", (1, len(stops)))
    for at, colour in enumerate(stops):
        column.putpixel((0, at), (*colour, alphas[at] if alphas else 255))
    # Half a stop is cut at each end, where the resized column is flat.
    edge = 0.5
    size = (1, max(1, round(height)))
    column = column.resize(size, Image.Resampling.BILINEAR, box=(0, edge, 1, len(stops) - edge))
    return column.resize((max(1, round(width)), size[1]))


def noise(size: tuple[int, int], strength: float) -> Image.Image:
    """Return random shades of grey around the middle; `strength` is how far they are from it."""
    # A chance of its own, because a scene must be the same in every size.
    chance = random.Random(1)  # noqa: S311 - reproducible, not secret
    shades = [round(128 + (value - 127.5) / 127.5 * strength) for value in range(256)]
    return Image.frombytes("L", size, chance.randbytes(size[0] * size[1])).point(shades)


def grain(image: Image.Image, *, strength: float = 4) -> Image.Image:
    """Return a picture with fine noise, which keeps gradients free of visible steps."""
    fine = noise(image.size, strength)
    return ImageChops.add(image.convert("RGB"), Image.merge("RGB", [fine] * 3), offset=-128).convert("RGBA")


def glow(reach: float, colour: Colour, *, alpha: int = 255, core: float = 0) -> Image.Image:
    """Return a round light that fades towards its edge; `core` is the radius of its full strength, as a share."""
    size = max(4, round(reach * 2))
    light = Image.radial_gradient("L").resize((size, size), Image.Resampling.BILINEAR)

    def fade(value: int) -> int:
        distance = min(1.0, value / 180)
        share = 1 if distance <= core else max(0.0, 1 - (distance - core) / (1 - core))
        return round(alpha * share**2)

    image = Image.new("RGBA", (size, size), (*colour, 0))
    image.putalpha(light.point(fade))
    return image


def paste(target: Image.Image, image: Image.Image, centre: Point) -> None:
    """Lay a picture over another one around a centre; parts outside are cut off."""
    x, y = round(centre[0] - image.width / 2), round(centre[1] - image.height / 2)
    left, top = max(0, -x), max(0, -y)
    if left < image.width and top < image.height and x < target.width and y < target.height:
        target.alpha_composite(image, (max(0, x), max(0, y)), (left, top))


def doubled(image: Image.Image) -> Image.Image:
    """Return a picture twice, one below the other, which can fall by its height without end."""
    both = Image.new("RGBA", (image.width, image.height * 2))
    both.paste(image, (0, 0))
    both.paste(image, (0, image.height))
    return both


def ridge(chance: random.Random, width: float, height: float, *, rough: float = 0.55, steps: int = 7) -> list[Point]:
    """Return the line of a ridge from left to right, between 0 (high) and `height`, by midpoint displacement."""
    values = [chance.random(), chance.random(), chance.random()]
    spread = 0.5
    for _ in range(steps):
        spread *= rough
        between = [(a + b) / 2 + chance.uniform(-spread, spread) for a, b in pairwise(values)]
        values = [value for pair in zip(values, between, strict=False) for value in pair] + [values[-1]]
    low, high = min(values), max(values)
    span = (high - low) or 1
    return [(width * at / (len(values) - 1), height * (value - low) / span) for at, value in enumerate(values)]


def below(line: Sequence[Point], bottom: float) -> list[Point]:
    """Return the polygon below a line."""
    return [*line, (line[-1][0], bottom), (line[0][0], bottom)]


def across(width: float, *, step: float = 6) -> list[float]:
    """Return places from left to right at equal distances."""
    return [at * step for at in range(math.ceil(width / step) + 1)]


def wave(width: float, function: Callable[[float], float], *, step: float = 6) -> list[Point]:
    """Return the line of a function from left to right."""
    return [(x, function(x)) for x in across(width, step=step)]


def cloud(chance: random.Random, width: float, colour: Colour, shade: Colour, *, alpha: int = 235) -> Image.Image:
    """Return a fluffy cloud, flat at its base and lit from above."""
    height = width * 0.46
    base = height * 0.8
    body, lit = Canvas(width, height), Canvas(width, height)
    for _ in range(26):
        x = chance.gauss(0.5, 0.16)
        dome = max(0.0, 1 - abs(x - 0.5) * 2.4)
        reach = width * (0.03 + 0.075 * dome * chance.uniform(0.7, 1.1))
        y = base - reach * 0.55 - height * 0.42 * dome * chance.random()
        body.ellipse((x * width, y), reach, shade)
        lit.ellipse((x * width - reach * 0.08, y - reach * 0.16), reach * 0.9, colour)
    body.rectangle((width * 0.2, base - height * 0.12, width * 0.8, base), shade, radius=height * 0.06)
    image = body.finish(blur=width / 110)
    top = lit.finish(blur=width / 55)
    # The light fades towards the base.
    fade = Image.linear_gradient("L").rotate(180).resize(top.size).point(lambda value: min(255, round(value * 2.2)))
    top.putalpha(ImageChops.multiply(top.getchannel("A"), fade))
    image.alpha_composite(top)
    level = Image.new("L", image.size, alpha)
    ImageDraw.Draw(level).rectangle((0, round(base), image.width, image.height), fill=0)
    image.putalpha(ImageChops.multiply(image.getchannel("A"), level.filter(ImageFilter.GaussianBlur(width / 60))))
    return image
