"""Octokit, unchanged, against the GitHub emulator."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from setup import NODE
from tests.clients.repositories import GitHubRepository, create_repository, deletion, entry
from tests.emulators.process import Emulators

SCRIPT = Path(__file__).with_name("github_client.mjs")
CallOctokit = Callable[..., Any]


@pytest.fixture
def call_octokit(emulators: Emulators) -> CallOctokit:
    """Return a function that makes one call: `call_octokit("git.getRef", repository, ref="heads/main")`."""

    def call(name: str, repository: GitHubRepository, *, pat: str = "any", **parameters: Any) -> Any:
        owner, _, repo = repository.full_name.partition("/")
        calls = [[name, {"owner": owner, "repo": repo, **parameters}]]
        command = [str(NODE), str(SCRIPT), emulators.url_of("github"), pat, json.dumps(calls)]
        (result,) = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        return result.get("value", result)

    return call


def test_commit_when_octokit_creates_it_then_git_has_it(emulators: Emulators, call_octokit: CallOctokit) -> None:
    repository = create_repository(emulators)
    parent = call_octokit("git.getRef", repository, ref="heads/main")["object"]["sha"]
    base = call_octokit("git.getCommit", repository, commit_sha=parent)["tree"]["sha"]
    blob = call_octokit("git.createBlob", repository, content="aGVsbG8=", encoding="base64")["sha"]
    entries = [
        {"path": "src/a.txt", "mode": "100644", "type": "blob", "sha": blob},
        entry("run.sh", "#!/bin/sh\n", mode="100755"),
        deletion("README.md"),
    ]
    tree = call_octokit("git.createTree", repository, base_tree=base, tree=entries)["sha"]
    commit = call_octokit("git.createCommit", repository, message="Change", tree=tree, parents=[parent])["sha"]
    call_octokit("git.createRef", repository, ref="refs/heads/feature/one", sha=parent)
    moved = call_octokit("git.updateRef", repository, ref="heads/feature/one", sha=commit)
    pull = call_octokit("pulls.create", repository, title="One", head="feature/one", base="main")
    listed = call_octokit("git.getTree", repository, tree_sha=commit, recursive="1")["tree"]

    assert moved["object"]["sha"] == commit == repository.tip("feature/one")
    assert {item["path"]: item["mode"] for item in listed if item["type"] == "blob"} == {
        "run.sh": "100755",
        "src/a.txt": "100644",
    }
    assert repository.git("show", f"{commit}:src/a.txt") == "hello"
    assert (pull["number"], pull["head"]["sha"], pull["commits"]) == (1, commit, 1)
    assert repository.git("rev-parse", "refs/pull/1/head").strip() == commit


def test_empty_repository_when_a_file_is_put_then_a_branch(emulators: Emulators, call_octokit: CallOctokit) -> None:
    empty = create_repository(emulators, auto_init=False)

    refused = call_octokit("git.getRef", empty, ref="heads/main")["error"]
    put = call_octokit("repos.createOrUpdateFileContents", empty, path="a/b.txt", message="First", content="QQ==")
    read = call_octokit("repos.getContent", empty, path="a/b.txt")

    assert (refused["name"], refused["status"]) == ("HttpError", 409)
    assert empty.tip() == put["commit"]["sha"]
    assert read["content"] == "QQ==\n"


def test_octokit_when_refused_then_it_throws_the_reason(emulators: Emulators, call_octokit: CallOctokit) -> None:
    repository = create_repository(emulators)

    def error(name: str, **parameters: Any) -> tuple[int, str]:
        thrown = call_octokit(name, repository, **parameters)["error"]
        return thrown["status"], thrown["message"].partition(" - https://")[0]

    reference = {"ref": "refs/heads/main", "sha": repository.tip()}
    assert error("repos.get", pat="invalid") == (401, "Bad credentials")
    assert error("git.createBlob", pat="readonly", content="x") == (
        403,
        "Resource not accessible by personal access token",
    )
    assert error("git.getRef", ref="heads/absent") == (404, "Not Found")
    assert error("git.createRef", **reference) == (422, "Reference already exists")
    assert error("repos.get", pat="exhausted")[0] == 403
    emulators.add_fault("github", kind="status", status=429, retry_after=7)
    limited = call_octokit("repos.get", repository)["error"]
    assert (limited["status"], limited["headers"]["retry-after"]) == (429, "7")
