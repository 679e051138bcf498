"""render-service: requests, finished videos, and what is stored."""

import re
from pathlib import Path

import av
import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.renders import SMALL, clip_of, edit_of, render_of, render_to_end, submissions, wait_for_end
from tests.workers.shapes import UUID4, error_of


def test_render_when_asked_for_then_202_and_its_own_id(platform: Platform, emulators: Emulators) -> None:
    client = platform.client("render-service")

    body = render_of(client.post("/render", json=edit_of()), 202)

    assert UUID4.fullmatch(body["render_id"])
    assert body["status"] == "queued"
    assert body["metadata"] == {"provider": "shotstack", "format": "mp4", "resolution": "160x90"}
    assert len(submissions(emulators)) == 1
    wait_for_end(client, body["render_id"])


def test_render_when_done_then_its_video_is_served(platform: Platform, tmp_path: Path) -> None:
    client = platform.client("render-service")

    body = render_to_end(client, edit_of())

    assert (body["status"], body["progress"]) == ("done", 100), body
    assert body["url"] == f"{platform.urls['render-service']}/renders/{body['render_id']}.mp4"
    assert body["metadata"]["duration_seconds"] == 1
    answer = client.get(body["url"])
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "video/mp4"
    assert int(answer.headers["Content-Length"]) == len(answer.content) == body["metadata"]["size_bytes"]
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    video = tmp_path / "video.mp4"
    video.write_bytes(answer.content)
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        assert (stream.width, stream.height) == (160, 90)
    part = client.get(body["url"], headers={"Range": "bytes=4-7"})
    assert (part.status_code, part.content) == (206, answer.content[4:8])
    assert client.head(body["url"]).headers["Content-Length"] == str(len(answer.content))
    assert client.get(body["url"], headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


@pytest.mark.parametrize("padding", [0, 20_000_000], ids=["one part", "several parts"])
def test_video_when_sent_without_its_length_then_stored_whole(
    platform: Platform, emulators: Emulators, padding: int
) -> None:
    client = platform.client("render-service")
    emulators.add_fault(
        "shotstack", kind="chunked", padding_bytes=padding, method="GET", path_contains="/_files/", times=2
    )

    body = render_to_end(client, edit_of())

    video = client.get(body["url"]).content
    assert len(video) == body["metadata"]["size_bytes"]
    assert len(video) > padding
    assert video[4:8] == b"ftyp"
    assert video[len(video) - padding :] == bytes(padding)


def test_render_when_done_then_metadata_beside_the_video(platform: Platform) -> None:
    client = platform.client("render-service")
    body = render_to_end(client, edit_of())

    stored = client.get(f"/renders/{body['render_id']}.json").json()

    assert (stored["render_id"], stored["status"], stored["url"]) == (body["render_id"], "done", body["url"])
    assert stored["metadata"] == body["metadata"]


def test_render_when_the_caller_waits_then_200_with_the_end(platform: Platform) -> None:
    answer = platform.client("render-service").post("/render", json=edit_of(wait_seconds=20))

    assert render_of(answer, 200)["status"] == "done"


def test_render_when_the_wait_is_too_short_then_202(platform: Platform) -> None:
    client = platform.client("render-service")

    body = render_of(client.post("/render", json=edit_of(wait_seconds=0.01)), 202)

    assert body["status"] in {"queued", "fetching", "preprocessing", "rendering"}
    assert wait_for_end(client, body["render_id"])["status"] == "done"


@pytest.mark.parametrize(("extension", "kind"), [("gif", "image/gif"), ("mp3", "audio/mpeg"), ("jpg", "image/jpeg")])
def test_file_when_of_another_format_then_extension_and_type(platform: Platform, extension: str, kind: str) -> None:
    client = platform.client("render-service")
    output = {"format": extension} if extension == "mp3" else {**SMALL, "format": extension}

    body = render_to_end(client, {**edit_of(), "output": output})

    assert body["url"].endswith(f".{extension}")
    assert client.head(body["url"]).headers["Content-Type"] == kind


def test_edit_when_submitted_then_unchanged_but_for_defaults(platform: Platform, emulators: Emulators) -> None:
    clip = clip_of(start=0, length=1, opacity=0.5, alias="title")
    edit = {"timeline": {"tracks": [{"clips": [clip]}], "background": "#112233", "cache": False}}

    body = render_to_end(platform.client("render-service"), edit)

    assert body["metadata"].items() >= {"provider": "shotstack", "format": "mp4", "resolution": "hd"}.items()
    (request,) = submissions(emulators)
    assert request["body"] == {**edit, "output": {"format": "mp4", "resolution": "hd", "fps": 25}}
    assert request["path"] == "/edit/stage/render"


def test_edit_when_it_has_merge_fields_then_merged_first(platform: Platform, emulators: Emulators) -> None:
    clip = clip_of({"type": "title", "text": "Hello {{ NAME }}"}, length="{{ LENGTH }}")
    fields = [{"find": "NAME", "replace": "Ada"}, {"find": "LENGTH", "replace": 1}]

    render_to_end(platform.client("render-service"), edit_of(clip, merge=fields))

    (submitted,) = submissions(emulators)[0]["body"]["timeline"]["tracks"][0]["clips"]
    assert (submitted["asset"]["text"], submitted["length"]) == ("Hello Ada", 1)


def test_usage_when_done_then_one_row_in_seconds_of_video(platform: Platform) -> None:
    client = platform.client("render-service")
    edit = edit_of(clip_of(length=1.5), instance_id="instance-1", project_id="project-1")

    answer = client.post("/render", json=edit)
    wait_for_end(client, render_of(answer, 202)["render_id"])

    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert (row["worker"], row["provider"], row["unit"], row["output_units"]) == (
        "render-service",
        "shotstack",
        "seconds",
        2,
    )
    assert (row["status"], row["error_code"]) == (200, None)
    assert (row["instance_id"], row["project_id"]) == ("instance-1", "project-1")


def test_get_render_when_the_id_is_missing_then_400(platform: Platform) -> None:
    error = error_of(platform.client("render-service").get("/render/"), 400, "INVALID_REQUEST")

    assert error["error"] == "Render ID is required"


@pytest.mark.parametrize("render_id", ["00000000-0000-4000-8000-000000000000", "x", "..%2F..", "'%20OR%201=1"])
def test_get_render_when_the_id_is_unknown_then_404(platform: Platform, render_id: str) -> None:
    error_of(platform.client("render-service").get(f"/render/{render_id}"), 404, "RENDER_NOT_FOUND")


@pytest.mark.parametrize("seconds", ["soon", "-1", "121", "nan", "inf", ""])
def test_get_render_when_wait_seconds_are_wrong_then_400(platform: Platform, seconds: str) -> None:
    answer = platform.client("render-service").get("/render/any", params={"wait_seconds": seconds})

    error = error_of(answer, 400, "INVALID_REQUEST")

    assert error["details"]["fields"][0]["field"] == "wait_seconds"


@pytest.mark.parametrize("name", ["00000000-0000-4000-8000-000000000000.mp4", "x.mp4", "..%2Fsecret.mp4"])
def test_file_when_there_is_none_then_404(platform: Platform, name: str) -> None:
    error = error_of(platform.client("render-service").get(f"/renders/{name}"), 404, "NOT_FOUND")

    assert error["error"] == "Render file not found"


def test_render_when_keys_are_required_then_files_are_public(platform: Platform) -> None:
    client = platform.client("render-service-with-keys-required")

    error_of(client.post("/render", json=edit_of()), 401, "UNAUTHORIZED")
    error_of(client.get("/renders/00000000-0000-4000-8000-000000000000.mp4"), 404, "NOT_FOUND")


def test_health_when_deep_then_it_looks_at_all_that_is_bound(platform: Platform) -> None:
    checks = platform.client("render-service").get("/health?deep=1").json()["checks"]

    assert set(checks.values()) == {"ok"}
    assert {"DB", "RENDER_STORAGE", "SHOTSTACK_API_KEY"} <= checks.keys()


def test_wrong_method_when_on_a_route_then_405(platform: Platform) -> None:
    answer = platform.client("render-service").get("/render")

    error_of(answer, 405, "METHOD_NOT_ALLOWED")
    assert re.fullmatch(r"OPTIONS, POST", answer.headers["Allow"])
