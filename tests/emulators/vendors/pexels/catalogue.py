"""The emulated library of Pexels: for each topic eight videos and eight photos, the same in every run.

The catalogue has no files; `files.py` makes one for its first request.
"""

import re
from dataclasses import dataclass

from .scenes.light import LIGHTS

# Each topic's other search words, and its colours from dark to light.
_TOPICS = {
    "ocean": ("sea water wave beach coast marine surf island", "#0b3d62 #1f8fbf #d8f1ff"),
    "city": ("urban street skyline downtown building traffic architecture night", "#1b2033 #5a6b8c #f2c166"),
    "forest": ("tree wood woodland jungle nature green leaf path", "#12301c #3e7d46 #c9e4a5"),
    "mountain": ("peak hill alps hiking valley landscape nature summit", "#26323d #7a8b99 #f4f8fb"),
    "coffee": ("cafe espresso cup barista latte drink bean morning", "#2b1a10 #7b4b2a #ead2b7"),
    "people": ("person human crowd man woman friend group face", "#40261f #c98a6b #fbe3d3"),
    "technology": ("tech computer laptop digital code data software robot ai", "#071b2e #0f6fa8 #7ef0e0"),
    "space": ("galaxy star planet universe astronaut rocket cosmos moon earth", "#05030f #3a2a78 #e7d8ff"),
    "rain": ("storm weather umbrella drop wet cloud thunder", "#1c2730 #55708a #c8d6e2"),
    "sunset": ("sunrise dusk dawn evening sun golden horizon sky", "#3b1240 #e2632d #ffd97a"),
    "snow": ("winter ice cold frost christmas ski", "#3d5a73 #a9c8de #ffffff"),
    "river": ("stream waterfall creek lake nature water", "#123a3a #2f8f86 #cdf1e6"),
    "desert": ("sand dune dry arid camel canyon", "#5c3315 #d49a4e #fbe8c0"),
    "flower": ("flowers bloom garden rose spring blossom plant petal", "#5a1245 #e0559b #ffe1ef"),
    "animal": ("wildlife pet dog cat bird horse lion fauna", "#33260f #a67c3d #f3e2bd"),
    "food": ("meal cooking dish restaurant fruit vegetable bread kitchen chef", "#4a120d #d7492f #ffe08a"),
    "business": ("office meeting work team corporate money finance startup", "#16202c #4a6a8a #eef2f6"),
    "fitness": ("gym sport workout exercise running training health athlete", "#1a1a1a #e03e36 #ffd23f"),
    "music": ("concert guitar piano singer band audio dance instrument", "#240a34 #8e2de2 #ffb3f4"),
    "car": ("vehicle road driving automobile race highway auto", "#141414 #b3202a #f5f5f5"),
    "travel": ("trip tourism vacation adventure airport journey holiday map", "#0f3a4d #f08a4b #fdf0d5"),
    "family": ("child kid parent mother father baby home love", "#4d2f26 #eaa17c #fff1e0"),
    "education": ("school student book study learning university teacher classroom", "#1c2e4a #d9a441 #fbf6e6"),
    "science": ("laboratory research chemistry microscope experiment medicine doctor", "#052b2f #17a398 #e8fbf5"),
    "fire": ("flame campfire burn smoke hot candle", "#1f0500 #e0480b #ffd23d"),
    "sky": ("cloud blue air weather heaven airplane", "#1d5c9e #6db5ea #f3faff"),
    "farm": ("agriculture field wheat tractor harvest farmer cow rural", "#33401a #a3a33a #f5eab3"),
    "industry": ("factory machine manufacturing steel worker engineering construction", "#1e2124 #6b737b #f0a202"),
    "fashion": ("model style clothes dress beauty makeup", "#1b1017 #b0486f #f7e1e8"),
    "party": ("celebration birthday confetti fireworks event champagne happy", "#1a0b3b #e94f9c #ffe45c"),
    "wedding": ("bride groom ring couple marriage love", "#57494a #d9bfb7 #ffffff"),
    "energy": ("solar wind turbine electricity power battery sustainable climate", "#0e2a1a #3fae5a #f6f36b"),
    "underwater": ("fish coral reef diving whale shark aquarium", "#021b33 #0c6a8c #6ff0d2"),
    "autumn": ("fall leaf october orange pumpkin season", "#3d1d0c #c8651b #f7c873"),
    "tea": ("teapot green matcha herbal drink", "#1f2b14 #7f9c3f #eef3cf"),
    "yoga": ("meditation relax calm wellness mindfulness stretch spa", "#2c2a4a #8f87c9 #f1eefb"),
    "art": ("painting paint drawing artist museum craft brush", "#2a0f2e #e8572a #4fd1c5"),
    "night": ("dark light neon star moon lamp", "#05060f #1b2c6b #f4d35e"),
    "train": ("railway station subway metro rail transport", "#20262b #3b7a57 #e6e1d3"),
    "abstract": ("background texture pattern colour color motion gradient loop", "#2b0a5e #e23d80 #3ee6c4"),
    "lighthouse": ("beacon cliff coast harbour harbor rocky", "#1f2f45 #c4423a #f3efe6"),
}
TOPICS = tuple(_TOPICS)
# Topics that have only one light, and the number of the medium at sunset in each other topic.
_ALWAYS = {"sunset": "sunset", "night": "night", "fire": "night", "music": "night", "party": "night", "space": "night"}
_SUNSET_NUMBER = 4
_PEOPLE = ("Ada Brandt", "Noor El-Amin", "Jun Takeda", "Mira Kovač", "Léo Martin", "Ifeoma Obi", "Tomás Rey", "Wei Lin")
# Width, height and frames per second of a topic's videos, and their durations, which vary by topic. Both
# orientations have short and long videos; those in 4K are short, because they take longest to make.
_VIDEO_SHAPES: tuple[tuple[int, int, int, range], ...] = (
    (1920, 1080, 25, range(5, 9)),
    (1080, 1920, 25, range(5, 9)),
    (3840, 2160, 24, range(2, 5)),
    (1080, 1080, 25, range(2, 4)),
    (1280, 720, 25, range(12, 27)),
    (1920, 1080, 24, range(36, 61)),
    (1080, 1920, 24, range(36, 61)),
    (2560, 1440, 25, range(2, 5)),
)
# The light of a medium, by the place of its colours.
_LIGHTS = ("day", "dawn", "night")
_PHOTO_SHAPES = (
    (6000, 4000),
    (4000, 6000),
    (4800, 3200),
    (4000, 4000),
    (3200, 4800),
    (3000, 2000),
    (5472, 3648),
    (2000, 3000),
)
# The shorter sides of a video's files.
_RENDITIONS = (1080, 360, 720, 540, 1440, 2160)


@dataclass(frozen=True, slots=True)
class Medium:
    """The common part of videos and photos."""

    id: int
    topic: str
    number: int
    width: int
    height: int

    @property
    def tags(self) -> frozenset[str]:
        """The search words of its topic."""
        return frozenset([self.topic, *_TOPICS[self.topic][0].split()])

    @property
    def colours(self) -> tuple[str, str, str]:
        """The topic's `#rrggbb` from dark to light."""
        first, second, third = _TOPICS[self.topic][1].split()
        return first, second, third

    @property
    def palette(self) -> tuple[str, str, str]:
        """The same colours, rotated so that the media of a topic differ."""
        colours = self.colours
        first, second, third = colours[self._turn :] + colours[: self._turn]
        return first, second, third

    @property
    def light(self) -> str:
        """The time of the day: `day`, `dawn`, `sunset` or `night`."""
        if self.topic in _ALWAYS:
            return _ALWAYS[self.topic]
        return "sunset" if self.number == _SUNSET_NUMBER else _LIGHTS[self._turn]

    @property
    def _turn(self) -> int:
        return (self.number + TOPICS.index(self.topic)) % len(_LIGHTS)

    @property
    def author(self) -> tuple[int, str, str]:
        """The id, the name, and the name in URLs."""
        index = self.id % len(_PEOPLE)
        return 7000 + index, _PEOPLE[index], f"emulated-{index}"

    @property
    def orientation(self) -> str:
        """`square`, `landscape` or `portrait`."""
        if self.width == self.height:
            return "square"
        return "landscape" if self.width > self.height else "portrait"

    @property
    def slug(self) -> str:
        """The name of its page."""
        return f"emulated-{self.topic}-{self.id}"


@dataclass(frozen=True, slots=True)
class Rendition:
    """One file of a video."""

    id: int
    width: int
    height: int

    @property
    def quality(self) -> str:
        """`sd` below 720 lines, `uhd` above 1080."""
        lines = min(self.width, self.height)
        return "sd" if lines < 720 else "hd" if lines <= 1080 else "uhd"


@dataclass(frozen=True, slots=True)
class Video(Medium):
    """A video with its duration and frame rate."""

    seconds: int
    fps: int

    @property
    def renditions(self) -> list[Rendition]:
        """The original size and all smaller ones, not sorted, as at Pexels."""
        shorter = min(self.width, self.height)
        return [
            Rendition(self.id * 10 + index, self.width * lines // shorter, self.height * lines // shorter)
            for index, lines in enumerate(_RENDITIONS)
            if lines <= shorter
        ]

    def file_name(self, rendition: Rendition) -> str:
        """Return the name of a rendition's file."""
        return f"{self.id}-{rendition.quality}_{rendition.width}_{rendition.height}_{self.fps}fps.mp4"


@dataclass(frozen=True, slots=True)
class Photo(Medium):
    """A photo."""

    @property
    def megapixels(self) -> float:
        """The number of pixels in millions."""
        return self.width * self.height / 1_000_000


def _videos() -> dict[int, Video]:
    found = {}
    for index, topic in enumerate(TOPICS):
        for number, (width, height, fps, durations) in enumerate(_VIDEO_SHAPES):
            # Seven has no divisor in common with the numbers of durations, so topics go through all of them.
            seconds = durations[(index * 7 + number // 3) % len(durations)]
            medium = Video(3_000_000 + index * 100 + number, topic, number, width, height, seconds, fps)
            found[medium.id] = medium
    return found


def _photos() -> dict[int, Photo]:
    return {
        (identity := 2_000_000 + index * 100 + number): Photo(identity, topic, number, width, height)
        for index, topic in enumerate(TOPICS)
        for number, (width, height) in enumerate(_PHOTO_SHAPES)
    }


VIDEOS = _videos()
PHOTOS = _photos()


def score(medium: Medium, query: str) -> int:
    """Return how well a medium matches a query; 0 means not at all.

    The topic counts two points, and two more if it is the first word that any topic has; each of its other words counts
    one, and so does a word for the light of a medium that matches already. Pexels finds something for nearly every
    query, so a query without any known word finds the topic `abstract` unless it contains a digit or no vowel.
    """
    words = [_singular(word) for word in re.findall(r"\w+", query.lower())]
    known = [word for word in words if word in _KNOWN_WORDS]
    if not known:
        plausible = re.search("[aeiouy]", query.lower()) and not re.search(r"\d", query)
        return int(bool(plausible) and medium.topic == "abstract")
    topic = _singular(medium.topic)
    tags = {_singular(tag) for tag in medium.tags}
    points = len(tags.intersection(known)) + int(topic in known) + 2 * int(topic == known[0])
    return points + int(bool(points) and not LIGHTS[medium.light].words.isdisjoint(words))


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


_KNOWN_WORDS = {_singular(word) for topic, (tags, _) in _TOPICS.items() for word in [topic, *tags.split()]}
