"""Scenes of the city: a skyline by the water, in good weather and in the rain."""

import random

from PIL import Image

from .canvas import Canvas, Colour, doubled, glow, gradient, mix, paste, rgb
from .layers import Layer, Motion
from .view import View

LIT = (255, 214, 130)
"""The colour of a lit window."""


def skyline(view: View) -> list[Layer]:
    """Draw a skyline behind a promenade, with lit windows, moving cars, and lights on the water."""
    shore = view.height * (0.72 if not view.is_tall else 0.74)
    sun = (view.chance.choice((0.2, 0.8)), 0.18 if view.light.name in {"day", "night"} else 0.5)
    layers = [view.sky(view.height * 0.74, sun=sun, sun_size=0.06 if view.light.name == "sunset" else 0.045)]
    layers += view.clouds(view.height * 0.06, view.height * 0.26, count=3)
    for row, (distance, tall, sway) in enumerate(((0.62, 0.4, 0.008), (0.34, 0.5, 0.02), (0.1, 0.36, 0.035))):
        layers.append(buildings(view, shore, tall, distance=distance, sway=sway, landmarks=row == 1))
    layers.append(_promenade(view, shore))
    layers += _cars(view, shore + view.height * 0.014)
    layers.append(reflections(view, shore + view.height * 0.05))
    if not view.light.is_night:
        layers.append(view.birds(view.height * 0.16, count=5))
    return layers


def rain(view: View) -> list[Layer]:
    """Draw the city under dark clouds, in the rain."""
    layers = skyline(view)
    veil = Image.new("RGBA", (view.width, view.height), (*view.light.on((70, 84, 100)), 120))
    layers.append(Layer([veil]))
    layers += view.clouds(0, view.height * 0.16, count=6, size=0.8, alpha=120)
    return [*layers, *_falling_rain(view)]


def _falling_rain(view: View) -> list[Layer]:
    """Return streaks of rain of two sizes that fall without end."""
    layers = []
    for length, count, cycles, alpha in ((0.03, 150, 6, 80), (0.07, 90, 9, 120)):
        tile = Canvas(view.width * 1.2, view.height)
        for _ in range(count):
            x, y = view.chance.uniform(0, tile.width), view.chance.uniform(0, view.height)
            reach = view.unit * length * view.chance.uniform(0.7, 1.2)
            for shift in (0, -view.height):
                points = [(x, y + shift), (x - reach * 0.12, y + shift + reach)]
                tile.line(points, (225, 235, 245), width=max(0.8, view.unit * 0.0016), alpha=alpha)
        single = tile.finish()
        image = doubled(single)
        layers.append(
            Layer([image], Motion(x=-view.width * 0.05, y=-view.height, travel=(0, view.height), cycles=cycles))
        )
    return layers


def window_colour(view: View, chance: random.Random) -> Colour:
    """Return a lit or a dark window; most are lit at night."""
    share = {"day": 0.0, "dawn": 0.12, "sunset": 0.4, "night": 0.62}[view.light.name]
    if chance.random() < share:
        return mix(LIT, (255, 246, 220) if chance.random() < 0.4 else (255, 186, 96), chance.random() * 0.7)
    return mix(view.light.on(rgb("#3d5670")), view.light.sky[2], 0.25 if view.light.name == "day" else 0.08)


def buildings(view: View, ground: float, tall: float, *, distance: float, sway: float, landmarks: bool) -> Layer:
    """Return a row of towers whose windows are in straight rows and columns."""
    margin = view.width * sway
    height = view.unit * tall * (1.3 if view.is_tall else 1)
    canvas = Canvas(view.width + 2 * margin, height * 1.4)
    foot = canvas.height
    walls = [rgb(colour) for colour in ("#7a8797", "#8d8379", "#66768a", "#9a9289", "#5d6b7c")]
    x = -view.unit * 0.02
    while x < canvas.width:
        width = view.unit * view.chance.uniform(0.06, 0.13)
        top = foot - height * view.chance.uniform(0.4, 1.0) * (1.22 if landmarks and view.chance.random() < 0.25 else 1)
        wall = view.light.on(view.chance.choice(walls), distance=distance)
        canvas.rectangle((x, top, x + width, foot), wall)
        canvas.rectangle((x + width * 0.72, top, x + width, foot), mix(wall, view.light.tint, 0.2))
        style = view.chance.randrange(4)
        if style == 0:
            canvas.rectangle((x + width * 0.25, top - height * 0.05, x + width * 0.75, top), wall)
        elif style == 1 and landmarks:
            canvas.polygon([(x, top), (x + width / 2, top - height * 0.16), (x + width, top)], wall)
            canvas.line(
                [(x + width / 2, top - height * 0.14), (x + width / 2, top - height * 0.27)],
                wall,
                width=max(1, view.unit * 0.004),
            )
        elif style == 2:
            canvas.line(
                [(x + width * 0.3, top), (x + width * 0.3, top - height * 0.1)], wall, width=max(1, view.unit * 0.003)
            )
        _windows(view, canvas, (x, top, x + width, foot), distance)
        x += width * view.chance.uniform(1.0, 1.12)
    return Layer([canvas.finish()], Motion(x=-margin, y=ground - foot, sway=(margin, 0)))


def _windows(view: View, canvas: Canvas, box: tuple[float, float, float, float], distance: float) -> None:
    left, top, right, bottom = box
    cell = view.unit * 0.0135
    columns = max(2, int((right - left) / cell))
    step = (right - left) / columns
    y = top + cell
    while y < bottom - cell:
        for column in range(columns):
            if view.chance.random() < 0.12:
                continue
            x = left + step * (column + 0.22)
            colour = mix(window_colour(view, view.chance), view.light.haze, distance * 0.75)
            canvas.rectangle((x, y, x + step * 0.56, y + cell * 0.7), colour)
        y += cell * 1.5


def _promenade(view: View, shore: float) -> Layer:
    """Return the street along the water, with trees and lamps."""
    margin = view.width * 0.035
    canvas = Canvas(view.width + 2 * margin, view.height * 0.14)
    road = canvas.height * 0.5
    canvas.rectangle((0, road, canvas.width, road + view.height * 0.032), view.light.on(rgb("#4a4f57")))
    canvas.rectangle(
        (0, road + view.height * 0.03, canvas.width, road + view.height * 0.055), view.light.on(rgb("#8a8378"))
    )
    green = view.light.on(rgb("#3f6a45"))
    for at in range(26):
        x = canvas.width * (at + view.chance.uniform(0.2, 0.8)) / 26
        reach = view.unit * view.chance.uniform(0.016, 0.026)
        canvas.line([(x, road), (x, road - reach)], mix(green, (40, 26, 20), 0.6), width=max(1, reach * 0.2))
        for _ in range(4):
            canvas.ellipse(
                (x + view.chance.uniform(-0.5, 0.5) * reach, road - reach * view.chance.uniform(1.0, 1.7)),
                reach * 0.7,
                mix(green, (0, 0, 0), view.chance.uniform(0, 0.2)),
            )
    image = canvas.finish()
    if view.light.name in {"night", "sunset"}:
        for at in range(12):
            paste(
                image,
                glow(view.unit * 0.035, (255, 220, 150), alpha=170),
                (image.width * (at + 0.5) / 12, road - view.unit * 0.03),
            )
    return Layer([image], Motion(x=-margin, y=shore - road, sway=(margin, 0)))


def _cars(view: View, y: float) -> list[Layer]:
    """Return cars that drive in both directions."""
    layers = []
    colours = ("#c8423b", "#e9e6df", "#2f5f8f", "#d9a43a", "#3b3f46")
    for at, (phase, forward) in enumerate(((0.05, True), (0.4, False), (0.62, True), (0.85, False))):
        size = view.unit * 0.017
        canvas = Canvas(size * 7, size * 2.6)
        x, ground = size * 2.2, size * 1.9
        body = view.light.on(rgb(colours[at % len(colours)]))
        canvas.rectangle((x, ground - size * 0.75, x + size * 2.6, ground), body, radius=size * 0.25)
        canvas.polygon(
            [
                (x + size * 0.4, ground - size * 0.7),
                (x + size * 0.8, ground - size * 1.25),
                (x + size * 1.8, ground - size * 1.25),
                (x + size * 2.3, ground - size * 0.7),
            ],
            mix(body, view.light.tint, 0.35),
        )
        for wheel in (0.55, 2.05):
            canvas.ellipse((x + size * wheel, ground), size * 0.28, (28, 28, 32))
        image = canvas.finish()
        if view.light.is_night or view.light.name == "sunset":
            paste(image, glow(size * 1.6, (255, 246, 214), alpha=230), (x + size * 2.8, ground - size * 0.35))
            paste(image, glow(size * 0.9, (255, 60, 40), alpha=230), (x - size * 0.1, ground - size * 0.4))
        if not forward:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        way = view.width + image.width
        motion = Motion(
            x=-image.width if forward else view.width,
            y=y - ground + (0 if forward else -size * 0.5),
            travel=(way if forward else -way, 0),
            phase=phase,
        )
        layers.append(Layer([image], motion))
    return layers


def reflections(view: View, top: float) -> Layer:
    """Return the river with trembling lights of the windows above it."""
    depth = view.height - top
    base = gradient(
        view.width, depth, [mix(view.light.sky[2], view.light.tint, 0.25), mix(view.light.sky[0], view.light.tint, 0.4)]
    )
    frames = []
    lights = [(view.chance.uniform(0, view.width), view.chance.random(), view.chance.random()) for _ in range(120)]
    for step in range(4):
        canvas = Canvas(view.width, depth)
        for at, (x, down, tone) in enumerate(lights):
            if view.light.name in {"night", "sunset"}:
                colour, alpha = mix(LIT, (255, 120, 90) if tone > 0.85 else (255, 246, 220), 0.5), 110
            else:
                colour, alpha = (255, 255, 255), 70
            y = depth * down
            reach = view.unit * (0.008 + 0.02 * down) * (1 + 0.25 * ((at + step) % 4))
            canvas.ellipse((x + (((at + step) % 4) - 1.5) * 3, y), (reach, max(0.8, reach * 0.1)), colour, alpha=alpha)
        image = base.copy()
        image.alpha_composite(canvas.finish(blur=0.6))
        frames.append(image)
    return Layer(frames, Motion(y=top), rate=4)
