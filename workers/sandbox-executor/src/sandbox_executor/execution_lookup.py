"""Executions that were started before: shown to their caller, and ended where they were interrupted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from electrons.context import Context
from electrons.errors import DatabaseError, NotFoundError
from sandbox_executor.models.execute import ExecutionState
from sandbox_executor.settings import SandboxSettings
from sandbox_executor.storage.executions import Executions

_GRACE_SECONDS = 120
"""How long after its time limit an execution that saves nothing counts as running: it may be deploying."""
_UNLIMITED_SECONDS = 3600
"""What counts as the time limit where there is none."""


async def load_execution(context: Context, execution_id: str) -> ExecutionState:
    """Return an execution of this caller. Raises `NotFoundError`."""
    await try_to_end_interrupted_executions(context)
    row = await _table(context).find(execution_id, key_id=context.principal.key_id)
    if row is None:
        raise NotFoundError("Execution not found", code="EXECUTION_NOT_FOUND")
    known: Mapping[str, Any] = json.loads(row.answer) if row.answer else {"execution_id": row.id, "result": {}}
    return ExecutionState(
        **{name: value for name, value in known.items() if name not in {"request_id", "timestamp"}},
        status=row.status,
        created_at=row.created_at,
        updated_at=row.updated_at,
        error=row.error,
        error_code=row.error_code,
    )


async def end_interrupted_executions(context: Context) -> int:
    """Record the end of executions whose isolate is gone; return how many. Raises `DatabaseError`."""
    limit = context.settings_as(SandboxSettings).execute_max_seconds or _UNLIMITED_SECONDS
    return await _table(context).end_interrupted(idle_seconds=limit + _GRACE_SECONDS)


async def try_to_end_interrupted_executions(context: Context) -> None:
    """End interrupted executions; a failure is only logged."""
    try:
        await end_interrupted_executions(context)
    except DatabaseError as error:
        context.log.error("executions_not_reconciled", cause=error, request_id=context.request_id)


def _table(context: Context) -> Executions:
    return Executions(context.bindings.database)
