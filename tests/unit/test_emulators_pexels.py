"""The emulated stock library: durations for every search, and scenes whose layers repeat without a seam."""

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageStat

from tests.emulators.vendors.pexels.catalogue import PHOTOS, TOPICS, VIDEOS, Medium, score
from tests.emulators.vendors.pexels.rendering import render_photo
from tests.emulators.vendors.pexels.scenes import SCENES
from tests.emulators.vendors.pexels.scenes.canvas import rgb
from tests.emulators.vendors.pexels.scenes.layers import Layer, Motion, flatten
from tests.emulators.vendors.pexels.scenes.light import LIGHTS
from tests.emulators.vendors.pexels.scenes.view import View

_ALL_SCENES = sorted({scene for scenes in SCENES.values() for scene in scenes}, key=lambda scene: scene.__name__)
_SHARES = st.floats(-400, 400).map(lambda value: round(value, 1))


def draw(name: str, size: tuple[int, int], *, light: str = "day") -> list[Layer]:
    (scene,) = (scene for scene in _ALL_SCENES if scene.__name__ == name)
    palette = (rgb("#16202c"), rgb("#4a6a8a"), rgb("#eef2f6"))
    return scene(View(size[0], size[1], LIGHTS[light], palette, random.Random(name)))  # noqa: S311 - reproducible


def difference(first: Image.Image, second: Image.Image) -> float:
    return sum(ImageStat.Stat(ImageChops.difference(first, second)).mean)


@pytest.mark.parametrize("orientation", ["landscape", "portrait"])
@pytest.mark.parametrize(
    "query", [*TOPICS, "the sea at night", "serendipity", "old lighthouse keepers", "growth charts"]
)
def test_search_then_finds_short_and_long_clips(query: str, orientation: str) -> None:
    found = [video for video in VIDEOS.values() if score(video, query) and video.orientation == orientation]
    durations = [video.seconds for video in found]

    assert any(5 <= seconds <= 12 for seconds in durations)
    assert max(durations) >= 36
    assert max(durations) <= 60


def test_search_when_query_names_light_then_it_ranks_first() -> None:
    def best(query: str) -> Medium:
        return max(VIDEOS.values(), key=lambda video: score(video, query))

    assert best("ocean at night").light == "night"
    assert best("mountain at sunset").light == "sunset"
    assert best("lighthouse in the morning").light == "dawn"
    # The first topic in the query wins over one that has more of its words.
    assert best("lighthouse, ocean waves, lighthouse at night").topic == "lighthouse"


def test_topics_then_each_has_scenes_and_eight_of_each_kind() -> None:
    assert set(SCENES) == set(TOPICS)
    for topic in TOPICS:
        assert sum(video.topic == topic for video in VIDEOS.values()) == 8
        assert sum(photo.topic == topic for photo in PHOTOS.values()) == 8
        assert len({medium.light for medium in VIDEOS.values() if medium.topic == topic}) in {1, 4}


@given(
    motion=st.builds(
        Motion,
        x=_SHARES,
        y=_SHARES,
        sway=st.tuples(_SHARES, _SHARES),
        travel=st.tuples(_SHARES, _SHARES),
        cycles=st.integers(1, 9),
        phase=st.floats(0, 1).map(lambda value: round(value, 2)),
    ),
    share=st.floats(0, 0.999),
)
def test_motion_when_evaluated_by_ffmpeg_then_matches_pillow(motion: Motion, share: float) -> None:
    names = {"t": share * 10, "sin": math.sin, "PI": math.pi, "mod": math.fmod, "round": round}
    positions = [eval(expression, {}, names) for expression in motion.expressions(10)]  # noqa: S307 - our own text

    for position, expected in zip(positions, motion.position(share), strict=True):
        wrapped = {round(abs(position - expected)) - round(abs(way)) for way in motion.travel}
        assert abs(position - expected) <= 1 or 0 in wrapped or min(map(abs, wrapped)) <= 1


@pytest.mark.parametrize("scene", _ALL_SCENES, ids=lambda scene: scene.__name__)
def test_scene_when_drawn_then_fills_both_shapes_and_moves(scene: object) -> None:
    name = scene.__name__  # type: ignore[attr-defined]
    for size in ((320, 180), (180, 320)):
        layers = draw(name, size)
        first, later = (flatten(layers, size, share=share, period=10) for share in (0.1, 0.35))
        assert first.size == size
        # A picture, not a flat colour; and one that moves.
        assert sum(ImageStat.Stat(first).stddev) > 15
        assert difference(first, later) > 0.05


@pytest.mark.parametrize("name", ["sea", "mountains", "forest", "skyline", "fields", "lighthouse"])
def test_scene_when_light_changes_then_night_is_darker_than_day(name: str) -> None:
    brightness = {
        light: ImageStat.Stat(flatten(draw(name, (320, 180), light=light), (320, 180), share=0, period=10).convert("L"))
        for light in ("day", "sunset", "night")
    }

    assert brightness["day"].mean[0] > brightness["sunset"].mean[0] > brightness["night"].mean[0]


def test_layer_when_trimmed_then_the_picture_is_the_same() -> None:
    size = (320, 180)
    layers = draw("lighthouse", size, light="night")
    trimmed = [layers[0], *(layer.trim() for layer in layers[1:])]

    whole, parts = (flatten(drawn, size, share=0.2, period=10) for drawn in (layers, trimmed))
    assert difference(whole, parts) < 0.2
    assert sum(layer.frames[0].width for layer in trimmed) < sum(layer.frames[0].width for layer in layers)


def test_photo_when_cropped_then_has_requested_size() -> None:
    photo = next(photo for photo in PHOTOS.values() if photo.topic == "lighthouse")

    assert render_photo(photo, 280, 200).size == (280, 200)
    assert render_photo(photo, 120, 360).size == (120, 360)
    assert difference(render_photo(photo, 300, 200), render_photo(photo, 300, 200)) == 0
