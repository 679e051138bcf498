"""People as silhouettes, and how they walk."""

import math
from dataclasses import dataclass

from PIL import Image

from .canvas import Canvas, Colour, Point
from .layers import Layer, Motion
from .view import View

_STEPS = 10


@dataclass(frozen=True, slots=True)
class Person:
    """Who walks: how tall, how wide the steps are, and what is special in the outline."""

    height: float
    stride: float = 0.5
    phase: float = 0
    skirt: bool = False
    bag: bool = False
    hair: bool = False
    lean: float = 0.02


def draw_person(canvas: Canvas, foot: Point, person: Person, unit: float, colour: Colour, *, share: float) -> None:
    """Draw a person who walks to the right, at a share of one double step."""
    tall = person.height * unit
    x, y = foot
    turn = 2 * math.pi * (share + person.phase)
    hip = (x, y - tall * 0.48 - abs(math.sin(turn)) * tall * 0.012)
    neck = (x + person.lean * tall, hip[1] - tall * 0.34)
    limb = tall * 0.062
    for side in (0, math.pi):
        angle = math.sin(turn + side) * person.stride * 0.62
        bend = max(0.0, math.cos(turn + side)) * person.stride * 0.95
        knee = (hip[0] + math.sin(angle) * tall * 0.25, hip[1] + math.cos(angle) * tall * 0.25)
        ankle = (knee[0] + math.sin(angle - bend) * tall * 0.235, knee[1] + math.cos(angle - bend) * tall * 0.235)
        canvas.line([hip, knee, ankle], colour, width=limb * 1.12)
        canvas.line([ankle, (ankle[0] + tall * 0.05, min(y, ankle[1] + tall * 0.012))], colour, width=limb * 0.72)
        swing = -math.sin(turn + side) * person.stride * 0.6
        shoulder = (neck[0], neck[1] + tall * 0.03)
        elbow = (shoulder[0] + math.sin(swing) * tall * 0.16, shoulder[1] + math.cos(swing) * tall * 0.16)
        fold = swing + 0.25 + person.stride * 0.7
        hand = (elbow[0] + math.sin(fold) * tall * 0.145, elbow[1] + math.cos(fold) * tall * 0.145)
        canvas.line([shoulder, elbow, hand], colour, width=limb * 0.78)
    shoulders, waist = tall * 0.088, tall * 0.066
    canvas.polygon(
        [
            (neck[0] - shoulders, neck[1] + tall * 0.03),
            (neck[0] - shoulders * 0.4, neck[1]),
            (neck[0] + shoulders * 0.4, neck[1]),
            (neck[0] + shoulders, neck[1] + tall * 0.03),
            (hip[0] + waist, hip[1] + tall * 0.02),
            (hip[0] - waist, hip[1] + tall * 0.02),
        ],
        colour,
    )
    if person.skirt:
        flare = tall * (0.125 + 0.02 * math.sin(turn))
        canvas.polygon(
            [
                (hip[0] - waist, hip[1] - tall * 0.04),
                (hip[0] + waist, hip[1] - tall * 0.04),
                (hip[0] + flare, hip[1] + tall * 0.22),
                (hip[0] - flare, hip[1] + tall * 0.22),
            ],
            colour,
        )
    head = (neck[0] + person.lean * tall * 0.5, neck[1] - tall * 0.09)
    canvas.line([neck, head], colour, width=limb * 0.8)
    canvas.ellipse(head, (tall * 0.058, tall * 0.072), colour)
    if person.hair:
        canvas.ellipse((head[0] - tall * 0.022, head[1] + tall * 0.02), (tall * 0.058, tall * 0.09), colour)
    if person.bag:
        canvas.rectangle(
            (neck[0] - shoulders * 1.5, neck[1] + tall * 0.05, neck[0] - shoulders * 0.3, neck[1] + tall * 0.25),
            colour,
            radius=tall * 0.03,
        )


def walk(
    view: View,
    person: Person,
    ground: float,
    colour: Colour,
    *,
    start: float,
    forward: bool,
    cycles: int = 1,
    rate: float = 9,
) -> Layer:
    """Return a person who crosses the picture."""
    frames = []
    tall = person.height * view.unit
    for step in range(_STEPS):
        canvas = Canvas(tall * 0.9, tall * 1.06)
        draw_person(canvas, (tall * 0.45, canvas.height - 2), person, view.unit, colour, share=step / _STEPS)
        image = canvas.finish()
        frames.append(image if forward else image.transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    width = frames[0].width
    way = view.width + width
    motion = Motion(
        x=-width if forward else view.width,
        y=ground - frames[0].height + view.unit * 0.012,
        travel=(way if forward else -way, 0),
        phase=start,
        cycles=cycles,
    )
    return Layer(frames, motion, rate=rate)
