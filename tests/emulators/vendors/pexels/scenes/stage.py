"""Scenes on stages: the crowd at a concert, and a fashion show."""

import math

from .canvas import Canvas, Colour, glow, gradient, mix, rgb
from .figures import Person, draw_person, walk
from .layers import Layer, Motion
from .view import View


def concert(view: View) -> list[Layer]:
    """Draw a stage with beams of light, a singer, and a crowd with raised hands."""
    first, second, third = view.palette
    back = gradient(
        view.width, view.height, [mix(first, (0, 0, 0), 0.6), mix(first, (0, 0, 0), 0.25), mix(second, (0, 0, 0), 0.35)]
    )
    layers = [Layer([back])]
    for at, x in enumerate((0.12, 0.3, 0.5, 0.7, 0.88)):
        layers.append(_spotlight(view, x, (third, second, mix(second, third, 0.5))[at % 3], phase=at * 0.21))
    stage = view.height * 0.72
    shine = glow(view.unit * 0.5, third, alpha=160)
    layers.append(Layer([shine], Motion(x=view.width / 2 - shine.width / 2, y=stage - shine.height * 0.62)))
    dark = mix(first, (0, 0, 0), 0.82)
    scene = Canvas(view.width, view.height)
    scene.rectangle((0, stage, view.width, view.height), dark)
    for x in (0.08, 0.84):
        for level in range(3):
            left, top = view.width * x, stage - view.unit * (0.12 + 0.11 * level)
            scene.rectangle((left, top, left + view.unit * 0.13, top + view.unit * 0.1), dark)
            scene.ellipse(
                (left + view.unit * 0.065, top + view.unit * 0.05), view.unit * 0.032, mix(dark, (255, 255, 255), 0.12)
            )
    layers.append(Layer([scene.finish()]))
    singer = Canvas(view.unit * 0.5, view.unit * 0.44)
    foot = singer.height - 2
    for x, person in (
        (0.25, Person(0.34, stride=0.25)),
        (0.08, Person(0.31, stride=0.15)),
        (0.43, Person(0.31, stride=0.2, hair=True)),
    ):
        draw_person(singer, (view.unit * x, foot), person, view.unit, dark, share=0.3)
    singer.line([(view.unit * 0.3, foot), (view.unit * 0.3, foot - view.unit * 0.27)], dark, width=view.unit * 0.006)
    layers.append(
        Layer(
            [singer.finish()],
            Motion(
                x=view.width / 2 - view.unit * 0.25,
                y=stage - singer.height + 4,
                sway=(view.unit * 0.02, view.unit * 0.004),
                cycles=4,
            ),
        )
    )
    return [*layers, *(_crowd(view, row, mix(first, (0, 0, 0), 0.88)) for row in range(3))]


def fashion_show(view: View) -> list[Layer]:
    """Draw people on a runway of light, as at a fashion show."""
    first, second, third = view.palette
    back = gradient(
        view.width, view.height, [mix(first, (0, 0, 0), 0.3), mix(first, second, 0.4), mix(second, third, 0.4)]
    )
    layers = [Layer([back])]
    for at, x in enumerate((0.2, 0.5, 0.8)):
        layers.append(_spotlight(view, x, mix(third, (255, 255, 255), 0.4), phase=at * 0.3))
    ground = view.height * 0.9
    floor = gradient(view.width, view.height - ground, [mix(third, (255, 255, 255), 0.3), mix(second, first, 0.5)])
    layers.append(Layer([floor], Motion(y=ground)))
    colour = mix(first, rgb("#000000"), 0.75)
    for start, person in (
        (0.1, Person(0.5, skirt=True, hair=True, stride=0.42)),
        (0.45, Person(0.53, stride=0.42)),
        (0.78, Person(0.5, skirt=True, phase=0.5, stride=0.42)),
    ):
        layers.append(walk(view, person, ground, colour, start=start, forward=True))
    return layers


def _spotlight(view: View, x: float, colour: Colour, *, phase: float) -> Layer:
    scale, count = 4, 16
    frames = []
    width, height = view.width // scale, view.height // scale
    for step in range(count):
        canvas = Canvas(width, height)
        angle = math.sin(2 * math.pi * (step / count + phase)) * 0.55
        source = (width * x, -height * 0.02)
        reach = height * 1.1
        ends = [
            (source[0] + math.sin(angle + spread) * reach, source[1] + math.cos(angle + spread) * reach)
            for spread in (-0.1, 0.1)
        ]
        canvas.polygon([source, *ends], colour, alpha=95)
        frames.append(canvas.finish(blur=1.6))
    return Layer(frames, rate=8, scale=scale)


def _crowd(view: View, row: int, colour: Colour) -> Layer:
    margin = view.width * (0.01 + 0.012 * row)
    size = view.unit * (0.05 + 0.018 * row)
    canvas = Canvas(view.width + 2 * margin, size * 5.2)
    x = 0.0
    top = size * 2.4
    while x < canvas.width:
        head = top + size * view.chance.uniform(-0.35, 0.35)
        canvas.ellipse((x, head), (size * 0.42, size * 0.52), colour)
        canvas.ellipse((x, head + size * 1.35), (size * 0.95, size * 0.85), colour)
        if view.chance.random() < 0.45:
            for side in (-1, 1):
                if view.chance.random() < 0.75:
                    hand = (
                        x + side * size * view.chance.uniform(0.5, 0.9),
                        head - size * view.chance.uniform(1.0, 1.8),
                    )
                    canvas.line(
                        [(x + side * size * 0.7, head + size * 1.1), (x + side * size * 0.95, head + size * 0.1), hand],
                        colour,
                        width=size * 0.24,
                    )
                    canvas.ellipse(hand, size * 0.17, colour)
        x += size * view.chance.uniform(1.25, 1.8)
    canvas.rectangle((0, top + size * 1.3, canvas.width, canvas.height), colour)
    y = view.height - size * (4.0 - 0.85 * row) + row * size * 0.3
    return Layer([canvas.finish()], Motion(x=-margin, y=y, sway=(margin, size * 0.12), cycles=8, phase=row * 0.33))
