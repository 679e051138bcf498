"""`/deploy`: what fails, what is undone then, and what is refused."""

from __future__ import annotations

import threading

import httpx2
import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.variants import PLANTED_SECRET
from tests.workers.deployments import constant, deploy, read, request, show, upload_elsewhere
from tests.workers.sandbox import call, unique
from tests.workers.shapes import error_of, success_of

pytestmark = pytest.mark.usefixtures("delete_deployed")


def test_code_that_does_not_start_leaves_the_previous_worker(platform: Platform) -> None:
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


def test_failure_of_workers_dev_deletes_a_new_worker(platform: Platform, emulators: Emulators) -> None:
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


def test_failed_undo_is_unconfirmed_until_the_next_deployment(platform: Platform, emulators: Emulators) -> None:
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


def test_account_without_a_subdomain_is_refused_before_upload(platform: Platform, emulators: Emulators) -> None:
    body = {"worker_name": unique("homeless"), "code": constant("one")}

    answer = call(platform, "/deploy", body, worker="sandbox-executor-without-a-subdomain")

    assert "subdomain" in error_of(answer, 502, "DEPLOYMENT_FAILED")["error"]
    assert not [each for each in emulators.requests("cloudflare") if each["method"] == "PUT"]


def test_worker_that_was_deployed_elsewhere_is_left_alone(platform: Platform, emulators: Emulators) -> None:
    name = unique("foreign")
    path = upload_elsewhere(emulators, name, constant("theirs"))

    answer = call(platform, "/deploy", {"worker_name": name, "code": constant("ours")})

    assert "did not deploy" in error_of(answer, 409, "CONFLICT")["error"]
    error_of(request(platform, "GET", f"/deploy/{name}"), 404, "NOT_FOUND")
    error_of(request(platform, "DELETE", f"/deploy/{name}"), 404, "NOT_FOUND")
    kept = httpx2.get(path, headers={"Authorization": "Bearer emulated"}, trust_env=False)
    assert "theirs" in kept.text


def test_worker_that_was_replaced_elsewhere_is_not_rolled_back(platform: Platform, emulators: Emulators) -> None:
    name = unique("changed")
    deploy(platform, name, code=constant("one"))
    deploy(platform, name, code=constant("two"))
    path = upload_elsewhere(emulators, name, constant("theirs"))

    assert show(platform, name)["status"] == "changed"
    error_of(request(platform, "POST", f"/deploy/{name}/rollback"), 409, "CONFLICT")

    httpx2.delete(path, headers={"Authorization": "Bearer emulated"}, trust_env=False).raise_for_status()
    assert show(platform, name)["status"] == "missing"
    success_of(request(platform, "DELETE", f"/deploy/{name}"))


def test_second_of_two_concurrent_deployments_is_refused(platform: Platform, emulators: Emulators) -> None:
    name, request_id = unique("twice"), unique("request")
    emulators.add_fault("cloudflare", kind="slow_first_byte", seconds=3, method="PUT", path_contains=f"/{name}")
    first: list[httpx2.Response] = []

    def send() -> None:
        body = {"worker_name": name, "code": constant("one")}
        first.append(call(platform, "/deploy", body, X_Request_ID=request_id))

    thread = threading.Thread(target=send)
    thread.start()
    assert platform.rows("deployments", request_id=request_id, status="pending")
    assert show(platform, name)["status"] == "pending"
    second = call(platform, "/deploy", {"worker_name": name, "code": constant("two")})
    thread.join()

    error_of(second, 409, "CONFLICT")
    assert read(success_of(first[0])["deployment"]["url"]) == (200, "one")
    assert [each["status"] for each in show(platform, name)["history"]] == ["deployed"]


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


def test_credentials_that_cloudflare_refuses_are_not_shown(platform: Platform) -> None:
    body = {"worker_name": unique("wrong"), "code": constant("one")}

    answer = call(platform, "/deploy", body, worker="sandbox-executor-with-a-wrong-token")

    error_of(answer, 502, "PROVIDER_AUTH_FAILED")
    assert PLANTED_SECRET not in answer.text + platform.logged()


def test_rate_limit_of_cloudflare_is_a_429_with_retry_after(platform: Platform, emulators: Emulators) -> None:
    name = unique("patient")
    emulators.add_fault(
        "cloudflare", kind="status", status=429, retry_after=60, method="GET", path_contains=f"/{name}/"
    )

    answer = call(platform, "/deploy", {"worker_name": name, "code": constant("one")})

    error_of(answer, 429, "PROVIDER_RATE_LIMIT")
    assert answer.headers["Retry-After"] == "60"


@pytest.mark.parametrize(("method", "path"), [("POST", ""), ("GET", "/x"), ("DELETE", "/x"), ("POST", "/x/rollback")])
def test_key_without_the_scope_is_a_403_and_no_key_a_401(platform: Platform, method: str, path: str) -> None:
    body = {"worker_name": "x", "code": constant("one")} if method == "POST" and not path else None
    key = platform.key("sandbox:execute", "sandbox:commit")
    client = platform.client("sandbox-executor")

    lacking = client.request(method, f"/deploy{path}", json=body, headers={"Authorization": f"Bearer {key}"})

    error_of(lacking, 403, "FORBIDDEN")
    error_of(client.request(method, f"/deploy{path}", json=body), 401, "UNAUTHORIZED")
