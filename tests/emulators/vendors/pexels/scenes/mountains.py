"""Scenes in the mountains: snowy peaks above a lake, winter, a river in a valley."""

import math

from PIL import Image

from .canvas import Canvas, Colour, Point, doubled, gradient, mix, paste, rgb
from .hills import far_range, hill
from .layers import Layer, Motion
from .view import View


def mountains(view: View, *, winter: bool = False) -> list[Layer]:
    """Draw snowy peaks behind hills and firs, with a lake that mirrors the sky."""
    shore = view.height * 0.76
    sun = (view.chance.choice((0.24, 0.76)), 0.2 if view.light.name in {"day", "night"} else 0.36)
    layers = [view.sky(view.height * 0.62, sun=sun), *view.clouds(view.height * 0.1, view.height * 0.3, count=3)]
    layers.append(far_range(view, view.height * 0.6, view.height * 0.2, rock="#7f93ab", distance=0.62, sway=0.012))
    layers.append(_peaks(view, shore, winter=winter))
    slope = rgb("#dfe8ef" if winter else "#5d7d4f")
    layers.append(
        hill(
            view,
            view.height * 0.66,
            view.height * 0.1,
            slope,
            distance=0.32,
            sway=0.03,
            firs=70,
            size=0.05,
            winter=winter,
        )
    )
    layers.append(_lake(view, shore))
    ground = rgb("#eef3f7" if winter else "#33502f")
    layers.append(
        hill(
            view,
            view.height * 0.86,
            view.height * 0.1,
            ground,
            distance=0,
            sway=0.055,
            firs=26,
            size=0.2,
            winter=winter,
        )
    )
    if not view.light.is_night:
        layers.append(view.birds(view.height * 0.2, count=4))
    return layers


def snow(view: View) -> list[Layer]:
    """Draw mountains in winter, with falling snow."""
    return [*mountains(view, winter=True), *_falling_snow(view)]


def river(view: View) -> list[Layer]:
    """Draw a river that winds through a green valley towards mountains."""
    horizon = view.height * 0.5
    layers = [view.sky(horizon, sun=(0.3, 0.22)), *view.clouds(view.height * 0.08, view.height * 0.28, count=3)]
    layers.append(far_range(view, horizon + 4, view.height * 0.26, rock="#71879e", distance=0.5, sway=0.012))
    layers.append(
        hill(
            view,
            horizon + view.height * 0.02,
            view.height * 0.1,
            rgb("#55824d"),
            distance=0.3,
            sway=0.02,
            firs=60,
            size=0.05,
        )
    )
    ground = Canvas(view.width * 1.06, view.height * 0.5)
    green = view.light.on(rgb("#4f8142"))
    ground.rectangle((0, 0, ground.width, ground.height), green)
    layers.append(Layer([ground.finish()], Motion(x=-view.width * 0.03, y=horizon + view.height * 0.06)))
    layers.append(_winding_river(view, horizon + view.height * 0.06))
    layers.append(
        hill(view, view.height * 0.9, view.height * 0.08, rgb("#2f5a2f"), distance=0, sway=0.05, firs=18, size=0.18)
    )
    return layers


def _peaks(view: View, base: float, *, winter: bool) -> Layer:
    """Return the main peaks, each with a sunny and a shady side and a cap of snow."""
    margin = view.width * 0.02
    height = view.height * (0.5 if not view.is_tall else 0.36)
    width = view.width + 2 * margin
    image = Image.new("RGBA", (round(width), round(height * 1.1)), (0, 0, 0, 0))
    rock = rgb("#6d7f96")
    count = 3 if view.is_tall else 4
    places = sorted(
        (view.chance.uniform(0.62, 1.0), (at + view.chance.uniform(0.2, 0.8)) / count) for at in range(count)
    )
    for tall, x in places:
        colour = view.light.on(rock, distance=0.34 - 0.16 * tall)
        _peak(view, image, (x * width, height * (1.06 - tall)), height * 1.1, colour, winter=winter)
    return Layer([image], Motion(x=-margin, y=base - height * 1.08, sway=(margin, 0)))


def _peak(view: View, image: Image.Image, top: Point, bottom: float, colour: Colour, *, winter: bool) -> None:
    tall = bottom - top[1]
    half = tall * view.chance.uniform(0.78, 1.05)
    canvas = Canvas(image.width, image.height)

    def edge(side: int) -> list[Point]:
        steps = 14
        points = [top]
        for step in range(1, steps + 1):
            share = step / steps
            jag = view.chance.uniform(-0.035, 0.035) * tall * (1 - share * 0.4)
            points.append((top[0] + side * half * share**1.08 + jag, top[1] + tall * share))
        return points

    left, right = edge(-1), edge(1)
    spine = [top]
    for step in range(1, 13):
        share = step / 12
        bend = math.sin(share * 7 + top[0]) * 0.05
        spine.append((top[0] + tall * (bend + view.chance.uniform(-0.03, 0.03)), top[1] + tall * share))
    lit, shady = mix(colour, view.light.sky[-1], 0.16), mix(colour, view.light.tint, 0.3)
    canvas.polygon([*left, *reversed(spine)], lit)
    canvas.polygon([*spine, *reversed(right)], shady)
    for _ in range(16):
        share = view.chance.uniform(0.2, 0.95)
        side = view.chance.choice((-1, 1))
        x = top[0] + side * half * share * view.chance.uniform(0.1, 0.75)
        y = top[1] + tall * share
        reach = tall * view.chance.uniform(0.03, 0.09)
        tone = mix(shady if side < 0 else lit, colour, 0.4)
        canvas.polygon(
            [(x, y - reach), (x + reach * 0.4 * side, y + reach), (x - reach * 0.5 * side, y + reach * 0.7)],
            tone,
            alpha=110,
        )
    white, blue = view.light.on((250, 252, 255), distance=0.06), view.light.on((188, 206, 228), distance=0.08)
    depth = 0.6 if winter else 0.34
    for outer, tone in ((left, white), (right, blue)):
        cap = [point for point in outer if point[1] <= top[1] + tall * depth]
        inner = [point for point in spine if point[1] <= top[1] + tall * depth * 1.05]
        foot_outer, foot_inner = cap[-1], inner[-1]
        zigzag = []
        teeth = 7
        for tooth in range(1, teeth):
            share = tooth / teeth
            x = foot_outer[0] + (foot_inner[0] - foot_outer[0]) * share
            drop = tall * (0.075 if tooth % 2 else -0.055) * view.chance.uniform(0.6, 1.2)
            zigzag.append((x, foot_outer[1] + (foot_inner[1] - foot_outer[1]) * share + drop))
        canvas.polygon([*cap, *zigzag, *reversed(inner)], tone)
    image.alpha_composite(canvas.finish())


def _lake(view: View, shore: float) -> Layer:
    depth = view.height - shore
    image = gradient(
        view.width,
        depth,
        [
            mix(view.light.sky[-1], view.light.haze, 0.3),
            view.light.sky[1],
            mix(view.light.sky[0], view.light.tint, 0.3),
        ],
    )
    canvas = Canvas(view.width, depth)
    for _ in range(60):
        y = depth * view.chance.random() ** 1.4
        reach = view.unit * (0.02 + 0.08 * y / depth) * view.chance.uniform(0.4, 1.2)
        canvas.ellipse(
            (view.chance.uniform(0, view.width), y), (reach, max(0.7, reach * 0.02)), (255, 255, 255), alpha=50
        )
    image.alpha_composite(canvas.finish())
    return Layer([image], Motion(y=shore))


def _winding_river(view: View, top: float) -> Layer:
    margin = view.width * 0.03
    height = view.height - top
    canvas = Canvas(view.width + 2 * margin, height)
    steps = 60
    left, right = [], []
    for step in range(steps + 1):
        share = step / steps
        centre = canvas.width * (0.52 + 0.3 * math.sin(4.6 * share**0.6 + 0.6) * (0.18 + 0.82 * share))
        half = canvas.width * (0.006 + 0.17 * share**1.7)
        left.append((centre - half, share * height))
        right.append((centre + half, share * height))
    shape = [*left, *reversed(right)]
    canvas.polygon(
        [(x + (-6 if at <= steps else 6), y) for at, (x, y) in enumerate(shape)], view.light.on(rgb("#c9b98c"))
    )
    mask = Canvas(canvas.width, height)
    mask.polygon(shape, (255, 255, 255))
    image = canvas.finish()
    stream = gradient(
        canvas.width, height, [mix(view.light.sky[-1], view.light.haze, 0.2), view.light.sky[2], view.light.sky[1]]
    )
    shine = Canvas(canvas.width, height)
    for _ in range(120):
        y = height * view.chance.random()
        reach = view.unit * (0.006 + 0.05 * y / height)
        shine.ellipse(
            (view.chance.uniform(0, canvas.width), y), (reach, max(0.7, reach * 0.05)), (255, 255, 255), alpha=90
        )
    stream.alpha_composite(shine.finish())
    stream.putalpha(mask.finish().getchannel("A"))
    paste(image, stream, (image.width / 2, image.height / 2))
    return Layer([image], Motion(x=-margin, y=top, sway=(margin, 0)))


def _falling_snow(view: View) -> list[Layer]:
    """Return flakes of two sizes that fall without end."""
    layers = []
    for size, count, cycles in ((0.0022, 130, 1), (0.0045, 60, 2)):
        tile = Canvas(view.width, view.height)
        for _ in range(count):
            place = (view.chance.uniform(0, view.width), view.chance.uniform(0, view.height))
            tile.ellipse(
                place,
                view.unit * size * view.chance.uniform(0.7, 1.3),
                (255, 255, 255),
                alpha=view.chance.randrange(120, 230),
            )
        image = doubled(tile.finish(blur=0.6))
        layers.append(
            Layer([image], Motion(y=-view.height, sway=(view.unit * 0.02, 0), travel=(0, view.height), cycles=cycles))
        )
    return layers
