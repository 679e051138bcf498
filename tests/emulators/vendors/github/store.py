"""The repositories on disk: bare git repositories at `<folder>/<owner>/<name>.git`, which git itself can read.

Data that git does not store (visibility, pull requests) is in a file in the repository's folder. Nothing is kept in
memory, so the emulator also sees a commit that git pushes into a repository.
"""

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zlib import crc32

from dulwich.graph import can_fast_forward
from dulwich.index import commit_tree
from dulwich.object_store import iter_tree_contents
from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tag, Tree
from dulwich.refs import Ref, check_ref_format
from dulwich.repo import Repo

DEFAULT_BRANCH = "main"
_DETAILS = "emulator.json"
_OWNER = re.compile(r"[A-Za-z0-9](?:-?[A-Za-z0-9]){0,38}")
_NAME = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}")
_SHA = re.compile(r"[0-9a-f]{40}")


class RefError(Exception):
    """A ref that cannot be created, moved or deleted; the text is GitHub's."""


class TreeError(Exception):
    """A change that cannot be made to a tree; the text is GitHub's."""


@dataclass(frozen=True, slots=True)
class Change:
    """A change of a tree at a path: another mode and object, or a deletion if `sha` is `None`."""

    path: bytes
    mode: int
    sha: ObjectID | None


class Repository:
    """One repository: its objects by any name, its refs, and GitHub's data about it."""

    def __init__(self, owner: str, name: str, folder: Path, git: Repo) -> None:
        self.owner = owner
        self.name = name
        self.full_name = f"{owner}/{name}"
        self.id = crc32(self.full_name.encode())
        self.git = git
        self._details = folder / _DETAILS

    @cached_property
    def details(self) -> dict[str, Any]:
        """`private`, `description`, `created_at` and `pulls` of the file; `save_details` writes changes back."""
        details: dict[str, Any] = json.loads(self._details.read_text(encoding="utf-8"))
        return details

    def save_details(self) -> None:
        """Write `details` to the file."""
        fresh = self._details.with_suffix(".new")
        fresh.write_text(json.dumps(self.details, indent=2), encoding="utf-8")
        fresh.replace(self._details)

    @property
    def default_branch(self) -> str:
        """The branch that `HEAD` names."""
        return self.git.refs.get_symrefs()[Ref(b"HEAD")].decode().removeprefix("refs/heads/")

    @property
    def is_empty(self) -> bool:
        """Whether it has no refs."""
        return not self.refs()

    def refs(self, prefix: str = "") -> dict[str, ObjectID]:
        """Return the refs by their full names, such as `refs/heads/main`, sorted."""
        found = self.git.refs.as_dict()
        named = {ref.decode(): sha for ref, sha in found.items() if ref.startswith(b"refs/")}
        return {ref: named[ref] for ref in sorted(named) if ref.startswith(prefix)}

    def branch(self, name: str) -> Commit | None:
        """Return the last commit of a branch, or `None`."""
        found = self.refs().get(f"refs/heads/{name}")
        commit = self.git[found] if found else None
        return commit if isinstance(commit, Commit) else None

    def find(self, sha: str) -> ShaFile | None:
        """Return the object with that full id, or `None`."""
        if not is_sha(sha):
            return None
        try:
            return self.git[ObjectID(sha.encode())]
        except KeyError:
            return None

    def find_commit(self, name: str) -> Commit | None:
        """Return the commit that a branch, a tag, a ref, a full id or `HEAD` names, or `None`."""
        refs = self.refs()
        full_name = f"refs/heads/{self.default_branch}" if name == "HEAD" else name
        places = (full_name, f"refs/heads/{name}", f"refs/tags/{name}", f"refs/{name}")
        found = next((refs[place] for place in places if place in refs), None)
        item = self.git[found] if found else self.find(name)
        while isinstance(item, Tag):
            item = self.git[item.object[1]]
        return item if isinstance(item, Commit) else None

    def find_tree(self, name: str) -> Tree | None:
        """Return the tree with that id, or of that commit, or `None`."""
        if commit := self.find_commit(name):
            return self.tree(commit.tree)
        item = self.find(name)
        return item if isinstance(item, Tree) else None

    def tree(self, sha: ObjectID) -> Tree:
        """Return the tree with that id. Raises `TypeError` for another object."""
        item = self.git[sha]
        if not isinstance(item, Tree):
            raise TypeError(f"{sha.decode()} is not a tree")
        return item

    def add(self, item: ShaFile) -> ObjectID:
        """Add an object and return its id."""
        self.git.object_store.add_object(item)
        return ObjectID(item.id)

    def add_blob(self, content: bytes) -> ObjectID:
        """Add a blob and return its id."""
        return self.add(Blob.from_string(content))

    def change_tree(self, base: ObjectID | None, changes: Sequence[Change]) -> ObjectID:
        """Add the tree of `base` with the changes. Raises `TreeError` if a path to delete does not exist."""
        files = self._files(base) if base else {}
        for change in sorted(changes, key=lambda change: change.sha is not None):
            below = [path for path in files if path == change.path or path.startswith(change.path + b"/")]
            for path in below:
                del files[path]
            if change.sha is None:
                if not below:
                    raise TreeError("GitRPC::BadObjectState")
                continue
            parts = change.path.split(b"/")
            for length in range(1, len(parts)):
                files.pop(b"/".join(parts[:length]), None)
            if change.mode == 0o40000:
                inner = self._files(change.sha)
                files.update({change.path + b"/" + path: found for path, found in inner.items()})
            else:
                files[change.path] = (change.mode, change.sha)
        entries = [(path, sha, mode) for path, (mode, sha) in files.items()]
        return commit_tree(self.git.object_store, entries)

    def _files(self, tree: ObjectID) -> dict[bytes, tuple[int, ObjectID]]:
        """Return the mode and id of every entry below a tree that is not a tree, by path."""
        return {
            entry.path: (entry.mode, entry.sha)
            for entry in iter_tree_contents(self.git.object_store, tree)
            if entry.path is not None and entry.mode is not None and entry.sha is not None
        }

    def create_ref(self, ref: str, sha: ObjectID) -> None:
        """Create a ref. Raises `RefError` if it exists, or for an invalid name."""
        name = Ref(ref.encode())
        if not ref.startswith("refs/") or ref.count("/") < 2 or not check_ref_format(name):
            raise RefError(f"{ref} is not a valid ref name.")
        clash = any(other.startswith(f"{ref}/") or ref.startswith(f"{other}/") for other in self.refs())
        if clash or not self.git.refs.add_if_new(name, sha):
            raise RefError("Reference already exists")

    def move_ref(self, ref: str, sha: ObjectID, *, force: bool) -> None:
        """Move a ref. Raises `RefError` if it does not exist, or would lose commits without `force`."""
        old = self.refs().get(ref)
        if old is None:
            raise RefError("Reference does not exist")
        commits = isinstance(self.git[old], Commit) and isinstance(self.git[sha], Commit)
        if not force and old != sha and not (commits and can_fast_forward(self.git, old, sha)):
            raise RefError("Update is not a fast forward")
        if not self.git.refs.set_if_equals(Ref(ref.encode()), old, sha):
            raise RefError("Reference cannot be updated")

    def delete_ref(self, ref: str) -> None:
        """Delete a ref. Raises `RefError` if it does not exist."""
        old = self.refs().get(ref)
        if old is None:
            raise RefError("Reference does not exist")
        self.git.refs.remove_if_equals(Ref(ref.encode()), old)


class Store:
    """All repositories below one folder, which is set when the emulator starts."""

    folder: Path

    def exists(self, owner: str, name: str) -> bool:
        """Return whether there is such a repository."""
        return bool(_OWNER.fullmatch(owner) and _NAME.fullmatch(name)) and self._path(owner, name).exists()

    @contextmanager
    def open(self, owner: str, name: str) -> Iterator[Repository]:
        """Open the repository until the block ends."""
        path = self._path(owner, name)
        with Repo(str(path)) as git:
            yield Repository(owner, name, path, git)

    def create(self, owner: str, name: str, *, private: bool = False, description: str | None = None) -> None:
        """Create an empty repository with the branch `main`. Raises `ValueError` for a name that GitHub refuses."""
        if not _OWNER.fullmatch(owner) or not _NAME.fullmatch(name):
            raise ValueError(f"{owner}/{name} is not a valid name of a repository")
        path = self._path(owner, name)
        path.mkdir(parents=True)
        Repo.init_bare(str(path), default_branch=DEFAULT_BRANCH.encode()).close()
        with self.open(owner, name) as repository:
            repository.details = {
                "private": private,
                "description": description,
                "created_at": timestamp(),
                "pulls": [],
            }
            repository.save_details()

    def delete(self, owner: str, name: str) -> None:
        """Delete the repository."""
        shutil.rmtree(self._path(owner, name))

    def _path(self, owner: str, name: str) -> Path:
        return self.folder / owner / f"{name}.git"


STORE = Store()


def is_sha(text: object) -> bool:
    """Return whether it is a full object id."""
    return isinstance(text, str) and bool(_SHA.fullmatch(text))


def timestamp(seconds: float | None = None) -> str:
    """Return a time, by default the current one, in the form `2026-11-23T21:25:25Z`."""
    moment = datetime.now(UTC) if seconds is None else datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
