"""Scenes of work and traffic: smoking factories, and a train on its bridge."""

from .canvas import Canvas, mix, rgb
from .city import LIT, buildings, reflections, window_colour
from .layers import Layer, Motion
from .view import View


def factories(view: View) -> list[Layer]:
    """Draw factories with smoking chimneys in front of the sky."""
    ground = view.height * 0.82
    layers = [
        view.sky(view.height * 0.8, sun=(0.74, 0.3)),
        *view.clouds(view.height * 0.08, view.height * 0.3, count=3),
    ]
    layers.append(buildings(view, ground, 0.26, distance=0.55, sway=0.01, landmarks=False))
    margin = view.width * 0.03
    canvas = Canvas(view.width + 2 * margin, view.height)
    wall, dark = view.light.on(rgb("#6a5a54")), view.light.on(rgb("#453c3c"))
    chimneys = []
    for x in (0.16, 0.26, 0.64, 0.82):
        tall = view.unit * view.chance.uniform(0.36, 0.5)
        half = view.unit * 0.022
        foot = canvas.width * x
        canvas.polygon(
            [
                (foot - half, ground),
                (foot - half * 0.7, ground - tall),
                (foot + half * 0.7, ground - tall),
                (foot + half, ground),
            ],
            dark,
        )
        for band in (0.02, 0.09):
            canvas.rectangle(
                (
                    foot - half * 0.75,
                    ground - tall + tall * band,
                    foot + half * 0.75,
                    ground - tall + tall * (band + 0.035),
                ),
                view.light.on(rgb("#c94f3f")),
            )
        chimneys.append((foot, ground - tall))
    x = 0.0
    while x < canvas.width:
        width, tall = view.unit * view.chance.uniform(0.2, 0.34), view.unit * view.chance.uniform(0.1, 0.18)
        canvas.rectangle((x, ground - tall, x + width, ground), mix(wall, dark, view.chance.uniform(0, 0.5)))
        teeth = 3
        for tooth in range(teeth):
            left = x + width * tooth / teeth
            canvas.polygon(
                [
                    (left, ground - tall),
                    (left, ground - tall - view.unit * 0.05),
                    (left + width / teeth, ground - tall),
                ],
                dark,
            )
        for pane in range(5):
            left = x + width * (0.08 + 0.18 * pane)
            canvas.rectangle(
                (left, ground - tall * 0.65, left + width * 0.1, ground - tall * 0.35),
                window_colour(view, view.chance),
            )
        x += width * 1.08
    canvas.rectangle((0, ground, canvas.width, view.height), view.light.on(rgb("#3a3836")))
    for at, (foot, top) in enumerate(chimneys):
        layers.append(_smoke(view, (foot - margin, top), phase=at * 0.23))
    layers.append(Layer([canvas.finish()], Motion(x=-margin, sway=(margin, 0))))
    return layers


def train(view: View) -> list[Layer]:
    """Draw a train that crosses a bridge in front of the skyline."""
    track = view.height * 0.66
    layers = [
        view.sky(view.height * 0.74, sun=(0.25, 0.24)),
        *view.clouds(view.height * 0.06, view.height * 0.26, count=3),
    ]
    layers.append(buildings(view, view.height * 0.74, 0.42, distance=0.5, sway=0.012, landmarks=True))
    layers.append(reflections(view, view.height * 0.74))
    size = view.unit * 0.085
    length = size * 30
    cars = Canvas(length, size * 1.4)
    body, stripe = view.light.on(rgb("#e7ebee")), view.light.on(rgb("#c33a32"))
    for at in range(6):
        left = at * size * 4.9 + size * 0.3
        radius = size * 0.34 if at == 5 else size * 0.12
        cars.rectangle((left, size * 0.2, left + size * 4.7, size * 1.15), body, radius=radius)
        cars.rectangle((left, size * 0.86, left + size * 4.7, size * 1.0), stripe)
        for window in range(6):
            x = left + size * (0.3 + 0.72 * window)
            cars.rectangle(
                (x, size * 0.36, x + size * 0.52, size * 0.7),
                LIT if view.light.name in {"night", "sunset"} else view.light.on(rgb("#38506a")),
                radius=size * 0.06,
            )
        cars.rectangle((left + size * 0.2, size * 1.15, left + size * 4.5, size * 1.3), view.light.on(rgb("#30343a")))
    layers.append(
        Layer([cars.finish()], Motion(x=-length, y=track - size * 1.3, travel=(view.width + length, 0), phase=0.25))
    )
    bridge = Canvas(view.width, view.height - track)
    steel = view.light.on(rgb("#59636d"))
    bridge.rectangle((0, 0, view.width, view.unit * 0.03), steel)
    for at in range(8):
        x = view.width * at / 7
        bridge.rectangle((x - view.unit * 0.016, 0, x + view.unit * 0.016, bridge.height), mix(steel, (0, 0, 0), 0.15))
        right = x + view.width / 7
        bridge.line(
            [(x, view.unit * 0.03), ((x + right) / 2, view.unit * 0.12), (right, view.unit * 0.03)],
            steel,
            width=view.unit * 0.012,
        )
    layers.append(Layer([bridge.finish()], Motion(y=track)))
    return layers


def _smoke(view: View, top: tuple[float, float], *, phase: float) -> Layer:
    size = view.unit * 0.16
    canvas = Canvas(size, size * 2.2)
    tone = mix(view.light.cloud_shade, view.light.cloud, 0.5)
    for at in range(12):
        share = at / 11
        place = (size * (0.3 + 0.3 * share + view.chance.uniform(-0.06, 0.06)), canvas.height * (0.96 - 0.86 * share))
        canvas.ellipse(place, size * (0.06 + 0.16 * share), tone, alpha=round(200 - 150 * share))
    image = canvas.finish(blur=size / 22)
    return Layer(
        [image],
        Motion(
            x=top[0] - size * 0.3,
            y=top[1] - image.height + size * 0.1,
            sway=(view.unit * 0.012, view.unit * 0.008),
            phase=phase,
        ),
    )
