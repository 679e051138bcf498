"""Scenes of the elements: a camp fire, and the world under water."""

import math

from PIL import Image

from .canvas import Canvas, doubled, glow, gradient, grain, mix, paste, rgb
from .layers import Layer, Motion
from .view import View


def fire(view: View) -> list[Layer]:
    """Draw a camp fire at night, with sparks that rise."""
    back = gradient(view.width, view.height, [rgb("#05070f"), rgb("#0d1220"), rgb("#1c1210")])
    image = grain(back)
    image.alpha_composite(view.stars(view.height * 0.5, count=120), (0, 0))
    centre, ground = view.width / 2, view.height * 0.84
    paste(image, glow(view.unit * 1.0, (255, 120, 40), alpha=150), (centre, ground - view.unit * 0.2))
    trees = Canvas(view.width, view.height)
    for at in range(26):
        x = view.width * (at + view.chance.uniform(0, 1)) / 26
        tall = view.unit * view.chance.uniform(0.2, 0.42)
        trees.polygon(
            [
                (x - tall * 0.2, view.height * 0.72),
                (x, view.height * 0.72 - tall),
                (x + tall * 0.2, view.height * 0.72),
            ],
            (9, 12, 18),
        )
    trees.rectangle((0, view.height * 0.7, view.width, view.height), (16, 12, 12))
    image.alpha_composite(trees.finish())
    paste(image, glow(view.unit * 0.6, (255, 130, 50), alpha=110), (centre, ground))
    layers = [Layer([image])]
    layers.append(_flames(view, centre, ground))
    logs = Canvas(view.unit * 0.7, view.unit * 0.16)
    for start, end, tone in (
        ((0.08, 0.13), (0.6, 0.05), "#4a2c1c"),
        ((0.1, 0.05), (0.62, 0.13), "#5a3724"),
        ((0.2, 0.14), (0.5, 0.14), "#3c2417"),
    ):
        logs.line(
            [(start[0] * view.unit, start[1] * view.unit), (end[0] * view.unit, end[1] * view.unit)],
            rgb(tone),
            width=view.unit * 0.045,
        )
    layers.append(Layer([logs.finish()], Motion(x=centre - view.unit * 0.35, y=ground - view.unit * 0.09)))
    layers.append(_sparks(view, centre, ground))
    return layers


def _flames(view: View, centre: float, ground: float) -> Layer:
    frames = []
    size = view.unit * 0.62
    tongues = [
        (view.chance.uniform(-0.2, 0.2), view.chance.uniform(0.45, 1.0), view.chance.uniform(0, 6.28))
        for _ in range(15)
    ]
    for step in range(12):
        image = Image.new("RGBA", (round(size / 2), round(size / 2)), (0, 0, 0, 0))
        for colour, part, blur in (
            ((226, 74, 20), 1.0, 3.0),
            ((255, 138, 34), 0.78, 2.2),
            ((255, 214, 92), 0.54, 1.6),
            ((255, 246, 200), 0.3, 1.2),
        ):
            canvas = Canvas(image.width, image.height)
            for x, tall, phase in tongues:
                turn = 2 * math.pi * step / 12 + phase
                reach = image.height * 0.86 * tall * part * (0.86 + 0.14 * math.sin(turn * 2))
                foot = image.width * (0.5 + x * part * 1.1)
                half = image.width * 0.085 * part
                tip = (
                    image.width * 0.5 + (foot - image.width * 0.5) * 0.35 + math.sin(turn) * image.width * 0.045,
                    image.height * 0.97 - reach,
                )
                base = image.height * 0.97
                canvas.polygon(
                    [
                        (foot - half, base),
                        (foot - half * 0.8, base - reach * 0.35),
                        tip,
                        (foot + half * 0.8, base - reach * 0.35),
                        (foot + half, base),
                    ],
                    colour,
                )
            image.alpha_composite(canvas.finish(blur=blur))
        frames.append(image)
    return Layer(frames, Motion(x=centre - size / 2, y=ground - size * 0.95), rate=12, scale=2)


def _sparks(view: View, centre: float, ground: float) -> Layer:
    height = view.height * 0.8
    tile = Canvas(view.unit * 0.7, height)
    for _ in range(46):
        place = (tile.width / 2 + view.chance.gauss(0, 0.17) * tile.width, view.chance.uniform(0, height))
        tile.ellipse(
            place,
            view.unit * view.chance.uniform(0.0014, 0.0034),
            (255, 190, 92),
            alpha=view.chance.randrange(120, 255),
        )
    single = tile.finish()
    image = doubled(single)
    motion = Motion(
        x=centre - single.width / 2,
        y=ground - height - view.unit * 0.1,
        sway=(view.unit * 0.012, 0),
        travel=(0, -single.height),
        cycles=2,
    )
    return Layer([image], motion)


def underwater(view: View) -> list[Layer]:
    """Draw a reef with plants, shoals of fish, bubbles, and light from above."""
    deep, bright = rgb("#04263f"), rgb("#2fb3c4")
    back = gradient(view.width, view.height, [bright, rgb("#13809c"), rgb("#0a4f70"), deep])
    layers = [Layer([grain(back)])]
    for at in range(3):
        canvas = Canvas(view.width / 4, view.height / 4)
        for _ in range(4):
            x = view.chance.uniform(-0.1, 1.1) * canvas.width
            half = canvas.width * view.chance.uniform(0.02, 0.06)
            shift = canvas.width * view.chance.uniform(-0.22, 0.06)
            canvas.polygon(
                [
                    (x - half, 0),
                    (x + half, 0),
                    (x + half * 3 + shift, canvas.height),
                    (x - half * 2 + shift, canvas.height),
                ],
                (220, 255, 250),
                alpha=34,
            )
        image = canvas.finish(blur=3)
        layers.append(
            Layer([image], Motion(x=0, sway=(view.width * 0.05 * (1 if at % 2 else -1), 0), phase=at * 0.3), scale=4)
        )
    for row in range(2):
        layers.append(_reef(view, row, deep))
        layers += _shoals(view, row)
    layers.append(_bubbles(view))
    return layers


def _reef(view: View, row: int, deep: tuple[int, int, int]) -> Layer:
    margin = view.width * (0.02 + 0.04 * row)
    height = view.height * (0.42 - 0.08 * row)
    frames = []
    stones = [(view.chance.uniform(0, 1), view.chance.uniform(0.05, 0.13)) for _ in range(16)]
    plants = [
        (view.chance.uniform(0, 1), view.chance.uniform(0.12, 0.34), view.chance.uniform(0, 6.28), view.chance.random())
        for _ in range(26)
    ]
    for step in range(8):
        canvas = Canvas(view.width + 2 * margin, height)
        for x, tall, phase, tone in plants:
            colour = mix(
                rgb("#d8567a") if tone > 0.7 else rgb("#2c9a6e") if tone > 0.3 else rgb("#e0a13c"),
                deep,
                0.5 - 0.35 * row,
            )
            length = view.unit * tall * (0.8 + 0.4 * row)
            foot = x * canvas.width
            line = []
            for at in range(9):
                share = at / 8
                bend = math.sin(2 * math.pi * step / 8 + phase + share * 2.4) * view.unit * 0.026 * share
                line.append((foot + bend, height - view.unit * 0.05 - length * share))
            canvas.line(line, colour, width=view.unit * 0.012)
            for at in range(2, 9, 2):
                px, py = line[at]
                canvas.ellipse(
                    (px + view.unit * 0.012 * (1 if at % 4 else -1), py), (view.unit * 0.013, view.unit * 0.006), colour
                )
        for x, reach in stones:
            canvas.ellipse(
                (x * canvas.width, height),
                (view.unit * reach * 1.5, view.unit * reach),
                mix(rgb("#3d5566"), deep, 0.55 - 0.2 * row),
            )
        frames.append(canvas.finish())
    return Layer(frames, Motion(x=-margin, y=view.height - height, sway=(margin, 0)), rate=5)


def _shoals(view: View, row: int) -> list[Layer]:
    layers = []
    for at in range(3):
        size = view.unit * (0.02 + 0.022 * row) * view.chance.uniform(0.8, 1.5)
        colour = rgb(view.chance.choice(("#f28c38", "#f2d05c", "#6fd0e8", "#e8674f")))
        colour = mix(colour, rgb("#0a4f70"), 0.42 - 0.34 * row)
        forward = (at + row) % 2 == 0
        fish = [
            (view.chance.uniform(0, 1), view.chance.uniform(0, 1), view.chance.randrange(4))
            for _ in range(3 + view.chance.randrange(5))
        ]
        frames = []
        for step in range(4):
            canvas = Canvas(size * 12, size * 7)
            for x, y, phase in fish:
                cx, cy = size * (1.6 + x * 8.8), size * (0.8 + y * 5.4)
                tail = size * (0.5 + 0.14 * math.sin((step + phase) * 1.57))
                canvas.polygon(
                    [
                        (cx - size * 0.7, cy),
                        (cx - size * 1.35, cy - tail),
                        (cx - size * 1.15, cy),
                        (cx - size * 1.35, cy + tail),
                    ],
                    colour,
                )
                canvas.ellipse((cx, cy), (size * 0.9, size * 0.46), colour)
                canvas.polygon(
                    [
                        (cx - size * 0.3, cy - size * 0.36),
                        (cx + size * 0.2, cy - size * 0.42),
                        (cx - size * 0.15, cy - size * 0.75),
                    ],
                    mix(colour, (0, 0, 0), 0.14),
                )
                canvas.rectangle(
                    (cx + size * 0.12, cy - size * 0.4, cx + size * 0.26, cy + size * 0.4), (255, 255, 255), alpha=150
                )
                canvas.ellipse((cx + size * 0.55, cy - size * 0.1), size * 0.085, (20, 24, 32))
            image = canvas.finish()
            frames.append(image if forward else image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
        way = view.width + frames[0].width
        y = view.height * view.chance.uniform(0.12, 0.66)
        motion = Motion(
            x=-frames[0].width if forward else view.width,
            y=y,
            travel=(way if forward else -way, -view.unit * 0.05),
            phase=view.chance.random(),
        )
        layers.append(Layer(frames, motion, rate=7))
    return layers


def _bubbles(view: View) -> Layer:
    tile = Canvas(view.width, view.height)
    for _ in range(40):
        place = (view.chance.uniform(0, view.width), view.chance.uniform(0, view.height))
        reach = view.unit * view.chance.uniform(0.003, 0.011)
        tile.ellipse(place, reach, (225, 250, 255), alpha=70)
        tile.ellipse((place[0] - reach * 0.3, place[1] - reach * 0.3), reach * 0.3, (255, 255, 255), alpha=200)
    single = tile.finish()
    image = doubled(single)
    return Layer([image], Motion(sway=(view.unit * 0.02, 0), travel=(0, -view.height)))
