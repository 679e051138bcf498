"""Scenes in the open country: fields with a farm or wind turbines, a meadow of flowers, dunes."""

import math

from .canvas import Canvas, Colour, across, below, mix, rgb, ridge, wave
from .hills import far_range, hill, leafy_tree
from .layers import Layer, Motion
from .view import View


def fields(view: View, *, turbines: bool = False) -> list[Layer]:
    """Draw rolling fields with rows of crops, a farmhouse and trees; or wind turbines in place of the farm."""
    horizon = view.height * 0.5
    sun = (view.chance.choice((0.26, 0.74)), 0.22 if view.light.name in {"day", "night"} else 0.38)
    layers = [view.sky(horizon, sun=sun), *view.clouds(view.height * 0.08, view.height * 0.3, count=4, size=0.5)]
    layers.append(
        far_range(view, horizon + view.height * 0.02, view.height * 0.07, rock="#7b93a0", distance=0.6, sway=0.008)
    )
    if turbines:
        layers += _turbines(view, horizon)
    bands = ("#9db35a", "#d9b94f", "#6f9a48", "#c9a23e")
    for at, colour in enumerate(bands):
        nearness = at / (len(bands) - 1)
        top = horizon + (view.height - horizon) * (0.02 + 0.66 * nearness**1.25)
        layers.append(_crop_field(view, top, rgb(colour), nearness))
        if at == 1 and not turbines:
            layers.append(_farm(view, top))
    layers.append(_wheat(view))
    if not view.light.is_night:
        layers.append(view.birds(view.height * 0.2, count=5))
    return layers


def wind_farm(view: View) -> list[Layer]:
    """Draw wind turbines on rolling fields."""
    return fields(view, turbines=True)


def flowers(view: View) -> list[Layer]:
    """Draw a meadow full of flowers below hills."""
    horizon = view.height * 0.48
    layers = [view.sky(horizon, sun=(0.7, 0.2)), *view.clouds(view.height * 0.08, view.height * 0.28, count=3)]
    layers.append(far_range(view, horizon + 4, view.height * 0.12, rock="#6f8fa0", distance=0.55, sway=0.01))
    layers.append(
        hill(
            view,
            horizon + view.height * 0.03,
            view.height * 0.08,
            rgb("#6f9c53"),
            distance=0.25,
            sway=0.02,
            firs=14,
            size=0.06,
        )
    )
    colours = [view.light.on(rgb(colour)) for colour in ("#e0559b", "#f2c14e", "#f4f1ea", "#8a5bd0", "#e4572e")]
    for row in range(4):
        nearness = row / 3
        margin = view.width * 0.05
        canvas = Canvas(view.width + 2 * margin, view.height * 0.5)
        ground = view.light.on(rgb("#5f9446"), distance=0.25 * (1 - nearness))
        canvas.polygon(
            below([(x, y * 0.1) for x, y in ridge(view.chance, canvas.width, view.height * 0.1)], canvas.height), ground
        )
        for _ in range(round(260 - 120 * nearness)):
            x, y = view.chance.uniform(0, canvas.width), view.chance.uniform(view.height * 0.01, view.height * 0.18)
            size = view.unit * (0.005 + 0.02 * nearness) * view.chance.uniform(0.7, 1.2)
            colour = view.chance.choice(colours)
            canvas.line([(x, y + size * 3), (x, y)], mix(ground, (0, 0, 0), 0.2), width=max(1, size * 0.16))
            for petal in range(5):
                angle = 2 * math.pi * petal / 5 + x
                canvas.ellipse(
                    (x + math.cos(angle) * size * 0.55, y + math.sin(angle) * size * 0.42), size * 0.42, colour
                )
            canvas.ellipse((x, y), size * 0.3, view.light.on(rgb("#f6d55c")))
        y = horizon + view.height * (0.08 + 0.3 * nearness**1.2)
        layers.append(Layer([canvas.finish()], Motion(x=-margin, y=y, sway=(margin * (0.3 + 0.7 * nearness), 0))))
    return layers


def desert(view: View) -> list[Layer]:
    """Draw dunes with sharp crests and a caravan on one of them."""
    horizon = view.height * 0.5
    layers = [view.sky(horizon, sun=(0.72, 0.24 if view.light.name == "day" else 0.38), sun_size=0.06)]
    sand = rgb("#e2b46a")
    for at in range(4):
        nearness = at / 3
        margin = view.width * 0.05
        top = horizon + (view.height - horizon) * (0.0 + 0.62 * nearness**1.2)
        width, height = view.width + 2 * margin, view.height - top + 4
        lift = view.height * (0.05 + 0.08 * nearness)
        phase, length = view.chance.uniform(0, 6), view.width * (0.5 + 0.5 * nearness)
        line = [(x, lift * (0.45 + 0.45 * math.sin(x / length * 6.28 + phase))) for x in across(width, step=8)]
        canvas = Canvas(width, height)
        colour = view.light.on(mix(sand, rgb("#b97a3c"), 0.45 * nearness), distance=0.35 * (1 - nearness))
        canvas.polygon(below(line, height), colour)
        shadow = [
            (x + height * 0.1, y + height * (0.12 + 0.5 * abs(math.sin(x / length * 3.14 + phase / 2))))
            for x, y in line
        ]
        canvas.polygon([*line, *reversed(shadow)], mix(colour, view.light.tint, 0.35), alpha=120)
        layers.append(Layer([canvas.finish()], Motion(x=-margin, y=top, sway=(margin * (0.2 + 0.8 * nearness), 0))))
        if at == 1:
            layers.append(_caravan(view, top + lift * 0.2))
    return layers


def _crop_field(view: View, top: float, ground: Colour, nearness: float) -> Layer:
    """Return one field: a soft hill with rows of crops that run towards the horizon."""
    margin = view.width * (0.012 + 0.05 * nearness)
    lift = view.height * (0.03 + 0.05 * nearness)
    width, height = view.width + 2 * margin, view.height - top + lift
    canvas = Canvas(width, height)
    phase = view.chance.uniform(0, 6.28)
    line = wave(width, lambda x: lift * (0.5 + 0.5 * math.sin(x / width * 5.2 + phase)), step=8)
    colour = view.light.on(ground, distance=0.42 * (1 - nearness))
    canvas.polygon(below(line, height), colour)
    vanishing = (width * view.chance.uniform(0.2, 0.8), -height * 0.6)
    dark = mix(colour, view.light.tint, 0.22)
    rows = 26
    for row in range(rows):
        foot = (row + 0.5) / rows * width * 2.4 - width * 0.7
        half = width * 0.018
        canvas.polygon([vanishing, (foot - half, height), (foot + half, height)], dark, alpha=120)
    image = canvas.finish()
    mask = Canvas(width, height)
    mask.polygon(below(line, height), (255, 255, 255))
    image.putalpha(mask.finish().getchannel("A"))
    return Layer([image], Motion(x=-margin, y=top - lift * 0.6, sway=(margin, 0)))


def _farm(view: View, top: float) -> Layer:
    """Return a red barn with a silo and some trees."""
    margin = view.width * 0.03
    size = view.unit * 0.17
    canvas = Canvas(size * 3.2, size * 1.4)
    red, roof, white = (
        view.light.on(colour, distance=0.1) for colour in ((168, 52, 44), (92, 84, 88), (240, 236, 228))
    )
    ground = size * 1.28
    green = view.light.on(rgb("#3f6b38"), distance=0.12)
    for x, tall in ((0.25, 0.8), (0.52, 0.6), (2.55, 0.75), (2.85, 0.95)):
        leafy_tree(canvas, (size * x, ground), size * tall, green, view.chance)
    left, right, eaves = size * 0.95, size * 1.95, ground - size * 0.46
    canvas.rectangle((left, eaves, right, ground), red)
    canvas.polygon(
        [
            (left - size * 0.06, eaves),
            (left + size * 0.16, eaves - size * 0.26),
            (left + size * 0.5, eaves - size * 0.4),
            (right - size * 0.16, eaves - size * 0.26),
            (right + size * 0.06, eaves),
        ],
        roof,
    )
    canvas.rectangle((left + size * 0.34, ground - size * 0.34, left + size * 0.66, ground), white)
    canvas.rectangle((left + size * 0.37, ground - size * 0.31, left + size * 0.63, ground), mix(red, (0, 0, 0), 0.3))
    canvas.rectangle(
        (size * 2.05, ground - size * 0.8, size * 2.3, ground), view.light.on((196, 200, 204), distance=0.1)
    )
    canvas.ellipse((size * 2.175, ground - size * 0.8), (size * 0.125, size * 0.1), roof)
    if view.light.is_night:
        canvas.rectangle(
            (left + size * 0.1, eaves + size * 0.12, left + size * 0.22, eaves + size * 0.26), (255, 220, 130)
        )
    x = view.width * (0.14 if view.chance.random() < 0.5 else 0.5)
    return Layer([canvas.finish()], Motion(x=x, y=top - ground + view.height * 0.012, sway=(margin, 0)))


def _wheat(view: View) -> Layer:
    """Return ears of wheat close to the viewer, which bend in the wind."""
    margin = view.width * 0.07
    plants = [
        (view.chance.uniform(0, 1), view.chance.uniform(0.6, 1), view.chance.uniform(-0.1, 0.1)) for _ in range(150)
    ]
    frames = []
    height = view.unit * 0.24
    for step in range(8):
        canvas = Canvas(view.width + 2 * margin, height)
        for share, tall, lean in plants:
            x = share * canvas.width
            bend = (lean + 0.1 * math.sin(2 * math.pi * step / 8 + share * 9)) * height
            tip = (x + bend, height * (1 - tall))
            stem = mix(view.light.on(rgb("#b98d35")), (0, 0, 0), 0.15 * (1 - tall))
            canvas.line(
                [(x, height), (x + bend * 0.4, height * (1 - tall * 0.5)), tip], stem, width=max(1, view.unit * 0.0025)
            )
            for grain_at in range(5):
                place = (tip[0] - bend * 0.06 * grain_at, tip[1] + view.unit * 0.009 * grain_at)
                canvas.ellipse(place, (view.unit * 0.0042, view.unit * 0.0075), view.light.on(rgb("#e6bf5c")))
        frames.append(canvas.finish())
    return Layer(frames, Motion(x=-margin, y=view.height - height + 2, sway=(margin * 0.95, 0)), rate=6)


def _turbines(view: View, horizon: float) -> list[Layer]:
    layers = []
    for x, tall, phase in ((0.2, 0.3, 0.0), (0.44, 0.38, 0.4), (0.74, 0.46, 0.75), (0.9, 0.26, 0.2)):
        height = view.unit * tall
        blade = height * 0.5
        size = blade * 2.1
        white = view.light.on((244, 246, 248), distance=0.12)
        frames = []
        for step in range(12):
            canvas = Canvas(size, height + blade * 1.1)
            hub = (size / 2, blade * 1.05)
            canvas.polygon(
                [
                    (hub[0] - height * 0.022, canvas.height),
                    (hub[0] - height * 0.01, hub[1]),
                    (hub[0] + height * 0.01, hub[1]),
                    (hub[0] + height * 0.022, canvas.height),
                ],
                white,
            )
            for arm in range(3):
                angle = 2 * math.pi * (arm / 3 + (step / 12 + phase) / 3)
                tip = (hub[0] + math.cos(angle) * blade, hub[1] + math.sin(angle) * blade)
                side = (math.cos(angle + 1.57) * blade * 0.045, math.sin(angle + 1.57) * blade * 0.045)
                root = (hub[0] + math.cos(angle) * blade * 0.14, hub[1] + math.sin(angle) * blade * 0.14)
                canvas.polygon(
                    [
                        (hub[0], hub[1]),
                        (root[0] + side[0], root[1] + side[1]),
                        tip,
                        (root[0] - side[0] * 0.3, root[1] - side[1] * 0.3),
                    ],
                    mix(white, view.light.tint, 0.08),
                )
            canvas.ellipse(hub, blade * 0.05, mix(white, view.light.tint, 0.2))
            frames.append(canvas.finish())
        motion = Motion(x=view.width * x - size / 2, y=horizon - height - blade * 0.9, sway=(view.width * 0.012, 0))
        layers.append(Layer(frames, motion, rate=10))
    return layers


def _caravan(view: View, y: float) -> Layer:
    """Return camels in a row on the crest of a dune."""
    size = view.unit * 0.05
    canvas = Canvas(size * 9, size * 1.6)
    colour = mix(view.light.on((70, 48, 34)), (0, 0, 0), 0.2)
    for at in range(4):
        x, ground = size * (1.2 + at * 2.1), size * 1.5
        for leg in (-0.42, -0.26, 0.24, 0.4):
            canvas.line(
                [(x + leg * size, ground - size * 0.55), (x + leg * size * 1.1, ground)], colour, width=size * 0.07
            )
        canvas.ellipse((x, ground - size * 0.66), (size * 0.5, size * 0.22), colour)
        canvas.ellipse((x, ground - size * 0.86), (size * 0.2, size * 0.2), colour)
        canvas.line(
            [
                (x + size * 0.42, ground - size * 0.66),
                (x + size * 0.68, ground - size * 0.7),
                (x + size * 0.74, ground - size * 1.12),
            ],
            colour,
            width=size * 0.13,
        )
        canvas.ellipse((x + size * 0.82, ground - size * 1.14), (size * 0.15, size * 0.08), colour)
    return Layer([canvas.finish()], Motion(x=view.width * 0.2, y=y - size * 1.3, sway=(view.width * 0.05, 0)))
