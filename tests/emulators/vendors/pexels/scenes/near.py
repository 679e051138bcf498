"""Scenes from close by: a steaming cup at a window, and the road ahead of a car."""

import math
from itertools import pairwise

from PIL import Image, ImageFilter

from .canvas import Canvas, across, gradient, mix, rgb, wave
from .layers import Layer, Motion
from .view import View


def cup(view: View) -> list[Layer]:
    """Draw a steaming cup on a table, in front of a window."""
    back = gradient(view.width, view.height, [view.light.on(rgb("#d9c3a5")), view.light.on(rgb("#b99873"))])
    image = back.copy()
    window = (view.width * 0.12, view.height * 0.06, view.width * 0.62, view.height * 0.56)
    pane = gradient(window[2] - window[0], window[3] - window[1], view.light.sky)
    hills = Canvas(pane.width, pane.height)
    hills.polygon(
        [
            *wave(pane.width, lambda x: pane.height * (0.74 + 0.07 * math.sin(x / pane.width * 6))),
            (pane.width, pane.height),
            (0, pane.height),
        ],
        view.light.on(rgb("#6f8f63"), distance=0.3),
    )
    hills.polygon(
        [
            *wave(pane.width, lambda x: pane.height * (0.86 + 0.05 * math.sin(x / pane.width * 9 + 2))),
            (pane.width, pane.height),
            (0, pane.height),
        ],
        view.light.on(rgb("#4f7350"), distance=0.1),
    )
    pane.alpha_composite(hills.finish())
    if view.light.is_night:
        pane.alpha_composite(view.stars(pane.height * 0.6, count=60).crop((0, 0, pane.width, round(pane.height * 0.6))))
    image.paste(pane.filter(ImageFilter.GaussianBlur(view.unit * 0.004)), (round(window[0]), round(window[1])))
    frame = Canvas(view.width, view.height)
    wood = view.light.on(rgb("#f0e6d6"))
    bar = view.unit * 0.018
    for x in (window[0], (window[0] + window[2]) / 2, window[2]):
        frame.rectangle((x - bar, window[1] - bar, x + bar, window[3] + bar), wood)
    for y in (window[1], (window[1] + window[3]) / 2, window[3]):
        frame.rectangle((window[0] - bar, y - bar, window[2] + bar, y + bar), wood)
    table = view.height * 0.74
    top = view.light.on(rgb("#7a4f30"))
    frame.rectangle((0, table, view.width, view.height), top)
    for at in range(5):
        y = table + (view.height - table) * (at + 0.5) / 5
        frame.rectangle((0, y, view.width, y + 1.4), mix(top, (0, 0, 0), 0.3), alpha=130)
    frame.rectangle((0, table, view.width, table + view.unit * 0.012), mix(top, (255, 255, 255), 0.16))
    image.alpha_composite(frame.finish())
    layers = [Layer([image])]
    size = view.unit * 0.42
    x = view.width * (0.6 if not view.is_tall else 0.5)
    mug = _mug(view, size)
    layers += _steam(view, (x, table - size * 0.5), size)
    layers.append(
        Layer([mug], Motion(x=x - mug.width * 0.44, y=table - mug.height * 0.72, sway=(view.width * 0.012, 0)))
    )
    return layers


def _mug(view: View, size: float) -> Image.Image:
    canvas = Canvas(size * 1.7, size * 1.2)
    china, shade = view.light.on(rgb("#f3efe7")), view.light.on(rgb("#cfc6b8"))
    x, rim, foot = size * 0.75, size * 0.22, size * 0.98
    canvas.ellipse((x, foot + size * 0.03), (size * 0.74, size * 0.12), (0, 0, 0), alpha=60)
    canvas.ellipse((x, foot), (size * 0.7, size * 0.11), shade)
    canvas.ellipse((x, foot - size * 0.02), (size * 0.68, size * 0.1), china)
    handle = [
        (x + size * (0.4 + 0.24 * math.cos(a)), size * 0.52 + size * 0.2 * math.sin(a))
        for a in (i / 20 * 6.2832 for i in range(21))
    ]
    canvas.line(handle, shade, width=size * 0.075)
    body = [
        (x - size * 0.46, rim),
        (x - size * 0.44, size * 0.6),
        (x - size * 0.3, foot - size * 0.05),
        (x + size * 0.3, foot - size * 0.05),
        (x + size * 0.44, size * 0.6),
        (x + size * 0.46, rim),
    ]
    canvas.polygon(body, china)
    canvas.polygon([(x + size * 0.12, rim), (x + size * 0.16, foot - size * 0.05), *body[3:]], shade, alpha=150)
    canvas.ellipse((x, rim), (size * 0.46, size * 0.11), shade)
    drink = rgb("#5a3018") if view.palette[0][0] >= view.palette[0][1] else rgb("#7d8f3a")
    canvas.ellipse((x, rim + size * 0.012), (size * 0.415, size * 0.088), view.light.on(drink))
    canvas.ellipse(
        (x - size * 0.08, rim + size * 0.005),
        (size * 0.16, size * 0.028),
        mix(view.light.on(drink), (255, 240, 210), 0.4),
        alpha=150,
    )
    return canvas.finish()


def _steam(view: View, foot: tuple[float, float], size: float) -> list[Layer]:
    layers = []
    for at in range(3):
        canvas = Canvas(size * 0.5, size * 1.1)
        points = [
            (
                canvas.width / 2 + math.sin(y / canvas.height * 7 + at * 2) * canvas.width * 0.22,
                canvas.height * 0.96 - y * 0.9,
            )
            for y in (canvas.height * i / 24 for i in range(25))
        ]
        for first, second in pairwise(points):
            share = 1 - first[1] / canvas.height
            canvas.line(
                [first, second], (255, 255, 255), width=size * (0.05 + 0.05 * share), alpha=round(80 * (1 - share))
            )
        image = canvas.finish(blur=size / 26)
        x = foot[0] + (at - 1) * size * 0.2 - canvas.width / 2
        layers.append(
            Layer(
                [image],
                Motion(x=x, y=foot[1] - canvas.height, sway=(size * 0.05, size * 0.03), phase=at * 0.33, cycles=2),
            )
        )
    return layers


def road(view: View) -> list[Layer]:
    """Draw a road that runs towards mountains, as seen from a car."""
    horizon = view.height * 0.52
    layers = [
        view.sky(horizon, sun=(0.5, 0.34 if view.light.name != "day" else 0.2)),
        *view.clouds(view.height * 0.06, view.height * 0.3, count=4),
    ]
    hills = Canvas(view.width * 1.1, view.height * 0.3)
    for part, tone, distance in ((0.2, "#7b8fa8", 0.55), (0.55, "#6f8a68", 0.25)):
        line = []
        for x in across(hills.width, step=8):
            turn = x / hills.width
            swing = math.sin(turn * 11 + part * 9) * math.sin(turn * 4.3 + part)
            line.append((x, hills.height * (0.2 + part * 0.8 + 0.22 * swing)))
        hills.polygon(
            [*line, (hills.width, hills.height), (0, hills.height)], view.light.on(rgb(tone), distance=distance)
        )
    layers.append(
        Layer(
            [hills.finish()], Motion(x=-view.width * 0.05, y=horizon - hills.height * 0.86, sway=(view.width * 0.04, 0))
        )
    )
    frames = []
    steps = 8
    depth = view.height - horizon
    grass, asphalt, line_colour = (
        view.light.on(rgb("#6f8a4a")),
        view.light.on(rgb("#4a4c52")),
        view.light.on(rgb("#f2e9d0")),
    )
    centre = view.width / 2
    half = view.width * (0.46 if not view.is_tall else 0.75)

    def edge(distance: float) -> tuple[float, float]:
        """Return the height below the horizon and the width of the road at a distance of 0 (near) or more."""
        share = 1 / (1 + distance)
        return horizon + depth * share, half * share

    for step in range(steps):
        canvas = Canvas(view.width, view.height)
        canvas.rectangle((0, horizon, view.width, view.height), grass)
        for strip in range(26):
            near, far = strip * 0.9 - step / steps * 1.8, strip * 0.9 + 0.45 - step / steps * 1.8
            if far > 0 and strip % 2 == 0:
                low, high = edge(max(0, near))[0], edge(far)[0]
                canvas.rectangle((0, high, view.width, low), mix(grass, (255, 255, 255), 0.07))
        canvas.polygon(
            [
                (centre - half, view.height),
                (centre - half * 0.012, horizon),
                (centre + half * 0.012, horizon),
                (centre + half, view.height),
            ],
            asphalt,
        )
        for side in (-0.9, 0.9):
            canvas.polygon(
                [
                    (centre + half * side - half * 0.02, view.height),
                    (centre + half * side * 0.012, horizon),
                    (centre + half * side + half * 0.02, view.height),
                ],
                line_colour,
            )
        for dash in range(14):
            near, far = dash * 1.2 - step / steps * 1.2, dash * 1.2 + 0.55 - step / steps * 1.2
            if far <= 0:
                continue
            (low, wide), (high, narrow) = edge(max(0, near)), edge(far)
            canvas.polygon(
                [
                    (centre - wide * 0.018, low),
                    (centre - narrow * 0.018, high),
                    (centre + narrow * 0.018, high),
                    (centre + wide * 0.018, low),
                ],
                line_colour,
            )
        for post in range(10):
            distance = post * 1.8 + 0.4 - step / steps * 1.8
            if distance < 0:
                continue
            low, wide = edge(distance)
            for side in (-1.18, 1.18):
                x, tall = centre + wide * side, view.unit * 0.16 / (1 + distance)
                canvas.rectangle((x - tall * 0.05, low - tall, x + tall * 0.05, low), line_colour)
        image = canvas.finish()
        frames.append(image.crop((0, round(horizon) - 1, view.width, view.height)))
    layers.append(Layer(frames, Motion(y=round(horizon) - 1), rate=16))
    return layers
