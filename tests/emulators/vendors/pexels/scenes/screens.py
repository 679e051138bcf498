"""Scenes on screens: charts that grow, and networks of glowing points."""

import math

from PIL import Image

from .canvas import Canvas, Colour, Point, glow, gradient, grain, mix, paste
from .layers import Layer, Motion
from .view import View


def charts(view: View) -> list[Layer]:
    """Draw a board with a rising line, columns that grow, and a ring of shares."""
    dark = view.light.name in {"night", "sunset"}
    first, second, third = view.palette
    ground = (
        [mix(first, (6, 10, 22), 0.72), mix(first, (10, 16, 32), 0.5)] if dark else [(238, 243, 248), (216, 226, 236)]
    )
    back = grain(gradient(view.width, view.height, ground))
    layers = [Layer([back])]
    card: Colour = mix(ground[0], (255, 255, 255), 0.08) if dark else (255, 255, 255)
    ink: Colour = (226, 234, 246) if dark else (62, 76, 96)
    accent = [
        mix(second, (255, 255, 255), 0.12),
        mix(third, (255, 255, 255) if dark else (0, 0, 0), 0.15),
        (242, 182, 76),
        (239, 107, 107),
    ]
    gap = view.unit * 0.045
    if view.is_tall:
        boxes = [
            (gap, view.height * 0.1, view.width - gap, view.height * 0.44),
            (gap, view.height * 0.47, view.width - gap, view.height * 0.7),
            (gap, view.height * 0.73, view.width - gap, view.height * 0.92),
        ]
    else:
        middle = view.width * 0.62
        boxes = [
            (gap, gap, middle - gap / 2, view.height - gap),
            (middle + gap / 2, gap, view.width - gap, view.height * 0.5 - gap / 2),
            (middle + gap / 2, view.height * 0.5 + gap / 2, view.width - gap, view.height - gap),
        ]
    layers += _line_chart(view, boxes[0], card, ink, accent[0])
    layers += _columns(view, boxes[1], card, ink, accent)
    layers += _ring(view, boxes[2], card, ink, accent)
    return layers


def _card(box: tuple[float, float, float, float], card: Colour, ink: Colour, *, lines: int) -> Image.Image:
    """Return an empty card with horizontal lines and a short heading."""
    width, height = box[2] - box[0], box[3] - box[1]
    canvas = Canvas(width, height)
    canvas.rectangle((0, 0, width, height), card, radius=min(width, height) * 0.05)
    canvas.rectangle((width * 0.06, height * 0.07, width * 0.34, height * 0.1), ink, alpha=200, radius=height * 0.012)
    canvas.rectangle((width * 0.06, height * 0.125, width * 0.22, height * 0.145), ink, alpha=90, radius=height * 0.01)
    for line in range(lines):
        y = height * (0.24 + 0.66 * line / max(1, lines - 1))
        canvas.rectangle((width * 0.06, y, width * 0.94, y + 1.2), ink, alpha=42)
    return canvas.finish()


def _line_chart(
    view: View, box: tuple[float, float, float, float], card: Colour, ink: Colour, colour: Colour
) -> list[Layer]:
    """Return a line that is drawn from left to right."""
    width, height = box[2] - box[0], box[3] - box[1]
    points: list[Point] = []
    count = 22
    for at in range(count + 1):
        share = at / count
        value = 0.12 + 0.68 * share**1.25 + 0.07 * math.sin(share * 9 + 1) + view.chance.uniform(-0.05, 0.05)
        points.append((width * (0.06 + 0.88 * share), height * (0.9 - 0.66 * min(1, max(0, value)))))
    other = [
        (x, height * 0.9 - (height * 0.9 - y) * 0.45 - height * 0.05 * math.sin(at / 3))
        for at, (x, y) in enumerate(points)
    ]
    empty = _card(box, card, ink, lines=6)
    base = Motion(x=box[0], y=box[1])
    canvas = Canvas(width, height)
    canvas.polygon([*points, (points[-1][0], height * 0.9), (points[0][0], height * 0.9)], colour, alpha=48)
    canvas.line(other, mix(ink, card, 0.4), width=view.unit * 0.005)
    canvas.line(points, colour, width=view.unit * 0.009)
    for x, y in points[::3]:
        canvas.ellipse((x, y), view.unit * 0.011, colour)
        canvas.ellipse((x, y), view.unit * 0.006, card)
    # A piece of the empty card covers the line and moves away; its lines continue those below it.
    left, right, top, bottom = round(width * 0.05), round(width * 0.95), round(height * 0.2), round(height * 0.93)
    cover = empty.crop((left, top, right, bottom))
    shift = right - left
    frames = 40
    covers = []
    for step in range(frames):
        share = min(1.0, step / (frames * 0.62))
        at = round(shift * (1 - (1 - share) ** 2))
        piece = Image.new("RGBA", cover.size, (0, 0, 0, 0))
        piece.paste(cover.crop((at, 0, cover.width, cover.height)), (at, 0))
        covers.append(piece)
    hide = Layer(covers, Motion(x=box[0] + left, y=box[1] + top), rate=frames / _PERIOD_SECONDS)
    return [Layer([empty], base), Layer([canvas.finish()], base), hide]


# The charts grow once in this time, which every period of a video is a multiple of or nearly so.
_PERIOD_SECONDS = 5.0


def _columns(
    view: View, box: tuple[float, float, float, float], card: Colour, ink: Colour, accent: list[Colour]
) -> list[Layer]:
    """Return columns that grow from the base line."""
    width, height = box[2] - box[0], box[3] - box[1]
    layers = [Layer([_card(box, card, ink, lines=4)], Motion(x=box[0], y=box[1]))]
    count = 8
    values = sorted(
        (view.chance.uniform(0.25, 1) for _ in range(count)), key=lambda value: value + view.chance.uniform(-0.25, 0.25)
    )
    frames = []
    steps = 36
    for step in range(steps):
        canvas = Canvas(width, height)
        for at, value in enumerate(values):
            share = min(1.0, max(0.0, (step / steps - at * 0.03) / 0.4))
            grown = value * (1 - (1 - share) ** 3)
            left = width * (0.09 + 0.86 * at / count)
            top = height * (0.9 - 0.62 * grown)
            canvas.rectangle((left, top, left + width * 0.066, height * 0.9), accent[at % 2], radius=width * 0.008)
        frames.append(canvas.finish())
    layers.append(Layer(frames, Motion(x=box[0], y=box[1]), rate=steps / _PERIOD_SECONDS))
    return layers


def _ring(
    view: View, box: tuple[float, float, float, float], card: Colour, ink: Colour, accent: list[Colour]
) -> list[Layer]:
    """Return a ring of shares that closes, beside a list of them."""
    width, height = box[2] - box[0], box[3] - box[1]
    layers = [Layer([_card(box, card, ink, lines=0)], Motion(x=box[0], y=box[1]))]
    reach = min(width * 0.2, height * 0.3)
    centre = (width * 0.3, height * 0.57)
    shares = (0.42, 0.27, 0.19, 0.12)
    frames = []
    steps = 30
    for step in range(steps):
        grown = 1 - (1 - min(1.0, step / (steps * 0.55))) ** 2
        canvas = Canvas(width, height)
        start = -90.0
        for share, colour in zip(shares, accent, strict=True):
            sweep = 360 * share * grown
            arc = [
                (
                    centre[0] + math.cos(math.radians(start + sweep * at / 24)) * reach,
                    centre[1] + math.sin(math.radians(start + sweep * at / 24)) * reach,
                )
                for at in range(25)
            ]
            canvas.polygon([centre, *arc], colour)
            start += sweep
        canvas.ellipse(centre, reach * 0.6, card)
        frames.append(canvas.finish())
    layers.append(Layer(frames, Motion(x=box[0], y=box[1]), rate=steps / _PERIOD_SECONDS))
    legend = Canvas(width, height)
    for at, colour in enumerate(accent):
        y = height * (0.34 + 0.135 * at)
        legend.ellipse((width * 0.6, y), view.unit * 0.012, colour)
        legend.rectangle(
            (width * 0.65, y - height * 0.018, width * (0.92 - 0.05 * at), y + height * 0.018),
            ink,
            alpha=150,
            radius=height * 0.016,
        )
    layers.append(Layer([legend.finish()], Motion(x=box[0], y=box[1])))
    return layers


def network(view: View) -> list[Layer]:
    """Draw points of light that are joined by lines, at three distances."""
    first, second, third = view.palette
    back = gradient(
        view.width, view.height, [mix(first, (0, 0, 0), 0.45), mix(first, second, 0.35), mix(first, (0, 0, 0), 0.3)]
    )
    image = grain(back)
    paste(image, glow(view.unit * 0.7, second, alpha=120), (view.width * 0.5, view.height * 0.5))
    layers = [Layer([image])]
    for depth, (count, size, sway) in enumerate(((46, 0.004, 0.02), (30, 0.007, 0.045), (14, 0.012, 0.08))):
        margin = view.width * sway
        canvas = Canvas(view.width + 2 * margin, view.height)
        points = [(view.chance.uniform(0, canvas.width), view.chance.uniform(0, view.height)) for _ in range(count)]
        colour = mix(third, (255, 255, 255), 0.15 * depth)
        near = view.unit * (0.2 + 0.1 * depth)
        for at, (x, y) in enumerate(points):
            for other in points[at + 1 :]:
                distance = math.dist((x, y), other)
                if distance < near:
                    canvas.line(
                        [(x, y), other],
                        colour,
                        width=max(0.8, view.unit * size * 0.3),
                        alpha=round(150 * (1 - distance / near)),
                    )
        drawn = canvas.finish()
        for x, y in points:
            paste(drawn, glow(view.unit * size * 4, colour, alpha=150), (x, y))
        dots = Canvas(canvas.width, canvas.height)
        for point in points:
            dots.ellipse(point, view.unit * size, mix(colour, (255, 255, 255), 0.5))
        drawn.alpha_composite(dots.finish())
        layers.append(Layer([drawn], Motion(x=-margin, sway=(margin, view.height * sway * 0.3), phase=depth * 0.08)))
    layers.append(_pulses(view, third))
    return layers


def _pulses(view: View, colour: Colour) -> Layer:
    frames = []
    places = [(view.chance.uniform(0.1, 0.9), view.chance.uniform(0.1, 0.9), view.chance.random()) for _ in range(6)]
    for step in range(12):
        canvas = Canvas(view.width / 2, view.height / 2)
        for x, y, phase in places:
            share = (step / 12 + phase) % 1
            reach = view.unit * 0.1 * share
            points = [
                (
                    canvas.width * x + math.cos(a / 20 * 6.2832) * reach,
                    canvas.height * y + math.sin(a / 20 * 6.2832) * reach,
                )
                for a in range(21)
            ]
            canvas.line(points, colour, width=1.4, alpha=round(150 * (1 - share)))
        frames.append(canvas.finish())
    return Layer(frames, rate=8, scale=2)
