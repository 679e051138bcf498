"""Executions that were started before: shown to their caller, woken, and ended where they were interrupted."""

from __future__ import annotations

from electrons.context import Context
from electrons.errors import DatabaseError, NotFoundError, UnavailableError
from sandbox_executor.execution_record import read_response
from sandbox_executor.models.execute import ExecutionState
from sandbox_executor.settings import SandboxSettings
from sandbox_executor.spent import read_usage
from sandbox_executor.storage.executions import Executions
from sandbox_executor.storage.work import WAKE_EVENT, ExecutionWork
from sandbox_executor.stored_errors import interrupted
from sandbox_executor.usage_row import build_usage_row, write_usage_row

_GRACE_SECONDS = 120
"""How long after its time limit an execution that saves nothing counts as running: it may be deploying."""
_WAKE_SECONDS = 10
"""So long an execution saves nothing before its Workflow is woken, and so long a wake has to show."""
_WAKE_COUNT = 10
"""Executions that one run of the schedule wakes."""
_END_COUNT = 20
"""Interrupted executions that are ended at once."""
_UNLIMITED_SECONDS = 3600
"""What counts as the time limit where there is none."""


async def load_execution(context: Context, execution_id: str) -> ExecutionState:
    """Return an execution of this caller. Raises `NotFoundError`."""
    row = await _table(context).find(execution_id, key_id=context.principal.key_id)
    if row is not None and row.status == "running":
        await try_to_wake(context, row.id, idle_seconds=row.idle_seconds)
        await try_to_end_interrupted_executions(context)
        row = await _table(context).find(execution_id, key_id=context.principal.key_id)
    if row is None:
        raise NotFoundError("Execution not found", code="EXECUTION_NOT_FOUND")
    response = read_response(context, row)
    return ExecutionState(
        execution_id=row.id,
        result=response.result,
        deployment=response.deployment,
        commit=response.commit,
        status=row.status,
        created_at=row.created_at,
        updated_at=row.updated_at,
        error=row.error,
        error_code=row.error_code,
    )


async def try_to_wake(context: Context, execution_id: str, *, idle_seconds: float) -> None:
    """Have the Workflow of an execution go on, if it has saved nothing for a while. A failure is only logged.

    That resumes one whose process was killed in a local run. One that was never started is started.
    """
    if idle_seconds < _WAKE_SECONDS:
        return
    workflow = context.bindings.execution_workflow
    try:
        if not await ExecutionWork(context.bindings.database).note_wake(execution_id, pause_seconds=_WAKE_SECONDS):
            return
        try:
            await workflow.send(execution_id, event=WAKE_EVENT)
        except UnavailableError:
            await workflow.create(execution_id)
    except UnavailableError as error:
        context.log.warning("wake", request_id=context.request_id, execution_id=execution_id, error=error.message)


def longest_silence(context: Context) -> float:
    """Return the seconds after which an execution that has saved nothing is idle: a turn takes less."""
    return (context.settings.total_timeout_seconds or _UNLIMITED_SECONDS) + _GRACE_SECONDS


async def wake_idle_executions(context: Context) -> int:
    """Wake the Workflows that have saved nothing for much longer than a turn takes; return how many."""
    idle_seconds = longest_silence(context)
    found = await ExecutionWork(context.bindings.database).find_idle(idle_seconds=idle_seconds, limit=_WAKE_COUNT)
    for execution_id in found:
        await try_to_wake(context, execution_id, idle_seconds=idle_seconds)
    return len(found)


async def end_interrupted_executions(context: Context) -> int:
    """Record the end of executions whose process is gone, and what they have spent; return how many.

    Raises `DatabaseError`.
    """
    limit = context.settings_as(SandboxSettings).execute_max_seconds or _UNLIMITED_SECONDS
    idle_seconds = max(limit + _GRACE_SECONDS, longest_silence(context))
    found = await _table(context).find_interrupted(idle_seconds=idle_seconds, limit=_END_COUNT)
    for row in found:
        outcome = row.known_outcome
        if (usage := read_usage(outcome.get("spent"))) is not None:
            route, seconds = outcome["route"], row.age_seconds - row.idle_seconds
            written = build_usage_row(context, row, usage, route=route, error=interrupted(), seconds=seconds)
            await write_usage_row(context, written)
        await _table(context).end_interrupted(row)
    return len(found)


async def try_to_end_interrupted_executions(context: Context) -> None:
    """End interrupted executions; a failure is only logged."""
    try:
        await end_interrupted_executions(context)
    except DatabaseError as error:
        context.log.error("executions_not_reconciled", cause=error, request_id=context.request_id)


def _table(context: Context) -> Executions:
    return Executions(context.bindings.database)
