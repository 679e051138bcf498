"""What a render request may be at most, and what of it counts as absent."""

import json
from typing import Any

import pytest

from electrons.errors import RequestError
from electrons.middleware.validation import parse_body
from electrons.providers.shotstack.edit import (
    CLIPS_LIMIT,
    DESTINATIONS_LIMIT,
    FONTS_LIMIT,
    MERGE_FIELDS_LIMIT,
    TRACKS_LIMIT,
)
from electrons.providers.shotstack.merging import BYTES_LIMIT
from render_service.models import RenderRequest

CLIP = {"asset": {"type": "title", "text": "Hello"}, "start": 0, "length": 1}


def read(document: object) -> RenderRequest:
    return parse_body(json.dumps(document).encode(), RenderRequest)


def problems_of(document: object) -> dict[str, str]:
    return problems_of_text(json.dumps(document))


def problems_of_text(text: str) -> dict[str, str]:
    with pytest.raises(RequestError) as caught:
        parse_body(text.encode(), RenderRequest)
    assert caught.value.details is not None
    return {field["field"]: field["message"] for field in caught.value.details["fields"]}


def timeline_of(*clips: Any, **fields: Any) -> dict[str, Any]:
    return {"tracks": [{"clips": list(clips)}], **fields}


def test_merge_when_small_requests_make_a_large_edit_then_400() -> None:
    text = "{{ A }}" * 100
    document = {
        "timeline": timeline_of(*[{**CLIP, "asset": {"type": "title", "text": text}}] * 10),
        "merge": [{"find": "A", "replace": "x" * 9_000}],
    }
    assert len(json.dumps(document)) < 20_000

    ((field, message),) = problems_of(document).items()

    assert field.startswith("timeline.tracks.0.clips.")
    assert f"larger than {BYTES_LIMIT} bytes" in message


def test_merge_when_the_whole_text_is_a_number_then_its_digits() -> None:
    document = {
        "timeline": timeline_of({**CLIP, "asset": {"type": "title", "text": "{{ YEAR }}"}}),
        "merge": [{"find": "YEAR", "replace": 2026}],
    }

    (clip,) = read(document).edit["timeline"]["tracks"][0]["clips"]

    assert clip["asset"]["text"] == "2026"


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "Infinity", "1" + "0" * 400])
@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("timeline.tracks.0.clips.0.length", '{"timeline": {"tracks": [{"clips": [{"asset": %s, "length": N}]}]}}'),
        ("timeline.tracks.0.clips.0.new", '{"timeline": {"tracks": [{"clips": [{"asset": %s, "new": N}]}]}}'),
        ("output.size.width", '{"timeline": {}, "output": {"size": {"width": N}}}'),
        ("merge.0.replace", '{"timeline": {"a": "{{ X }}"}, "merge": [{"find": "X", "replace": N}]}'),
    ],
)
def test_number_when_not_finite_then_400_names_its_path(path: str, text: str, number: str) -> None:
    asset = json.dumps(CLIP["asset"])

    problems = problems_of_text(text.replace("%s", asset).replace("N", number))

    if number.isdigit() and path == "merge.0.replace":  # a whole number of any size is fine until it is merged
        path = "timeline.a"
    assert problems == {path: "must be a finite number"}


def test_wait_when_not_finite_then_400() -> None:
    assert "wait_seconds" in problems_of_text('{"timeline": {"tracks": [{"clips": [1]}]}, "wait_seconds": NaN}')


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("timeline.tracks", {"timeline": {"tracks": [{"clips": [CLIP]}] * (TRACKS_LIMIT + 1)}}),
        ("timeline.tracks", {"timeline": timeline_of(*[7] * (CLIPS_LIMIT + 1))}),
        ("timeline.tracks", {"timeline": {"tracks": [{"clips": [7] * CLIPS_LIMIT}, {"clips": [7]}]}}),
        ("timeline.fonts", {"timeline": timeline_of(CLIP, fonts=[7] * (FONTS_LIMIT + 1))}),
        ("output.destinations", {"output": {"destinations": [7] * (DESTINATIONS_LIMIT + 1)}}),
        ("merge", {"merge": [7] * (MERGE_FIELDS_LIMIT + 1)}),
    ],
)
def test_list_when_too_long_then_one_problem_names_it(path: str, document: dict[str, Any]) -> None:
    problems = problems_of({"timeline": timeline_of(CLIP), **document})

    assert set(problems) == {path}
    assert "must have at most" in problems[path]


def test_clips_when_all_are_wrong_then_the_first_are_enough() -> None:
    problems = problems_of({"timeline": timeline_of(*[{}] * 1_000)})

    assert len(problems) == 20
    assert "timeline.tracks.0.clips.0.asset" in problems


def test_clip_when_two_are_wrong_then_both_are_named() -> None:
    problems = problems_of({"timeline": timeline_of({**CLIP, "start": -1}, CLIP, {"start": 0, "length": 1})})

    assert set(problems) == {"timeline.tracks.0.clips.0.start", "timeline.tracks.0.clips.2.asset"}
    assert problems["timeline.tracks.0.clips.2.asset"] == "Timeline.tracks.0.clips.2.asset is required"


def test_field_when_null_then_absent() -> None:
    clip = {
        **CLIP,
        "fit": None,
        "offset": None,
        "transition": {"in": None, "out": "fade"},
        "opacity": None,
        "new": None,
    }
    timeline = timeline_of(clip, soundtrack=None, fonts=None, background=None, cache=None)

    request = read({"timeline": timeline, "output": {"fps": None, "size": None, "destinations": [{"path": None}]}})

    assert request.edit["timeline"] == timeline_of({**CLIP, "transition": {"out": "fade"}})
    assert request.edit["output"]["destinations"] == [{"path": None}]
    assert request.edit["output"]["fps"] == 25


def test_optional_field_when_empty_then_absent() -> None:
    clip = {**CLIP, "fit": "", "effect": "", "scale": "", "alias": "", "new": ""}

    request = read(
        {"timeline": timeline_of(clip, background="", soundtrack=""), "output": {"resolution": "", "fps": ""}}
    )

    assert request.edit["timeline"] == timeline_of({**CLIP, "new": ""})
    assert request.edit["output"] == {"format": "mp4", "resolution": "hd", "fps": 25}


@pytest.mark.parametrize(
    ("path", "clip"),
    [
        ("timeline.tracks.0.clips.0.asset", {**CLIP, "asset": None}),
        ("timeline.tracks.0.clips.0.start", {**CLIP, "start": ""}),
        ("timeline.tracks.0.clips.0.asset", {**CLIP, "asset": {"type": "video", "src": ""}}),
        ("timeline.tracks.0.clips.0.asset", {**CLIP, "asset": {"type": "title", "text": None}}),
    ],
)
def test_required_field_when_null_or_empty_then_400(path: str, clip: dict[str, Any]) -> None:
    assert path in problems_of({"timeline": timeline_of(clip)})


@pytest.mark.parametrize("find", ["", " ", "{{ A }}", "a{b", "a}b"])
def test_merge_field_when_its_name_cannot_be_found_then_400(find: str) -> None:
    problems = problems_of({"timeline": timeline_of(CLIP), "merge": [{"find": find, "replace": "x"}]})

    assert problems == {"merge.0.find": "must be the name of a placeholder, without braces"}
