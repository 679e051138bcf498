"""Parts of landscapes: ranges and hills in the distance, and trees."""

import random

from .canvas import Canvas, Colour, Point, below, mix, rgb, ridge
from .layers import Layer, Motion
from .view import View


def far_range(view: View, base: float, height: float, *, rock: str, distance: float, sway: float) -> Layer:
    """Return a ridge in the distance."""
    margin = view.width * sway
    canvas = Canvas(view.width + 2 * margin, height + view.height * 0.22)
    line = ridge(view.chance, canvas.width, height)
    canvas.polygon(below(line, canvas.height), view.light.on(rgb(rock), distance=distance))
    return Layer([canvas.finish()], Motion(x=-margin, y=base - height, sway=(margin, 0)))


def hill(
    view: View,
    base: float,
    height: float,
    ground: Colour,
    *,
    distance: float,
    sway: float,
    firs: int,
    size: float,
    winter: bool = False,
) -> Layer:
    """Return a hill with firs along its ridge."""
    margin = view.width * sway
    tall = view.unit * size
    canvas = Canvas(view.width + 2 * margin, view.height - base + height + tall)
    line = [(x, y + tall) for x, y in ridge(view.chance, canvas.width, height, rough=0.42, steps=6)]
    colour = view.light.on(ground, distance=distance)
    canvas.polygon(below(line, canvas.height), colour)
    green = view.light.on(rgb("#2c4a36"), distance=distance)
    trees = sorted((view.chance.uniform(0, canvas.width) for _ in range(firs)), key=lambda _: view.chance.random())
    for x in trees:
        at = min(len(line) - 2, int(x / canvas.width * (len(line) - 1)))
        (x0, y0), (x1, y1) = line[at], line[at + 1]
        y = y0 + (y1 - y0) * (x - x0) / max(1, x1 - x0)
        tone = mix(green, (0, 0, 0), view.chance.uniform(0, 0.25))
        fir(
            canvas,
            (x, y + tall * view.chance.uniform(0.03, 0.2)),
            tall * view.chance.uniform(0.55, 1.0),
            tone,
            snowy=winter,
        )
    return Layer([canvas.finish()], Motion(x=-margin, y=base - tall, sway=(margin, 0)))


def fir(canvas: Canvas, foot: Point, height: float, colour: Colour, *, snowy: bool = False) -> None:
    """Draw a fir tree."""
    x, y = foot
    canvas.rectangle((x - height * 0.025, y - height * 0.14, x + height * 0.025, y), mix(colour, (40, 26, 20), 0.5))
    tiers = 5
    for tier in range(tiers):
        low = y - height * (0.08 + 0.17 * tier)
        high = min(low - height * 0.3, y - height * 0.3)
        high = max(high, y - height)
        half = height * (0.25 - 0.04 * tier)
        canvas.polygon(
            [
                (x - half, low),
                (x - half * 0.4, low - height * 0.03),
                (x, low + height * 0.015),
                (x + half * 0.4, low - height * 0.03),
                (x + half, low),
                (x, high),
            ],
            colour,
        )
        if snowy:
            canvas.polygon(
                [(x - half * 0.62, low - height * 0.07), (x, high), (x + half * 0.3, low - height * 0.14)],
                (236, 242, 248),
                alpha=170,
            )


def leafy_tree(canvas: Canvas, foot: Point, height: float, colour: Colour, chance: random.Random) -> None:
    """Draw a tree with a round crown."""
    x, y = foot
    canvas.polygon(
        [
            (x - height * 0.035, y),
            (x - height * 0.018, y - height * 0.5),
            (x + height * 0.018, y - height * 0.5),
            (x + height * 0.035, y),
        ],
        mix(colour, (46, 30, 24), 0.62),
    )
    for _ in range(16):
        dx, dy = chance.gauss(0, 0.11) * height, chance.gauss(-0.64, 0.1) * height
        tone = mix(colour, (255, 246, 214) if dy < -0.66 * height else (0, 0, 0), chance.uniform(0, 0.16))
        canvas.ellipse((x + dx, y + dy), height * chance.uniform(0.09, 0.15), tone)
