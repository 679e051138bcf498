"""Scenes of colour and light: drifting shapes, and soft lights with confetti."""

import math

from .canvas import Canvas, across, doubled, glow, gradient, mix
from .layers import Layer, Motion
from .view import View


def abstract(view: View) -> list[Layer]:
    """Draw large soft shapes in three colours that drift through each other, with bands of light."""
    first, second, third = view.palette
    dark = view.light.name in {"night", "sunset"}
    base = mix(first, (0, 0, 0), 0.35) if dark else mix(first, second, 0.35)
    back = gradient(view.width, view.height, [base, mix(base, second, 0.4), mix(base, third, 0.25)])
    layers = [Layer([back])]
    for at in range(6):
        colour = (second, third, mix(second, third, 0.5), mix(third, (255, 255, 255), 0.3), first, second)[at]
        reach = view.unit * view.chance.uniform(0.35, 0.7)
        scale = 4
        image = glow(reach / scale, colour, alpha=210)
        centre = (view.width * view.chance.uniform(0.15, 0.85), view.height * view.chance.uniform(0.15, 0.85))
        sway = (
            view.width * view.chance.uniform(0.1, 0.22) * (1 if at % 2 else -1),
            view.height * view.chance.uniform(0.08, 0.2),
        )
        motion = Motion(
            x=centre[0] - image.width * scale / 2,
            y=centre[1] - image.height * scale / 2,
            sway=sway,
            phase=at / 6,
            cycles=1 + at % 2,
        )
        layers.append(Layer([image], motion, scale=scale))
    return [*layers, *(_ribbon(view, at) for at in range(4))]


def _ribbon(view: View, at: int) -> Layer:
    margin = view.width * 0.18
    width, height = (view.width + 2 * margin) / 2, view.height * 0.5 / 2
    canvas = Canvas(width, height)
    colour = mix(view.palette[2], (255, 255, 255), 0.25 + 0.12 * at)
    for line in range(16):
        phase = at * 1.7 + line * 0.11
        lift = height * (0.16 + 0.016 * line)
        points = [
            (x, height * 0.5 + lift * math.sin(x / width * 7.2 + phase) * math.cos(x / width * 2.3 + phase * 0.6))
            for x in across(width, step=5)
        ]
        canvas.line(points, colour, width=0.9, alpha=62)
    image = canvas.finish()
    y = view.height * (0.06 + 0.17 * at)
    return Layer(
        [image],
        Motion(x=-margin, y=y, sway=(margin * 0.9 * (1 if at % 2 else -1), view.height * 0.03), phase=at * 0.2),
        scale=2,
    )


def celebration(view: View) -> list[Layer]:
    """Draw soft round lights and falling confetti."""
    first, second, third = view.palette
    back = gradient(
        view.width, view.height, [mix(first, (0, 0, 0), 0.3), mix(first, second, 0.4), mix(second, first, 0.4)]
    )
    layers = [Layer([back])]
    for depth in range(3):
        margin = view.width * (0.03 + 0.04 * depth)
        canvas = Canvas(view.width + 2 * margin, view.height)
        for _ in range(16 - 3 * depth):
            place = (view.chance.uniform(0, canvas.width), view.chance.uniform(0, view.height))
            reach = view.unit * (0.03 + 0.045 * depth) * view.chance.uniform(0.6, 1.2)
            colour = view.chance.choice((third, second, (255, 214, 140), (255, 244, 220)))
            canvas.ellipse(place, reach, colour, alpha=66)
            canvas.ellipse(place, reach * 0.88, colour, alpha=34)
        layers.append(
            Layer(
                [canvas.finish(blur=1 + depth)],
                Motion(x=-margin, sway=(margin, view.height * 0.02), phase=depth * 0.15),
            )
        )
    for size, count, cycles in ((0.008, 70, 1), (0.014, 40, 2)):
        tile = Canvas(view.width, view.height)
        for _ in range(count):
            x, y = view.chance.uniform(0, view.width), view.chance.uniform(0, view.height)
            reach, angle = view.unit * size, view.chance.uniform(0, 3.14)
            dx, dy = math.cos(angle) * reach, math.sin(angle) * reach
            colour = view.chance.choice((third, second, (255, 214, 92), (255, 255, 255), (120, 200, 255)))
            tile.polygon(
                [(x - dx, y - dy), (x + dy * 0.5, y - dx * 0.5), (x + dx, y + dy), (x - dy * 0.5, y + dx * 0.5)],
                colour,
                alpha=235,
            )
        single = tile.finish()
        image = doubled(single)
        layers.append(
            Layer([image], Motion(y=-view.height, sway=(view.unit * 0.05, 0), travel=(0, view.height), cycles=cycles))
        )
    return layers
