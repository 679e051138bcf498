"""Executions that were started before: shown to their caller, and repeated for a retry."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from electrons.context import Context
from electrons.errors import (
    DatabaseError,
    ElectronsError,
    IdempotencyInProgressError,
    IdempotencyKeyReusedError,
    NotFoundError,
)
from sandbox_executor.models.execute import ExecuteResponse, ExecutionState
from sandbox_executor.settings import SandboxSettings
from sandbox_executor.storage.executions import (
    INTERRUPTED,
    INTERRUPTED_MESSAGE,
    INTERRUPTED_STATUS,
    Execution,
    Executions,
)

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


async def repeat_execution(context: Context, row: Execution) -> ExecuteResponse:
    """Return the response of the execution that has the idempotency key of `row`.

    Raises the error that it ended with, or `IdempotencyInProgressError` while it is running.
    """
    await try_to_end_interrupted_executions(context)
    first = await _table(context).find_by_idempotency_key(row.idempotency_key or "", key_id=row.key_id)
    if first is None:
        raise IdempotencyInProgressError("The first request has just failed: try again")
    if first.request_hash != row.request_hash:
        raise IdempotencyKeyReusedError
    if first.status == "running":
        busy = IdempotencyInProgressError(
            "The first request with this `Idempotency-Key` is still running: try again later",
            details={"execution_id": first.id},
        )
        busy.headers.append(("Retry-After", "5"))
        raise busy
    context.headers.append(("Idempotent-Replayed", "true"))
    if first.status == "succeeded" and first.answer:
        return ExecuteResponse.model_validate_json(first.answer)
    raise rebuild_error(first)


def rebuild_error(row: Execution) -> ElectronsError:
    """Return the error with which an execution ended."""
    details = {"execution_id": row.id}
    if row.error is None:  # the caller left, and the execution was cancelled
        error = ElectronsError(INTERRUPTED_MESSAGE, code=INTERRUPTED, details=details)
        error.status = INTERRUPTED_STATUS
    else:
        error = ElectronsError(row.error, code=row.error_code, details=details)
        error.status = row.error_status or error.status
    if row.answer:
        error.result = json.loads(row.answer)["result"]
    return error


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
