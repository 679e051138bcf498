"""Scenes with people as silhouettes: walking, running, sitting by the sea."""

from .air import hills_at_sunset
from .canvas import Canvas, Colour, mix
from .city import skyline
from .figures import Person, draw_person, walk
from .layers import Layer, Motion
from .sea import beach_sunset
from .view import View

_STEPS = 10


def walkers(view: View) -> list[Layer]:
    """Draw people who walk along the water, in front of the city or the evening sky."""
    back = skyline(view) if view.chance.random() < 0.5 else beach_sunset(view)
    ground = view.height * 0.93
    colour = mix(view.light.on((30, 28, 36)), (0, 0, 0), 0.45)
    layers = [*back, _ground(view, ground, colour)]
    group = (
        Person(0.3, phase=0.0, bag=True),
        Person(0.28, phase=0.35, skirt=True, hair=True),
        Person(0.31, phase=0.7),
        Person(0.27, phase=0.15, hair=True, bag=True),
    )
    for at, person in enumerate(group):
        forward = at % 2 == 0
        layers.append(walk(view, person, ground, colour, start=0.13 + 0.23 * at, forward=forward))
    return layers


def family(view: View) -> list[Layer]:
    """Draw two parents with a child between them, hand in hand, towards a large sun."""
    ground = view.height * 0.9
    colour = mix(view.light.on((30, 24, 34)), (0, 0, 0), 0.5)
    layers = [*hills_at_sunset(view), _ground(view, ground, colour)]
    frames = []
    unit = view.unit
    for step in range(_STEPS):
        canvas = Canvas(unit * 0.62, unit * 0.44)
        foot = canvas.height - unit * 0.012
        share = step / _STEPS
        for x, person in (
            (0.14, Person(0.36, stride=0.42)),
            (0.31, Person(0.21, stride=0.5, phase=0.5, hair=True)),
            (0.47, Person(0.33, stride=0.42, phase=0.2, skirt=True, hair=True)),
        ):
            draw_person(canvas, (x * unit, foot), person, unit, colour, share=share)
        for first, second in (((0.16, 0.2), (0.29, 0.135)), ((0.33, 0.135), (0.455, 0.19))):
            canvas.line(
                [(first[0] * unit, foot - first[1] * unit), (second[0] * unit, foot - second[1] * unit)],
                colour,
                width=unit * 0.014,
            )
        frames.append(canvas.finish())
    x = view.width * 0.36 - unit * 0.1
    layers.append(
        Layer(frames, Motion(x=x, y=ground - frames[0].height + unit * 0.02, sway=(view.width * 0.07, 0)), rate=9)
    )
    return layers


def couple(view: View) -> list[Layer]:
    """Draw two people who stand close to each other and look at the sun above the sea."""
    ground = view.height * 0.94
    colour = mix(view.light.on((30, 24, 34)), (0, 0, 0), 0.5)
    layers = [*beach_sunset(view), _ground(view, ground, colour)]
    canvas = Canvas(view.unit * 0.5, view.unit * 0.5)
    foot = canvas.height - view.unit * 0.012
    middle = canvas.width / 2
    draw_person(canvas, (middle - view.unit * 0.045, foot), Person(0.44, stride=0.06), view.unit, colour, share=0.1)
    draw_person(
        canvas,
        (middle + view.unit * 0.045, foot),
        Person(0.4, stride=0.05, skirt=True, hair=True, lean=-0.05),
        view.unit,
        colour,
        share=0.4,
    )
    image = canvas.finish()
    layers.append(
        Layer(
            [image],
            Motion(x=view.width * 0.36, y=ground - image.height + view.unit * 0.02, sway=(view.width * 0.03, 0)),
        )
    )
    return layers


def runners(view: View) -> list[Layer]:
    """Draw two people who run over a hill at the beginning or the end of the day."""
    ground = view.height * 0.9
    colour = mix(view.light.on((28, 26, 36)), (0, 0, 0), 0.5)
    layers = [*hills_at_sunset(view), _ground(view, ground, colour)]
    for start, person in (
        (0.12, Person(0.31, stride=1.0, lean=0.1)),
        (0.34, Person(0.29, stride=1.0, phase=0.4, lean=0.1, hair=True)),
    ):
        layers.append(walk(view, person, ground, colour, start=start, forward=True, cycles=2, rate=15))
    return layers


def yoga(view: View) -> list[Layer]:
    """Draw a person who sits with crossed legs by the sea and breathes."""
    ground = view.height * 0.92
    colour = mix(view.light.on((30, 24, 36)), (0, 0, 0), 0.5)
    layers = [*beach_sunset(view), _ground(view, ground, colour)]
    size = view.unit * 0.42
    canvas = Canvas(size, size)
    x, base = size / 2, size * 0.96
    canvas.polygon(
        [
            (x - size * 0.4, base),
            (x - size * 0.26, base - size * 0.12),
            (x, base - size * 0.14),
            (x + size * 0.26, base - size * 0.12),
            (x + size * 0.4, base),
        ],
        colour,
    )
    canvas.ellipse((x - size * 0.28, base - size * 0.045), (size * 0.15, size * 0.06), colour)
    canvas.ellipse((x + size * 0.28, base - size * 0.045), (size * 0.15, size * 0.06), colour)
    canvas.polygon(
        [
            (x - size * 0.12, base - size * 0.1),
            (x - size * 0.13, base - size * 0.48),
            (x + size * 0.13, base - size * 0.48),
            (x + size * 0.12, base - size * 0.1),
        ],
        colour,
    )
    canvas.ellipse((x, base - size * 0.47), (size * 0.135, size * 0.06), colour)
    for side in (-1, 1):
        shoulder, elbow, hand = (
            (x + side * size * 0.12, base - size * 0.46),
            (x + side * size * 0.23, base - size * 0.27),
            (x + side * size * 0.29, base - size * 0.13),
        )
        canvas.line([shoulder, elbow, hand], colour, width=size * 0.055)
    canvas.line([(x, base - size * 0.48), (x, base - size * 0.58)], colour, width=size * 0.07)
    canvas.ellipse((x, base - size * 0.65), (size * 0.075, size * 0.09), colour)
    canvas.ellipse((x, base - size * 0.755), size * 0.035, colour)
    image = canvas.finish()
    layers.append(
        Layer(
            [image],
            Motion(
                x=view.width / 2 - size / 2,
                y=ground - size * 0.95,
                sway=(view.width * 0.02, view.unit * 0.003),
                cycles=1,
            ),
        )
    )
    return layers


def _ground(view: View, top: float, colour: Colour) -> Layer:
    canvas = Canvas(view.width, view.height - top + 6)
    canvas.rectangle((0, 4, view.width, canvas.height), colour)
    for _ in range(120):
        x, tall = view.chance.uniform(0, view.width), view.unit * view.chance.uniform(0.006, 0.02)
        canvas.polygon([(x - 1.2, 5), (x + tall * 0.3, 5 - min(4, tall)), (x + 1.2, 5)], colour)
    return Layer([canvas.finish()], Motion(y=top - 4))
