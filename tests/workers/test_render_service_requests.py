"""render-service refuses edits that cannot be rendered, before money is spent."""

from typing import Any

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.renders import clip_of, edit_of, render_to_end, submissions
from tests.workers.shapes import error_of

VIDEO = {"type": "video", "src": "https://media.example/a.mp4"}

TIMELINES: list[Any] = [None, "x", {}, {"tracks": []}, {"tracks": None}, {"background": "#000000"}]

WRONG = [
    ("timeline.tracks.0.clips.1.length", edit_of(clip_of(), clip_of(length="long"))),
    ("timeline.tracks.0.clips.1.start", edit_of(clip_of(), clip_of(start=-1))),
    ("timeline.tracks.0.clips.0.start", edit_of(clip_of(start=True))),
    ("timeline.tracks.0.clips.0.asset", edit_of(clip_of({"type": "hologram"}))),
    ("timeline.tracks.0.clips.0.asset", edit_of(clip_of({"type": "video"}))),
    ("timeline.tracks.0.clips.0.asset.type", edit_of(clip_of({"text": "x"}))),
    ("timeline.tracks.0.clips.0.asset.src", edit_of(clip_of({"type": "video", "src": " "}))),
    ("timeline.tracks.0.clips.0.asset.volume", edit_of(clip_of({**VIDEO, "volume": 2}))),
    ("timeline.tracks.0.clips.0.asset.speed", edit_of(clip_of({**VIDEO, "speed": 11}))),
    ("timeline.tracks.0.clips.0.fit", edit_of(clip_of(fit="squeeze"))),
    ("timeline.tracks.0.clips.0.offset.x", edit_of(clip_of(offset={"x": 11}))),
    ("timeline.tracks.0.clips", {"timeline": {"tracks": [{"clips": []}]}}),
    ("timeline.tracks.0.clips", {"timeline": {"tracks": [{}]}}),
    ("timeline.soundtrack.src", {"timeline": {"tracks": [{"clips": [clip_of()]}], "soundtrack": {}}}),
    ("output.format", {**edit_of(), "output": {"format": "avi"}}),
    ("output.fps", {**edit_of(), "output": {"fps": 26}}),
    ("output.resolution", {**edit_of(), "output": {"resolution": "8k"}}),
    ("output.size.width", {**edit_of(), "output": {"size": {"width": 5000, "height": 10}}}),
    ("wait_seconds", edit_of(wait_seconds="5")),
    ("wait_seconds", edit_of(wait_seconds=121)),
    ("callback", edit_of(callback="https://caller.example/hook")),
    ("merge.0.find", edit_of(merge=[{"find": 1, "replace": 2}])),
]

NOT_PUBLIC = [
    "http://media.example/a.mp4",
    "ftp://media.example/a.mp4",
    "https://127.0.0.1/a.mp4",
    "https://localhost/a.mp4",
    "https://[::1]/a.mp4",
    "https://[::ffff:10.0.0.1]/a.mp4",
    "https://10.0.0.1/a.mp4",
    "https://192.168.1.1/a.mp4",
    "https://169.254.169.254/latest/meta-data/",
    "https://2130706433/a.mp4",
    "https://127.1/a.mp4",
    "https://metadata.google.internal/a.mp4",
    "https://intranet/a.mp4",
    "https://user:password@media.example/a.mp4",
    "https://media.example\\@127.0.0.1/a.mp4",
    "//media.example/a.mp4",
    "a.mp4",
]


@pytest.mark.parametrize("timeline", TIMELINES)
def test_timeline_when_it_has_no_tracks_then_the_text_says_so(
    platform: Platform, emulators: Emulators, timeline: Any
) -> None:
    answer = platform.client("render-service").post("/render", json={"timeline": timeline})

    assert error_of(answer, 400, "INVALID_REQUEST")["error"] == "Timeline with tracks is required"
    assert submissions(emulators) == []


@pytest.mark.parametrize(("path", "edit"), WRONG, ids=[path for path, _ in WRONG])
def test_edit_when_a_field_is_wrong_then_400_names_its_path(
    platform: Platform, emulators: Emulators, path: str, edit: dict[str, Any]
) -> None:
    error = error_of(platform.client("render-service").post("/render", json=edit), 400, "INVALID_REQUEST")

    assert path in [field["field"] for field in error["details"]["fields"]]
    assert submissions(emulators) == []


def test_edit_when_a_field_is_unknown_then_shotstack_decides(platform: Platform) -> None:
    answer = platform.client("render-service").post("/render", json=edit_of(clip_of(sparkle=True)))

    assert "sparkle" in error_of(answer, 422, "PROVIDER_REJECTED")["error"]


@pytest.mark.parametrize("url", NOT_PUBLIC)
def test_asset_when_its_url_is_not_public_then_400(platform: Platform, emulators: Emulators, url: str) -> None:
    edit = edit_of(clip_of(), clip_of({"type": "video", "src": url}))

    error = error_of(platform.client("render-service-public").post("/render", json=edit), 400, "INVALID_REQUEST")

    (field,) = error["details"]["fields"]
    assert field["field"] == "timeline.tracks.0.clips.1.asset.src"
    assert submissions(emulators) == []


@pytest.mark.parametrize("url", NOT_PUBLIC)
def test_callback_when_its_url_is_not_public_then_400(platform: Platform, emulators: Emulators, url: str) -> None:
    answer = platform.client("render-service-public").post("/render", json=edit_of(callback_url=url))

    (field,) = error_of(answer, 400, "INVALID_REQUEST")["details"]["fields"]
    assert field["field"] == "callback_url"
    assert submissions(emulators) == []


@pytest.mark.parametrize("url", [url for url in NOT_PUBLIC if "127.0.0.1" not in url and "localhost" not in url])
def test_url_when_loopback_allowed_then_other_private_refused(platform: Platform, url: str) -> None:
    if "[::1]" in url:
        url = "https://[fe80::1]/a.mp4"

    error_of(platform.client("render-service").post("/render", json=edit_of(callback_url=url)), 400, "INVALID_REQUEST")


def test_soundtrack_and_fonts_when_not_public_then_each_named(platform: Platform) -> None:
    edit = edit_of()
    edit["timeline"] |= {"soundtrack": {"src": "https://10.0.0.1/x.mp3"}, "fonts": [{"src": "http://fonts.example/x"}]}

    error = error_of(platform.client("render-service-public").post("/render", json=edit), 400, "INVALID_REQUEST")

    named = [field["field"] for field in error["details"]["fields"]]
    assert named == ["timeline.soundtrack.src", "timeline.fonts.0.src"]


def test_url_when_it_comes_from_a_merge_field_then_checked(platform: Platform) -> None:
    edit = edit_of(
        clip_of({"type": "image", "src": "{{ PLACE }}"}), merge=[{"find": "PLACE", "replace": "https://10.0.0.1/"}]
    )

    error_of(platform.client("render-service-public").post("/render", json=edit), 400, "INVALID_REQUEST")


def test_render_when_all_is_public_then_it_is_accepted(platform: Platform) -> None:
    body = render_to_end(platform.client("render-service-public"), edit_of(clip_of(VIDEO)))

    assert "media.example" in body["error"]  # the emulator's own message: it fetches from this machine only


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'"x"', b"\xff"])
def test_body_when_not_a_json_object_then_400(platform: Platform, content: bytes) -> None:
    error_of(platform.client("render-service").post("/render", content=content), 400, "INVALID_JSON")


def test_body_when_too_large_then_413(platform: Platform) -> None:
    edit = edit_of(clip_of({"type": "title", "text": "x" * (4 * 1024 * 1024)}))

    error_of(platform.client("render-service").post("/render", json=edit), 413, "PAYLOAD_TOO_LARGE")


def test_callback_when_it_cannot_be_signed_then_names_secret(platform: Platform, emulators: Emulators) -> None:
    edit = edit_of(callback_url="https://caller.example/hook")

    error = error_of(platform.client("render-service-unsigned").post("/render", json=edit), 500, "CONFIGURATION_ERROR")

    assert "`CALLBACK_SIGNING_SECRET`" in error["error"]
    assert submissions(emulators) == []
