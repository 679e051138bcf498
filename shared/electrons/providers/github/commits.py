"""Write to a repository: one commit for any number of files, by git's own objects.

The order: head of the branch -> its tree -> blobs of what is not text -> a tree on top of that one -> a commit whose
only parent is the head -> the branch, moved forward, never by force. Nothing is visible before that last call, and
GitHub refuses it if the branch has moved in the meantime: either all files are committed or nothing has changed.

An empty repository accepts none of these calls. Its first file needs another one, and the others follow in a second
commit: if that one fails, only the first file is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn

from electrons.context import Context
from electrons.errors import (
    ConflictError,
    ElectronsError,
    ProviderAuthError,
    ProviderError,
    ProviderRateLimitError,
    ProviderRejectedError,
    RequestError,
)
from electrons.providers.github.provider import (
    EXECUTABLE_MODE,
    FILE_MODE,
    FOLDER_MODE,
    LINK_MODE,
    GitCommit,
    GitHubProvider,
    TreeChange,
    TreeEntry,
)
from electrons.providers.github.repositories import (
    find_branch,
    find_default_branch,
    find_entries,
    list_folders,
    read_commit,
    require_head,
)
from electrons.upstream.client import call_provider

FIRST_MESSAGE = "Initial commit"
"""The message of the first commit in an empty repository, if another one follows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """A file as it should be, or without content, one to delete. `executable` None leaves the mode as it is."""

    path: str
    content: bytes | None
    executable: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The branch that gets the commit. With `create` it is new and begins at `base` (None: the default branch).

    `expected_head` is the commit that the changes were made for: any other head is a conflict.
    """

    repo: str
    branch: str
    create: bool = False
    base: str | None = None
    expected_head: str | None = None


async def commit_files(
    context: Context, github: GitHubProvider, target: Target, changes: Sequence[FileChange], *, message: str
) -> GitCommit:
    """Commit the changes to the branch.

    Raises `RequestError` for what cannot be done to these files, `ConflictError` if the branch does not have the
    expected head, and `ProviderError` and what derives from it. Nothing has changed then, unless the message says so.
    """
    head = await _find_start(context, github, target)
    if target.expected_head and head != target.expected_head:
        base = target.base if target.create else target.branch
        moved = f"The branch `{base}`" if base else "The default branch"
        raise ConflictError(f"{moved} of `{target.repo}` has moved in the meantime; nothing was changed")
    if head is not None:
        return await _commit_onto(context, github, target, head, changes, message=message)
    first = await _commit_first_file(context, github, target, changes, message=message)
    if len(changes) == 1 and not changes[0].executable:
        return first
    rest = Target(repo=target.repo, branch=target.branch)
    try:
        return await _commit_onto(context, github, rest, first.sha, changes, message=message)
    except ElectronsError as error:
        raise error.extend(f"The repository was empty, and its first commit {first.sha} remains") from error


async def _find_start(context: Context, github: GitHubProvider, target: Target) -> str | None:
    """Return the parent of the new commit, None in an empty repository."""
    if not target.create:
        advice = "; `create_branch` creates a new one"
        return await require_head(context, github, target.repo, target.branch, advice=advice)
    found = await find_branch(context, github, target.repo, target.branch)
    if found.head is not None:
        raise branch_exists(target.repo, target.branch)
    if found.empty and target.base is None:
        return None
    base = target.base or await find_default_branch(context, github, target.repo)
    head = await require_head(context, github, target.repo, base)
    if head is None:
        raise RequestError(f"`{target.repo}` is empty, so no branch can start at `{base}`: leave `base_branch` out")
    return head


async def _commit_first_file(
    context: Context, github: GitHubProvider, target: Target, changes: Sequence[FileChange], *, message: str
) -> GitCommit:
    """Make the first commit of an empty repository, of one file; GitHub makes it without an executable bit."""
    missing = [change.path for change in changes if change.content is None]
    if missing:
        _refuse(dict.fromkeys(missing, "does not exist, so it cannot be deleted"))
    first = min(changes, key=lambda change: change.executable or False)
    content = first.content or b""
    request = github.build_first_file(
        target.repo,
        first.path,
        content=content,
        message=message if len(changes) == 1 else FIRST_MESSAGE,
        branch=target.branch,
    )
    try:
        return await call_provider(context, github, request, github.parse_first_commit)
    except (ProviderAuthError, ProviderRateLimitError):
        raise
    except ProviderError as error:
        try:
            head = (await find_branch(context, github, target.repo, target.branch)).head
            files = (await read_commit(context, github, target.repo, head)).files if head else {}
        except ProviderError:
            raise _advise_check(error, target, what="first commit") from error
        if head is None:
            raise _advise_check(error, target, what="first commit") from error
        if {path: entry.sha for path, entry in files.items()} != {first.path: compute_blob_sha(content)}:
            raise _moved(target) from error
        return await call_provider(context, github, github.build_commit_lookup(target.repo, head), github.parse_commit)


async def _commit_onto(
    context: Context,
    github: GitHubProvider,
    target: Target,
    head: str,
    changes: Sequence[FileChange],
    *,
    message: str,
) -> GitCommit:
    """Make a commit whose parent is `head`, and move the branch to it."""
    repo = target.repo
    base = await read_commit(context, github, repo, head)
    entries = await find_entries(context, github, repo, base, [change.path for change in changes])
    due = select_effective(entries, changes)
    if not due:
        raise RequestError(f"Nothing to commit: `{repo}` already has these files at {head[:12]}", details={"sha": head})
    tree_changes = [
        await _build_tree_change(context, github, repo, change, mode=find_mode(change, entries.get(change.path)))
        for change in due
    ]
    request = github.build_tree(repo, tree_changes, base=base.sha or "")
    tree = await call_provider(context, github, request, github.parse_sha)
    request = github.build_commit(repo, message=message, tree=tree, parents=[head])
    commit = await call_provider(context, github, request, github.parse_commit)
    await _move_branch(context, github, target, commit, head=head)
    return commit


def select_effective(entries: Mapping[str, TreeEntry], changes: Sequence[FileChange]) -> list[FileChange]:
    """Return the changes that change something. Raises `RequestError` that names the impossible ones."""
    problems = {change.path: problem for change in changes if (problem := _find_problem(entries, change))}
    if problems:
        _refuse(problems)
    return [change for change in changes if not _is_done(entries.get(change.path), change)]


def find_mode(change: FileChange, entry: TreeEntry | None) -> str:
    """Return the mode of a changed file: its current one, unless the change says otherwise.

    A symbolic link becomes a file: the new content must not become the path that it points to.
    """
    if change.content is None or change.executable is None:
        return entry.mode if entry and entry.mode != LINK_MODE else FILE_MODE
    return EXECUTABLE_MODE if change.executable else FILE_MODE


def compute_blob_sha(content: bytes) -> str:
    """Return git's name for a content (git-hash-object(1))."""
    digest = hashlib.sha1(b"blob %d\0" % len(content), usedforsecurity=False)
    digest.update(content)
    return digest.hexdigest()


def _find_problem(entries: Mapping[str, TreeEntry], change: FileChange) -> str | None:
    entry = entries.get(change.path)
    if entry is None:
        blocking = [folder for folder in list_folders(change.path) if entries.get(folder, _FOLDER).mode != FOLDER_MODE]
        if blocking:
            return f"is in `{blocking[0]}`, which is not a folder"
        return "does not exist, so it cannot be deleted" if change.content is None else None
    if not entry.is_file:
        return "is a folder in the repository" if entry.mode == FOLDER_MODE else "is a submodule in the repository"
    return None


def _is_done(entry: TreeEntry | None, change: FileChange) -> bool:
    if entry is None or change.content is None:
        return False
    return (entry.mode, entry.sha) == (find_mode(change, entry), compute_blob_sha(change.content))


async def _build_tree_change(
    context: Context, github: GitHubProvider, repo: str, change: FileChange, *, mode: str
) -> TreeChange:
    """Return the change for a tree. Texts are part of the tree's call: GitHub limits how often content is created."""
    if change.content is None:
        return TreeChange(path=change.path, mode=mode)
    if b"\0" not in change.content:
        try:
            return TreeChange(path=change.path, mode=mode, content=change.content.decode())
        except UnicodeDecodeError:
            pass
    sha = await call_provider(context, github, github.build_blob(repo, change.content), github.parse_sha)
    return TreeChange(path=change.path, mode=mode, sha=sha)


async def _move_branch(
    context: Context, github: GitHubProvider, target: Target, commit: GitCommit, *, head: str
) -> None:
    """Move the branch to the commit.

    These calls may be repeated: a second one changes nothing. If GitHub refuses, or its response is lost, the branch
    itself shows what has happened.
    """
    build = github.build_ref if target.create else github.build_ref_update
    try:
        await call_provider(context, github, build(target.repo, target.branch, sha=commit.sha), github.parse_ref)
    except (ProviderAuthError, ProviderRateLimitError):
        raise
    except ProviderError as error:
        try:
            now = (await find_branch(context, github, target.repo, target.branch)).head
            landed = now is not None and await _contains(context, github, target.repo, now, commit.sha)
        except ProviderError:
            raise _advise_check(error, target, what=f"commit {commit.sha}") from error
        if landed:
            return
        if now != (None if target.create else head):
            raise _moved(target) from error
        raise _advise_check(error, target, what=f"commit {commit.sha}") from error


async def _contains(context: Context, github: GitHubProvider, repo: str, head: str, sha: str) -> bool:
    """Return whether the commit is in the history of `head`."""
    if head == sha:
        return True
    try:
        return await call_provider(context, github, github.build_comparison(repo, sha, head), github.parse_contains)
    except ProviderRejectedError:
        return False


def _advise_check(error: ProviderError, target: Target, *, what: str) -> ProviderError:
    """Return the error; unless GitHub has refused, it also says that the branch may get the commit nevertheless."""
    if isinstance(error, ProviderRejectedError):
        return error
    return error.extend(f"Check whether `{target.branch}` has the {what} before you send this request again")


def branch_exists(repo: str, branch: str) -> ConflictError:
    """Return the error for a branch that should be created but is there already."""
    return ConflictError(f"`{repo}` already has a branch `{branch}`: leave `create_branch` out, or choose another name")


def _moved(target: Target) -> ConflictError:
    what = "has been created" if target.create else "has moved"
    return ConflictError(f"The branch `{target.branch}` of `{target.repo}` {what} in the meantime; nothing was changed")


def _refuse(problems: Mapping[str, str]) -> NoReturn:
    fields = [{"field": "files", "message": f"`{path}` {problem}"} for path, problem in problems.items()]
    text = "; ".join(f"`{path}` {problem}" for path, problem in problems.items())
    raise RequestError(text, details={"fields": fields, "count": len(fields)})


_FOLDER = TreeEntry(FOLDER_MODE, "")
