"""`/deploy`: Workers that are really deployed, to the emulator of Cloudflare, and answer there."""

from __future__ import annotations

import json

import pytest

from tests.platform import Platform
from tests.workers.deployments import constant, deploy, read, request, show
from tests.workers.sandbox import call, unique
from tests.workers.shapes import error_of, success_of

pytestmark = pytest.mark.usefixtures("delete_deployed")

HELLO = "export default { fetch(request, env) { return new Response(`hello ${env.NAME} ${env.TOKEN}`) } }"
PYTHON = """
from workers import Response, WorkerEntrypoint
from words import greet

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(greet(self.env.NAME))
"""


def test_deployed_code_responds_with_its_vars_and_secrets(platform: Platform) -> None:
    name = unique("hello")

    answer = call(
        platform,
        "/deploy",
        {
            "worker_name": name,
            "code": HELLO,
            "env_vars": {"NAME": "Ada"},
            "secrets": {"TOKEN": "s3cret-token"},
            "instance_id": "i-1",
            "project_id": "p-1",
        },
    )

    body = success_of(answer)
    deployment = body["deployment"]
    assert deployment["worker_id"] and deployment["version"]
    assert "previous_version" not in deployment
    assert read(deployment["url"]) == (200, "hello Ada s3cret-token")
    (row,) = platform.rows("deployments", request_id=body["request_id"])
    assert (row["action"], row["status"], row["worker_name"]) == ("deploy", "deployed", name)
    assert (row["version"], row["url"]) == (deployment["version"], deployment["url"])
    assert (row["instance_id"], row["project_id"], row["secret_names"]) == ("i-1", "p-1", "TOKEN")
    assert row["key_id"]
    assert "s3cret-token" not in json.dumps(row) + answer.text + platform.logged()


def test_deployed_files_import_each_other(platform: Platform) -> None:
    files = {
        "src/index.js": "import { shout } from './lib/shout.mjs'; import page from './page.html';"
        "export default { fetch() { return new Response(shout(page)) } }",
        "src/lib/shout.mjs": "export const shout = (text) => text.toUpperCase();",
        "src/page.html": "<p>Grüße</p>",
    }

    deployment = deploy(platform, unique("files"), files=files, main="src/index.js")

    assert read(deployment["url"]) == (200, "<P>GRÜSSE</P>")


def test_python_when_deployed_then_the_sdk_goes_along(platform: Platform) -> None:
    files = {"entry.py": PYTHON, "words.py": "def greet(name):\n    return f'Hello {name} from Python'\n"}

    deployment = deploy(platform, unique("python"), files=files, main="entry.py", env_vars={"NAME": "Ada"})

    assert read(deployment["url"]) == (200, "Hello Ada from Python")


def test_next_deployment_has_new_vars_and_keeps_secrets(platform: Platform) -> None:
    name = unique("again")
    first = deploy(platform, name, code=HELLO, env_vars={"NAME": "Ada"}, secrets={"TOKEN": "t-1", "OTHER": "o-1"})

    second = deploy(platform, name, code=HELLO, env_vars={"NAME": "Grace"})

    assert read(second["url"]) == (200, "hello Grace t-1")
    assert second["worker_id"] == first["worker_id"]
    assert second["version"] != first["version"]
    assert second["previous_version"] == first["version"]
    shown = show(platform, name)
    assert (shown["status"], shown["version"], shown["url"]) == ("deployed", second["version"], second["url"])
    assert shown["deployment"] == second
    assert shown["secrets"] == ["OTHER", "TOKEN"]
    assert [(each["action"], each["status"]) for each in shown["history"]] == [
        ("deploy", "deployed"),
        ("deploy", "replaced"),
    ]


def test_worker_without_workers_dev_is_not_published(platform: Platform) -> None:
    name = unique("hidden")
    url = deploy(platform, name, code=constant("one"))["url"]

    deployment = deploy(platform, name, code=constant("two"), workers_dev=False)

    assert "url" not in deployment
    assert read(url)[0] == 404


def test_each_rollback_goes_back_one_version(platform: Platform) -> None:
    name = unique("back")
    one = deploy(platform, name, code=HELLO, env_vars={"NAME": "one"}, secrets={"TOKEN": "t-1"})
    deploy(platform, name, code=HELLO, env_vars={"NAME": "two"}, secrets={"TOKEN": "t-2"})
    three = deploy(platform, name, code=HELLO, env_vars={"NAME": "three"})
    assert read(three["url"]) == (200, "hello three t-2")

    success_of(request(platform, "POST", f"/deploy/{name}/rollback"))
    assert read(three["url"]) == (200, "hello two t-2")
    body = success_of(request(platform, "POST", f"/deploy/{name}/rollback"))

    assert read(three["url"]) == (200, "hello one t-1")
    assert body["deployment"]["version"] == one["version"]
    assert "previous_version" not in body["deployment"]
    error_of(request(platform, "POST", f"/deploy/{name}/rollback"), 409, "CONFLICT")
    history = show(platform, name)["history"]
    assert [(each["action"], each["status"]) for each in history] == [
        ("rollback", "deployed"),
        ("rollback", "rolled_back"),
        ("deploy", "rolled_back"),
        ("deploy", "replaced"),
        ("deploy", "replaced"),
    ]


def test_deleted_worker_is_gone_and_its_name_is_free(platform: Platform) -> None:
    name = unique("gone")
    url = deploy(platform, name, code=HELLO, secrets={"TOKEN": "t-1"})["url"]

    body = success_of(request(platform, "DELETE", f"/deploy/{name}"))

    assert (body["worker_name"], body["deleted"]) == (name, True)
    assert read(url)[0] == 404
    (row,) = platform.rows("deployments", request_id=body["request_id"])
    assert (row["action"], row["status"]) == ("delete", "deleted")
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rollback")):
        error_of(request(platform, method, f"/deploy/{name}{path}"), 404, "NOT_FOUND")
    deployment = deploy(platform, name, code=HELLO)
    assert "previous_version" not in deployment
    assert read(deployment["url"]) == (200, "hello undefined undefined")
