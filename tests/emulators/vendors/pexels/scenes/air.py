"""Scenes of the air: clouds seen from among them, sunsets over hills, stars and planets."""

import math

from PIL import Image, ImageChops, ImageFilter

from .canvas import Canvas, below, cloud, glow, gradient, grain, mix, noise, paste, rgb, ridge
from .layers import Layer, Motion
from .view import View


def sky(view: View) -> list[Layer]:
    """Draw clouds at three distances that pass at different speeds, with a flock of birds."""
    layers = [view.sky(view.height, sun=(view.chance.uniform(0.25, 0.75), 0.34), sun_size=0.055)]
    for distance, count, size, top, bottom in (
        (0.6, 7, 0.34, 0.62, 0.86),
        (0.3, 5, 0.62, 0.36, 0.74),
        (0.0, 3, 0.98, 0.7, 1.02),
    ):
        for at in range(count):
            width = view.unit * size * view.chance.uniform(0.7, 1.25)
            colour = mix(view.light.cloud, view.light.haze, distance * 0.6)
            image = cloud(view.chance, width, colour, mix(view.light.cloud_shade, view.light.haze, distance * 0.6))
            x = (at + view.chance.uniform(0.1, 0.9)) / count * view.width - width / 2
            y = view.height * view.chance.uniform(top, bottom) - image.height * 0.6
            sway = view.width * (0.03 + 0.09 * (1 - distance))
            layers.append(Layer([image], Motion(x=x, y=y, sway=(sway, 0), phase=view.chance.uniform(0, 0.08))))
    layers.append(view.birds(view.height * 0.42, count=8, size=0.018, colour=view.light.on((44, 48, 58))))
    return layers


def hills_at_sunset(view: View) -> list[Layer]:
    """Draw a large sun behind rows of hills that fade into the distance."""
    horizon = view.height * 0.56
    sun = (view.chance.uniform(0.35, 0.65), 0.46 if view.light.name != "night" else 0.24)
    layers = [
        view.sky(view.height * 0.72, sun=sun, sun_size=0.105),
        *view.clouds(view.height * 0.06, view.height * 0.34, count=5, size=0.5),
    ]
    rows = 6
    for row in range(rows):
        nearness = row / (rows - 1)
        margin = view.width * (0.008 + 0.045 * nearness)
        height = view.height * (0.1 + 0.06 * nearness)
        top = horizon + (view.height - horizon) * (0.02 + 0.72 * nearness) - height * 0.6
        canvas = Canvas(view.width + 2 * margin, view.height - top + 4)
        line = ridge(view.chance, canvas.width, height, rough=0.46)
        canvas.polygon(
            below(line, canvas.height),
            mix(view.light.on(rgb("#51435a"), distance=0.85 * (1 - nearness) ** 1.2), (0, 0, 0), 0.35 * nearness),
        )
        layers.append(Layer([canvas.finish()], Motion(x=-margin, y=top, sway=(margin, 0))))
    layers.append(view.birds(view.height * 0.3, count=7, size=0.017, colour=(40, 26, 40)))
    return layers


def space(view: View) -> list[Layer]:
    """Draw a planet with a ring and a moon among stars and a nebula."""
    back = grain(Image.new("RGB", (view.width, view.height), (5, 5, 16)))
    for _ in range(14):
        colour = view.chance.choice((view.palette[1], view.palette[0], mix(view.palette[1], (40, 90, 200), 0.5)))
        centre = view.chance.gauss(0.5, 0.28) * view.width, view.chance.gauss(0.45, 0.2) * view.height
        paste(back, glow(view.unit * view.chance.uniform(0.2, 0.5), colour, alpha=70), centre)
    layers = [Layer([back])]
    for sway, count in ((0.01, 200), (0.025, 120), (0.05, 40)):
        margin = view.width * sway
        canvas = Canvas(view.width + 2 * margin, view.height)
        for _ in range(count):
            place = (view.chance.uniform(0, canvas.width), view.chance.uniform(0, view.height))
            canvas.ellipse(
                place, view.chance.uniform(0.5, 0.8) + sway * 22, (255, 255, 255), alpha=view.chance.randrange(110, 256)
            )
        layers.append(Layer([canvas.finish()], Motion(x=-margin, sway=(margin, 0))))
    reach = view.unit * 0.27
    place = (view.width * (0.62 if not view.is_tall else 0.5), view.height * 0.52)
    planet = _planet(view, reach)
    layers.append(
        Layer(
            [planet],
            Motion(
                x=place[0] - planet.width / 2,
                y=place[1] - planet.height / 2,
                sway=(view.width * 0.03, view.height * 0.012),
            ),
        )
    )
    moon = _ball(view, reach * 0.2, [rgb("#c9c5bd"), rgb("#a9a49c"), rgb("#bdb8b0")])
    orbit = Motion(
        x=place[0] - reach * 1.9, y=place[1] - reach * 1.3, sway=(view.width * 0.055, view.height * 0.03), phase=0.1
    )
    layers.append(Layer([moon], orbit))
    return layers


def starry_night(view: View) -> list[Layer]:
    """Draw the Milky Way above dark hills, with a tent that is lit from within."""
    back = gradient(view.width, view.height, [rgb("#050817"), rgb("#0d1838"), rgb("#243a66")])
    band = Image.new("RGBA", (view.width, view.height), (0, 0, 0, 0))
    for at in range(46):
        share = at / 45
        centre = (
            view.width * (0.1 + 0.8 * share),
            view.height * (0.72 - 0.62 * share) + view.chance.gauss(0, 0.035) * view.unit,
        )
        paste(
            band,
            glow(
                view.unit * view.chance.uniform(0.06, 0.17),
                mix(rgb("#9fb4ff"), rgb("#e8c7e6"), view.chance.random()),
                alpha=46,
            ),
            centre,
        )
    back.alpha_composite(band)
    back = grain(back)
    layers = [Layer([back])]
    for count, sway in ((320, 0.008), (90, 0.02)):
        margin = view.width * sway
        image = Image.new("RGBA", (round(view.width + 2 * margin), view.height), (0, 0, 0, 0))
        stars = view.stars(view.height * 0.86, count=count)
        image.alpha_composite(stars.resize((image.width, stars.height)))
        layers.append(Layer([image], Motion(x=-margin, sway=(margin, 0))))
    for row in range(3):
        nearness = row / 2
        margin = view.width * (0.02 + 0.03 * nearness)
        top = view.height * (0.68 + 0.12 * nearness)
        canvas = Canvas(view.width + 2 * margin, view.height - top + view.height * 0.1)
        line = ridge(view.chance, canvas.width, view.height * 0.1, rough=0.44)
        canvas.polygon(below(line, canvas.height), mix(rgb("#1a2a4c"), (4, 6, 14), nearness))
        layers.append(Layer([canvas.finish()], Motion(x=-margin, y=top - view.height * 0.05, sway=(margin, 0))))
    layers.append(_tent(view))
    return layers


def _ball(view: View, reach: float, bands: list[tuple[int, int, int]]) -> Image.Image:
    """Return a sphere with bands of colour, lit from the upper left."""
    size = round(reach * 2)
    surface = gradient(size, size, bands).filter(ImageFilter.GaussianBlur(size / 60))
    texture = noise((max(2, size // 60), max(2, size // 12)), 110).resize((size, size), Image.Resampling.BICUBIC)
    surface = ImageChops.soft_light(surface.convert("RGB"), Image.merge("RGB", [texture] * 3)).convert("RGBA")
    shade = Image.radial_gradient("L").resize((round(size * 2.1), round(size * 2.1)))
    offset = round(size * 0.74)
    dark = shade.crop((offset, offset, offset + size, offset + size)).point(
        lambda value: min(235, max(0, round((value - 60) * 1.75)))
    )
    surface.alpha_composite(Image.merge("RGBA", [Image.new("L", (size, size), 0)] * 3 + [dark]))
    disc = Canvas(size, size)
    disc.ellipse((size / 2, size / 2), size / 2 - 1, (255, 255, 255))
    surface.putalpha(disc.finish().getchannel("A"))
    return surface


def _planet(view: View, reach: float) -> Image.Image:
    width = round(reach * 4.4)
    image = Image.new("RGBA", (width, width), (0, 0, 0, 0))
    centre = (width / 2, width / 2)
    paste(image, glow(reach * 1.5, mix(view.palette[2], (140, 180, 255), 0.4), alpha=120), centre)
    first, second, third = view.palette
    bands = [
        mix(colour, (210, 190, 230), 0.3)
        for colour in (second, third, mix(second, first, 0.4), third, second, mix(third, second, 0.5), first)
    ]
    ball = _ball(view, reach, bands)

    def ring(part: str) -> Image.Image:
        canvas = Canvas(width, width)
        for share, alpha in ((1.95, 110), (1.8, 170), (1.62, 130), (1.46, 190)):
            outer, inner = reach * share, reach * (share - 0.1)
            points = []
            for radius, steps in ((outer, range(0, 61)), (inner, range(60, -1, -1))):
                for step in steps:
                    angle = math.pi * step / 60 + (0 if part == "front" else math.pi)
                    points.append((centre[0] + math.cos(angle) * radius, centre[1] + math.sin(angle) * radius * 0.24))
            canvas.polygon(points, mix(view.palette[2], (255, 244, 230), 0.5), alpha=alpha)
        return canvas.finish().rotate(16, Image.Resampling.BICUBIC)

    image.alpha_composite(ring("back"))
    paste(image, ball, centre)
    image.alpha_composite(ring("front"))
    return image


def _tent(view: View) -> Layer:
    size = view.unit * 0.15
    image = Image.new("RGBA", (round(size * 4), round(size * 2.4)), (0, 0, 0, 0))
    paste(image, glow(size * 1.5, (255, 170, 80), alpha=150), (size * 2, size * 1.7))
    canvas = Canvas(image.width, image.height)
    ground = size * 2.1
    canvas.polygon([(size * 1.1, ground), (size * 1.9, ground - size * 0.95), (size * 2.9, ground)], (255, 176, 84))
    canvas.polygon([(size * 1.9, ground - size * 0.95), (size * 2.9, ground), (size * 2.5, ground)], (206, 116, 48))
    canvas.polygon([(size * 1.55, ground), (size * 1.9, ground - size * 0.8), (size * 2.05, ground)], (255, 226, 160))
    canvas.line(
        [(size * 1.9, ground - size * 0.95), (size * 1.88, ground - size * 1.05)], (60, 40, 30), width=size * 0.03
    )
    image.alpha_composite(canvas.finish())
    return Layer([image], Motion(x=view.width * 0.56, y=view.height * 0.83 - ground, sway=(view.width * 0.045, 0)))
