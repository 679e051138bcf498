"""The files that Shotstack's emulator renders, checked frame by frame."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx2
import pytest
from PIL import Image

from tests.clients.loopback import LoopbackServer, write_media
from tests.clients.shotstack import (
    SMALL,
    clip_of,
    decode_file,
    download,
    edit_of,
    render_edit,
    submit_edit,
    title_of,
    wait_for_render,
)
from tests.emulators.process import Emulators

RED, BLUE, LIME, BLACK = (254, 0, 0), (0, 0, 254), (0, 255, 0), (0, 0, 0)


SUBTITLES = """1
00:00:00,500 --> 00:00:01,000
<i>WWWWWWWW</i>

2
00:00:01,500 --> 00:00:09,000
WWWWWWWW
WWWWWWWW
"""


@pytest.fixture(scope="module")
def media(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    directory = tmp_path_factory.mktemp("media")
    write_media(directory)
    (directory / "captions.srt").write_text(SUBTITLES)
    with LoopbackServer.start(directory) as loopback:
        yield loopback.url


@pytest.fixture
def http(emulators: Emulators) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=emulators.url_of("shotstack"), headers={"x-api-key": "any"}, trust_env=False) as client:
        yield client


def test_video_when_rendered_then_it_matches_the_timeline(http: httpx2.Client, media: str) -> None:
    edit = edit_of(
        [clip_of({"type": "image", "src": f"{media}/green.png"}, start=1, fit="none", scale=0.5, position="topLeft")],
        [
            clip_of({"type": "video", "src": f"{media}/red.mp4", "trim": 1}),
            clip_of({"type": "video", "src": f"{media}/blue.mp4"}, start="auto", length=2),
        ],
        [clip_of({"type": "audio", "src": f"{media}/tone.mp3", "volume": 0.5}, start=0, length=1)],
        output={"format": "mp4", "resolution": "hd"},
        background="#00ff00",
    )

    ended = render_edit(http, edit)

    decoded = decode_file(download(http, ended["url"]))
    assert (ended["duration"], round(decoded.duration, 1), decoded.rate) == (4, 4, 25)
    assert decoded.frames[0].size == (1280, 720)
    assert_similar(decoded.colour(0.5), RED)
    assert_similar(decoded.colour(0.5, at=(0.02, 0.02)), RED)
    assert_similar(decoded.colour(1.5, at=(0.02, 0.02)), LIME)
    assert_similar(decoded.colour(2.5, at=(0.02, 0.02)), LIME)
    assert_similar(decoded.colour(3.5), BLUE)
    # The tone at half its volume, silence, and the tone of the second video at full volume.
    first, _, silent, _, *_, last = decoded.loudness[:8]
    assert silent < 0.001 < first < last


def test_text_when_drawn_then_it_is_at_its_position(http: httpx2.Client) -> None:
    white_box = {"type": "html", "html": "", "width": 32, "height": 18, "background": "#ffffff"}
    label = {
        "type": "text",
        "text": "HHHHHHHHHH",
        "width": 320,
        "height": 60,
        "font": {"color": "#ff0000", "size": 60, "weight": 900},
    }
    edit = edit_of(
        [clip_of(white_box, position="bottomRight", offset={"x": -0.5, "y": 0.5}, length=1)],
        [clip_of(label, position="top", length=1)],
        [title_of("WWWWWWWWWW", position="bottom", length=1)],
        output={**SMALL, "format": "png"},
    )

    image = Image.open(BytesIO(download(http, render_edit(http, edit)["url"]))).convert("RGB")

    assert_similar(image.getpixel((160 - 16, 90 - 9)), (255, 255, 255))
    top, bottom = image.crop((0, 0, 320, 60)), image.crop((0, 120, 320, 180))
    assert brightest_level(top, "R") > 200
    assert brightest_level(top, "B") < 60
    assert brightest_level(bottom, "B") > 200


def test_captions_when_burned_in_then_cues_show_at_their_time(http: httpx2.Client, media: str) -> None:
    edit = edit_of([clip_of({"type": "caption", "src": f"{media}/captions.srt"})])

    decoded = decode_file(download(http, render_edit(http, edit)["url"]))

    lower = [decoded.frames[number].crop((0, 90, 320, 180)) for number in (5, 20, 30, 45)]
    assert [brightest_level(image, "R") > 200 for image in lower] == [False, True, False, True]


@pytest.mark.parametrize(
    ("fit", "edge", "middle"), [("crop", LIME, LIME), ("cover", LIME, LIME), ("contain", BLACK, LIME)]
)
def test_fit_when_the_proportions_differ_then_filled_or_padded(
    http: httpx2.Client, media: str, *, fit: str, edge: tuple[int, int, int], middle: tuple[int, int, int]
) -> None:
    edit = edit_of(
        [clip_of({"type": "image", "src": f"{media}/green.png"}, fit=fit)], output={**SMALL, "format": "jpg"}
    )

    image = Image.open(BytesIO(download(http, render_edit(http, edit)["url"])))

    assert_similar(image.getpixel((2, 90)), edge)
    assert_similar(image.getpixel((160, 90)), middle)


def test_transition_when_fading_then_the_clip_fades_in_and_out(http: httpx2.Client, media: str) -> None:
    fading = {"in": "fade", "out": "fadeFast"}
    edit = edit_of([clip_of({"type": "video", "src": f"{media}/red.mp4"}, length=3, transition=fading, opacity=0.8)])

    decoded = decode_file(download(http, render_edit(http, edit)["url"]))

    reds = [decoded.colour(second)[0] for second in (0, 0.5, 1.5, 2.75, 2.96)]
    assert reds[0] < 20 < reds[1] < reds[2] and reds[2] > reds[3] > reds[4]
    assert 180 < reds[2] < 225


def test_length_when_auto_or_end_then_of_asset_or_timeline(http: httpx2.Client, media: str) -> None:
    edit = edit_of(
        [title_of("to the end", start=1, length="end")],
        [
            clip_of({"type": "audio", "src": f"{media}/tone.mp3", "trim": 0.5}, length="auto", alias="voice"),
            clip_of({"type": "image", "src": f"{media}/green.png"}, start="auto", length="alias://voice"),
        ],
    )

    ended = render_edit(http, edit)

    assert ended["duration"] == pytest.approx(5, abs=0.15)


def test_speed_when_doubled_then_the_clip_is_half_as_long(http: httpx2.Client, media: str) -> None:
    edit = edit_of([clip_of({"type": "video", "src": f"{media}/blue.mp4", "speed": 2}, length="auto")])

    decoded = decode_file(download(http, render_edit(http, edit)["url"]))

    assert round(decoded.duration, 1) == 2
    assert_similar(decoded.colour(1.8), BLUE)
    assert decoded.loudness[2] > 0.01


def test_soundtrack_when_it_fades_out_then_it_becomes_quieter(http: httpx2.Client, media: str) -> None:
    edit = edit_of(
        [title_of("x", length=3)],
        output={"format": "mp3"},
        soundtrack={"src": f"{media}/tone.mp3", "effect": "fadeOut", "volume": 0.8},
    )

    sound = decode_file(download(http, render_edit(http, edit)["url"]))

    assert sound.frames == []
    assert sound.duration == pytest.approx(3, abs=0.1)
    assert sound.loudness[0] > 0.02 > sound.loudness[5]


@pytest.mark.parametrize(
    ("output", "size", "seconds", "rate"),
    [
        ({"format": "gif", "size": {"width": 161, "height": 90}, "fps": 12}, (161, 90), 2, 12.5),
        ({"format": "mp4", "resolution": "preview"}, (512, 288), 2, 15),
        ({"format": "mp4", "resolution": "mobile", "aspectRatio": "9:16", "fps": 30}, (360, 640), 2, 30),
        ({"format": "mp4", "resolution": "mobile", "aspectRatio": "4:5", "mute": True}, (288, 360), 2, 25),
        ({**SMALL, "range": {"start": 1, "length": 0.6}, "scaleTo": "mobile"}, (640, 360), 0.6, 25),
    ],
)
def test_output_when_options_are_given_then_the_file_has_them(
    http: httpx2.Client,
    media: str,
    *,
    output: dict[str, Any],
    size: tuple[int, int],
    seconds: float,
    rate: float,
) -> None:
    ended = render_edit(http, edit_of([clip_of({"type": "video", "src": f"{media}/blue.mp4"})], output=output))

    decoded = decode_file(download(http, ended["url"]))

    assert ended["url"].endswith(f".{output['format']}")
    assert ended["duration"] == seconds
    assert decoded.frames[0].size == size
    assert decoded.duration == pytest.approx(seconds, abs=0.1)
    assert decoded.rate == pytest.approx(rate)
    assert bool(decoded.loudness) == (output["format"] == "mp4" and not output.get("mute"))


def test_poster_and_thumbnail_when_given_then_at_their_time(http: httpx2.Client, media: str) -> None:
    clips = [
        clip_of({"type": "video", "src": f"{media}/red.mp4"}, length=1),
        clip_of({"type": "video", "src": f"{media}/blue.mp4"}, start=1, length=1),
    ]
    captures = {"poster": {"capture": 0.5}, "thumbnail": {"capture": 1.5, "scale": 0.5}}

    ended = render_edit(http, edit_of(clips, output={**SMALL, **captures}))

    poster, thumbnail = (Image.open(BytesIO(download(http, ended[name]))) for name in ("poster", "thumbnail"))
    assert (poster.size, thumbnail.size) == ((320, 180), (160, 90))
    assert_similar(poster.getpixel((10, 10)), RED)
    assert_similar(thumbnail.getpixel((10, 10)), BLUE)


def test_file_when_fetched_without_a_key_then_ranges_and_heads(http: httpx2.Client) -> None:
    url = render_edit(http, edit_of([title_of("x", length=1)]))["url"]
    whole = download(http, url)

    part = httpx2.get(url, headers={"range": "bytes=-100"}, trust_env=False)
    behind = httpx2.get(url, headers={"range": f"bytes={len(whole)}-"}, trust_env=False)
    head = httpx2.head(url, trust_env=False)

    assert (part.status_code, part.content) == (206, whole[-100:])
    assert behind.status_code == 416
    assert (head.headers["content-length"], head.headers["content-type"]) == (str(len(whole)), "video/mp4")


@pytest.mark.parametrize(
    ("asset", "error"),
    [
        ({"type": "video", "src": "{media}/absent.mp4"}, "Failed to download {media}/absent.mp4: HTTP 404"),
        ({"type": "video", "src": "{media}/green.txt"}, "Failed to download {media}/green.txt: HTTP 404"),
        ({"type": "image", "src": "{media}/red.mp4"}, "The file is not an image: {media}/red.mp4"),
        ({"type": "video", "src": "{media}/tone.mp3"}, "The file has no video: {media}/tone.mp3"),
        ({"type": "audio", "src": "{media}/red.mp4"}, "The file has no audio: {media}/red.mp4"),
        ({"type": "image", "src": "https://192.0.2.1/a.png"}, "The emulator only fetches from this machine"),
        ({"type": "image", "src": "a.png"}, "Invalid asset URL: a.png"),
        ({"type": "image", "prompt": "A cat"}, "The emulator does not generate assets from a prompt"),
        ({"type": "svg", "src": "<svg/>"}, "The emulator does not render assets of the type 'svg'"),
        ({"type": "title", "text": "x", "color": "loud"}, "unknown color specifier: 'loud'"),
    ],
)
def test_render_when_an_asset_is_unusable_then_it_says_why(
    http: httpx2.Client, media: str, *, asset: dict[str, str], error: str
) -> None:
    asset = {name: value.replace("{media}", media) for name, value in asset.items()}

    ended = wait_for_render(http, submit_edit(http, edit_of([clip_of(asset)])))

    assert ended["status"] == "failed"
    assert error.replace("{media}", media) in ended["error"]
    assert "url" not in ended


def brightest_level(image: Image.Image, channel: str) -> int:
    return max(level for level, pixels in enumerate(image.getchannel(channel).histogram()) if pixels)


def assert_similar(found: Any, expected: tuple[int, int, int]) -> None:
    """Assert that a colour is the expected one, within the loss of a codec."""
    assert all(abs(a - b) < 30 for a, b in zip(found, expected, strict=True)), (found, expected)
