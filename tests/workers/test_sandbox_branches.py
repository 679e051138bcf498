"""`POST /execute` whose commit goes to a new branch, or is proposed as a pull request."""

from __future__ import annotations

import pytest

from tests.clients.repositories import GitHubRepository, create_repository
from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.sandbox import call, execute
from tests.workers.shapes import error_of

TASK = "Please rename the title to `A new title`"


@pytest.fixture
def repo(emulators: Emulators) -> GitHubRepository:
    """Return a new repository at the emulated GitHub."""
    made = create_repository(emulators)
    head = made.commit(
        {"path": "README.md", "mode": "100644", "type": "blob", "content": "# An old title\n"}, parent=made.tip()
    )
    made.send("PATCH", "/git/refs/heads/main", sha=head)
    return made


def test_new_branch_and_pull_request_leave_the_base_as_it_was(platform: Platform, repo: GitHubRepository) -> None:
    head = repo.tip()

    body = execute(
        platform,
        TASK,
        repo=repo.full_name,
        branch="new-title",
        commit=True,
        create_branch=True,
        create_pr=True,
        pr_title="A better title",
        pr_body="As asked.",
    )

    commit = body["commit"]
    assert (commit["success"], commit["branch"]) == (True, "new-title"), commit
    assert repo.tip() == head
    assert repo.tip("new-title") == commit["sha"]
    assert repo.git("show", "new-title:README.md") == "# A new title\n"
    (pull,) = repo.get("/pulls")
    assert commit["pr_url"] == pull["html_url"]
    assert (pull["title"], pull["body"], pull["base"]["ref"]) == ("A better title", "As asked.", "main")


def test_new_branch_begins_at_the_files_of_its_base(platform: Platform, repo: GitHubRepository) -> None:
    repo.send("POST", "/git/refs", ref="refs/heads/base", sha=repo.tip())
    head = repo.commit(
        {"path": "README.md", "mode": "100644", "type": "blob", "content": "# An old title\n\nOf the base.\n"},
        parent=repo.tip(),
    )
    repo.send("PATCH", "/git/refs/heads/base", sha=head)

    execute(
        platform,
        TASK,
        repo=repo.full_name,
        branch="new-title",
        base_branch="base",
        commit=True,
        create_branch=True,
    )

    assert repo.git("show", "new-title:README.md") == "# A new title\n\nOf the base.\n"
    assert repo.git("rev-parse", "new-title^").strip() == head


def test_branch_that_exists_is_refused_unpaid(platform: Platform, emulators: Emulators, repo: GitHubRepository) -> None:
    repo.send("POST", "/git/refs", ref="refs/heads/taken", sha=repo.tip())
    body = {"task": TASK, "repo": repo.full_name, "branch": "taken", "commit": True, "create_branch": True}

    error = error_of(call(platform, "/execute", body), 409, "CONFLICT")["error"]

    assert "already has a branch `taken`" in error
    assert emulators.requests("anthropic") == []


def test_pull_request_into_its_own_branch_is_refused_unpaid(
    platform: Platform, emulators: Emulators, repo: GitHubRepository
) -> None:
    body = {"task": TASK, "repo": repo.full_name, "commit": True, "create_pr": True}

    error = error_of(call(platform, "/execute", body), 400, "INVALID_REQUEST")["error"]

    assert "`create_pr` needs another `branch` than `main`" in error
    assert emulators.requests("anthropic") == []


def test_older_names_commit_to_the_repository(platform: Platform, repo: GitHubRepository) -> None:
    body = execute(
        platform, TASK, github_repo=repo.full_name, auto_commit=True, commitMessage="Rename the title", maxTokens=5
    )

    assert repo.git("log", "-1", "--format=%s", body["commit"]["sha"]).strip() == "Rename the title"
    assert len(body["result"]["metadata"]["warnings"]) == 1
    assert "`maxTokens`" in body["result"]["metadata"]["warnings"][0]
