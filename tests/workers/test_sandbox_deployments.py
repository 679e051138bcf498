"""`/deploy`: Workers that are really deployed, to the emulator of Cloudflare, and answer there."""

from __future__ import annotations

import json
import threading
from typing import Any

import httpx2
import pytest

from tests.emulators.process import Emulators
from tests.platform import PLANTED_SECRET, Platform
from tests.workers.sandbox import call, unique
from tests.workers.shapes import TIMESTAMP, error_of, success_of

JSON = dict[str, Any]

HELLO = "export default { fetch(request, env) { return new Response(`hello ${env.NAME} ${env.TOKEN}`) } }"
PYTHON = """
from workers import Response, WorkerEntrypoint
from words import greet

class Default(WorkerEntrypoint):
    async def fetch(self, request):
        return Response(greet(self.env.NAME))
"""


def constant(text: str) -> str:
    """A Worker that always answers the same."""
    return f"export default {{ fetch() {{ return new Response({json.dumps(text)}) }} }}"


def deploy(platform: Platform, name: str, **members: Any) -> JSON:
    """`deployment` of a successful `POST /deploy`."""
    body = success_of(call(platform, "/deploy", {"worker_name": name, **members}))
    deployment: JSON = body["deployment"]
    assert deployment["success"] is True
    assert deployment["worker_name"] == name
    assert TIMESTAMP.fullmatch(deployment["deployed_at"])
    return deployment


def request(platform: Platform, method: str, path: str, *, worker: str = "sandbox-executor") -> httpx2.Response:
    """A request without a body, with a key that may do everything."""
    headers = {"Authorization": f"Bearer {platform.all_powerful_key}"}
    return platform.client(worker).request(method, path, headers=headers)


def show(platform: Platform, name: str) -> JSON:
    """The body of a successful `GET /deploy/{name}`."""
    return success_of(request(platform, "GET", f"/deploy/{name}"))


def read(url: str) -> tuple[int, str]:
    """What the deployed Worker answers."""
    answer = httpx2.get(url, trust_env=False)
    return answer.status_code, answer.text


def test_code_when_deployed_then_it_answers_at_its_url_with_vars_and_secrets(platform: Platform) -> None:
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


def test_files_when_deployed_then_modules_and_texts_import_each_other(platform: Platform) -> None:
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


def test_worker_when_deployed_again_then_new_vars_and_the_secrets_of_before(platform: Platform) -> None:
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


def test_code_when_it_does_not_start_then_cloudflares_words_and_the_worker_of_before(platform: Platform) -> None:
    name = unique("broken")
    first = deploy(platform, name, code=constant("one"))

    answer = call(
        platform,
        "/deploy",
        {
            "worker_name": name,
            "code": "throw new Error('no: ' + 'hidden' + '-value')",
            "secrets": {"T": "hidden-value"},
        },
    )

    body = error_of(answer, 502, "DEPLOYMENT_FAILED")
    (error,) = body["details"]["errors"]
    assert error["code"] == 10021
    assert "no: ***" in error["message"] and "no: ***" in body["error"]
    assert body["error"].endswith("Nothing was changed")
    assert "hidden-value" not in answer.text + platform.logged()
    assert read(first["url"]) == (200, "one")
    (row,) = platform.rows("deployments", request_id=body["request_id"])
    assert (row["status"], row["error_code"]) == ("failed", "DEPLOYMENT_FAILED")
    assert show(platform, name)["version"] == first["version"]


def test_workers_dev_when_it_fails_then_a_new_worker_is_deleted_again(platform: Platform, emulators: Emulators) -> None:
    name = unique("undone")
    emulators.add_fault("cloudflare", kind="status", status=400, method="POST", path_contains=f"/{name}/subdomain")

    answer = call(platform, "/deploy", {"worker_name": name, "code": constant("one")})

    body = error_of(answer, 502, "DEPLOYMENT_FAILED")
    assert body["details"]["outcome"] == "restored"
    error_of(request(platform, "GET", f"/deploy/{name}"), 404, "NOT_FOUND")
    assert deploy(platform, name, code=constant("two"))["url"]


def test_upload_when_its_answer_is_lost_then_it_is_undone(platform: Platform, emulators: Emulators) -> None:
    name = unique("lost")
    first = deploy(platform, name, code=constant("one"))
    emulators.add_fault("cloudflare", kind="cut", after=0, method="PUT", path_contains=f"/{name}")

    answer = call(platform, "/deploy", {"worker_name": name, "code": constant("two")})

    body = error_of(answer, 502, "PROVIDER_UNREACHABLE")
    assert body["details"]["outcome"] == "restored"
    assert read(first["url"]) == (200, "one")
    uploads = [each for each in emulators.requests("cloudflare") if each["method"] == "PUT"]
    assert len(uploads) == 2


def test_undo_when_it_fails_too_then_unconfirmed_until_the_next_deployment(
    platform: Platform, emulators: Emulators
) -> None:
    name = unique("unsure")
    deploy(platform, name, code=constant("one"), workers_dev=False)
    for path in ("subdomain", "deployments"):
        emulators.add_fault("cloudflare", kind="status", status=400, method="POST", path_contains=f"/{name}/{path}")

    answer = call(platform, "/deploy", {"worker_name": name, "code": constant("two")})

    body = error_of(answer, 502, "DEPLOYMENT_FAILED")
    assert body["details"]["outcome"] == "unknown"
    (row,) = platform.rows("deployments", request_id=body["request_id"])
    assert row["status"] == "unconfirmed"
    assert show(platform, name)["status"] == "changed"
    error_of(request(platform, "POST", f"/deploy/{name}/rollback"), 409, "CONFLICT")
    assert read(deploy(platform, name, code=constant("three"))["url"]) == (200, "three")


def test_workers_dev_when_not_wanted_then_no_url_and_nobody_sees_it(platform: Platform) -> None:
    name = unique("hidden")
    url = deploy(platform, name, code=constant("one"))["url"]

    deployment = deploy(platform, name, code=constant("two"), workers_dev=False)

    assert "url" not in deployment
    assert read(url)[0] == 404


def test_account_when_it_has_no_subdomain_then_refused_before_the_upload(
    platform: Platform, emulators: Emulators
) -> None:
    body = {"worker_name": unique("homeless"), "code": constant("one")}

    answer = call(platform, "/deploy", body, worker="sandbox-executor-without-a-subdomain")

    assert "subdomain" in error_of(answer, 502, "DEPLOYMENT_FAILED")["error"]
    assert not [each for each in emulators.requests("cloudflare") if each["method"] == "PUT"]


def test_rollback_when_there_are_versions_then_one_step_back_each_time(platform: Platform) -> None:
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


def test_worker_when_deleted_then_it_is_gone_and_its_name_is_free(platform: Platform) -> None:
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


def test_worker_when_somebody_else_deployed_it_then_it_is_left_alone(platform: Platform, emulators: Emulators) -> None:
    name = unique("foreign")
    path = put_behind_our_back(emulators, name, constant("theirs"))

    answer = call(platform, "/deploy", {"worker_name": name, "code": constant("ours")})

    assert "did not deploy" in error_of(answer, 409, "CONFLICT")["error"]
    error_of(request(platform, "GET", f"/deploy/{name}"), 404, "NOT_FOUND")
    error_of(request(platform, "DELETE", f"/deploy/{name}"), 404, "NOT_FOUND")
    kept = httpx2.get(path, headers={"Authorization": "Bearer emulated"}, trust_env=False)
    assert "theirs" in kept.text


def test_worker_when_somebody_else_replaced_it_then_that_shows_and_is_not_rolled_back(
    platform: Platform, emulators: Emulators
) -> None:
    name = unique("changed")
    deploy(platform, name, code=constant("one"))
    deploy(platform, name, code=constant("two"))
    path = put_behind_our_back(emulators, name, constant("theirs"))

    assert show(platform, name)["status"] == "changed"
    error_of(request(platform, "POST", f"/deploy/{name}/rollback"), 409, "CONFLICT")

    httpx2.delete(path, headers={"Authorization": "Bearer emulated"}, trust_env=False).raise_for_status()
    assert show(platform, name)["status"] == "missing"
    success_of(request(platform, "DELETE", f"/deploy/{name}"))


def put_behind_our_back(emulators: Emulators, name: str, code: str) -> str:
    """Uploads a Worker as wrangler would; gives its URL in the API."""
    path = f"{emulators.url_of('cloudflare')}/accounts/{'0' * 32}/workers/scripts/{name}"
    metadata = json.dumps({"main_module": "index.js", "compatibility_date": "2026-10-01"})
    files = [
        ("metadata", (None, metadata, "application/json")),
        ("index.js", ("index.js", code, "application/javascript+module")),
    ]
    headers = {"Authorization": "Bearer emulated"}
    httpx2.put(path, headers=headers, files=files, trust_env=False, timeout=30).raise_for_status()
    return path


def test_deployments_when_two_come_at_once_then_one_waits_for_its_turn(
    platform: Platform, emulators: Emulators
) -> None:
    name = unique("twice")
    deploy(platform, name, code=constant("zero"))
    emulators.add_fault("cloudflare", kind="slow_first_byte", seconds=1, method="PUT", path_contains=f"/{name}")
    answers: list[httpx2.Response] = []

    def send(code: str) -> None:
        answers.append(call(platform, "/deploy", {"worker_name": name, "code": code}))

    threads = [threading.Thread(target=send, args=[constant(text)]) for text in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    assert [each["status"] for each in show(platform, name)["history"]].count("deployed") == 1


@pytest.mark.parametrize("name", ["text-gen", "sandbox-executor", "rate-limiter"])
def test_name_when_it_is_one_of_the_platforms_own_then_403(platform: Platform, name: str) -> None:
    answer = call(platform, "/deploy", {"worker_name": name, "code": constant("mine")})

    assert "`ALLOWED_WORKER_PREFIXES`" in error_of(answer, 403, "FORBIDDEN")["error"]
    error_of(request(platform, "DELETE", f"/deploy/{name}"), 403, "FORBIDDEN")


def test_name_when_the_allowlist_does_not_have_it_then_403(platform: Platform) -> None:
    body = {"worker_name": unique("other"), "code": constant("one")}

    error_of(call(platform, "/deploy", body, worker="sandbox-executor-of-one-team"), 403, "FORBIDDEN")
    body["worker_name"] = unique("team")
    success_of(call(platform, "/deploy", body, worker="sandbox-executor-of-one-team"))


@pytest.mark.parametrize("name", ["Upper", "a_b", "a" * 64, "-a"])
def test_name_when_it_is_no_name_then_400(platform: Platform, name: str) -> None:
    body = error_of(call(platform, "/deploy", {"worker_name": name, "code": constant("one")}), 400, "INVALID_REQUEST")

    assert body["details"]["fields"][0]["field"] == "worker_name"
    error_of(request(platform, "GET", f"/deploy/{name}"), 400, "INVALID_REQUEST")


def test_credentials_when_they_are_missing_then_500_says_so(platform: Platform) -> None:
    body = {"worker_name": unique("poor"), "code": constant("one")}

    answer = call(platform, "/deploy", body, worker="sandbox-executor-without-keys")

    assert "Cloudflare credentials not configured" in error_of(answer, 500, "MISSING_CREDENTIALS")["error"]


def test_credentials_when_cloudflare_refuses_them_then_502_and_they_are_not_seen(platform: Platform) -> None:
    body = {"worker_name": unique("wrong"), "code": constant("one")}

    answer = call(platform, "/deploy", body, worker="sandbox-executor-with-a-wrong-token")

    error_of(answer, 502, "PROVIDER_AUTH_FAILED")
    assert PLANTED_SECRET not in answer.text + platform.logged()


def test_cloudflare_when_it_asks_for_patience_then_429_with_its_pause(platform: Platform, emulators: Emulators) -> None:
    name = unique("patient")
    emulators.add_fault(
        "cloudflare", kind="status", status=429, retry_after=60, method="GET", path_contains=f"/{name}/"
    )

    answer = call(platform, "/deploy", {"worker_name": name, "code": constant("one")})

    error_of(answer, 429, "PROVIDER_RATE_LIMIT")
    assert answer.headers["Retry-After"] == "60"


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("GET", "/x"), ("DELETE", "/x"), ("POST", "/x/rollback")])
def test_key_when_it_lacks_the_scope_then_403_and_without_one_401(platform: Platform, method: str, path: str) -> None:
    body = {"worker_name": "x", "code": constant("one")} if method == "POST" and not path else None
    key = platform.key("sandbox:execute", "sandbox:commit")
    client = platform.client("sandbox-executor")

    lacking = client.request(method, f"/deploy{path}", json=body, headers={"Authorization": f"Bearer {key}"})

    error_of(lacking, 403, "FORBIDDEN")
    error_of(client.request(method, f"/deploy{path}", json=body), 401, "UNAUTHORIZED")
