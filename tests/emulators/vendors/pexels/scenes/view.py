"""What a scene is drawn for: the size of the picture, the light, and the chances that make two scenes differ."""

import random
from dataclasses import dataclass

from PIL import Image

from .canvas import Canvas, Colour, cloud, glow, gradient, grain, paste
from .layers import Layer, Motion
from .light import Light


@dataclass(frozen=True, slots=True)
class View:
    """A scene to be drawn; sizes are in pixels of the picture in which scenes are drawn, not of the final one."""

    width: int
    height: int
    light: Light
    palette: tuple[Colour, Colour, Colour]
    chance: random.Random

    @property
    def unit(self) -> float:
        """A length for things whose size does not depend on the shape of the picture: its shorter side."""
        return min(self.width, self.height)

    @property
    def is_tall(self) -> bool:
        """Whether the picture is higher than wide."""
        return self.height > self.width

    def sky(self, horizon: float, *, sun: tuple[float, float] | None = None, sun_size: float = 0.045) -> Layer:
        """Return the background: the sky down to the horizon, stars at night, and a sun or a moon at a place."""
        image = gradient(self.width, max(2, horizon), self.light.sky)
        whole = Image.new("RGBA", (self.width, self.height), (*self.light.sky[-1], 255))
        whole.paste(image, (0, 0))
        whole = grain(whole)
        if self.light.is_night:
            paste(whole, self.stars(horizon), (self.width / 2, horizon / 2))
        if sun:
            self.add_sun(whole, sun, size=sun_size)
        return Layer([whole])

    def add_sun(self, image: Image.Image, centre: tuple[float, float], *, size: float = 0.045) -> None:
        """Draw the sun, or at night the moon, with its glow."""
        x, y, reach = centre[0] * self.width, centre[1] * self.height, self.unit * size
        strength = 90 if self.light.is_night else 190
        paste(image, glow(reach * 9, self.light.sun, alpha=strength // 2), (x, y))
        paste(image, glow(reach * 3.4, self.light.sun, alpha=strength), (x, y))
        disc = Canvas(reach * 2 + 4, reach * 2 + 4)
        middle = (disc.width / 2, disc.height / 2)
        disc.ellipse(middle, reach, self.light.sun)
        if self.light.is_night:
            for dx, dy, part in ((-0.3, -0.2, 0.22), (0.25, 0.15, 0.28), (-0.1, 0.4, 0.16), (0.35, -0.4, 0.13)):
                spot = (middle[0] + dx * reach, middle[1] + dy * reach)
                disc.ellipse(spot, reach * part, self.light.sky[-1], alpha=38)
        paste(image, disc.finish(), (x, y))

    def stars(self, height: float, *, count: int = 260) -> Image.Image:
        """Return stars of different brightness on a transparent picture."""
        canvas = Canvas(self.width, max(1, height))
        for _ in range(count):
            place = (self.chance.uniform(0, self.width), self.chance.uniform(0, height) ** 1.0)
            canvas.ellipse(
                place, self.chance.choice((0.6, 0.7, 0.9, 1.3)), (235, 240, 255), alpha=self.chance.randrange(90, 256)
            )
        return canvas.finish()

    def clouds(self, top: float, bottom: float, *, count: int = 4, size: float = 0.42, alpha: int = 220) -> list[Layer]:
        """Return clouds that sway slowly between two heights."""
        layers = []
        for at in range(count):
            width = self.unit * size * self.chance.uniform(0.6, 1.25)
            image = cloud(self.chance, width, self.light.cloud, self.light.cloud_shade, alpha=alpha)
            x = (at + self.chance.uniform(0.1, 0.9)) / count * self.width - width / 2
            y = self.chance.uniform(top, bottom) - image.height / 2
            layers.append(
                Layer([image], Motion(x=x, y=y, sway=(self.width * 0.03, 0), phase=self.chance.uniform(0, 0.2)))
            )
        return layers

    def birds(self, y: float, *, count: int = 5, size: float = 0.02, colour: Colour | None = None) -> Layer:
        """Return a flock that crosses the picture with beating wings."""
        colour = colour or self.light.on((40, 44, 52))
        reach = self.unit * size
        places = [
            (self.chance.uniform(0, 1), self.chance.uniform(0, 1), self.chance.uniform(0, 1)) for _ in range(count)
        ]
        width, height = reach * 12, reach * 6
        frames = []
        for step in range(6):
            canvas = Canvas(width, height)
            for x, down, phase in places:
                lift = (abs(((step / 6 + phase) % 1) * 2 - 1) - 0.35) * reach
                cx, cy = reach + x * (width - 2 * reach), reach + down * (height - 2 * reach)
                left, right = (cx - reach, cy - lift), (cx + reach, cy - lift)
                bend = reach * 0.34
                canvas.line([left, (cx - bend, cy - lift * 0.3 - bend / 3), (cx, cy)], colour, width=reach / 7)
                canvas.line([(cx, cy), (cx + bend, cy - lift * 0.3 - bend / 3), right], colour, width=reach / 7)
            frames.append(canvas.finish())
        motion = Motion(
            x=-width, y=y, travel=(self.width + width, -self.height * 0.06), phase=self.chance.uniform(0.3, 0.6)
        )
        return Layer(frames, motion, rate=7)
