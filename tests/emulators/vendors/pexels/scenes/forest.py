"""Scenes in the forest, in green and in autumn."""

import math

from PIL import Image, ImageChops

from .canvas import Canvas, Colour, below, doubled, gradient, mix, rgb, ridge
from .hills import fir, leafy_tree
from .layers import Layer, Motion
from .view import View


def forest(view: View, *, autumn: bool = False) -> list[Layer]:
    """Draw rows of trees in the mist, with rays of light between the trunks."""
    colours = ("#c9772b", "#b5481f", "#d8a53a") if autumn else ("#2f5d3a", "#28563a", "#3c6b3d")
    image = gradient(
        view.width, view.height, [mix(view.light.sky[2], view.light.haze, 0.3), view.light.sky[-1], view.light.haze]
    )
    layers = [Layer([image])]
    glow_image = Image.new("RGBA", (view.width, view.height), (0, 0, 0, 0))
    view.add_sun(glow_image, (0.5, 0.3), size=0.05)
    layers.append(Layer([glow_image]))
    rows = 5
    for row in range(rows):
        nearness = row / (rows - 1)
        colour = view.light.on(rgb(colours[row % 3]), distance=0.74 * (1 - nearness) ** 1.1)
        colour = mix(colour, (0, 0, 0), 0.28 * nearness)
        layers.append(_tree_row(view, nearness, colour, autumn=autumn))
        if row in {1, 3}:
            layers.append(_rays(view, 0.5, 60 if view.light.is_night else 95))
            layers.append(_mist(view, view.height * (0.66 + 0.12 * nearness)))
    layers.append(_trunks(view))
    return layers


def autumn_forest(view: View) -> list[Layer]:
    """Draw a forest in red and gold, with falling leaves."""
    layers = forest(view, autumn=True)
    tile = Canvas(view.width, view.height)
    for _ in range(34):
        x, y = view.chance.uniform(0, view.width), view.chance.uniform(0, view.height)
        reach = view.unit * view.chance.uniform(0.006, 0.012)
        colour = view.light.on(rgb(view.chance.choice(("#d9822b", "#b8401c", "#e3b341"))))
        tile.polygon([(x - reach, y), (x, y - reach * 0.6), (x + reach, y + reach * 0.3), (x, y + reach * 0.8)], colour)
    single = tile.finish()
    image = doubled(single)
    layers.append(Layer([image], Motion(y=-view.height, sway=(view.unit * 0.05, 0), travel=(0, view.height))))
    return layers


def _tree_row(view: View, nearness: float, colour: Colour, *, autumn: bool) -> Layer:
    margin = view.width * (0.008 + 0.05 * nearness)
    tall = view.unit * (0.28 + 0.62 * nearness)
    base = view.height * (0.64 + 0.42 * nearness)
    canvas = Canvas(view.width + 2 * margin, view.height - base + tall * 1.05 + view.height * 0.12)
    foot = tall * 1.02
    canvas.polygon(
        below([(x, foot + y * 0.3) for x, y in ridge(view.chance, canvas.width, tall * 0.1)], canvas.height),
        mix(colour, (0, 0, 0), 0.12),
    )
    count = round(canvas.width / (tall * 0.24))
    for at in range(count):
        x = (at + view.chance.uniform(0, 1)) / count * canvas.width
        height = tall * view.chance.uniform(0.62, 1.0)
        tone = mix(colour, (0, 0, 0), view.chance.uniform(0, 0.14))
        place = (x, foot + tall * view.chance.uniform(0, 0.07))
        if autumn:
            warm = mix(tone, view.light.on(rgb(view.chance.choice(("#d9822b", "#b8401c", "#e3b341")))), 0.35)
            leafy_tree(canvas, place, height, warm, view.chance)
        else:
            fir(canvas, place, height, tone)
    return Layer([canvas.finish(blur=1.2 * (1 - nearness))], Motion(x=-margin, y=base - foot, sway=(margin, 0)))


def _rays(view: View, centre: float, alpha: int) -> Layer:
    canvas = Canvas(view.width / 4, view.height / 4)
    source = (canvas.width * centre, canvas.height * 0.22)
    for _ in range(9):
        angle = view.chance.uniform(0.15, 2.99)
        spread = view.chance.uniform(0.02, 0.06)
        reach = (canvas.width + canvas.height) * 0.9
        ends = [
            (source[0] + math.cos(a) * reach, source[1] + math.sin(a) * reach) for a in (angle - spread, angle + spread)
        ]
        canvas.polygon([source, *ends], view.light.sun, alpha=view.chance.randrange(alpha // 3, alpha))
    image = canvas.finish(blur=4)
    fade = Image.linear_gradient("L").rotate(180).resize(image.size)
    image.putalpha(ImageChops.multiply(image.getchannel("A"), fade))
    return Layer([image], Motion(sway=(view.width * 0.01, 0)), scale=4)


def _mist(view: View, y: float) -> Layer:
    margin = view.width * 0.1
    canvas = Canvas((view.width + 2 * margin) / 4, view.height * 0.3 / 4)
    for _ in range(16):
        place = (view.chance.uniform(0, canvas.width), canvas.height * view.chance.uniform(0.35, 0.65))
        canvas.ellipse(
            place, (canvas.width * view.chance.uniform(0.08, 0.2), canvas.height * 0.2), view.light.haze, alpha=44
        )
    return Layer([canvas.finish(blur=7)], Motion(x=-margin, y=y - view.height * 0.15, sway=(margin * 0.9, 0)), scale=4)


def _trunks(view: View) -> Layer:
    """Return dark trunks at both sides, close to the viewer."""
    margin = view.width * 0.09
    canvas = Canvas(view.width + 2 * margin, view.height * 1.02)
    colour = mix(view.light.on(rgb("#35281f")), (0, 0, 0), 0.35)
    for x in (0.06, 0.17, 0.86, 0.97):
        wide = view.unit * view.chance.uniform(0.028, 0.055)
        lean = view.unit * view.chance.uniform(-0.03, 0.03)
        centre = margin + view.width * x
        bottom = canvas.height
        canvas.polygon(
            [
                (centre - wide * 1.5, bottom),
                (centre - wide * 0.7 + lean, 0),
                (centre + wide * 0.7 + lean, 0),
                (centre + wide * 1.5, bottom),
            ],
            colour,
        )
        for _ in range(3):
            y = view.chance.uniform(0.08, 0.5) * bottom
            side = view.chance.choice((-1, 1))
            end = (
                centre + side * view.unit * view.chance.uniform(0.08, 0.16),
                y - view.unit * view.chance.uniform(0.02, 0.08),
            )
            canvas.line([(centre + lean * (1 - y / bottom), y), end], colour, width=wide * 0.22)
    fern = mix(view.light.on(rgb("#23402a")), (0, 0, 0), 0.3)
    for _ in range(70):
        x = view.chance.uniform(0, canvas.width)
        tall = view.unit * view.chance.uniform(0.03, 0.1)
        canvas.polygon(
            [
                (x - tall * 0.12, canvas.height),
                (x + tall * view.chance.uniform(-0.6, 0.6), canvas.height - tall),
                (x + tall * 0.12, canvas.height),
            ],
            fern,
        )
    return Layer([canvas.finish(blur=0.8)], Motion(x=-margin, sway=(margin * 0.95, 0)))
