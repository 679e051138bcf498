"""An execution under an idempotency key: handed to a Workflow, while the request waits for its end.

The caller who leaves ends only the waiting.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from electrons.context import Context, Principal
from electrons.errors import DatabaseError, ElectronsError, PayloadTooLargeError
from electrons.money import Budget
from sandbox_executor.execution import extend_error
from sandbox_executor.execution_lookup import longest_silence, try_to_end_interrupted_executions, try_to_wake
from sandbox_executor.execution_record import End, ExecutionRecord, read_response
from sandbox_executor.models.execute import ExecuteRequest, ExecuteResponse, Step
from sandbox_executor.spent import restore_spent
from sandbox_executor.storage.executions import INTERRUPTED, Execution, Executions
from sandbox_executor.storage.work import ExecutionWork
from sandbox_executor.stored_errors import interrupted, restore_error

_WORK_LIMIT = 1_900_000
"""Bytes of the stored work: a row in D1 can have two million."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What a Workflow needs to run an execution for its caller."""

    body: ExecuteRequest
    provider: str
    route: str
    traceparent: str
    principal: Principal

    def dump(self) -> str:
        """Return the work as JSON."""
        known = self.principal
        principal = {**asdict(known), "scopes": sorted(known.scopes), "models": known.models}
        fields = {"provider": self.provider, "route": self.route, "traceparent": self.traceparent}
        document = {**fields, "principal": principal, "body": self.body.model_dump(mode="json")}
        return json.dumps(document, ensure_ascii=False)

    @classmethod
    def load(cls, text: str) -> Work:
        """Return the work again."""
        document: dict[str, Any] = json.loads(text)
        known = document.pop("principal")
        principal = Principal(
            **{
                **known,
                "scopes": frozenset(known["scopes"]),
                "budget": Budget(**known["budget"]),
                "models": None if known["models"] is None else tuple(known["models"]),
            }
        )
        return cls(**{**document, "body": ExecuteRequest.model_validate(document["body"]), "principal": principal})


async def hand_over(context: Context, body: ExecuteRequest, record: ExecutionRecord, *, provider: str) -> None:
    """Start the Workflow of an execution whose row exists. If that fails, the execution ends, and its error is raised.

    Raises `PayloadTooLargeError`, `DatabaseError`, `UnavailableError`, and what `Context.begin_spending` raises.
    """
    execution_id = record.row.id
    work = Work(
        body=body,
        provider=provider,
        route=record.route,
        traceparent=context.trace.header,
        principal=context.principal,
    )
    try:
        text = work.dump()
        if len(text.encode()) > _WORK_LIMIT:
            raise PayloadTooLargeError(_WORK_LIMIT)
        await ExecutionWork(context.bindings.database).insert(execution_id, text)
        await context.begin_spending()
        await context.bindings.execution_workflow.create(execution_id)
    except ElectronsError as error:
        await record.end(End(status="failed", response=None, error=error))
        raise extend_error(error, execution_id, None) from error
    # Until its end is known: whoever leaves before must not free the key for another execution.
    context.has_spent = True


class HandedOverExecution:
    """An execution that a Workflow runs, as the request sees it that waits for its end."""

    def __init__(self, context: Context, execution_id: str) -> None:
        self.id = execution_id
        self._context = context
        self._reported = 0

    async def run(self, report: Callable[[Step], None]) -> ExecuteResponse:
        """Return the response, or raise the error, that the Workflow has stored; report the steps meanwhile."""
        row = await self._wait(report)
        response = read_response(self._context, row)
        outcome = row.known_outcome
        if "spent" in outcome:
            # What is only thought interrupted may still spend, and what has lost its Workflow may have spent more.
            self._context.has_spent = row.error_code == INTERRUPTED
            restore_spent(self._context, outcome["spent"])
        if row.error_code is None:
            return response
        error = restore_error(outcome["error"]) if "error" in outcome else _describe_error(row)
        usage = self._context.usage
        raise extend_error(error, self.id, response if usage and usage.total_units else None)

    async def _wait(self, report: Callable[[Step], None]) -> Execution:
        seen, waited, changed = "", 0.0, 0.0
        idle_limit = longest_silence(self._context)
        while True:
            # D1 takes a thousand queries in one request, and fifty on the free plan, which has no Worker Loader.
            pause = 0.2 + 0.18 * waited
            if self._context.bindings.LOADER is not None:
                pause = max(min(pause, 2.0), waited / 100)
            await asyncio.sleep(pause)
            waited += pause
            try:
                row = await Executions(self._context.bindings.database).load_changed(self.id, since=seen)
            except DatabaseError as error:  # the Workflow does not mind
                self._context.log.warning("wait", request_id=self._context.request_id, error=error.reason)
                continue
            if row is None:
                if waited - changed > idle_limit:
                    await try_to_wake(self._context, self.id, idle_seconds=waited - changed)
                    await try_to_end_interrupted_executions(self._context)
                continue
            seen, changed = row.updated_at, waited
            self._report_new(row, report)
            if row.status != "running":
                return row

    def _report_new(self, row: Execution, report: Callable[[Step], None]) -> None:
        steps = ExecuteResponse.model_validate_json(row.answer).result.steps if row.answer else []
        for step in steps[self._reported :]:
            report(step)
        self._reported = max(self._reported, len(steps))


def _describe_error(row: Execution) -> ElectronsError:
    if row.error_code == INTERRUPTED:
        return interrupted()
    error = ElectronsError(row.error or "Internal error", code=row.error_code)
    error.status = row.error_status or error.status
    return error
