"""Names and paths from callers, or from a model, that become part of a vendor's URL or of a repository.

Each must match a strict pattern here, and is percent-encoded where it is used. The `find_*_problem` functions return
what is wrong in words that continue a sentence (`must be …`), None if nothing is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cache
from importlib import resources

PATH_LIMIT = 1024
"""Characters of a path in a repository."""

_REPOSITORY = re.compile(r"(?P<owner>[A-Za-z0-9](?:[A-Za-z0-9_-]{0,37}[A-Za-z0-9])?)/(?P<name>[A-Za-z0-9._-]{1,100})")
_BRANCH = re.compile(r"(?!.*(?:\.\.|//|@\{|/\.|\.lock(?:/|$)))[A-Za-z0-9_](?:[A-Za-z0-9._/@+-]{0,242}[A-Za-z0-9_+-])?")
_WORKER_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Also invisible ones: line and direction marks, and what HFS+ leaves out of names (so that `.g\u200cit` is `.git`).
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]")
# Also what case-insensitive and older file systems take for `.git`; NTFS has streams after a colon.
_GIT_FOLDER = re.compile(r"(\.git|git~\d+)[ .]*(:.*)?", re.IGNORECASE)
_WORKFLOWS = re.compile(r"\.github/workflows(/|$)", re.IGNORECASE)


def find_repository_problem(name: str) -> str | None:
    """Return what is wrong with a repository's name (`owner/name`, as at GitHub)."""
    found = _REPOSITORY.fullmatch(name)
    if found is None or found["name"] in {".", ".."} or found["name"].lower().endswith(".git"):
        return "must be in owner/repo format"
    return None


def find_branch_problem(name: str) -> str | None:
    """Return what is wrong with a branch's name. Stricter than git (git-check-ref-format(1)): fewer characters."""
    if not _BRANCH.fullmatch(name) or name == "HEAD":
        return "must be the name of a branch: letters, digits and . _ - / + @, as git accepts them"
    return None


def find_worker_name_problem(name: str) -> str | None:
    """Return what is wrong with a Worker's name, which becomes a DNS label of workers.dev (RFC 1035, 2.3.1)."""
    if not _WORKER_NAME.fullmatch(name):
        return "must be 1 to 63 lower-case letters, digits and dashes, without a dash at either end"
    return None


def find_path_problem(path: str) -> str | None:
    """Return what is wrong with a file's path: it must stay inside the repository and outside of git's own folder."""
    parts = path.split("/")
    if not path or len(path) > PATH_LIMIT:
        return f"must have 1 to {PATH_LIMIT} characters"
    if _CONTROL.search(path) or "\\" in path:
        return "must not contain control characters or backslashes"
    if path.startswith("/") or re.match(r"[A-Za-z]:", path):
        return "must be relative to the root of the repository"
    if any(part in {"", ".", ".."} for part in parts):
        return "must not have empty parts, `.` or `..`"
    if any(_GIT_FOLDER.fullmatch(part) for part in parts):
        return "must not be in `.git`"
    return None


def is_workflow_path(path: str) -> bool:
    """Return whether GitHub would run the file (`.github/workflows`), with the repository's own rights."""
    return _WORKFLOWS.match(path) is not None


def is_allowed_repository(name: str, allowed: str) -> bool:
    """Return whether `ALLOWED_REPOSITORIES` allows it: a comma-separated list of `owner/name`, `owner/*` or `*`.

    Upper and lower case are the same, as at GitHub.
    """
    owner = name.partition("/")[0]
    return any(item.lower() in {"*", f"{owner}/*".lower(), name.lower()} for item in _items(allowed))


def is_allowed_worker_name(name: str, allowed: str) -> bool:
    """Return whether `ALLOWED_WORKER_PREFIXES` allows the name; no setting allows a worker of the platform itself."""
    return name not in read_platform_workers() and any(item == "*" or name.startswith(item) for item in _items(allowed))


@cache
def read_platform_workers() -> frozenset[str]:
    """Return the names of the platform's own workers, which the build has written into the shared package."""
    names = resources.files("electrons").joinpath("workers.json").read_text(encoding="utf-8")
    return frozenset(json.loads(names))


def _items(text: str) -> Iterable[str]:
    return (item for part in text.split(",") if (item := part.strip()))
