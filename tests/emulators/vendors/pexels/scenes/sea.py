"""Scenes by the sea: open water, and a sunset over it."""

import math
from itertools import pairwise

from PIL import Image, ImageChops

from .canvas import Canvas, Colour, below, gradient, mix, paste, rgb, ridge, wave
from .layers import Layer, Motion
from .view import View

_DEEP = {"day": "#0f4f7d", "dawn": "#4f7390", "sunset": "#4a2f56", "night": "#071a30"}
_SHALLOW = {"day": "#2f93b5", "dawn": "#a9b9bf", "sunset": "#d97a5c", "night": "#1b3a5c"}


def sea(view: View) -> list[Layer]:
    """Draw waves to the horizon, with a sailing boat, gulls by day, and the path of the sun or the moon."""
    horizon = round(view.height * 0.46)
    sun = (view.chance.uniform(0.32, 0.68), 0.3 if view.light.name in {"day", "night"} else 0.4)
    layers = [view.sky(horizon, sun=sun), *view.clouds(view.height * 0.08, view.height * 0.26, count=3)]
    layers += water(view, horizon, path=sun[0])
    layers.append(_boat(view, horizon))
    if not view.light.is_night:
        layers.append(view.birds(view.height * 0.2))
    return layers


def beach_sunset(view: View) -> list[Layer]:
    """Draw a large, low sun over the sea, with its path on the water and dark headlands."""
    horizon = round(view.height * 0.52)
    sun = (view.chance.uniform(0.42, 0.58), horizon / view.height - view.unit * 0.05 / view.height)
    layers = [
        view.sky(horizon, sun=sun, sun_size=0.1),
        *view.clouds(view.height * 0.06, view.height * 0.3, count=4, size=0.55),
    ]
    land = Canvas(view.width * 0.5, view.height * 0.1)
    line = [
        (x, y * (x / land.width) ** 0.5 + land.height * (1 - (x / land.width) ** 0.5))
        for x, y in ridge(view.chance, land.width, land.height * 0.8)
    ]
    land.polygon(below(line, land.height), view.light.on((38, 40, 60), distance=0.25))
    layers.append(
        Layer([land.finish()], Motion(x=view.width * 0.56, y=horizon - land.height + 3, sway=(view.width * 0.02, 0)))
    )
    layers += water(view, horizon, path=sun[0])
    layers.append(view.birds(view.height * 0.24, count=7, size=0.016))
    return layers


def water(view: View, horizon: float, *, path: float | None = None) -> list[Layer]:
    """Return water below a horizon, with waves that grow towards the viewer; `path` is where a light is reflected."""
    deep, shallow = rgb(_DEEP[view.light.name]), rgb(_SHALLOW[view.light.name])
    depth = view.height - horizon
    surface = Image.new("RGBA", (view.width, view.height), (0, 0, 0, 0))
    far = mix(shallow, view.light.haze, 0.45)
    surface.paste(
        gradient(view.width, depth, (far, mix(shallow, deep, 0.45), deep, mix(deep, (0, 0, 0), 0.25))),
        (0, round(horizon)),
    )
    if path is not None:
        light = _path(view, depth, wide=0.26)
        paste(surface, light, (path * view.width, horizon + depth / 2))
    layers = [Layer([surface])]
    if path is not None:
        layers.append(_glitter(view, horizon, path))
    rows = 7
    for row in range(rows):
        nearness = (row + 0.4) / rows
        layers.append(_wave_row(view, horizon + depth * nearness**1.5, nearness, (deep, shallow)))
    return layers


def _path(view: View, depth: float, *, wide: float) -> Image.Image:
    """Return the soft column of light below a sun."""
    width = view.unit * wide
    image = gradient(width, depth, [view.light.sun] * 3, alphas=(150, 60, 10)).resize((round(width), round(depth)))
    fade = Canvas(width, depth)
    fade.polygon([(width * 0.36, 0), (width * 0.64, 0), (width * 0.86, depth), (width * 0.14, depth)], (255, 255, 255))
    image.putalpha(ImageChops.multiply(image.getchannel("A"), fade.finish(blur=width / 9).getchannel("A")))
    return image


def _glitter(view: View, horizon: float, path: float) -> Layer:
    """Return short strokes of light on the water that change places."""
    depth, width = view.height - horizon, view.unit * 0.6
    frames = []
    for _ in range(6):
        canvas = Canvas(width, depth)
        for _ in range(110):
            y = depth * view.chance.random() ** 1.7
            reach = view.unit * (0.004 + 0.022 * y / depth) * view.chance.uniform(0.5, 1.3)
            x = width / 2 + view.chance.gauss(0, 0.11 + 0.12 * y / depth) * width
            canvas.ellipse(
                (x, y), (reach, max(0.8, reach * 0.09)), view.light.sun, alpha=view.chance.randrange(60, 210)
            )
        frames.append(canvas.finish())
    return Layer(frames, Motion(x=path * view.width - width / 2, y=horizon), rate=5)


def _wave_row(view: View, y: float, nearness: float, colours: tuple[Colour, Colour]) -> Layer:
    """Return one row of waves: a dark band with lighter crests, which sways and rises a little."""
    deep, shallow = colours
    length = view.unit * (0.05 + 0.3 * nearness)
    swell = view.unit * (0.0022 + 0.016 * nearness)
    margin = view.unit * 0.12
    width, height = view.width + 2 * margin, swell * 7
    phases = [view.chance.uniform(0, 6.28) for _ in range(3)]

    def crest(x: float) -> float:
        first = math.sin(x / length * 6.28 + phases[0])
        second = math.sin(x / length * 6.28 * 1.73 + phases[1]) * 0.5
        third = math.sin(x / length * 6.28 * 0.37 + phases[2]) * 0.9
        return swell * (2.2 + first + second + third * 0.7)

    line = wave(width, crest, step=max(3, length / 14))
    body = mix(mix(shallow, deep, 0.35 + 0.5 * nearness), (0, 0, 0), 0.06)
    canvas = Canvas(width, height)
    canvas.polygon(below(line, height), body, alpha=round(120 + 70 * nearness))
    light = mix(shallow, view.light.sky[-1], 0.55)
    for (x, top), (_, after) in pairwise(line):
        if top < swell * 1.9 and after >= top - swell * 0.3:
            reach = length * view.chance.uniform(0.05, 0.13)
            canvas.ellipse((x, top + swell * 0.35), (reach, swell * 0.2), light, alpha=round(70 + 90 * nearness))
    image = canvas.finish(blur=0.4 + nearness * 0.5)
    image = _fade_down(image)
    direction = 1 if round(nearness * 100) % 2 else -1
    sway = (direction * margin * (0.35 + 0.6 * nearness), swell * 1.1)
    return Layer([image], Motion(x=-margin, y=y - swell * 2, sway=sway, cycles=2, phase=view.chance.uniform(0, 1)))


def _fade_down(image: Image.Image) -> Image.Image:
    fade = Image.linear_gradient("L").rotate(180).resize(image.size)
    image.putalpha(ImageChops.multiply(image.getchannel("A"), fade.point(lambda value: min(255, value * 2))))
    return image


def _boat(view: View, horizon: float) -> Layer:
    """Return a small sailing boat that rocks on the horizon."""
    size = view.unit * 0.085
    canvas = Canvas(size * 1.3, size * 1.5)
    hull = view.light.on((70, 60, 62))
    sail = view.light.on((248, 246, 240))
    x, y = size * 0.6, size * 1.2
    canvas.polygon(
        [
            (x - size * 0.42, y),
            (x + size * 0.5, y),
            (x + size * 0.36, y + size * 0.16),
            (x - size * 0.32, y + size * 0.16),
        ],
        hull,
    )
    canvas.line([(x, y), (x, size * 0.06)], hull, width=max(1, size * 0.02))
    canvas.polygon(
        [(x + size * 0.03, size * 0.1), (x + size * 0.03, y - size * 0.06), (x + size * 0.44, y - size * 0.06)], sail
    )
    canvas.polygon(
        [(x - size * 0.03, size * 0.24), (x - size * 0.03, y - size * 0.06), (x - size * 0.34, y - size * 0.06)],
        mix(sail, hull, 0.16),
    )
    if view.light.is_night:
        canvas.ellipse((x, size * 0.08), size * 0.03, (255, 226, 150))
    place = view.width * (0.16 if view.chance.random() < 0.5 else 0.68)
    motion = Motion(x=place, y=horizon - size * 1.06, sway=(view.width * 0.06, view.unit * 0.004))
    return Layer([canvas.finish()], motion)
