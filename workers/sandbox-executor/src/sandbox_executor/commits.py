"""`POST /github/commit`: what may be committed, one atomic commit, its pull request, and the row that records it."""

from contextlib import suppress

from electrons.context import Context
from electrons.errors import (
    CommitFailedError,
    DatabaseError,
    ElectronsError,
    ForbiddenError,
    ProviderError,
    ProviderRejectedError,
    RequestError,
)
from electrons.providers.github.commits import FileChange, Target, branch_exists, commit_files
from electrons.providers.github.pulls import open_pull
from electrons.providers.github.repositories import find_branch, find_default_branch
from sandbox_executor.models.commit import Commit, CommitRequest, PullRequestError
from sandbox_executor.models.execute import ExecuteRequest
from sandbox_executor.names import is_allowed_repository, is_workflow_path
from sandbox_executor.repository import GITHUB
from sandbox_executor.settings import SandboxSettings
from sandbox_executor.storage.commits import Commits

_TITLE_LIMIT = 256


def require_access(context: Context, repo: str) -> None:
    """Raise `MissingCredentialsError`, or `ForbiddenError` for a repository that this deployment may not use."""
    GITHUB.check(context.settings)
    if not is_allowed_repository(repo, context.settings_as(SandboxSettings).allowed_repositories):
        raise ForbiddenError(f"`{repo}` may not be used: `ALLOWED_REPOSITORIES` does not name it")


async def find_source_branch(context: Context, body: ExecuteRequest) -> str:
    """Return the branch whose files an execution starts from, after checks of the branches that it is to commit to.

    Raises `ConflictError` for a branch that should be new but exists, `RequestError` for a pull request into the same
    branch, and `ProviderError`.
    """
    repo, base = body.repo or "", body.base_branch
    if (body.create_branch or body.create_pr) and base is None:
        base = await find_default_branch(context, GITHUB, repo)
    if body.create_pr and base == body.branch:
        raise _same_branch(body.branch)
    if not body.create_branch or base is None:
        return body.branch
    if (await find_branch(context, GITHUB, repo, body.branch)).head is not None:
        raise branch_exists(repo, body.branch)
    return base


async def commit(context: Context, body: CommitRequest, *, expected_head: str | None = None) -> Commit:
    """Commit the files and return the commit. With `expected_head` the branch must still be at that commit.

    Raises `MissingCredentialsError`, `ForbiddenError`, `RequestError`, `ConflictError`, `CommitFailedError`, and the
    `ProviderError`s that have a code of their own.
    """
    commits = Commits(context.bindings.database)
    row_id = await commits.insert(
        context, repo=body.repo, branch=body.branch, message=body.message, path_count=len(body.files)
    )
    try:
        made = await _commit(context, body, expected_head)
    except ElectronsError as error:
        with suppress(DatabaseError):
            await commits.finish(row_id, error=error.message, error_code=error.error_code)
        raise
    failure = made.pr_error
    try:
        await commits.finish(
            row_id,
            sha=made.sha,
            pr_url=made.pr_url,
            error=failure.error if failure else None,
            error_code=failure.error_code if failure else None,
        )
    except DatabaseError as error:  # the commit is made, and the caller must learn of it
        context.log.error("commit_not_recorded", cause=error, request_id=context.request_id, sha=made.sha)
    return made


async def _commit(context: Context, body: CommitRequest, expected_head: str | None) -> Commit:
    require_access(context, body.repo)
    _check_workflows(context, body)
    target = Target(
        repo=body.repo,
        branch=body.branch,
        create=body.create_branch,
        base=body.base_branch,
        expected_head=expected_head,
    )
    changes = [FileChange(path=file.path, content=file.data, executable=file.executable) for file in body.files]
    try:
        base = await _find_pull_base(context, body) if body.create_pr else None
        made = await commit_files(context, GITHUB, target, changes, message=body.message)
    except ProviderError as error:
        raise _as_commit_failure(error) from error
    commit = Commit(sha=made.sha, url=made.url, branch=body.branch)
    if base is not None:
        await _open_pull(context, body, commit, base=base)
    return commit


def _check_workflows(context: Context, body: CommitRequest) -> None:
    workflows = [file.path for file in body.files if is_workflow_path(file.path)]
    if workflows and context.settings_as(SandboxSettings).allow_workflow_files != "true":
        raise ForbiddenError(
            f"`{workflows[0]}` is run by GitHub and may not be changed, unless `ALLOW_WORKFLOW_FILES` is `true`"
        )


async def _find_pull_base(context: Context, body: CommitRequest) -> str:
    base = body.base_branch or await find_default_branch(context, GITHUB, body.repo)
    if base == body.branch:
        raise _same_branch(base)
    return base


def _same_branch(base: str) -> RequestError:
    return RequestError(f"`create_pr` needs another `branch` than `{base}`, into which it is to be merged")


async def _open_pull(context: Context, body: CommitRequest, commit: Commit, *, base: str) -> None:
    """Add the pull request, or the reason why there is none: the commit remains in any case."""
    subject, _, text = body.message.strip().partition("\n")
    title, text = body.pr_title or subject[:_TITLE_LIMIT], body.pr_body if body.pr_body is not None else text.strip()
    try:
        commit.pr_url = await open_pull(context, GITHUB, body.repo, title=title, body=text, head=body.branch, base=base)
    except ProviderError as error:
        commit.pr_error = PullRequestError(
            status=error.upstream_status, error=error.message, error_code=error.error_code
        )


def _as_commit_failure(error: ProviderError) -> ProviderError:
    """Return `COMMIT_FAILED` for a refusal and for GitHub's own failure; other errors have a code of their own."""
    if type(error) not in {ProviderError, ProviderRejectedError}:
        return error
    return CommitFailedError(error)
