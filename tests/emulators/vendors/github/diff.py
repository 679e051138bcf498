"""The files that differ between two trees, with their numbers of added and removed lines."""

from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from dulwich.diff_tree import tree_changes
from dulwich.objects import Blob, ObjectID
from dulwich.patch import is_binary

from ...vendor import Call
from .descriptions import page_url, repository_url
from .store import Repository

_STATUSES = {"add": "added", "delete": "removed", "modify": "modified"}


def describe_changes(
    call: Call, repository: Repository, before: ObjectID | None, after: ObjectID, *, ref: str
) -> list[dict[str, Any]]:
    """Return an object per file; `before` is `None` for the first commit. A rename is a removed and an added file."""
    url, site = repository_url(call, repository), page_url(call, repository)
    described = []
    for change in tree_changes(repository.git.object_store, before, after):
        entry = change.old if change.new is None or change.new.sha is None else change.new
        if entry is None or entry.path is None or entry.sha is None:
            raise TypeError(f"{change} does not name a file")
        path = entry.path.decode("utf-8", "replace")
        old = _content(repository, change.old.sha if change.old else None)
        new = _content(repository, change.new.sha if change.new else None)
        added, removed = _count_lines(old, new)
        described.append(
            {
                "sha": entry.sha.decode(),
                "filename": path,
                "status": _STATUSES.get(change.type, "changed"),
                "additions": added,
                "deletions": removed,
                "changes": added + removed,
                "blob_url": f"{site}/blob/{ref}/{path}",
                "raw_url": f"{site}/raw/{ref}/{path}",
                "contents_url": f"{url}/contents/{path}?ref={ref}",
            }
        )
    return described


def _content(repository: Repository, sha: ObjectID | None) -> bytes:
    """Return a file's bytes; none if it does not exist or belongs to another repository."""
    blob = repository.find(sha.decode()) if sha else None
    return blob.data if isinstance(blob, Blob) else b""


def _count_lines(old: bytes, new: bytes) -> tuple[int, int]:
    if is_binary(old) or is_binary(new):
        return 0, 0
    before, after = old.splitlines(), new.splitlines()
    sizes = list(_changed_sizes(before, after))
    return sum(added for added, _ in sizes), sum(removed for _, removed in sizes)


def _changed_sizes(before: list[bytes], after: list[bytes]) -> Iterator[tuple[int, int]]:
    for kind, start, end, new_start, new_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            yield new_end - new_start, end - start
