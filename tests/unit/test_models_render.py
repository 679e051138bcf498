"""Render requests: what is checked, merged, given defaults and passed on."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.errors import RequestError
from electrons.middleware.validation import parse_body
from electrons.providers.shotstack.edit import ASSET_FIELDS, UNKNOWN_CLIP_SECONDS, measure_edit
from electrons.providers.shotstack.merging import merge
from render_service.models import RenderRequest

TITLE = {"type": "title", "text": "Hello"}


def request_of(clip: dict[str, Any] | None = None, **fields: Any) -> RenderRequest:
    whole = {"asset": TITLE, "start": 0, "length": 1, **(clip or {})}
    return read({"timeline": {"tracks": [{"clips": [whole]}]}, **fields})


def read(document: object) -> RenderRequest:
    return parse_body(json.dumps(document).encode(), RenderRequest)


@pytest.mark.parametrize("kind", ASSET_FIELDS)
def test_asset_when_it_has_what_its_type_needs_then_it_is_taken(kind: str) -> None:
    needed = {names.split("|")[0]: "https://media.example/a" for names in ASSET_FIELDS[kind]}

    assert request_of({"asset": {"type": kind, **needed}})


@pytest.mark.parametrize("kind", ASSET_FIELDS)
def test_asset_when_it_lacks_what_its_type_needs_then_400(kind: str) -> None:
    with pytest.raises(RequestError, match=f"a {kind} asset needs") as caught:
        request_of({"asset": {"type": kind}})

    assert caught.value.details == {
        "fields": [{"field": "timeline.tracks.0.clips.0.asset", "message": caught.value.message.split(": ", 1)[1]}],
        "count": 1,
    }


@pytest.mark.parametrize(
    "clip",
    [
        {"start": "auto", "length": "end"},
        {"start": "alias://voice", "length": "auto"},
        {"start": 1.5, "length": 0},
        {"opacity": [{"from": 0, "to": 1, "start": 0, "length": 1}]},
        {"offset": {"x": -1, "y": [{"from": 0, "to": 1}]}, "scale": 0.5},
        {"transition": {"in": "fade", "out": "wipeLeft"}, "effect": "zoomIn", "filter": "blur"},
        {"asset": {"type": "html", "html": ""}},
        {"a_field_of_tomorrow": {"x": 1}},
    ],
)
def test_clip_when_shotstack_knows_it_then_it_passes_unchanged(clip: dict[str, Any]) -> None:
    request = request_of(clip)

    (passed,) = request.edit["timeline"]["tracks"][0]["clips"]
    assert passed == {"asset": TITLE, "start": 0, "length": 1, **clip}


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ({}, {"format": "mp4", "resolution": "hd", "fps": 25}),
        ({"format": "gif", "fps": 12}, {"format": "gif", "resolution": "hd", "fps": 12}),
        ({"format": "mp3"}, {"format": "mp3"}),
        ({"format": "jpg"}, {"format": "jpg", "resolution": "hd"}),
        (
            {"size": {"width": 2, "height": 2}, "quality": "low"},
            {"format": "mp4", "size": {"width": 2, "height": 2}, "quality": "low", "fps": 25},
        ),
    ],
)
def test_output_when_fields_are_left_out_then_defaults(output: dict[str, Any], expected: dict[str, Any]) -> None:
    assert request_of(output=output).edit["output"] == expected


def test_edit_when_it_has_an_instance_then_passed_on() -> None:
    assert request_of(instance="a1").edit["instance"] == "a1"
    assert "instance" not in request_of().edit


def test_placeholder_when_the_whole_string_then_type_kept() -> None:
    fields = {"A": 3, "B": "x", "C.": None}
    value = {"a": "{{ A }}", "b": ["{{B}} and {{ A }}", "{{ D }}"], "c": "{{ C. }}", "d": 1}

    assert merge(value, fields) == {"a": 3, "b": ["x and 3", "{{ D }}"], "c": None, "d": 1}


def test_urls_when_an_edit_has_some_then_each_with_its_path() -> None:
    clips = [
        {"asset": {"type": "video", "src": "https://a.example/1"}, "start": 0, "length": 1},
        {"asset": {"type": "svg", "src": "<svg/>"}, "start": 0, "length": 1},
        {"asset": {"type": "caption", "src": "alias://voice"}, "start": 0, "length": 1},
        {"asset": {"type": "image", "prompt": "a cat"}, "start": 0, "length": 1},
    ]
    timeline = {
        "tracks": [{"clips": clips}],
        "soundtrack": {"src": "https://a.example/2"},
        "fonts": [{"src": "https://a.example/3"}],
    }

    request = read({"timeline": timeline, "callback_url": "https://a.example/4"})

    assert dict(request.urls()) == {
        "callback_url": "https://a.example/4",
        "timeline.soundtrack.src": "https://a.example/2",
        "timeline.fonts.0.src": "https://a.example/3",
        "timeline.tracks.0.clips.0.asset.src": "https://a.example/1",
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["tracks", "clips", "asset", "type", "src", "start", "length", "merge", "find", "fonts"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(timeline=json_values, output=json_values, fields=json_values)
def test_request_of_any_shape_then_read_or_refused(timeline: Any, output: Any, fields: Any) -> None:
    for document in (
        {"timeline": timeline, "output": output, "merge": fields},
        {"timeline": {"tracks": [{"clips": [{"asset": timeline, "start": 0, "length": 1}]}]}, "output": {}},
    ):
        try:
            request = read(document)
        except RequestError as error:
            assert error.message
        else:
            assert json.dumps(request.edit)
            assert measure_edit(request.edit) >= 0
            assert all(path and isinstance(url, str) for path, url in request.urls())


@pytest.mark.parametrize(
    ("clips", "output", "seconds"),
    [
        ([(0, 2), (2, 3.2)], {}, 6),
        ([(0, 2), ("auto", 3)], {}, 5),
        ([(0, 4), (0, "end")], {}, 4),
        ([(1, "auto")], {}, 1 + UNKNOWN_CLIP_SECONDS),
        ([(0, "alias://voice")], {}, UNKNOWN_CLIP_SECONDS),
        ([(0, 30)], {"range": {"start": 10, "length": 5}}, 5),
        ([(0, 30)], {"range": {"start": 10}}, 20),
        ([(1e308, 1e308)], {}, 10**9),
    ],
)
def test_edit_is_as_long_as_its_last_clip(clips: list[Any], output: dict[str, Any], seconds: int) -> None:
    track = {"clips": [{"start": start, "length": length} for start, length in clips]}

    assert measure_edit({"timeline": {"tracks": [track]}, "output": output}) == seconds
