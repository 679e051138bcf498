"""githubkit, unchanged, against the GitHub emulator: its models require every field that GitHub documents."""

import base64
from collections.abc import Iterator
from typing import Any

import pytest
from githubkit import GitHub, TokenAuthStrategy
from githubkit.exception import PrimaryRateLimitExceeded, RequestFailed, SecondaryRateLimitExceeded

from tests.clients.repositories import create_repository, deletion, entry
from tests.emulators.process import Emulators

Client = GitHub[TokenAuthStrategy]


@pytest.fixture
def client(emulators: Emulators) -> Iterator[Client]:
    with connect_client(emulators) as connected:
        yield connected


def connect_client(emulators: Emulators, pat: str = "any") -> Client:
    base_url = emulators.url_of("github")
    return GitHub(TokenAuthStrategy(pat), base_url=base_url, auto_retry=False, http_cache=False, trust_env=False)


def test_commit_when_it_changes_several_files_then_git_has_it(emulators: Emulators, client: Client) -> None:
    repository = create_repository(emulators)
    owner, _, repo = repository.full_name.partition("/")
    git, pulls = client.rest.git, client.rest.pulls
    parent = git.get_ref(owner, repo, "heads/main").parsed_data.object_.sha
    base = git.get_commit(owner, repo, parent).parsed_data.tree.sha
    content = base64.b64encode(b"\0\1").decode()
    blob = git.create_blob(owner, repo, content=content, encoding="base64").parsed_data.sha
    entries: list[Any] = [
        {"path": "data.bin", "mode": "100644", "type": "blob", "sha": blob},
        entry("run.sh", "#!/bin/sh\n", mode="100755"),
        deletion("README.md"),
    ]
    tree = git.create_tree(owner, repo, base_tree=base, tree=entries).parsed_data.sha
    commit = git.create_commit(owner, repo, message="Change", tree=tree, parents=[parent]).parsed_data
    git.create_ref(owner, repo, ref="refs/heads/feature/one", sha=parent)
    git.update_ref(owner, repo, "heads/feature/one", sha=commit.sha)
    pull = pulls.create(owner, repo, title="One", head="feature/one", base="main").parsed_data
    listed = git.get_tree(owner, repo, commit.sha, recursive="1").parsed_data

    assert repository.tip("feature/one") == commit.sha
    assert [(item.path, item.mode) for item in listed.tree] == [("data.bin", "100644"), ("run.sh", "100755")]
    assert git.get_blob(owner, repo, blob).parsed_data.content == f"{content}\n"
    assert (pull.number, pull.head.sha, pull.changed_files) == (1, commit.sha, 3)
    assert pulls.list(owner, repo).parsed_data[0].title == "One"
    assert repository.git("log", "--format=%s", "-1", "feature/one") == "Change\n"


def test_objects_when_read_then_they_have_all_required_fields(client: Client) -> None:
    owner_and_name = ("demo", "hello-worker")
    repository = client.rest.repos.get(*owner_and_name).parsed_data
    branch = client.rest.repos.get_branch(*owner_and_name, repository.default_branch).parsed_data
    commit = client.rest.repos.get_commit(*owner_and_name, "main").parsed_data

    assert repository.full_name == "demo/hello-worker"
    assert branch.commit.sha == commit.sha
    assert commit.files and commit.files[-1].filename == "src/index.js"
    assert [item.name for item in client.rest.repos.list_branches(*owner_and_name).parsed_data] == ["main"]
    assert client.rest.repos.list_commits(*owner_and_name).parsed_data[0].commit.message == "Greet"
    assert client.rest.users.get_authenticated().parsed_data.login == "demo"
    assert client.rest.rate_limit.get().parsed_data.resources.core.limit == 5000


def test_empty_repository_when_a_file_is_put_then_a_branch(emulators: Emulators, client: Client) -> None:
    name = "githubkit-empty"
    client.rest.repos.create_for_authenticated_user(name=name)

    put = client.rest.repos.create_or_update_file_contents("demo", name, "a.txt", message="First", content="QQ==")

    assert client.rest.git.get_ref("demo", name, "heads/main").parsed_data.object_.sha == put.parsed_data.commit.sha


def test_client_when_refused_then_it_raises_its_own_error(emulators: Emulators, client: Client) -> None:
    repository = create_repository(emulators)
    owner, _, repo = repository.full_name.partition("/")

    with pytest.raises(RequestFailed) as clash:
        client.rest.git.create_ref(owner, repo, ref="refs/heads/main", sha=repository.tip())
    with connect_client(emulators, "invalid") as stranger, pytest.raises(RequestFailed) as unknown:
        stranger.rest.repos.get(owner, repo)
    with connect_client(emulators, "exhausted") as exhausted, pytest.raises(PrimaryRateLimitExceeded):
        exhausted.rest.repos.get(owner, repo)
    emulators.add_fault("github", kind="status", status=429, retry_after=60)
    with pytest.raises(SecondaryRateLimitExceeded) as limited:
        client.rest.repos.get(owner, repo)

    assert (clash.value.response.status_code, unknown.value.response.status_code) == (422, 401)
    assert limited.value.retry_after.total_seconds() == 60
