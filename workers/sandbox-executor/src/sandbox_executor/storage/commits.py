"""The table `commits` in D1: one row for each requested commit, with its result."""

from __future__ import annotations

import uuid

from electrons.bindings import Database
from electrons.context import Context
from electrons.logs import redact, timestamp

MESSAGE_LIMIT = 200
"""Characters of a message's first line, and of an error, that are stored."""

_INSERT = (
    "INSERT INTO commits (id, request_id, created_at, updated_at, key_id, instance_id, project_id, repo, branch, "
    "message, path_count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_FINISH = "UPDATE commits SET updated_at = ?, sha = ?, pr_url = ?, error = ?, error_code = ? WHERE id = ?"


class Commits:
    """The table. What looks like a credential is not stored."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def insert(self, context: Context, *, repo: str, branch: str, message: str, path_count: int) -> str:
        """Insert a row with who requests what, and return its id."""
        commit_id, now = str(uuid.uuid4()), timestamp()
        await self._database.execute(
            _INSERT,
            commit_id,
            context.request_id,
            now,
            now,
            context.principal.key_id,
            context.labels.instance_id,
            context.labels.project_id,
            repo,
            branch,
            _shorten(context.settings.hide_secrets(message.strip().partition("\n")[0])),
            path_count,
        )
        return commit_id

    async def finish(
        self,
        commit_id: str,
        *,
        sha: str | None = None,
        pr_url: str | None = None,
        error: str | None = None,
        error_code: str | None = None,
    ) -> None:
        """Add the result: a commit, possibly with an error of its pull request, or an error alone."""
        error = _shorten(error) if error is not None else None
        await self._database.execute(_FINISH, timestamp(), sha, pr_url, error, error_code, commit_id)


def _shorten(text: str) -> str:
    return redact(text)[:MESSAGE_LIMIT]
