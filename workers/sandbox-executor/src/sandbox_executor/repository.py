"""A repository at GitHub as the source of a workspace."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass

from electrons.context import Context
from electrons.providers.github.provider import LINK_MODE, GitHubProvider, TreeEntry
from electrons.providers.github.repositories import read_blob, read_commit

GITHUB = GitHubProvider()


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositorySource:
    """The files of a branch as they were at the commit `head`, None in an empty repository."""

    context: Context
    repo: str
    head: str | None
    entries: Mapping[str, TreeEntry]
    files: Mapping[str, int]
    links: Set[str]
    truncated: bool

    @classmethod
    async def open(cls, context: Context, repo: str, head: str | None) -> RepositorySource:
        """Read the list of files at a commit; None is an empty repository. Raises `ElectronsError`."""
        tree = await read_commit(context, GITHUB, repo, head)
        return cls(
            context=context,
            repo=repo,
            head=tree.head,
            entries=tree.files,
            files={path: entry.size or 0 for path, entry in tree.files.items()},
            links={path for path, entry in tree.files.items() if entry.mode == LINK_MODE},
            truncated=tree.truncated,
        )

    async def read(self, path: str) -> bytes:
        """See `Source.read`."""
        return await read_blob(self.context, GITHUB, self.repo, self.entries[path].sha)
