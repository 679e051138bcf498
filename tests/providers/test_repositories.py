"""Reading repositories, at the emulator of GitHub."""

import httpx2
import pytest

from electrons.context import Context
from electrons.errors import ProviderAuthError, ProviderRateLimitError, ProviderRejectedError
from electrons.providers.github.provider import GitHubProvider
from electrons.providers.github.repositories import (
    Branch,
    Tree,
    find_branch,
    find_entries,
    read_blob,
    read_commit,
    require_head,
)
from tests.providers.cases import create_context
from tests.providers.conftest import CreateHub

GITHUB = GitHubProvider()


async def read_tree(context: Context, github: GitHubProvider, repo: str, branch: str) -> Tree:
    return await read_commit(context, github, repo, await require_head(context, github, repo, branch))


FILES = {"README.md": b"# Tests\n", "src/a.py": b"A = 1\n", "src/deep/b.bin": b"\x00\xff"}


async def test_tree_has_files_and_folders_with_modes_and_sizes(create_hub: CreateHub) -> None:
    hub = create_hub(FILES)

    tree = await read_tree(hub.context(), GITHUB, hub.repo, "main")

    assert tree.head == hub.head()
    assert tree.sha == hub.git("rev-parse", "main^{tree}")
    assert {path: entry.size for path, entry in tree.files.items()} == {p: len(c) for p, c in FILES.items()}
    assert tree.entries["src"].mode == "040000"
    assert not tree.truncated


async def test_blob_when_read_then_its_bytes(create_hub: CreateHub) -> None:
    hub = create_hub(FILES)
    tree = await read_tree(hub.context(), GITHUB, hub.repo, "main")

    for path, content in FILES.items():
        assert await read_blob(hub.context(), GITHUB, hub.repo, tree.files[path].sha) == content


async def test_blob_when_larger_than_wanted_then_both_sizes_are_named(create_hub: CreateHub) -> None:
    hub = create_hub({"a": b"x" * 11})
    tree = await read_tree(hub.context(), GITHUB, hub.repo, "main")

    with pytest.raises(ProviderRejectedError, match="11 bytes: files of up to 10 "):
        await read_blob(hub.context(), GITHUB, hub.repo, tree.files["a"].sha, max_bytes=10)


async def test_tree_when_the_repository_is_empty_then_no_head(create_hub: CreateHub) -> None:
    hub = create_hub({})

    tree = await read_tree(hub.context(), GITHUB, hub.repo, "main")

    assert (tree.head, tree.entries) == (None, {})
    assert await find_branch(hub.context(), GITHUB, hub.repo, "main") == Branch(head=None, empty=True)


async def test_error_of_a_missing_branch_names_the_default_one(create_hub: CreateHub) -> None:
    hub = create_hub()

    with pytest.raises(ProviderRejectedError, match=r"has no branch `develop` .its default branch is `main`") as caught:
        await read_tree(hub.context(), GITHUB, hub.repo, "develop")

    assert caught.value.upstream_status == 404


async def test_error_of_a_missing_repository_says_so(create_hub: CreateHub) -> None:
    hub = create_hub()

    with pytest.raises(ProviderRejectedError, match="no repository `demo/nothing` that the token"):
        await read_tree(hub.context(), GITHUB, "demo/nothing", "main")


async def test_tree_when_truncated_then_folders_can_be_looked_into(create_hub: CreateHub) -> None:
    files = {f"{folder}/{number}": b"x" for folder in "abc" for number in range(3)}
    hub = create_hub(files, prefix="huge")
    tree = await read_tree(hub.context(), GITHUB, hub.repo, "main")
    hub.emulators.reset()

    entries = await find_entries(hub.context(), GITHUB, hub.repo, tree, ["c/2", "c/d/e", "f/g", "h"])

    assert tree.truncated
    assert "c/2" not in tree.entries
    assert entries.keys() == {"a", "b", "c", "c/0", "c/1", "c/2"}
    assert len(hub.requests()) == 2


async def test_folder_when_truncated_itself_then_that_is_said(create_hub: CreateHub) -> None:
    hub = create_hub({f"a/{number}": b"x" for number in range(6)}, prefix="huge")
    tree = await read_tree(hub.context(), GITHUB, hub.repo, "main")

    with pytest.raises(ProviderRejectedError, match=r"`a` of .* is too large"):
        await find_entries(hub.context(), GITHUB, hub.repo, tree, ["a/7"])


async def test_tree_when_the_token_is_wrong_or_used_up_then_so(create_hub: CreateHub) -> None:
    hub = create_hub()

    with pytest.raises(ProviderAuthError):
        await read_tree(hub.context("invalid-1"), GITHUB, hub.repo, "main")
    with pytest.raises(ProviderRateLimitError) as caught:
        await read_tree(hub.context("exhausted-1"), GITHUB, hub.repo, "main")

    assert caught.value.retry_after is not None


async def test_call_when_github_is_limited_for_a_moment_then_it_waits(create_hub: CreateHub) -> None:
    hub = create_hub()
    hub.emulators.add_fault("github", kind="status", status=403, message="secondary rate limit", retry_after=0.01)

    assert (await read_tree(hub.context(), GITHUB, hub.repo, "main")).head == hub.head()


async def test_empty_when_answered_409_then_asked_once() -> None:
    calls = 0

    def respond(_request: httpx2.Request) -> httpx2.Response:
        nonlocal calls
        calls += 1
        return httpx2.Response(409, json={"message": "Git Repository is empty."})

    assert (await find_branch(create_context(GITHUB, respond), GITHUB, "o/r", "main")).empty
    assert calls == 1
