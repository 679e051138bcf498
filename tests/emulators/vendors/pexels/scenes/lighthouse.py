"""A striped lighthouse on a cliff above the sea."""

import math

from PIL import Image, ImageChops

from .canvas import Canvas, glow, mix, ridge
from .layers import Layer, Motion
from .sea import water
from .view import View


def lighthouse(view: View) -> list[Layer]:
    """Draw a striped lighthouse on a cliff above the sea; at night its beam turns."""
    horizon = round(view.height * (0.58 if view.is_tall else 0.62))
    sun = (0.2, 0.2) if view.light.name in {"day", "night"} else (0.24, horizon / view.height - 0.05)
    layers = [view.sky(horizon, sun=sun), *view.clouds(view.height * 0.06, view.height * 0.3, count=4, size=0.5)]
    layers += water(view, horizon, path=sun[0] if view.light.name != "day" else None)
    tower_height = view.unit * 0.52
    foot = (view.width * (0.62 if view.is_tall else 0.68), view.height * 0.64 + view.unit * 0.012)
    lamp = (foot[0], foot[1] - tower_height * 0.9)
    if view.light.name in {"night", "sunset"}:
        layers.append(_beam(view, lamp))
    layers.append(Layer([_cliff(view, foot)], Motion(sway=(view.width * 0.004, 0))))
    layers.append(Layer([_tower(view, foot, tower_height)], Motion(sway=(view.width * 0.004, 0))))
    if view.light.name in {"night", "sunset"}:
        light = glow(view.unit * 0.12, (255, 238, 184), alpha=220)
        layers.append(
            Layer(
                [light], Motion(x=lamp[0] - light.width / 2, y=lamp[1] - light.height / 2, sway=(view.width * 0.004, 0))
            )
        )
    if not view.light.is_night:
        layers.append(view.birds(view.height * 0.16, count=6))
    return layers


def _cliff(view: View, foot: tuple[float, float]) -> Image.Image:
    canvas = Canvas(view.width * 1.04, view.height)
    left = foot[0] - view.unit * 0.34
    top = foot[1] - view.unit * 0.012
    rough = ridge(view.chance, view.width * 1.04 - left, view.unit * 0.05, steps=5)
    edge = [(left + x, top + y * 0.4 - view.unit * 0.01) for x, y in rough]
    edge[0] = (left, top + view.unit * 0.05)
    slope = [
        (left - view.unit * part * 0.16, top + view.unit * (0.05 + part * 0.34)) for part in (0.1, 0.32, 0.42, 0.7, 1.0)
    ]
    bottom = view.height
    rock = view.light.on((104, 92, 84))
    outline = [*reversed(slope), *edge, (view.width * 1.04, bottom), (slope[-1][0] - view.unit * 0.05, bottom)]
    canvas.polygon(outline, rock)
    for _ in range(70):
        x = view.chance.uniform(left - view.unit * 0.1, view.width)
        y = view.chance.uniform(top + view.unit * 0.08, view.height)
        reach = view.unit * view.chance.uniform(0.02, 0.08)
        shade = mix(rock, (0, 0, 0) if view.chance.random() < 0.6 else view.light.sky[-1], 0.22)
        canvas.polygon(
            [(x, y), (x + reach, y + reach * 0.3), (x + reach * 0.5, y + reach), (x - reach * 0.3, y + reach * 0.7)],
            shade,
            alpha=120,
        )
    grass = view.light.on((92, 132, 66))
    canvas.polygon(
        [*edge, *[(x, y + view.unit * (0.03 + 0.016 * (at % 3))) for at, (x, y) in reversed(list(enumerate(edge)))]],
        grass,
    )
    image = canvas.finish()
    mask = Canvas(view.width * 1.04, view.height)
    mask.polygon(outline, (255, 255, 255))
    mask.polygon([*edge, *[(x, y - view.unit * 0.01) for x, y in reversed(edge)]], (255, 255, 255))
    clipped = Image.new("RGBA", image.size, (0, 0, 0, 0))
    clipped.paste(image, (0, 0), mask.finish().getchannel("A"))
    return clipped


def _tower(view: View, foot: tuple[float, float], height: float) -> Image.Image:
    canvas = Canvas(view.width * 1.04, view.height)
    x, y = foot
    wide, narrow = height * 0.115, height * 0.072
    white, red, dark = (view.light.on(colour) for colour in ((244, 241, 235), (196, 58, 50), (52, 54, 62)))
    body = height * 0.82
    stripes = 5
    for stripe in range(stripes):
        low, high = stripe / stripes, (stripe + 1) / stripes
        lower, upper = (wide + (narrow - wide) * share for share in (low, high))
        colour = red if stripe % 2 else white
        canvas.polygon(
            [
                (x - lower, y - body * low),
                (x + lower, y - body * low),
                (x + upper, y - body * high),
                (x - upper, y - body * high),
            ],
            colour,
        )
    canvas.polygon(
        [(x + wide * 0.35, y), (x + wide, y), (x + narrow, y - body), (x + narrow * 0.35, y - body)],
        (0, 0, 0),
        alpha=46,
    )
    for share in (0.16, 0.48):
        canvas.rectangle(
            (x - wide * 0.2, y - body * share - wide * 0.5, x + wide * 0.12, y - body * share), dark, radius=wide * 0.1
        )
    gallery = y - body
    canvas.rectangle((x - narrow * 1.5, gallery - height * 0.016, x + narrow * 1.5, gallery + height * 0.01), dark)
    for step in range(7):
        post = x - narrow * 1.45 + narrow * 2.9 * step / 6
        canvas.line([(post, gallery), (post, gallery - height * 0.045)], dark, width=max(1, height * 0.005))
    canvas.line(
        [(x - narrow * 1.45, gallery - height * 0.045), (x + narrow * 1.45, gallery - height * 0.045)],
        dark,
        width=max(1, height * 0.006),
    )
    lamp_top = gallery - height * 0.125
    lit = (255, 233, 160) if view.light.name in {"night", "sunset"} else view.light.on((188, 214, 226))
    canvas.rectangle((x - narrow * 0.75, lamp_top, x + narrow * 0.75, gallery - height * 0.012), lit)
    for share in (-0.75, -0.25, 0.25, 0.75):
        canvas.line([(x + narrow * share, lamp_top), (x + narrow * share, gallery)], dark, width=max(1, height * 0.006))
    canvas.polygon(
        [
            (x - narrow * 1.05, lamp_top),
            (x + narrow * 1.05, lamp_top),
            (x + narrow * 0.2, lamp_top - height * 0.06),
            (x - narrow * 0.2, lamp_top - height * 0.06),
        ],
        red,
    )
    canvas.line([(x, lamp_top - height * 0.06), (x, lamp_top - height * 0.1)], dark, width=max(1, height * 0.008))
    house = (x + wide * 1.1, y - height * 0.15, x + wide * 4.2, y + height * 0.01)
    canvas.rectangle(house, white)
    canvas.polygon(
        [
            (house[0] - wide * 0.3, house[1]),
            (house[2] + wide * 0.3, house[1]),
            (house[2] - wide * 0.4, house[1] - height * 0.09),
            (house[0] + wide * 0.4, house[1] - height * 0.09),
        ],
        red,
    )
    window = (255, 222, 140) if view.light.is_night else dark
    for share in (0.25, 0.7):
        left = house[0] + (house[2] - house[0]) * share - wide * 0.2
        canvas.rectangle((left, house[1] + height * 0.04, left + wide * 0.42, house[1] + height * 0.1), window)
    return canvas.finish()


def _beam(view: View, lamp: tuple[float, float]) -> Layer:
    """Return the light that turns: wide towards the viewer, long to the sides."""
    scale, count = 4, 24
    width, height = view.width // scale, view.height // scale
    x, y = lamp[0] / scale, lamp[1] / scale
    distance = Image.radial_gradient("L").resize((width * 3, width * 3))
    centre = width * 3 // 2
    fade = distance.crop((round(centre - x), round(centre - y), round(centre - x) + width, round(centre - y) + height))
    fade = fade.point(lambda value: max(0, 255 - round(value * 1.5)))
    frames = []
    for step in range(count):
        angle = 2 * math.pi * step / count
        reach = max(width, height) * 1.4
        end = x + math.copysign(reach, math.cos(angle))
        spread = reach * (0.08 + 0.12 * abs(math.sin(angle)))
        strength = round(30 + 150 * abs(math.cos(angle)))
        canvas = Canvas(width, height)
        canvas.polygon([(x, y - 1), (end, y - spread), (end, y + spread), (x, y + 1)], (255, 240, 190), alpha=strength)
        image = canvas.finish(blur=1.4)
        image.putalpha(ImageChops.multiply(image.getchannel("A"), fade))
        frames.append(image)
    return Layer(frames, rate=6, scale=scale)
