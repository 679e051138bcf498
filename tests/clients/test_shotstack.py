"""Shotstack's emulator through the official `shotstack-sdk`, and over plain HTTP where the SDK is out of date."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import shotstack_sdk  # type: ignore[import-untyped]
from shotstack_sdk.api.edit_api import EditApi  # type: ignore[import-untyped]
from shotstack_sdk.exceptions import ApiException, ApiValueError  # type: ignore[import-untyped]
from shotstack_sdk.model.clip import Clip  # type: ignore[import-untyped]
from shotstack_sdk.model.edit import Edit  # type: ignore[import-untyped]
from shotstack_sdk.model.output import Output  # type: ignore[import-untyped]
from shotstack_sdk.model.size import Size  # type: ignore[import-untyped]
from shotstack_sdk.model.template import Template  # type: ignore[import-untyped]
from shotstack_sdk.model.template_render import TemplateRender  # type: ignore[import-untyped]
from shotstack_sdk.model.timeline import Timeline  # type: ignore[import-untyped]
from shotstack_sdk.model.title_asset import TitleAsset  # type: ignore[import-untyped]
from shotstack_sdk.model.track import Track  # type: ignore[import-untyped]

from tests.clients.loopback import LoopbackServer
from tests.clients.shotstack import clip_of, edit_of, render_edit, submit_edit, title_of, wait_for_render
from tests.emulators.process import Emulators

STATUSES = ["queued", "fetching", "preprocessing", "rendering", "saving", "done"]
TITLE = edit_of([title_of("Hello", length=1)])


@pytest.fixture
def http(emulators: Emulators) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=emulators.url_of("shotstack"), headers={"x-api-key": "any"}, trust_env=False) as client:
        yield client


@pytest.fixture
def sdk(emulators: Emulators) -> Iterator[EditApi]:
    configuration = shotstack_sdk.Configuration(host=f"{emulators.url_of('shotstack')}/edit/stage")
    configuration.api_key["DeveloperKey"] = "any"
    with shotstack_sdk.ApiClient(configuration) as client:
        yield EditApi(client)


@pytest.fixture
def loopback(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LoopbackServer]:
    with LoopbackServer.start(tmp_path_factory.mktemp("empty")) as server:
        yield server


def test_sdk_when_it_renders_then_the_file_can_be_downloaded(sdk: EditApi, http: httpx2.Client) -> None:
    queued = sdk.post_render(build_sdk_edit("Hello"))
    wait_for_render(http, queued.response.id)
    ended = sdk.get_render(queued.response.id, data=True)

    assert (queued.success, queued.message, queued.response.message) == (True, "Created", "Render Successfully Queued")
    assert (ended.success, ended.message, ended.response.status) == (True, "OK", "done")
    assert ended.response.duration == 1
    assert ended.response.data.timeline.tracks[0].clips[0].length == 1
    assert http.get(ended.response.url).status_code == 200


def test_sdk_when_the_status_is_preprocessing_then_it_raises(sdk: EditApi, http: httpx2.Client) -> None:
    render_id = sdk.post_render(build_sdk_edit("Hello")).response.id

    with pytest.raises(ApiValueError, match="preprocessing"):
        while sdk.get_render(render_id).response.status != "done":
            pass

    assert wait_for_render(http, render_id)["status"] == "done"


def test_sdk_when_the_edit_is_refused_then_error_has_the_body(sdk: EditApi) -> None:
    edit = Edit(timeline=build_sdk_edit("Hello").timeline, output=Output(format="mp4"))

    with pytest.raises(ApiException) as failure:
        sdk.post_render(edit)

    assert failure.value.status == 400
    assert "output.resolution" in failure.value.body


def test_sdk_when_it_saves_a_template_then_it_can_render_it(sdk: EditApi, http: httpx2.Client) -> None:
    saved = sdk.post_template(Template(name="Greeting", template=build_sdk_edit("{{ NAME }}"))).response.id

    assert sdk.get_template(saved).response.name == "Greeting"
    assert saved in [template.id for template in sdk.get_templates().response.templates]
    fields = [shotstack_sdk.model.merge_field.MergeField(find="NAME", replace="Ada")]
    rendered = sdk.post_template_render(TemplateRender(id=saved, merge=fields)).response.id
    merged = wait_for_render(http, rendered)
    sdk.put_template(saved, Template(name="Farewell", template=build_sdk_edit("Bye")))
    assert sdk.get_template(saved).response.name == "Farewell"
    sdk.delete_template(saved)

    assert merged["status"] == "done"
    assert http.get(f"/edit/stage/render/{rendered}?merged=true").json()["response"]["data"] == edit_of(
        [title_of("Ada", length=1)]
    )
    assert http.get(f"/edit/stage/templates/{saved}").status_code == 400


def test_sdk_when_it_probes_then_the_streams_are_described(sdk: EditApi, http: httpx2.Client) -> None:
    url = render_edit(http, TITLE)["url"]

    answer = sdk.probe(url)

    metadata = answer.response["metadata"]
    assert [(stream["codec_name"], stream["width"]) for stream in metadata["streams"]] == [("h264", 320)]
    assert float(metadata["format"]["duration"]) == 1


def test_status_when_polled_then_it_follows_the_render(http: httpx2.Client) -> None:
    ended = wait_for_render(http, submit_edit(http, TITLE))

    assert ended["seen"] == STATUSES
    assert ended["owner"] and ended["plan"] and ended["renderTime"] > 0
    assert ended["created"] < ended["updated"]


@pytest.mark.parametrize("path", ["/edit/v1", "/v1", "/stage"])
def test_paths_when_old_or_of_production_then_they_render(http: httpx2.Client, path: str) -> None:
    assert wait_for_render(http, submit_edit(http, TITLE, path=path), path=path)["status"] == "done"


def test_render_when_loaded_in_the_other_environment_then_400(http: httpx2.Client) -> None:
    render_id = submit_edit(http, TITLE)

    answer = http.get(f"/edit/v1/render/{render_id}")

    assert (answer.status_code, answer.json()) == (400, {"success": False, "message": "Bad Request", "response": {}})


def test_data_when_requested_then_the_edit_as_posted_or_merged(http: httpx2.Client) -> None:
    posted = {
        **edit_of([title_of("{{ NAME }} is {{AGE}}", length="{{ SECONDS }}")]),
        "merge": [
            {"find": "NAME", "replace": "Ada"},
            {"find": "AGE", "replace": 36},
            {"find": "SECONDS", "replace": 1},
        ],
    }
    path = f"/edit/stage/render/{submit_edit(http, posted)}"

    def data(query: str) -> Any:
        return http.get(f"{path}?{query}").json()["response"].get("data")

    assert data("") == data("data=true") == posted
    assert data("merged=true") == edit_of([title_of("Ada is 36", length=1)])
    assert data("data=false") is None


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"timeline": None}, "timeline"),
        ({"output": {"format": "mp4"}}, "output.resolution"),
        ({"output": {"format": "avi", "resolution": "hd"}}, "output.format"),
        ({"output": {"format": "mp4", "resolution": "hd", "fps": 26}}, "output.fps"),
        ({"output": {"format": "mp4", "size": {"width": 100}}}, "output.size.height"),
        ({"output": {"format": "mp4", "resolution": "hd", "codec": "h265"}}, "output.codec"),
        ({"timeline": {"tracks": []}}, "timeline.tracks"),
        ({"timeline": {"tracks": [{"clips": []}]}}, "timeline.tracks[0].clips"),
        (edit_of([{"asset": {"type": "title", "text": "x"}, "start": 0}]), "timeline.tracks[0].clips[0].length"),
        (edit_of([title_of("x", start="soon")]), "timeline.tracks[0].clips[0].start"),
        (edit_of([title_of("x", length=-1)]), "timeline.tracks[0].clips[0].length"),
        (edit_of([title_of("x", scale="big")]), "timeline.tracks[0].clips[0].scale"),
        (edit_of([title_of("x")], [title_of("x", fit="fill")]), "timeline.tracks[1].clips[0].fit"),
        (edit_of([clip_of({"type": "title"})]), "timeline.tracks[0].clips[0].asset.text"),
        (edit_of([clip_of({"type": "film"})]), "timeline.tracks[0].clips[0].asset.type"),
        (edit_of([clip_of({"type": "video"})]), "timeline.tracks[0].clips[0].asset.src"),
        (
            edit_of([clip_of({"type": "video", "src": "a", "volume": 2})]),
            "timeline.tracks[0].clips[0].asset.volume",
        ),
        ({"webhook": "http://127.0.0.1"}, "webhook"),
        ({"merge": [{"find": "NAME"}]}, "merge[0].replace"),
    ],
)
def test_edit_when_it_breaks_the_schema_then_400_names_the_path(
    http: httpx2.Client, change: dict[str, Any], path: str
) -> None:
    edit = {name: value for name, value in {**TITLE, **change}.items() if value is not None}

    answer = http.post("/edit/stage/render", json=edit)

    body = answer.json()
    assert (answer.status_code, body["success"], body["message"]) == (400, False, "Bad Request")
    assert [detail["path"] for detail in body["response"]["error"]["details"]] == [path]
    assert f'"{path}"' in body["response"]["error"]["details"][0]["message"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]"])
def test_body_when_it_is_not_an_object_then_400(http: httpx2.Client, body: bytes) -> None:
    assert http.post("/edit/stage/render", content=body).status_code == 400


@pytest.mark.parametrize("key", ["", "invalid"])
def test_key_when_missing_or_wrong_then_403(http: httpx2.Client, key: str) -> None:
    answer = http.post("/edit/stage/render", json=TITLE, headers={"x-api-key": key})

    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


def test_faults_when_queued_then_they_affect_submit_and_poll(http: httpx2.Client, emulators: Emulators) -> None:
    emulators.add_fault("shotstack", kind="cut", after=0, method="POST")
    emulators.add_fault("shotstack", kind="status", status=429, retry_after=2, method="GET")

    with pytest.raises(httpx2.RemoteProtocolError):
        http.post("/edit/stage/render", json=TITLE)
    render_id = submit_edit(http, TITLE)
    throttled = http.get(f"/edit/stage/render/{render_id}")

    assert (throttled.status_code, throttled.headers["retry-after"]) == (429, "2")
    assert wait_for_render(http, render_id)["status"] == "done"


def test_callback_when_render_and_copy_are_done_then_both_sent(http: httpx2.Client, loopback: LoopbackServer) -> None:
    # Shotstack retries a callback until it succeeds.
    loopback.refusals = [500, 404]
    ended = render_edit(http, {**TITLE, "callback": f"{loopback.url}/hook"})

    first, second, third, copied = (loopback.posted.get(timeout=30) for _ in range(4))

    assert first == second == third
    assert first.keys() == {"type", "action", "id", "owner", "status", "url", "error", "completed"}
    assert (first["type"], first["action"], first["id"], first["status"]) == ("edit", "render", ended["id"], "done")
    assert (first["url"], first["error"]) == (ended["url"], None)
    assert (copied["type"], copied["action"], copied["render"], copied["status"]) == (
        "serve",
        "copy",
        ended["id"],
        "ready",
    )


def test_callback_when_the_render_fails_then_it_has_the_error(http: httpx2.Client, loopback: LoopbackServer) -> None:
    absent = {"type": "image", "src": f"{loopback.url}/absent.png"}
    edit = {**edit_of([clip_of(absent)]), "callback": f"{loopback.url}/hook"}
    render_id = submit_edit(http, edit)

    callback_body = loopback.posted.get(timeout=30)

    assert (callback_body["id"], callback_body["status"], callback_body["url"]) == (render_id, "failed", None)
    assert callback_body["error"] == f"Failed to download {loopback.url}/absent.png: HTTP 404"


def build_sdk_edit(text: str) -> Edit:
    clip = Clip(asset=TitleAsset(type="title", text=text), start=0.0, length=1.0)
    return Edit(
        timeline=Timeline(tracks=[Track(clips=[clip])]),
        output=Output(format="mp4", size=Size(width=320, height=180)),
    )
