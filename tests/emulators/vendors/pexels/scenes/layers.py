"""The layers of a moving picture: drawings, and how each of them moves during one period.

A period is a loop: at its end every layer is where it was at the beginning.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """The position of a layer's upper left corner in pixels.

    It sways by `sway` around its place, `cycles` times in a period, and travels by `travel` and back at once.
    """

    x: float = 0
    y: float = 0
    sway: tuple[float, float] = (0, 0)
    travel: tuple[float, float] = (0, 0)
    cycles: int = 1
    phase: float = 0

    def position(self, share: float) -> tuple[int, int]:
        """Return the position at a share of the period."""
        turn = share * self.cycles + self.phase
        swing, way = math.sin(2 * math.pi * turn), turn % 1
        return (
            round(self.x + self.sway[0] * swing + self.travel[0] * way),
            round(self.y + self.sway[1] * swing + self.travel[1] * way),
        )

    def expressions(self, period: float) -> tuple[str, str]:
        """Return the position as expressions of ffmpeg's overlay filter, where `t` is the time in seconds."""
        turn = f"(t*{self.cycles / period:.6f}+{self.phase:g})"

        def along(start: float, sway: float, travel: float) -> str:
            parts = [f"{start:g}"]
            if sway:
                parts.append(f"{sway:g}*sin(2*PI*{turn})")
            if travel:
                parts.append(f"{travel:g}*mod({turn},1)")
            return f"round({'+'.join(parts)})"

        return along(self.x, self.sway[0], self.travel[0]), along(self.y, self.sway[1], self.travel[1])


STILL = Motion()


@dataclass(frozen=True, slots=True)
class Layer:
    """A drawing, or several that follow each other `rate` times a second; shown `scale` times as large as it is."""

    frames: Sequence[Image.Image]
    motion: Motion = STILL
    rate: float = 8
    scale: int = 1

    def frame(self, seconds: float) -> Image.Image:
        """Return the drawing at a time, in the size in which it is shown."""
        image = self.frames[int(seconds * self.rate) % len(self.frames)]
        if self.scale == 1:
            return image
        return image.resize((image.width * self.scale, image.height * self.scale), Image.Resampling.BILINEAR)

    def trim(self) -> "Layer":
        """Return the layer without its transparent edges, which cost time with every frame of a video."""
        boxes = [box for image in self.frames if (box := image.getchannel("A").getbbox())]
        if not boxes:
            return self
        left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
        right, bottom = max(box[2] for box in boxes), max(box[3] for box in boxes)
        motion = replace(self.motion, x=self.motion.x + left * self.scale, y=self.motion.y + top * self.scale)
        return replace(self, frames=[image.crop((left, top, right, bottom)) for image in self.frames], motion=motion)


def flatten(layers: Sequence[Layer], size: tuple[int, int], *, share: float, period: float) -> Image.Image:
    """Return the whole picture at a share of the period."""
    picture = Image.new("RGBA", size, (0, 0, 0, 255))
    for layer in layers:
        image = layer.frame(share * period)
        x, y = layer.motion.position(share)
        left, top = max(0, -x), max(0, -y)
        if left < image.width and top < image.height and x < size[0] and y < size[1]:
            picture.alpha_composite(image, (max(0, x), max(0, y)), (left, top))
    return picture.convert("RGB")
