"""The files that a model works on: those of a repository, read when they are needed, and its changes to them.

Nothing is written to the repository here. Files that may have secrets are neither listed nor shown, and credentials in
other files are masked, so that none of them reaches a prompt.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Set
from contextlib import suppress
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Protocol

from sandbox_executor.names import find_path_problem, is_workflow_path

FILE_LIMIT = 200_000
"""Characters of a file that is read or written."""
CHANGED_LIMIT = 1_000_000
"""Bytes of all changed files together, as JSON: an execution's row in D1 may have two million."""
CHANGED_FILES_LIMIT = 200
READ_LIMIT = 2_000_000
"""Bytes that one execution reads from a repository."""
LISTED_LIMIT = 1000
"""Paths in one list."""
PLACES_LIMIT = 100
"""Occurrences of a string that an edit counts."""

_SECRET_FILE = re.compile(
    r"(?i)(^|/)([^/]*\.env|\.env(rc|\.(?!example$|sample$|template$)[^/]*)|\.dev\.vars(\.(?!example$)[^/]*)?|\.npmrc"
    r"|\.pypirc|\.netrc|secrets\.[^/]*|[^/]*\.tfvars(\.json)?|service[-_]?accounts?[^/]*\.json"
    r"|\.git-credentials|id_(rsa|dsa|ecdsa|ed25519)|[^/]*\.(pem|key|p12|pfx|jks|keystore)|credentials(\.json)?)$"
)


class ToolError(Exception):
    """What the model wants cannot be done; the message tells it why, and what to do instead."""


class Source(Protocol):
    """Where the files come from."""

    @property
    def files(self) -> Mapping[str, int]:
        """Return all files, with their sizes in bytes."""

    @property
    def links(self) -> Set[str]:
        """Return the files that are symbolic links; what they point to may be anywhere."""

    @property
    def truncated(self) -> bool:
        """Return whether there are more files than these."""

    async def read(self, path: str) -> bytes:
        """Return the content of one of the files. Raises `ElectronsError`."""


@dataclass(frozen=True, slots=True)
class EmptySource:
    """The source of a workspace that begins without files."""

    files: Mapping[str, int] = field(default_factory=dict)
    links: Set[str] = frozenset()
    truncated: bool = False

    async def read(self, path: str) -> bytes:
        """Raise KeyError: there is nothing to read."""
        raise KeyError(path)


class Workspace:
    """`changed` are the files that differ from the source, whole; `deleted` those of the source that are gone.

    `paths` limits which files of the source are visible (`ExecuteRequest.paths`). `read` returns a file as it is:
    whatever the model gets of it goes through `mask`, which removes secrets.
    """

    def __init__(
        self, source: Source, *, paths: list[str] | None, allow_workflows: bool, mask: Callable[[str], str]
    ) -> None:
        self.changed: dict[str, str] = {}
        self.deleted: set[str] = set()
        self.truncated = source.truncated
        self._source = source
        self._visible = {
            path
            for path in source.files.keys() - source.links
            if _is_selected(path, paths) and not _SECRET_FILE.search(path)
        }
        self._allow_workflows = allow_workflows
        self.mask = mask
        self._read: dict[str, str] = {}
        self._read_bytes = 0

    @property
    def paths(self) -> list[str]:
        """Return the paths of all current files, sorted."""
        return sorted((self._visible - self.deleted) | self.changed.keys())

    async def read(self, path: str) -> str:
        """Return the whole text of a file. Raises `ToolError` if it does not exist, is not text, or is too long."""
        if path in self.changed:
            return self.changed[path]
        if path not in self._visible or path in self.deleted:
            raise ToolError(f"There is no file `{path}`, or it may not be read; list_files shows the files")
        if path not in self._read:
            size = self._source.files[path]
            if size > FILE_LIMIT:
                raise ToolError(f"`{path}` has {size} bytes; only files of up to {FILE_LIMIT} can be read")
            if self._read_bytes + size > READ_LIMIT:
                raise ToolError(f"No more files can be read: {READ_LIMIT} bytes of the repository were read already")
            content = await self._source.read(path)
            self._read_bytes += len(content)
            try:
                self._read[path] = content.decode()
            except UnicodeDecodeError:
                raise ToolError(f"`{path}` is not UTF-8 text") from None
        return self._read[path]

    async def write(self, path: str, content: str) -> None:
        """Create a file, or replace all of it."""
        self._check_path(path)
        if path in self._visible - self.deleted:
            with suppress(ToolError):  # what cannot be read was not shown either
                await self.read(path)
        if (known := self._read.get(path)) is not None and self.mask(known) != known:
            raise ToolError(f"`{path}` has a secret that you were not shown; change the file with edit_file")
        self._set_content(path, content)

    async def edit(self, path: str, old: str, new: str) -> None:
        """Replace a string that appears in the file exactly once."""
        self._check_path(path)
        text = await self.read(path)
        if not old:
            raise ToolError("`old` is empty: it must be the text to replace")
        places = self._find_places(text, old)
        if len(places) != 1:
            found = f"appears {len(places)} times" if places else "was not found"
            raise ToolError(f"`old` {found} in `{path}`; it must appear exactly once, with the same white space")
        before, after = text[: places[0]], text[places[0] + len(old) :]
        if self._touches_secret(before, new, after):
            raise ToolError(f"`{path}` has a secret beside `old`, shown as `***`; leave its surroundings as they are")
        self._set_content(path, before + new + after)

    def delete(self, path: str) -> None:
        """Delete a file."""
        self._check_path(path)
        if path not in self.paths:
            raise ToolError(f"There is no file `{path}`; list_files shows the files")
        self.changed.pop(path, None)
        if path in self._visible:
            self.deleted.add(path)

    def _find_places(self, text: str, old: str) -> list[int]:
        """Return where `old` begins in a text, `PLACES_LIMIT` places at most.

        A secret and its parts are not there for the model, or it could guess them letter by letter.
        """
        has_secrets = self.mask(text) != text
        places: list[int] = []
        start = text.find(old)
        while start >= 0 and len(places) < PLACES_LIMIT:
            if not has_secrets or not self._touches_secret(text[:start], old, text[start + len(old) :]):
                places.append(start)
            start = text.find(old, start + len(old))
        return places

    def _touches_secret(self, before: str, middle: str, after: str) -> bool:
        """Return whether `middle` is part of a secret or makes one unrecognizable: changed, it could be read."""
        return self.mask(before + middle + after) != self.mask(before) + self.mask(middle) + self.mask(after)

    def _check_path(self, path: str) -> None:
        if problem := find_path_problem(path):
            raise ToolError(f"The path {problem}")
        if is_workflow_path(path) and not self._allow_workflows:
            raise ToolError("Files in `.github/workflows` may not be changed here")
        if _SECRET_FILE.search(path):
            raise ToolError(f"`{path}` is a place for secrets, which are not for you: leave it to the owner")
        if path in self._source.files and path not in self._visible:
            raise ToolError(f"`{path}` is not among the files that this task is about")
        if any(path.startswith(f"{other}/") or other.startswith(f"{path}/") for other in self.paths):
            raise ToolError(f"`{path}` cannot be both a file and a folder")

    def _set_content(self, path: str, content: str) -> None:
        if len(content) > FILE_LIMIT:
            raise ToolError(f"A file may have {FILE_LIMIT} characters; write smaller ones")
        changed = {**self.changed, path: content}
        if len(changed) > CHANGED_FILES_LIMIT:
            raise ToolError(f"No more than {CHANGED_FILES_LIMIT} files can be changed")
        if len(json.dumps(changed, ensure_ascii=False).encode()) > CHANGED_LIMIT:
            raise ToolError(f"All changed files together may have {CHANGED_LIMIT} bytes, as JSON")
        self.deleted.discard(path)
        self.changed = changed
        if self._read.get(path) == content:
            del self.changed[path]  # as it was before


def _is_selected(path: str, patterns: list[str] | None) -> bool:
    if patterns is None:
        return True
    return any(
        path == pattern or path.startswith(f"{pattern.rstrip('/')}/") or fnmatchcase(path, pattern)
        for pattern in patterns
    )
