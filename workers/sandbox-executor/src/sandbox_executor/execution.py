"""One execution: begun once, saved at every turn, and ended with a result, a deployment, a commit, or an error.

What a caller asks for is checked before anything is paid. With an `Idempotency-Key` the work continues when the caller
leaves. A retry that cannot get its result learns the execution's id, which is that of the work under the key.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable

from electrons.capabilities.turns import TurnProvider
from electrons.context import Context
from electrons.errors import ElectronsError, ProviderError, RequestError
from electrons.middleware.validation import parse_body
from electrons.registry import choose_model, find_providers
from electrons.storage.ledger import record_usage
from electrons.upstream.prices import estimate_cost
from electrons.usage import Usage
from sandbox_executor import commits, deployments
from sandbox_executor.conversation import Conversation
from sandbox_executor.deployment_access import refuse_worker_of_others, require_worker_access
from sandbox_executor.execution_lookup import try_to_end_interrupted_executions
from sandbox_executor.execution_record import ExecutionRecord
from sandbox_executor.models.commit import Commit, CommitRequest
from sandbox_executor.models.deploy import Deployment, DeployRequest
from sandbox_executor.models.execute import ExecuteRequest, ExecuteResponse, FailedAction, Step
from sandbox_executor.modules import collect_modules, find_main
from sandbox_executor.repository import RepositorySource
from sandbox_executor.settings import SandboxSettings
from sandbox_executor.storage.executions import Execution, Executions
from sandbox_executor.workspace import EmptySource, ToolError, Workspace

MODELS = find_providers(TurnProvider)


class ExecutionRun:
    """An execution that this request starts."""

    def __init__(
        self, context: Context, body: ExecuteRequest, *, row: Execution, provider: TurnProvider, model: str
    ) -> None:
        self.id = row.id
        self._context = context
        self._body = body
        self._record = ExecutionRecord(context, row.id)
        self._provider = provider
        self._usage = Usage(provider=provider.name, model=model)
        self._conversation: Conversation | None = None

    async def run(self, report: Callable[[Step], None]) -> ExecuteResponse:
        """Return the response. Raises `ElectronsError`, with what exists so far in its details."""
        if self._context.work_id:
            return await self._context.see_through(self._run_and_record(report))
        return await self._run_and_record(report)

    async def _run_and_record(self, report: Callable[[Step], None]) -> ExecuteResponse:
        try:
            response = await self._run(report)
        except asyncio.CancelledError:
            await self._record.end("cancelled", self._response_so_far())
            raise
        except Exception as error:
            response_so_far = self._response_so_far()
            await self._record.end("failed", response_so_far, error=error)
            if not isinstance(error, ElectronsError):
                raise
            extended = error.extend(execution_id=self.id)
            if self._usage.total_units and response_so_far:
                extended.result = response_so_far.result.model_dump(mode="json", exclude_none=True)
            raise extended from error
        await self._record.end("succeeded", response)
        return response

    async def _run(self, report: Callable[[Step], None]) -> ExecuteResponse:
        context, body = self._context, self._body
        source: RepositorySource | None = None
        if body.repo:
            source = await RepositorySource.open(context, body.repo, await commits.find_source_branch(context, body))
        workspace = Workspace(
            source or EmptySource(),
            paths=body.paths,
            allow_workflows=context.settings_as(SandboxSettings).allow_workflow_files == "true",
            mask=self._record.mask,
        )
        record_usage(context, self._usage)
        self._conversation = Conversation(
            context, body, workspace=workspace, provider=self._provider, usage=self._usage, report=report
        )
        await self._conversation.run(after_turn=self._save_progress)
        await self._save_progress()
        response = self._describe()
        if body.auto_deploy:
            response.deployment = await self._deploy(workspace)
        if body.commit:
            head = source.head if source else None
            response.commit = await self._commit(workspace, response.deployment, head=head)
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
            return await self._context.see_through(deployments.deploy(self._context, wanted))
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
            return await self._context.see_through(commits.commit(self._context, wanted, expected_head=head))
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


async def start_execution(context: Context, body: ExecuteRequest) -> ExecutionRun:
    """Return a new execution. Raises `ElectronsError` for what may not be done, or could not be; nothing has begun."""
    if body.commit:
        context.principal.require("sandbox:commit")
    if body.repo:
        commits.require_access(context, body.repo)
    if body.auto_deploy and body.worker_name:
        context.principal.require("sandbox:deploy")
        require_worker_access(context, body.worker_name)
        await refuse_worker_of_others(context, body.worker_name)
    default_model = context.settings_as(SandboxSettings).default_code_model
    provider, model = choose_model(context, body.options.model or default_model, MODELS)
    if (
        context.settings_as(SandboxSettings).execute_max_cost_usd
        and estimate_cost(Usage(provider=provider.name, model=model), context.settings.own_prices) is None
    ):
        raise RequestError(
            f"No price is known for `{model}`, so the limit of `EXECUTE_MAX_COST_USD` cannot be enforced: choose "
            "another model, or have that limit set to 0"
        )
    row = Execution(
        id=context.work_id or str(uuid.uuid4()),
        request_id=context.request_id,
        key_id=context.principal.key_id,
        instance_id=context.labels.instance_id,
        project_id=context.labels.project_id,
        task=context.settings.hide_secrets(body.task),
        repo=body.repo,
        branch=body.branch if body.repo else None,
        model=model,
    )
    await Executions(context.bindings.database).insert(row)
    context.defer(lambda: try_to_end_interrupted_executions(context))
    return ExecutionRun(context, body, row=row, provider=provider, model=model)


def _title(text: str) -> str:
    """Return the first line, as a commit's message."""
    line = text.strip().splitlines()[0]
    return "".join(character for character in line if character.isprintable()).strip()[:72] or "Changes"
