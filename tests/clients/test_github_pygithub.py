"""PyGithub, unchanged, against the GitHub emulator."""

import base64
from collections.abc import Iterator

import github
import pytest
from github import Auth, GithubException, InputGitTreeElement

from tests.clients.repositories import create_repository
from tests.emulators.process import Emulators


@pytest.fixture
def client(emulators: Emulators) -> Iterator[github.Github]:
    with connect_client(emulators) as connected:
        yield connected


def connect_client(emulators: Emulators, pat: str = "any") -> github.Github:
    return github.Github(
        base_url=emulators.url_of("github"),
        auth=Auth.Token(pat),
        retry=None,
        seconds_between_requests=0,
        seconds_between_writes=0,
    )


def test_tree_when_read_then_it_has_the_files_and_their_content(client: github.Github) -> None:
    repository = client.get_repo("demo/hello-worker")
    tree = repository.get_git_tree("main", recursive=True)
    files = {item.path: item for item in tree.tree if item.type == "blob"}
    index = repository.get_git_blob(files["src/index.js"].sha)

    assert (repository.default_branch, client.get_user().login) == ("main", "demo")
    assert files["scripts/check.sh"].mode == "100755"
    assert b"export default" in base64.b64decode(index.content)
    assert repository.get_contents("src/index.js").decoded_content == base64.b64decode(index.content)  # type: ignore[union-attr]
    assert [branch.name for branch in repository.get_branches()] == ["main"]


def test_commit_when_it_changes_several_files_then_git_has_it(emulators: Emulators, client: github.Github) -> None:
    ours = create_repository(emulators)
    repository = client.get_repo(ours.full_name)
    parent = repository.get_branch("main").commit.commit
    blob = repository.create_git_blob(base64.b64encode(b"\0\1").decode(), "base64")
    tree = repository.create_git_tree(
        [
            InputGitTreeElement("data.bin", "100644", "blob", sha=blob.sha),
            InputGitTreeElement("run.sh", "100755", "blob", content="#!/bin/sh\n"),
            InputGitTreeElement("README.md", "100644", "blob", sha=None),
        ],
        parent.tree,
    )
    commit = repository.create_git_commit("Change", tree, [parent])
    reference = repository.create_git_ref("refs/heads/feature/one", parent.sha)
    reference.edit(commit.sha)
    pull = repository.create_pull(base="main", head="feature/one", title="One", body="Why")

    assert ours.git("ls-tree", "-r", "--format=%(objectmode) %(path)", "feature/one").splitlines() == [
        "100644 data.bin",
        "100755 run.sh",
    ]
    assert ours.git("log", "--format=%s", "feature/one").splitlines()[0] == "Change"
    assert (pull.number, pull.state, pull.head.sha, pull.changed_files) == (1, "open", commit.sha, 3)
    assert [found.title for found in repository.get_pulls(head="demo:feature/one")] == ["One"]
    assert {file.filename: file.status for file in repository.get_commit(commit.sha).files} == {
        "README.md": "removed",
        "data.bin": "added",
        "run.sh": "added",
    }
    pull.edit(state="closed")
    assert list(repository.get_pulls()) == []


def test_empty_repository_when_a_file_is_changed_then_commits(emulators: Emulators, client: github.Github) -> None:
    ours = create_repository(emulators, auto_init=False)
    repository = client.get_repo(ours.full_name)

    def blob_of(path: str) -> str:
        content = repository.get_contents(path)
        assert not isinstance(content, list)
        return content.sha

    with pytest.raises(GithubException, match="Git Repository is empty") as refused:
        repository.get_git_ref("heads/main")
    repository.create_file("a.txt", "First", "one")
    repository.update_file("a.txt", "Second", "two", blob_of("a.txt"))
    repository.delete_file("a.txt", "Third", blob_of("a.txt"))

    assert refused.value.status == 409
    assert ours.git("log", "--format=%s", "main") == "Third\nSecond\nFirst\n"


@pytest.mark.parametrize(
    ("token", "kind"),
    [
        ("invalid", github.BadCredentialsException),
        ("exhausted", github.RateLimitExceededException),
        ("stranger", github.UnknownObjectException),
    ],
)
def test_client_when_its_token_is_refused_then_its_own_error(
    emulators: Emulators, token: str, kind: type[GithubException]
) -> None:
    private = create_repository(emulators, private=True)

    with connect_client(emulators, token) as client, pytest.raises(kind):
        client.get_repo(private.full_name)


def test_client_when_a_call_is_refused_then_it_has_the_reason(emulators: Emulators, client: github.Github) -> None:
    repository = client.get_repo("demo/hello-worker")
    tip = repository.get_branch("main").commit

    with pytest.raises(GithubException, match="Reference already exists"):
        repository.create_git_ref("refs/heads/main", tip.sha)
    with pytest.raises(GithubException, match="No commits between main and main"):
        repository.create_pull(base="main", head="main", title="None")
    with pytest.raises(github.UnknownObjectException):
        repository.get_git_ref("heads/absent")
    emulators.add_fault("github", kind="status", status=403, retry_after=60)
    with pytest.raises(github.RateLimitExceededException, match="secondary rate limit"):
        repository.get_branch("main")
