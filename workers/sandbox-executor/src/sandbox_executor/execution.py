"""One execution: begun once, saved at every turn, and ended with a result, a deployment, a commit, or an error.

What a caller asks for is checked before anything is paid. A retry that cannot get the result learns the execution's id,
which is that of the work under the key.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import NoReturn

from electrons.capabilities.turns import TurnProvider
from electrons.context import Context
from electrons.errors import ElectronsError, ProviderError, RequestError
from electrons.middleware.validation import parse_body
from electrons.usage import Usage
from sandbox_executor.conversation import Conversation
from sandbox_executor.effects import Effects
from sandbox_executor.execution_record import End, ExecutionRecord
from sandbox_executor.models.commit import Commit, CommitRequest
from sandbox_executor.models.deploy import Deployment, DeployRequest
from sandbox_executor.models.execute import ExecuteRequest, ExecuteResponse, FailedAction, Step
from sandbox_executor.modules import collect_modules, find_main
from sandbox_executor.repository import RepositorySource
from sandbox_executor.settings import SandboxSettings
from sandbox_executor.stored_errors import cancelled
from sandbox_executor.workspace import EmptySource, ToolError, Workspace


class ExecutionRun:
    """One execution, in a request or in a Workflow."""

    def __init__(
        self,
        context: Context,
        body: ExecuteRequest,
        *,
        record: ExecutionRecord,
        provider: TurnProvider,
        effects: Effects,
        elapsed_seconds: float = 0.0,
    ) -> None:
        self.id = record.row.id
        self._context = context
        self._body = body
        self._record = record
        self._provider = provider
        self._effects = effects
        self._elapsed_seconds = elapsed_seconds
        self._usage = Usage(provider=provider.name, model=record.row.model)
        self._conversation: Conversation | None = None

    async def run(self, report: Callable[[Step], None]) -> ExecuteResponse:
        """Return the response. Raises `ElectronsError`, with what exists so far in its details."""
        try:
            workspace, head = await self._converse(report)
        except asyncio.CancelledError:
            await self._effects.end(End(status="cancelled", response=self._response_so_far(), error=cancelled()))
            raise
        except Exception as error:  # noqa: BLE001  # it is raised again
            await self._fail(error)
        return await self._effects.see_through(self._complete(workspace, head=head))

    async def _fail(self, error: Exception) -> NoReturn:
        """Keep the end, and raise the error."""
        response_so_far = self._response_so_far()
        await self._effects.end(End(status="failed", response=response_so_far, error=error))
        if not isinstance(error, ElectronsError):
            raise error
        raise extend_error(error, self.id, response_so_far if self._usage.total_units else None) from error

    async def _converse(self, report: Callable[[Step], None]) -> tuple[Workspace, str | None]:
        """Have the code written; return the workspace, and the commit that it began with."""
        context, body = self._context, self._body
        source: RepositorySource | None = None
        if body.repo:
            source = await RepositorySource.open(context, body.repo, await self._effects.find_head(body))
        workspace = Workspace(
            source or EmptySource(),
            paths=body.paths,
            allow_workflows=context.settings_as(SandboxSettings).allow_workflow_files == "true",
            mask=self._record.mask,
        )
        self._effects.begin_usage(self._usage)
        self._conversation = Conversation(
            context,
            body,
            workspace=workspace,
            provider=self._provider,
            effects=self._effects,
            usage=self._usage,
            elapsed_seconds=self._elapsed_seconds,
            report=report,
        )
        try:
            await self._conversation.run(after_turn=self._save_progress)
        finally:
            if self._record.restore_spent():
                self._conversation.update_usage()
        await self._save_progress()
        return workspace, source.head if source else None

    async def _complete(self, workspace: Workspace, *, head: str | None) -> ExecuteResponse:
        """Deploy and commit what was written, and keep the end."""
        try:
            response = self._describe()
            if self._body.auto_deploy:
                response.deployment = await self._deploy(workspace)
            if self._body.commit:
                response.commit = await self._commit(workspace, response.deployment, head=head)
        except Exception as error:  # noqa: BLE001  # it is raised again
            await self._fail(error)
        await self._effects.end(End(status="succeeded", response=response))
        return response

    async def _deploy(self, workspace: Workspace) -> Deployment | FailedAction:
        if incomplete := self._refuse_incomplete("deployed"):
            return incomplete
        try:
            trial = self._describe().result.trial
            main = await find_main(workspace, trial.main if trial else None)
            if main is None:
                raise RequestError("Nothing was deployed: no Worker was written", code="NOTHING_TO_DEPLOY")
            code = await collect_modules(workspace, main)
            request = {"worker_name": self._body.worker_name, "files": code.modules, "main": code.main}
            wanted = parse_body(json.dumps(request).encode(), DeployRequest)
            return await self._effects.deploy(wanted)
        except ElectronsError as error:
            return self._describe_failure(error)
        except ToolError as error:
            return FailedAction(error=str(error), error_code="NOTHING_TO_DEPLOY")

    async def _commit(
        self, workspace: Workspace, deployment: Deployment | FailedAction | None, *, head: str | None
    ) -> Commit | FailedAction:
        if incomplete := self._refuse_incomplete("committed"):
            return incomplete
        if isinstance(deployment, FailedAction):
            return FailedAction(error="Not committed, because the deployment failed", error_code="DEPLOYMENT_FAILED")
        files: list[dict[str, str | None]] = [
            {"path": path, "content": text} for path, text in sorted(workspace.changed.items())
        ]
        files += [{"path": path, "content": None} for path in sorted(workspace.deleted)]
        if not files:
            return FailedAction(error="Nothing was committed: no file has changed", error_code="NOTHING_TO_COMMIT")
        request = {
            "repo": self._body.repo,
            "branch": self._body.branch,
            "files": files,
            "message": self._body.commit_message or _title(self._record.mask(self._body.task)),
            "create_branch": self._body.create_branch,
            "base_branch": self._body.base_branch,
            "create_pr": self._body.create_pr,
            "pr_title": self._body.pr_title,
            "pr_body": self._body.pr_body,
        }
        try:
            wanted = parse_body(json.dumps(request).encode(), CommitRequest)
            return await self._effects.commit(wanted, expected_head=head)
        except ElectronsError as error:
            return self._describe_failure(error)

    def _refuse_incomplete(self, done: str) -> FailedAction | None:
        metadata = self._describe().result.metadata
        if metadata.complete:
            return None
        text = f"Not {done}, because the work is not complete: it ended by {metadata.ended_by}"
        return FailedAction(error=text, error_code="EXECUTION_INCOMPLETE")

    def _describe_failure(self, error: ElectronsError) -> FailedAction:
        # By its code: the message may quote what a vendor says about the caller's code.
        self._context.log.warning(
            "action_failed",
            request_id=self._context.request_id,
            error_code=error.error_code,
            details=error.details if isinstance(error, ProviderError) else None,
        )
        return FailedAction(error=error.message, error_code=error.error_code)

    def _describe(self) -> ExecuteResponse:
        if self._conversation is None:
            raise RuntimeError("the conversation has not begun")
        return ExecuteResponse(execution_id=self.id, result=self._conversation.result)

    def _response_so_far(self) -> ExecuteResponse | None:
        return self._describe() if self._conversation else None

    async def _save_progress(self) -> None:
        await self._record.save_progress(self._describe())


def extend_error(error: ElectronsError, execution_id: str, response: ExecuteResponse | None) -> ElectronsError:
    """Return the error as its caller gets it: with the execution's id, and with what exists."""
    extended = error.extend(execution_id=execution_id)
    if response is not None:
        extended.result = response.result.model_dump(mode="json", exclude_none=True)
    return extended


def _title(text: str) -> str:
    """Return the first line, as a commit's message."""
    line = text.strip().splitlines()[0]
    return "".join(character for character in line if character.isprintable()).strip()[:72] or "Changes"
