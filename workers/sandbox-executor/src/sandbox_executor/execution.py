"""One execution: begun once, written down at every turn, and ended with a result, a deployment, a commit, or an error.

What a caller asks for is checked before anything is paid. With an `Idempotency-Key` the work goes on when the caller
leaves, and a retry gets what came of it; what was spent is never spent again.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from electrons.bindings import Value
from electrons.capabilities.turns import TurnProvider
from electrons.context import Context
from electrons.errors import (
    DatabaseError,
    ElectronsError,
    IdempotencyInProgressError,
    IdempotencyKeyReusedError,
    NotFoundError,
    RequestError,
    UnavailableError,
)
from electrons.logs import redact, redact_tokens
from electrons.middleware.validation import parse_body
from electrons.registry import choose_model, find_providers
from electrons.storage.ledger import record_usage
from electrons.upstream.prices import estimate_cost
from electrons.usage import Usage
from sandbox_executor import commits, deployments
from sandbox_executor.conversation import Conversation
from sandbox_executor.deployment_access import refuse_worker_of_others, require_worker_access
from sandbox_executor.models.commit import Commit, CommitRequest
from sandbox_executor.models.deploy import Deployment, DeployRequest
from sandbox_executor.models.execute import ExecuteRequest, ExecuteResponse, ExecutionShown, Step, Undone
from sandbox_executor.modules import collect_modules, find_main
from sandbox_executor.repository import RepositorySource
from sandbox_executor.settings import SandboxSettings
from sandbox_executor.storage.executions import Execution, Executions
from sandbox_executor.workspace import Nothing, ToolError, Workspace

MODELS = find_providers(TurnProvider)

_KEY_LIMIT = 255
_ANSWER_LIMIT = 1_900_000
"""Bytes of an answer that is kept: D1 has rows of up to two million."""
_SHORTENED = "The answer was too large to be kept whole: its steps and the trial's answers were left out"
_GRACE_SECONDS = 120
"""How long after its time limit an execution that says nothing any more is held to be alive."""


class Job:
    """An execution that this request has begun."""

    def __init__(
        self, context: Context, body: ExecuteRequest, *, row: Execution, provider: TurnProvider, model: str
    ) -> None:
        self.id = row.id
        self._context = context
        self._body = body
        self._row = row
        self._provider = provider
        self._usage = Usage(provider=provider.name, model=model)
        self._conversation: Conversation | None = None

    async def work(self, report: Callable[[Step], None]) -> ExecuteResponse:
        """The answer. Raises `ElectronsError`, with what exists so far in its details."""
        if self._row.idempotency_key:
            return await self._context.see_through(self._work_to_an_end(report))
        return await self._work_to_an_end(report)

    async def _work_to_an_end(self, report: Callable[[Step], None]) -> ExecuteResponse:
        try:
            return await self._work(report)
        except asyncio.CancelledError:
            await self._end("cancelled", None)
            raise
        except Exception as error:
            await self._end("failed", error)
            raise

    async def _work(self, report: Callable[[Step], None]) -> ExecuteResponse:
        context, body = self._context, self._body
        try:
            source = await RepositorySource.open(context, body.repo, body.branch) if body.repo else None
            workspace = Workspace(
                source or Nothing(),
                paths=body.paths,
                allow_workflows=context.settings_as(SandboxSettings).allow_workflow_files == "true",
                mask=self._mask,
            )
            record_usage(context, self._usage)
            self._conversation = Conversation(
                context, body, workspace=workspace, provider=self._provider, usage=self._usage, report=report
            )
            await self._conversation.hold(after_turn=self._save)
            await self._save()
            response = self._describe()
            head = source.head if source else None
            if body.auto_deploy:
                response.deployment = await self._deploy(workspace)
            if body.commit:
                response.commit = await self._commit(workspace, response.deployment, head=head)
        except ElectronsError as error:
            error.details = {**(error.details or {}), "execution_id": self.id}
            if self._usage.total_units:
                error.result = self._describe().result.model_dump(mode="json", exclude_none=True)
            raise
        ended_by = response.result.metadata.ended_by
        try:
            await self._executions.note(self.id, status="succeeded", answer=self._write(response), ended_by=ended_by)
        except DatabaseError as error:  # what was made, deployed and committed stands, and the caller is to hear of it
            context.log.error("execution_not_recorded", cause=error, request_id=context.request_id)
        return response

    async def _deploy(self, workspace: Workspace) -> Deployment | Undone:
        if undone := self._incomplete("deployed"):
            return undone
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
            return self._undone(error)
        except ToolError as error:
            return Undone(error=str(error), error_code="NOTHING_TO_DEPLOY")

    async def _commit(
        self, workspace: Workspace, deployment: Deployment | Undone | None, *, head: str | None
    ) -> Commit | Undone:
        if undone := self._incomplete("committed"):
            return undone
        if isinstance(deployment, Undone):
            return Undone(error="Not committed, because it could not be deployed", error_code="DEPLOYMENT_FAILED")
        files: list[dict[str, str | None]] = [
            {"path": path, "content": text} for path, text in sorted(workspace.changed.items())
        ]
        files += [{"path": path, "content": None} for path in sorted(workspace.deleted)]
        if not files:
            return Undone(error="Nothing was committed: no file has changed", error_code="NOTHING_TO_COMMIT")
        message = self._body.commit_message or _title(self._mask(self._body.task))
        request = {"repo": self._body.repo, "branch": self._body.branch, "files": files, "message": message}
        try:
            wanted = parse_body(json.dumps(request).encode(), CommitRequest)
            return await self._context.see_through(commits.commit(self._context, wanted, expected_head=head))
        except ElectronsError as error:
            return self._undone(error)

    def _incomplete(self, done: str) -> Undone | None:
        metadata = self._describe().result.metadata
        if metadata.complete:
            return None
        text = f"Not {done}, because the work is not complete: it ended by {metadata.ended_by}"
        return Undone(error=text, error_code="EXECUTION_INCOMPLETE")

    def _undone(self, error: ElectronsError) -> Undone:
        self._context.log.warning(
            "undone", request_id=self._context.request_id, error=redact(error.message), error_code=error.error_code
        )
        return Undone(error=error.message, error_code=error.error_code)

    def _describe(self) -> ExecuteResponse:
        if self._conversation is None:
            raise RuntimeError("the conversation has not begun")
        return ExecuteResponse(execution_id=self.id, result=self._conversation.result)

    def _mask(self, text: str) -> str:
        """The text without this deployment's secrets, and without what looks like anybody's."""
        return redact_tokens(self._context.settings.hide_secrets(text))

    async def _save(self) -> None:
        await self._executions.note(self.id, answer=self._write(self._describe()))

    async def _end(self, status: str, error: Exception | None) -> None:
        """Writes the end of what did not end well."""
        known = error if isinstance(error, ElectronsError) else ElectronsError("Internal error")
        values: dict[str, Value] = {"status": status}
        if error is not None:
            values |= {"error": known.message, "error_code": known.error_code, "error_status": known.status}
        if self._conversation is not None:
            values["ended_by"] = self._describe().result.metadata.ended_by
            with suppress(DatabaseError):  # the end is to be noted even where this cannot be
                await self._save()
        if not self._usage.total_units:
            values["idempotency_key"] = None  # nothing was spent: a retry may try
        await self._executions.note(self.id, **values)

    def _write(self, response: ExecuteResponse) -> str:
        """The answer as its row has it: without credentials, and short enough for a row."""
        text = _dump(response, self._mask)
        if len(text.encode()) <= _ANSWER_LIMIT:
            return text
        short = response.model_copy(deep=True)
        short.result.steps = []
        if short.result.trial:
            short.result.trial.answers = []
        short.result.metadata.warnings = [*(short.result.metadata.warnings or []), _SHORTENED]
        return _dump(short, self._mask)

    @property
    def _executions(self) -> Executions:
        return Executions(self._context.bindings.database)


async def begin(context: Context, body: ExecuteRequest) -> Job | ExecuteResponse:
    """A new execution, or the answer of the one that this request's `Idempotency-Key` has begun before.

    Raises `ElectronsError` for what may not be done, or could not be; then nothing has begun.
    """
    if body.auto_deploy and body.worker_name:
        context.principal.require("sandbox:deploy")
        require_worker_access(context, body.worker_name)
        await refuse_worker_of_others(context, body.worker_name)
    if body.commit:
        context.principal.require("sandbox:commit")
    if body.repo:
        commits.require_access(context, body.repo)
    default_model = context.settings_as(SandboxSettings).default_code_model
    provider, model = choose_model(context, body.options.model or default_model, MODELS)
    if (
        context.settings_as(SandboxSettings).execute_max_cost_usd
        and estimate_cost(Usage(provider=provider.name, model=model)) is None
    ):
        raise RequestError(
            f"No price is known for `{model}`, so the limit of `EXECUTE_MAX_COST_USD` cannot be held: choose another "
            "model, or have that limit set to 0"
        )
    row = Execution(
        id=str(uuid.uuid4()),
        request_id=context.request_id,
        key_id=context.principal.key_id,
        instance_id=context.labels.instance_id,
        project_id=context.labels.project_id,
        task=context.settings.hide_secrets(body.task),
        repo=body.repo,
        branch=body.branch if body.repo else None,
        model=model,
        idempotency_key=read_idempotency_key(context),
        request_hash=hashlib.sha256(body.model_dump_json().encode()).hexdigest(),
    )
    if await Executions(context.bindings.database).create(row):
        return Job(context, body, row=row, provider=provider, model=model)
    return await replay(context, row)


def read_idempotency_key(context: Context) -> str | None:
    """The header. Raises `RequestError`."""
    key = context.request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= _KEY_LIMIT and key.isprintable()):
        raise RequestError(f"`Idempotency-Key` must have 1 to {_KEY_LIMIT} printable characters")
    return key


async def replay(context: Context, row: Execution) -> ExecuteResponse:
    """The answer of an execution that was begun before. Raises what it ended with, or that it has not ended."""
    executions = Executions(context.bindings.database)
    first = await executions.find_first(row.idempotency_key or "", key_id=row.key_id)
    if first is None:
        raise IdempotencyInProgressError("The first request has just failed; try again")
    if first.request_hash != row.request_hash:
        raise IdempotencyKeyReusedError
    patience = (context.settings_as(SandboxSettings).execute_max_seconds or 3600) + _GRACE_SECONDS
    if first.status == "running" and first.idle_seconds < patience:
        busy = IdempotencyInProgressError(
            "The first request with this `Idempotency-Key` is still at work", details={"execution_id": first.id}
        )
        busy.headers.append(("Retry-After", "5"))
        raise busy
    context.headers.append(("Idempotent-Replayed", "true"))
    if first.status == "succeeded" and first.answer:
        return ExecuteResponse.model_validate_json(first.answer)
    raise interrupted(first)


def interrupted(first: Execution) -> ElectronsError:
    """The error with which an execution ended, again; or that it was broken off."""
    error: ElectronsError
    details = {"execution_id": first.id}
    if first.error is None:
        text = "The execution was broken off; what exists of it is in `details.result`. Use another key to begin anew"
        error = UnavailableError(text, code="EXECUTION_INTERRUPTED", details=details)
    else:
        error = ElectronsError(first.error, code=first.error_code, details=details)
        error.status = first.error_status or error.status
    if first.answer:
        error.result = json.loads(first.answer)["result"]
    return error


async def show(context: Context, execution_id: str) -> ExecutionShown:
    """An execution of this caller's. Raises `NotFoundError`."""
    row = await Executions(context.bindings.database).find(execution_id, key_id=context.principal.key_id)
    if row is None:
        raise NotFoundError("Execution not found", code="EXECUTION_NOT_FOUND")
    known: Mapping[str, Any] = json.loads(row.answer) if row.answer else {"execution_id": row.id, "result": {}}
    return ExecutionShown(
        **{name: value for name, value in known.items() if name not in {"request_id", "timestamp"}},
        status=row.status,
        created_at=row.created_at,
        updated_at=row.updated_at,
        error=row.error,
        error_code=row.error_code,
    )


def _dump(response: ExecuteResponse, mask: Callable[[str], str]) -> str:
    def masked(value: Any) -> Any:
        if isinstance(value, str):
            return mask(value)
        if isinstance(value, list):
            return [masked(item) for item in value]
        return {name: masked(item) for name, item in value.items()} if isinstance(value, dict) else value

    # Text by text: across the texts of a document a credential could begin in one and end in another.
    return json.dumps(masked(response.model_dump(mode="json", exclude_none=True)), ensure_ascii=False)


def _title(text: str) -> str:
    """The first line, as a commit's message."""
    line = text.strip().splitlines()[0]
    return "".join(character for character in line if character.isprintable()).strip()[:72] or "Changes"
