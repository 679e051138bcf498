"""sandbox-executor: `POST /github/commit`, against the emulator of GitHub; git itself tells what became of it."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.providers.hub import Hub
from tests.workers.sandbox import JSON, call
from tests.workers.shapes import error_of, success_of

FILE = {"path": "src/a.js", "content": "export {};\n"}


@pytest.fixture
def hub(emulators: Emulators) -> Iterator[Hub]:
    """Return a repository with a README."""
    hub = Hub(emulators)
    emulators.reset()
    yield hub
    hub.close()


@pytest.fixture
def empty(emulators: Emulators) -> Iterator[Hub]:
    """Return an empty repository."""
    hub = Hub(emulators, {})
    yield hub
    hub.close()


def body_of(hub: Hub, *files: JSON, **members: Any) -> JSON:
    return {"repo": hub.repo, "files": list(files) or [FILE], "message": "Add a file", **members}


def test_commit_is_visible_to_git_and_recorded_in_a_row(platform: Platform, hub: Hub) -> None:
    before = hub.head()
    files: list[JSON] = [
        FILE,
        {"path": "logo.png", "content": base64.b64encode(bytes(range(256))).decode(), "encoding": "base64"},
        {"path": "run.sh", "content": "#!/bin/sh\n", "executable": True},
        {"path": "README.md", "content": None},
    ]

    answer = success_of(
        call(platform, "/github/commit", body_of(hub, *files, message="Füll\n\nAll of it", project_id="project-1"))
    )

    made = answer["commit"]
    assert made == {"success": True, "sha": hub.head(), "url": made["url"], "branch": "main"}
    assert made["url"].endswith(f"/{hub.repo}/commit/{made['sha']}")
    assert hub.git("log", "-1", "--format=%P %s", "main") == f"{before} Füll"
    assert hub.files() == {"logo.png": "100644", "run.sh": "100755", "src/a.js": "100644"}
    assert hub.content("logo.png") == bytes(range(256))
    (row,) = platform.rows("commits", request_id=answer["request_id"])
    assert (row["repo"], row["branch"], row["message"], row["path_count"]) == (hub.repo, "main", "Füll", 4)
    assert (row["sha"], row["error_code"], row["project_id"]) == (made["sha"], None, "project-1")
    assert row["key_id"] in platform.all_powerful_key


def test_commit_to_a_new_branch_opens_a_pull_request(platform: Platform, hub: Hub) -> None:
    body = body_of(hub, branch="feature/a", create_branch=True, create_pr=True, pr_body="Why not")

    made = success_of(call(platform, "/github/commit", body))["commit"]

    assert hub.head("feature/a") == made["sha"]
    assert made["pr_url"].endswith(f"/{hub.repo}/pull/1")
    (pull,) = hub.call("GET", f"/repos/{hub.repo}/pulls")
    assert (pull["title"], pull["body"], pull["base"]["ref"]) == ("Add a file", "Why not", "main")


def test_pull_request_that_fails_is_reported_beside_the_commit(
    platform: Platform, hub: Hub, emulators: Emulators
) -> None:
    emulators.add_fault(
        "github", kind="status", status=403, message="Resource not accessible", method="POST", path_contains="/pulls"
    )

    answer = success_of(
        call(platform, "/github/commit", body_of(hub, branch="new", create_branch=True, create_pr=True))
    )

    made = answer["commit"]
    assert hub.head("new") == made["sha"]
    assert "pr_url" not in made
    assert (made["pr_error"]["status"], made["pr_error"]["error_code"]) == (403, "PROVIDER_AUTH_FAILED")
    assert "Resource not accessible" in made["pr_error"]["error"]
    (row,) = platform.rows("commits", request_id=answer["request_id"])
    assert (row["sha"], row["error_code"]) == (made["sha"], "PROVIDER_AUTH_FAILED")


def test_commit_when_the_repository_is_empty_then_it_begins(platform: Platform, empty: Hub) -> None:
    body = body_of(empty, FILE, {"path": "b", "content": "b"})

    made = success_of(call(platform, "/github/commit", body))["commit"]

    assert empty.head() == made["sha"]
    assert empty.files().keys() == {"src/a.js", "b"}


def test_commit_to_a_branch_that_has_moved_is_a_409(platform: Platform, hub: Hub, emulators: Emulators) -> None:
    emulators.add_fault("github", kind="slow_first_byte", seconds=2, method="POST", path_contains="/git/trees")

    with ThreadPoolExecutor() as threads:
        answer = threads.submit(call, platform, "/github/commit", body_of(hub))
        assert wait_for(lambda: "POST /git/trees" in hub.requests())
        moved = hub.put("other", b"x")

    error = error_of(answer.result(), 409, "CONFLICT")
    assert error["error"].endswith("has moved in the meantime; nothing was changed")
    assert hub.head() == moved
    (row,) = platform.rows("commits", request_id=error["request_id"])
    assert row["error_code"] == "CONFLICT"


def test_branch_when_it_exists_already_then_409(platform: Platform, hub: Hub) -> None:
    error = error_of(call(platform, "/github/commit", body_of(hub, create_branch=True)), 409, "CONFLICT")

    assert "already has a branch `main`" in error["error"]


@pytest.mark.parametrize(
    ("member", "text"),
    [
        ({"repo": "nothing"}, "repo must be in owner/repo format"),
        ({"files": []}, "files array is required"),
        ({"message": ""}, "message is required"),
    ],
)
def test_member_when_missing_then_its_text(platform: Platform, hub: Hub, member: JSON, text: str) -> None:
    answer = call(platform, "/github/commit", body_of(hub, **member))

    assert error_of(answer, 400, "INVALID_REQUEST")["error"] == text


@pytest.mark.parametrize(
    "path", ["../a", "/etc/passwd", ".git/config", "a/.GIT/x", "a\x00b", "C:/a", "a\\b", ".g\u200cit/x"]
)
def test_path_when_refused_then_400_and_github_is_not_asked(platform: Platform, hub: Hub, path: str) -> None:
    answer = call(platform, "/github/commit", body_of(hub, FILE, {"path": path, "content": "x"}))

    assert error_of(answer, 400, "INVALID_REQUEST")["details"]["fields"][0]["field"] == "files.1.path"
    assert hub.requests() == []


def test_file_when_it_is_not_there_then_it_cannot_be_deleted(platform: Platform, hub: Hub) -> None:
    answer = call(platform, "/github/commit", body_of(hub, FILE, {"path": "gone", "content": None}))

    assert "`gone` does not exist" in error_of(answer, 400, "INVALID_REQUEST")["error"]
    assert hub.files().keys() == {"README.md"}


def test_workflow_file_is_committed_only_where_allowed(platform: Platform, hub: Hub) -> None:
    body = body_of(hub, {"path": ".github/workflows/ci.yml", "content": "on: push\n"})

    error = error_of(call(platform, "/github/commit", body), 403, "FORBIDDEN")
    allowed = call(platform, "/github/commit", body, worker="sandbox-executor-with-workflows")

    assert "`ALLOW_WORKFLOW_FILES`" in error["error"]
    assert success_of(allowed)["commit"]["sha"] == hub.head()


def test_repository_when_not_on_the_list_then_403_and_a_row(platform: Platform, hub: Hub) -> None:
    answer = call(platform, "/github/commit", body_of(hub), worker="sandbox-executor-of-one-team")

    error = error_of(answer, 403, "FORBIDDEN")
    assert "`ALLOWED_REPOSITORIES`" in error["error"]
    assert hub.requests() == []
    (row,) = platform.rows("commits", request_id=error["request_id"])
    assert (row["sha"], row["error_code"]) == (None, "FORBIDDEN")


def test_token_when_there_is_none_then_500_says_so(platform: Platform, hub: Hub) -> None:
    answer = call(platform, "/github/commit", body_of(hub), worker="sandbox-executor-without-keys")

    assert error_of(answer, 500, "MISSING_CREDENTIALS")["error"].startswith("GitHub PAT not configured")


def test_key_without_the_scope_is_a_403_and_no_key_a_401(platform: Platform, hub: Hub) -> None:
    client = platform.client("sandbox-executor")
    key = platform.key("sandbox:execute", "sandbox:deploy")

    lacking = client.post("/github/commit", json=body_of(hub), headers={"Authorization": f"Bearer {key}"})
    nobody = client.post("/github/commit", json=body_of(hub))

    error_of(lacking, 403, "FORBIDDEN")
    error_of(nobody, 401, "UNAUTHORIZED")
    assert hub.requests() == []


def test_branch_when_missing_then_commit_failed_says_how(platform: Platform, hub: Hub) -> None:
    error = error_of(call(platform, "/github/commit", body_of(hub, branch="develop")), 502, "COMMIT_FAILED")

    assert "`create_branch`" in error["error"]
    assert error["details"] == {"provider": "github", "status": 404}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"status": 422, "message": "Cannot update this protected branch."}, (502, "COMMIT_FAILED")),
        ({"status": 401}, (502, "PROVIDER_AUTH_FAILED")),
        ({"status": 403, "message": "Resource not accessible by personal access token"}, (502, "PROVIDER_AUTH_FAILED")),
        ({"status": 429, "retry_after": 90}, (429, "PROVIDER_RATE_LIMIT")),
        ({"status": 403, "retry_after": 90, "message": "secondary rate limit"}, (429, "PROVIDER_RATE_LIMIT")),
    ],
)
def test_refusal_of_github_has_its_message_and_changes_nothing(
    platform: Platform, hub: Hub, emulators: Emulators, fault: JSON, expected: tuple[int, str]
) -> None:
    status, code = expected
    before = hub.head()
    emulators.add_fault("github", kind="status", method="PATCH", **fault)

    answer = call(platform, "/github/commit", body_of(hub))

    error = error_of(answer, status, code)
    assert fault.get("message", "") in error["error"]
    assert error["details"]["status"] == fault["status"]
    assert answer.headers.get("Retry-After") == ("90" if status == 429 else None)
    assert hub.head() == before
    (row,) = platform.rows("commits", request_id=error["request_id"])
    assert row["error_code"] == code
