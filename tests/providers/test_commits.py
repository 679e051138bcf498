"""Commits, at the emulator of GitHub; git itself tells what became of them."""

from typing import Any

import httpx2
import pytest

from electrons.errors import ConflictError, ProviderError, ProviderRejectedError, RequestError
from electrons.providers.github.commits import FileChange, Target, commit_files, find_mode
from electrons.providers.github.provider import FILE_MODE, LINK_MODE, GitCommit, GitHubProvider, TreeEntry
from tests.providers.cases import create_context
from tests.providers.conftest import CreateHub
from tests.providers.hub import Hub

GITHUB = GitHubProvider()

BINARY = bytes(range(256))


def write(path: str, content: bytes = b"new\n", *, executable: bool | None = None) -> FileChange:
    return FileChange(path=path, content=content, executable=executable)


def delete(path: str) -> FileChange:
    return FileChange(path=path, content=None)


class Meanwhile(httpx2.AsyncBaseTransport):
    """Somebody else commits right before the branch is moved."""

    def __init__(self, transport: httpx2.AsyncBaseTransport, hub: Hub) -> None:
        self._transport, self._hub = transport, hub

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "PATCH":
            self._hub.put("other", b"x")
        return await self._transport.handle_async_request(request)


async def commit(hub: Hub, *changes: FileChange, message: str = "Change", **target: Any) -> GitCommit:
    wanted = Target(repo=hub.repo, **{"branch": "main", **target})
    return await commit_files(hub.context(max_retries=0), GITHUB, wanted, changes, message=message)


async def test_commit_has_all_files_and_the_head_as_its_parent(create_hub: CreateHub) -> None:
    hub = create_hub({"README.md": b"# Tests\n", "old.txt": b"old\n"})
    before = hub.head()

    made = await commit(
        hub,
        write("README.md", b"# Changed\n"),
        write("src/ü b.py", "A = 'ä'\n".encode()),
        write("logo.bin", BINARY),
        write("empty", b""),
        write("nul.txt", b"a\0b"),
        delete("old.txt"),
        message="Füll\n\nAll of it",
    )

    assert hub.head() == made.sha
    assert hub.git("log", "-1", "--format=%P", "main") == before
    assert hub.git("log", "-1", "--format=%B", "main").strip() == "Füll\n\nAll of it"
    assert made.url.endswith(f"/{hub.repo}/commit/{made.sha}")
    assert set(hub.git("ls-tree", "-r", "-z", "--name-only", "main").strip("\0").split("\0")) == {
        "README.md", "src/ü b.py", "logo.bin", "empty", "nul.txt",
    }  # fmt: skip
    assert hub.content("README.md") == b"# Changed\n"
    assert hub.content("src/ü b.py") == "A = 'ä'\n".encode()
    assert hub.content("logo.bin") == BINARY
    assert hub.content("empty") == b""
    assert hub.content("nul.txt") == b"a\0b"


async def test_commit_of_text_needs_one_call_for_its_content(create_hub: CreateHub) -> None:
    hub = create_hub()
    hub.emulators.reset()

    await commit(hub, *(write(f"{number}.txt") for number in range(40)))

    posts = [line for line in hub.requests() if not line.startswith("GET")]
    assert posts == ["POST /git/trees", "POST /git/commits", "PATCH /git/refs/heads/main"]


async def test_modes_are_kept_unless_the_change_has_one(create_hub: CreateHub) -> None:
    hub = create_hub()
    await commit(hub, write("run.sh", executable=True), write("plain.txt"))

    await commit(hub, write("run.sh", b"#!/bin/sh\n"), write("plain.txt", b"2"), write("bin", BINARY, executable=True))
    kept = hub.files()
    await commit(hub, write("run.sh", b"#!/bin/sh\n", executable=False))

    assert (kept["run.sh"], kept["plain.txt"], kept["bin"]) == ("100755", "100644", "100755")
    assert hub.files()["run.sh"] == "100644"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (delete("gone.txt"), "`gone.txt` does not exist, so it cannot be deleted"),
        (delete("src"), "`src` is a folder in the repository"),
        (write("src"), "`src` is a folder in the repository"),
        (write("README.md/x"), "`README.md/x` is in `README.md`, which is not a folder"),
        (delete("README.md/x"), "`README.md/x` is in `README.md`, which is not a folder"),
        (write("README.md", b"# Tests\n"), "Nothing to commit"),
    ],
)
async def test_impossible_change_writes_nothing(create_hub: CreateHub, change: FileChange, problem: str) -> None:
    hub = create_hub({"README.md": b"# Tests\n", "src/a": b"a"})
    before = hub.head()
    hub.emulators.reset()

    with pytest.raises(RequestError) as caught:
        await commit(hub, change)

    assert type(caught.value) is RequestError
    assert problem in caught.value.message
    assert hub.head() == before
    assert {line.split()[0] for line in hub.requests()} == {"GET"}


async def test_commit_finds_paths_in_a_truncated_tree(create_hub: CreateHub) -> None:
    hub = create_hub({f"{folder}/{number}": b"x" for folder in "abc" for number in range(3)}, prefix="huge")

    await commit(hub, delete("c/2"), write("c/1"), write("d/e/f"))

    assert len(hub.files()) == 9
    assert hub.content("c/1") == b"new\n"
    with pytest.raises(RequestError, match="`c/2` does not exist"):
        await commit(hub, delete("c/2"))


async def test_branch_when_created_then_it_begins_at_the_default_one(create_hub: CreateHub) -> None:
    hub = create_hub()

    made = await commit(hub, write("a"), branch="feature/a", create=True)

    assert hub.head("feature/a") == made.sha
    assert hub.git("rev-parse", f"{made.sha}^") == hub.head()
    assert "a" not in hub.files()


async def test_branch_when_created_from_another_then_it_begins_there(create_hub: CreateHub) -> None:
    hub = create_hub()
    hub.branch("base", sha=hub.head())
    hub.put("later", b"x", branch="base")

    await commit(hub, write("a"), branch="new", create=True, base="base")

    assert hub.files("new").keys() == {"README.md", "later", "a"}


async def test_branch_when_it_exists_already_then_conflict(create_hub: CreateHub) -> None:
    hub = create_hub()

    with pytest.raises(ConflictError, match="already has a branch `main`"):
        await commit(hub, write("a"), create=True)


async def test_branch_when_missing_then_the_text_says_how(create_hub: CreateHub) -> None:
    hub = create_hub()

    with pytest.raises(ProviderRejectedError, match=r"no branch `develop`.*`create_branch` creates"):
        await commit(hub, write("a"), branch="develop")


async def test_unexpected_head_is_a_conflict(create_hub: CreateHub) -> None:
    hub = create_hub()
    expected = hub.head()
    moved = hub.put("other", b"x")

    with pytest.raises(ConflictError, match="has moved in the meantime; nothing was changed"):
        await commit(hub, write("a"), expected_head=expected)

    assert hub.head() == moved
    await commit(hub, write("a"), expected_head=moved)


async def test_branch_that_moves_during_the_commit_is_a_conflict(
    create_hub: CreateHub,
) -> None:
    hub = create_hub()
    context = hub.context()
    context.http = Meanwhile(context.http, hub)

    with pytest.raises(ConflictError, match="has moved in the meantime; nothing was changed"):
        await commit_files(context, GITHUB, Target(repo=hub.repo, branch="main"), [write("a")], message="m")

    assert hub.files().keys() == {"README.md", "other"}


async def test_empty_repository_when_one_file_then_one_commit(create_hub: CreateHub) -> None:
    hub = create_hub({})

    made = await commit(hub, write("a.txt", BINARY), message="Begin")

    assert hub.git("log", "--format=%H %s", "main") == f"{made.sha} Begin"
    assert hub.content("a.txt") == BINARY


@pytest.mark.parametrize("create", [False, True])
async def test_empty_repository_when_several_files_then_two_commits(create_hub: CreateHub, create: bool) -> None:
    hub = create_hub({})

    made = await commit(hub, write("run", executable=True), write("b"), write("c"), message="All", create=create)

    assert hub.git("log", "--format=%s", "main").splitlines() == ["All", "Initial commit"]
    assert hub.head() == made.sha
    assert hub.files() == {"run": "100755", "b": "100644", "c": "100644"}


async def test_only_file_of_an_empty_repository_can_be_executable(create_hub: CreateHub) -> None:
    hub = create_hub({})

    await commit(hub, write("run", executable=True))

    assert hub.files() == {"run": "100755"}


async def test_deletion_in_an_empty_repository_leaves_it_empty(create_hub: CreateHub) -> None:
    hub = create_hub({})

    with pytest.raises(RequestError, match="`a` does not exist"):
        await commit(hub, delete("a"), write("b"))
    with pytest.raises(RequestError, match="is empty, so no branch can start at `main`"):
        await commit(hub, write("b"), branch="new", create=True, base="main")

    assert hub.git("for-each-ref") == ""


async def test_error_of_the_second_commit_names_the_first(create_hub: CreateHub) -> None:
    hub = create_hub({})
    hub.emulators.add_fault("github", kind="status", status=500, path_contains="/git/trees", method="POST")

    with pytest.raises(ProviderError) as caught:
        await commit(hub, write("a"), write("b"))

    assert f"its first commit {hub.head()} remains" in caught.value.message


@pytest.mark.parametrize("kind", ["cut", "broken_json"])
@pytest.mark.parametrize(("method", "path"), [("PATCH", "/git/refs/"), ("PUT", "/contents/")])
async def test_lost_response_is_replaced_by_a_look_at_the_branch(
    create_hub: CreateHub, kind: str, method: str, path: str
) -> None:
    hub = create_hub({} if method == "PUT" else {"README.md": b"x"})
    hub.emulators.add_fault("github", kind=kind, method=method, path_contains=path)

    made = await commit(hub, write("a"))

    assert hub.head() == made.sha


async def test_lost_response_is_replaced_for_a_new_branch(create_hub: CreateHub) -> None:
    hub = create_hub()
    hub.emulators.add_fault("github", kind="cut", method="POST", path_contains="/git/refs")

    made = await commit(hub, write("a"), branch="new", create=True)

    assert hub.head("new") == made.sha


@pytest.mark.parametrize("status", [500, 502])
async def test_error_of_moving_the_branch_says_what_to_check(create_hub: CreateHub, status: int) -> None:
    hub = create_hub()
    before = hub.head()
    hub.emulators.add_fault("github", kind="status", status=status, method="PATCH")

    with pytest.raises(ProviderError) as caught:
        await commit(hub, write("a"))

    assert "Check whether `main` has the commit" in caught.value.message
    assert hub.head() == before


async def test_branch_when_github_fails_once_then_it_is_asked_again(create_hub: CreateHub) -> None:
    hub = create_hub()
    hub.emulators.add_fault("github", kind="status", status=502, method="PATCH")

    made = await commit_files(hub.context(), GITHUB, Target(repo=hub.repo, branch="main"), [write("a")], message="m")

    assert hub.head() == made.sha


async def test_branch_when_protected_then_githubs_own_words(create_hub: CreateHub) -> None:
    hub = create_hub()
    words = "Cannot update this protected branch."
    hub.emulators.add_fault("github", kind="status", status=422, message=words, method="PATCH")

    with pytest.raises(ProviderRejectedError) as caught:
        await commit(hub, write("a"))

    assert caught.value.message == f"GitHub rejected the request: {words}"


async def test_slow_response_is_replaced_by_a_look_at_the_branch(
    create_hub: CreateHub,
) -> None:
    hub = create_hub()
    hub.emulators.add_fault("github", kind="slow_first_byte", seconds=5, method="PATCH")
    context = hub.context(idle_timeout_seconds=0.5)

    made = await commit_files(context, GITHUB, Target(repo=hub.repo, branch="main"), [write("a")], message="m")

    assert hub.head() == made.sha


@pytest.mark.parametrize(("status", "landed"), [("ahead", True), ("diverged", False)])
async def test_commit_that_others_built_on_counts_as_made(status: str, landed: bool) -> None:
    heads = iter(["a" * 40, "f" * 40])
    commit_answer = {"sha": "c" * 40, "tree": {"sha": "d" * 40}, "html_url": "https://github.example/c"}
    answers = {
        "GET /repos/o/r/git/commits/" + "a" * 40: commit_answer,
        "GET /repos/o/r/git/trees/" + "d" * 40: {"tree": []},
        "POST /repos/o/r/git/trees": {"sha": "e" * 40},
        "POST /repos/o/r/git/commits": commit_answer,
        f"GET /repos/o/r/compare/{'c' * 40}...{'f' * 40}": {"status": status},
    }

    def respond(request: httpx2.Request) -> httpx2.Response:
        line = f"{request.method} {request.url.path}"
        if line == "GET /repos/o/r/git/ref/heads/main":
            return httpx2.Response(200, json={"object": {"sha": next(heads)}})
        if request.method == "PATCH":
            return httpx2.Response(422, json={"message": "Update is not a fast forward"})
        return httpx2.Response(200, json=answers[line])

    target = Target(repo="o/r", branch="main")
    work = commit_files(create_context(GITHUB, respond), GITHUB, target, [write("a")], message="m")

    if landed:
        assert (await work).sha == "c" * 40
        return
    with pytest.raises(ConflictError):
        await work


def test_mode_when_a_link_gets_content_then_it_becomes_a_file() -> None:
    assert find_mode(write("link"), TreeEntry(LINK_MODE, "a" * 40)) == FILE_MODE
