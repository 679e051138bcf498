"""The light of a scene: the colours of the sky, of distance, and of the ground at one time of the day."""

from dataclasses import dataclass

from .canvas import Colour, mix, rgb


@dataclass(frozen=True, slots=True)
class Light:
    """A time of the day. `shade` is how dark it is, and `tint` the colour that everything takes on."""

    name: str
    sky: tuple[Colour, ...]
    sun: Colour
    haze: Colour
    tint: Colour
    shade: float
    cloud: Colour
    cloud_shade: Colour
    words: frozenset[str]

    @property
    def is_night(self) -> bool:
        """Whether stars and lamps are visible."""
        return self.name == "night"

    def on(self, colour: Colour, *, distance: float = 0) -> Colour:
        """Return a colour as it looks in this light; far away (1) it is that of the haze."""
        return mix(mix(colour, self.tint, self.shade), self.haze, distance)


def _light(name: str, *, sky: str, shade: float, words: str, **colours: str) -> Light:
    """Return a light; the colours are those of its other fields."""
    return Light(
        name=name,
        sky=tuple(map(rgb, sky.split())),
        shade=shade,
        words=frozenset(words.split()),
        **{field: rgb(colour) for field, colour in colours.items()},
    )


LIGHTS = {
    light.name: light
    for light in (
        _light(
            "day",
            sky="#2f6fb5 #5f9fd8 #a9d2f0 #e2f1fa",
            sun="#fff7da",
            haze="#c6dcea",
            tint="#6f8fb0",
            shade=0.0,
            cloud="#ffffff",
            cloud_shade="#c9d8e6",
            words="day daytime noon sunny blue",
        ),
        _light(
            "dawn",
            sky="#7d9cc4 #b7bfd3 #eecfc0 #fbe9cf",
            sun="#fff1cf",
            haze="#eedcd0",
            tint="#c9a9a4",
            shade=0.22,
            cloud="#fff6ee",
            cloud_shade="#dcc3c0",
            words="dawn morning sunrise mist misty early",
        ),
        _light(
            "sunset",
            sky="#2a2a5e #7a417c #e0705c #fbb25e #ffdf9a",
            sun="#ffe9b0",
            haze="#ee9d6d",
            tint="#3a1f3f",
            shade=0.52,
            cloud="#ffb98a",
            cloud_shade="#a4557a",
            words="sunset dusk evening golden sundown",
        ),
        _light(
            "night",
            sky="#040816 #0a1633 #16294f #274472",
            sun="#e9eefc",
            haze="#1d3358",
            tint="#07101f",
            shade=0.74,
            cloud="#42557d",
            cloud_shade="#1a2747",
            words="night nighttime dark moon moonlight stars",
        ),
    )
}
