"""The background work of an execution under an idempotency key, whose id is that of the Workflow's instance.

It outlives the request, the isolate and the process: after a restart the conversation is replayed from the turns that
were paid for.
"""

from __future__ import annotations

from electrons.capabilities.turns import TurnProvider
from electrons.context import Context, Labels
from electrons.errors import DatabaseError, ElectronsError
from electrons.registry import find_providers
from electrons.tasks import repeat
from electrons.tracing import continue_trace
from electrons.workflows import Steps
from sandbox_executor.durable_effects import DurableEffects
from sandbox_executor.execution import ExecutionRun
from sandbox_executor.execution_record import ExecutionRecord
from sandbox_executor.handing_over import Work
from sandbox_executor.storage.executions import INTERRUPTED, Execution, Executions
from sandbox_executor.storage.work import ExecutionWork

_LOAD_PAUSES_SECONDS = (0.5, 2.0, 8.0, 30.0)


async def run_execution(steps: Steps, context: Context, execution_id: str) -> None:
    """Run an execution to its end, for the first time or again. Raises `DatabaseError` if it cannot be read."""
    found = await _load(context, execution_id)
    if found is None:
        return
    row, work = found
    context.request_id = row.request_id
    context.trace = continue_trace(work.traceparent)
    context.principal = work.principal
    context.labels = Labels(row.instance_id, row.project_id)
    provider = next(known for known in find_providers(TurnProvider) if known.name == work.provider)
    record = ExecutionRecord(context, row, route=work.route)
    effects = DurableEffects(steps, context, record=record, provider=provider)
    elapsed_seconds = row.age_seconds
    run = ExecutionRun(
        context, work.body, record=record, provider=provider, effects=effects, elapsed_seconds=elapsed_seconds
    )
    try:
        await run.run(lambda _step: None)
    except ElectronsError:
        pass  # the row has it, and the request that waits logs it
    except Exception as error:  # noqa: BLE001  # the row has it; an instance that fails would only be shown as failed
        context.log.error("failure", cause=error, request_id=context.request_id)
    await context.finish()


async def _load(context: Context, execution_id: str) -> tuple[Execution, Work] | None:
    """Return what is to be done; None if it was done, after deleting its work.

    What was only thought interrupted is to be done.
    """
    database = context.bindings.database

    async def load() -> tuple[Execution | None, str | None]:
        return await Executions(database).load(execution_id), await ExecutionWork(database).find(execution_id)

    row, work = await repeat(load, after=_LOAD_PAUSES_SECONDS, on=DatabaseError)
    if row is None or work is None:
        return None
    if row.status != "running" and row.error_code != INTERRUPTED:
        await ExecutionWork(database).delete(execution_id)
        return None
    return row, Work.load(work)
