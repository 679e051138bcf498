"""Shotstack's emulator without its server: lettering, captions, and the soundtrack under a narration."""

import math
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageStat

from tests.emulators.ffmpeg import run_ffmpeg
from tests.emulators.lettering import balance, load_font, measure, printable, wrap
from tests.emulators.vendors.shotstack.assets import inspect
from tests.emulators.vendors.shotstack.captions import split_cues
from tests.emulators.vendors.shotstack.graph import Sources
from tests.emulators.vendors.shotstack.plan import build_plan
from tests.emulators.vendors.shotstack.text import draw_text
from tests.emulators.vendors.shotstack.timeline import Scheduled

HD = (1280, 720)
PORTRAIT = (720, 1280)
SUBTITLES = "1\n00:00:01,000 --> 00:00:03,000\nA first line that is long enough to be broken into several lines\n"


def used_shades(image: Image.Image) -> list[int]:
    """Return the shades of grey in a picture, the darkest first."""
    return [shade for shade, count in enumerate(image.convert("L").histogram()) if count]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The Sea at Night", "The Sea at Night"),
        ("Größe “naïve”, Добрый день", "Größe “naïve”, Добрый день"),
        ("Sea 好的 at 🚀 Night ☕", "Sea at Night"),
        ("\uff46\uff55\uff4c\uff4c width", "full width"),
        ("a\u200bb\ufe0f\x07c", "abc"),
        ("two\nlines", "two\nlines"),
        ("🚀", ""),
    ],
)
def test_printable_when_glyphs_are_missing_then_left_out(text: str, expected: str) -> None:
    assert printable(text) == expected


def test_balance_when_text_needs_two_lines_then_similar_lengths() -> None:
    font = load_font(60)
    text = "A Closer Look at the Sea at Night and at Dawn"
    lines = balance(text, font, 1100).split("\n")

    assert len(lines) == len(wrap(text, font, 1100).split("\n")) == 2
    widths = [measure(line, font)[0] for line in lines]
    assert min(widths) > 0.7 * max(widths) and max(widths) <= 1100


@pytest.mark.parametrize("viewport", [HD, PORTRAIT, (320, 180)])
@pytest.mark.parametrize("size", ["small", "large", "xx-large"])
@pytest.mark.parametrize(
    "text", ["Sea", "What Makes Lighthouses Special", "Donaudampfschifffahrtsgesellschaftskapitän"]
)
def test_title_when_drawn_then_it_fits_into_the_picture(viewport: tuple[int, int], size: str, text: str) -> None:
    image = draw_text({"asset": {"type": "title", "text": text, "size": size}}, viewport)

    assert image.width <= viewport[0]
    assert used_shades(image.getchannel("A"))[-1] == 255


def test_title_when_above_white_then_letters_have_a_dark_edge() -> None:
    image = draw_text({"asset": {"type": "title", "text": "Night"}}, HD)
    page = Image.new("RGBA", image.size, "white")
    page.alpha_composite(image)

    shades = used_shades(page)
    assert shades[-1] == 255 and shades[0] < 130


def test_title_when_it_has_a_background_then_no_shadow() -> None:
    image = draw_text({"asset": {"type": "title", "text": "Night", "background": "#ffffff", "color": "#ffffff"}}, HD)

    assert used_shades(image) == [255]


def cue(asset: Mapping[str, Any], viewport: tuple[int, int]) -> Image.Image:
    scheduled = Scheduled({"asset": {"type": "caption", "src": "x", **asset}}, 0, 10)
    (clip,) = split_cues(scheduled, SUBTITLES, viewport)
    assert (clip.start, clip.end) == (1, 3)
    return draw_text(clip.clip, viewport)


@pytest.mark.parametrize("viewport", [HD, PORTRAIT, (320, 180)])
@pytest.mark.parametrize(
    "asset", [{}, {"font": {"size": 40, "color": "#ffffff"}}, {"background": {"color": "#000000", "opacity": 0.6}}]
)
@pytest.mark.parametrize("behind", ["white", "black"])
def test_caption_when_drawn_then_readable_over_any_picture(
    viewport: tuple[int, int], asset: dict[str, Any], behind: str
) -> None:
    image = cue(asset, viewport)
    page = Image.new("RGBA", image.size, behind)
    page.alpha_composite(image)

    assert image.width <= viewport[0] * 0.9
    # White letters and something dark around them, whatever is behind.
    shades = used_shades(page)
    assert shades[-1] > 235 and shades[0] < 110
    assert ImageStat.Stat(page.convert("L")).stddev[0] > 25


def test_caption_when_it_sets_an_outline_then_uses_it() -> None:
    image = cue({"font": {"strokeWidth": 0, "color": "#ffffff"}}, HD)

    colours = {colour[:3] for _, colour in image.getcolors(1 << 20) or [] if isinstance(colour, tuple) and colour[3]}
    assert colours == {(255, 255, 255)}


def make_sound(path: Path, frequency: int, seconds: float) -> None:
    run_ffmpeg(["-f", "lavfi", "-i", f"sine=frequency={frequency}:duration={seconds}", "-af", "volume=4", path])


def loudness(path: Path, frequency: int, start: float, end: float) -> float:
    """Return how strong one frequency is in a part of a file (Goertzel's algorithm)."""
    window: list[str | Path] = ["-ss", str(start), "-t", str(end - start), "-i", path]
    samples = array("h", run_ffmpeg([*window, "-ac", "1", "-ar", "8000", "-f", "s16le", "pipe:1"]))
    turn = 2 * math.pi * frequency / 8000
    real = sum(sample * math.cos(turn * at) for at, sample in enumerate(samples))
    imaginary = sum(sample * math.sin(turn * at) for at, sample in enumerate(samples))
    return math.hypot(real, imaginary) / len(samples)


@pytest.mark.parametrize("has_narration", [True, False])
def test_soundtrack_when_a_narration_sounds_then_it_is_quieter(tmp_path: Path, *, has_narration: bool) -> None:
    make_sound(tmp_path / "voice.wav", 440, 3)
    make_sound(tmp_path / "music.wav", 1500, 8)
    clips = [{"asset": {"type": "title", "text": "x"}, "start": 0, "length": 8}]
    if has_narration:
        clips.append({"asset": {"type": "audio", "src": "voice"}, "start": 2, "length": 3})
    edit = {
        "timeline": {"tracks": [{"clips": clips}], "soundtrack": {"src": "music", "volume": 0.4}},
        "output": {"format": "mp3"},
    }
    media = {name: inspect(tmp_path / f"{name}.wav", url=name) for name in ("voice", "music")}
    plan = build_plan(edit, Sources(media=media, files={}, directory=tmp_path))
    result = tmp_path / "mixed.mp3"
    run_ffmpeg([*plan.arguments, result])

    before, during, after = (loudness(result, 1500, *part) for part in ((0.5, 1.5), (2.8, 4.6), (7, 7.8)))
    assert after == pytest.approx(before, rel=0.1)
    if has_narration:
        assert during < before / 3
        assert loudness(result, 440, 2.8, 4.6) > 3 * during
    else:
        assert during == pytest.approx(before, rel=0.1)
