"""Read a repository: the head of a branch, its tree, and the content of a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from electrons.context import Context
from electrons.errors import ProviderRejectedError
from electrons.providers.github.provider import FOLDER_MODE, GitHubProvider, TreeEntry
from electrons.upstream.client import call_provider

BLOB_LIMIT = 1024 * 1024
"""Bytes of a file that are read, unless the caller says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """A branch. `head` is its commit, None if there is no such branch, or if the repository is `empty`."""

    head: str | None
    empty: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """The files of a branch. `head` is its commit, None in an empty repository, and `sha` that commit's tree.

    A `truncated` tree is larger than GitHub lists at once (100,000 entries, 7 MB): a path that is not in `entries` may
    exist nevertheless.
    """

    head: str | None
    sha: str | None = None
    entries: dict[str, TreeEntry] = field(default_factory=dict)
    truncated: bool = False

    @property
    def files(self) -> dict[str, TreeEntry]:
        """Return the entries that have content, by path."""
        return {path: entry for path, entry in self.entries.items() if entry.is_file}


async def find_branch(context: Context, github: GitHubProvider, repo: str, branch: str) -> Branch:
    """Return the branch. A repository that does not exist looks like a branch that does not."""
    try:
        return Branch(
            head=await call_provider(context, github, github.build_ref_lookup(repo, branch), github.parse_ref)
        )
    except ProviderRejectedError as error:
        if error.upstream_status == 409:
            return Branch(head=None, empty=True)
        if error.upstream_status == 404:
            return Branch(head=None)
        raise


async def find_default_branch(context: Context, github: GitHubProvider, repo: str) -> str:
    """Return the repository's default branch. Raises `ProviderRejectedError` for one that the token cannot see."""
    try:
        return await call_provider(context, github, github.build_repository_lookup(repo), github.parse_default_branch)
    except ProviderRejectedError as error:
        if error.upstream_status != 404:
            raise
        raise _not_found(
            github, f"GitHub has no repository `{repo}` that the token of this deployment can see"
        ) from error


async def require_head(
    context: Context, github: GitHubProvider, repo: str, branch: str, *, advice: str = ""
) -> str | None:
    """Return the commit of a branch, None in an empty repository.

    Raises `ProviderRejectedError` if there is no such branch, with `advice` at the end of its message.
    """
    found = await find_branch(context, github, repo, branch)
    if found.head is None and not found.empty:
        default = await find_default_branch(context, github, repo)
        raise _not_found(github, f"`{repo}` has no branch `{branch}` (its default branch is `{default}`){advice}")
    return found.head


async def read_commit(context: Context, github: GitHubProvider, repo: str, head: str | None) -> Tree:
    """Read all paths of a commit; None is an empty repository."""
    if head is None:
        return Tree(head=None)
    commit = await call_provider(context, github, github.build_commit_lookup(repo, head), github.parse_commit)
    request = github.build_tree_lookup(repo, commit.tree, recursive=True)
    entries, truncated = await call_provider(context, github, request, github.parse_tree)
    return Tree(head=head, sha=commit.tree, entries=entries, truncated=truncated)


async def find_entries(
    context: Context, github: GitHubProvider, repo: str, tree: Tree, paths: Iterable[str]
) -> dict[str, TreeEntry]:
    """Return the entries of a tree, including all of these paths that exist and the folders that they are in.

    In a truncated tree they are looked up, one folder after the other.
    """
    if not tree.truncated or tree.sha is None:
        return tree.entries
    entries: dict[str, TreeEntry] = {}
    shas = {"": tree.sha}
    for folder in ["", *sorted({folder for path in paths for folder in list_folders(path)})]:
        if folder not in shas:
            continue  # there is no such folder, so there are no paths in it
        request = github.build_tree_lookup(repo, shas[folder], recursive=False)
        found, truncated = await call_provider(context, github, request, github.parse_tree)
        if truncated:
            raise _not_found(github, f"The folder `{folder or '/'}` of `{repo}` is too large for GitHub to list")
        prefix = f"{folder}/" if folder else ""
        entries |= {prefix + name: entry for name, entry in found.items()}
        shas |= {prefix + name: entry.sha for name, entry in found.items() if entry.mode == FOLDER_MODE}
    return entries


async def read_blob(
    context: Context, github: GitHubProvider, repo: str, sha: str, *, max_bytes: int = BLOB_LIMIT
) -> bytes:
    """Return the content of a file. Raises `ProviderRejectedError` if it is larger; see `TreeEntry.size` before."""
    content = await call_provider(context, github, github.build_blob_lookup(repo, sha), github.parse_blob)
    if len(content) > max_bytes:
        text = f"The file has {len(content)} bytes: files of up to {max_bytes} can be read"
        raise ProviderRejectedError(text, provider=github.name)
    return content


def _not_found(github: GitHubProvider, message: str) -> ProviderRejectedError:
    return ProviderRejectedError(message, provider=github.name, upstream_status=404)


def list_folders(path: str) -> list[str]:
    """Return the folders that a path is in, outermost first: `a`, `a/b` for `a/b/c`."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]
