"""The start of an execution: everything is checked, and its row is inserted, before anything is paid."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Protocol

from electrons.capabilities.turns import TurnProvider
from electrons.context import Context
from electrons.errors import RequestError
from electrons.registry import choose_model, find_providers
from electrons.upstream.prices import estimate_cost
from electrons.usage import Usage
from sandbox_executor import commits
from sandbox_executor.deployment_access import refuse_worker_of_others, require_worker_access
from sandbox_executor.effects import RequestEffects
from sandbox_executor.execution import ExecutionRun
from sandbox_executor.execution_lookup import try_to_end_interrupted_executions
from sandbox_executor.execution_record import ExecutionRecord
from sandbox_executor.handing_over import HandedOverExecution, hand_over
from sandbox_executor.models.execute import ExecuteRequest, ExecuteResponse, Step
from sandbox_executor.settings import SandboxSettings
from sandbox_executor.storage.executions import Execution, Executions

MODELS = find_providers(TurnProvider)


class StartedExecution(Protocol):
    """An execution that a request has started, and waits for."""

    id: str

    async def run(self, report: Callable[[Step], None]) -> ExecuteResponse:
        """Return the response. Raises `ElectronsError`, with what exists so far in its details."""


async def start_execution(context: Context, body: ExecuteRequest) -> StartedExecution:
    """Return a new execution, which a Workflow runs if there is an idempotency key.

    Raises `ElectronsError` for what may not be done, or could not be; nothing has begun.
    """
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
    record = ExecutionRecord(context, row, route=context.route.path)
    if context.work_id is None:
        effects = RequestEffects(context, record, provider)
        return ExecutionRun(context, body, record=record, provider=provider, effects=effects)
    await hand_over(context, body, record, provider=provider.name)
    return HandedOverExecution(context, row.id)
