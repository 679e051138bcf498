"""What an execution leaves in its row: progress after each turn, what it has spent, and its end.

A failure to save never stops the work and never replaces a result or an earlier error: it is logged.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from electrons.bindings import Value
from electrons.context import Context
from electrons.errors import DatabaseError, ElectronsError
from electrons.logs import redact_tokens
from electrons.tasks import repeat
from sandbox_executor.models.execute import ExecuteResponse, ExecutionResult
from sandbox_executor.spent import Spent, count_units, describe_spent, read_usage, restore_spent, show_usage
from sandbox_executor.storage.executions import Execution, Executions, ExecutionStatus
from sandbox_executor.stored_errors import store_error

_ANSWER_LIMIT = 1_900_000
"""Bytes of a stored answer: a row in D1 can have two million."""
_SHORTENED = "The answer was too large to be stored whole: its steps and the trial's answers were left out"
_SPENT_PAUSES_SECONDS = (0.2, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """How an execution has ended, with what exists of its response."""

    status: ExecutionStatus
    response: ExecuteResponse | None
    error: Exception | None = None

    @property
    def failure(self) -> ElectronsError | None:
        """Return the error as callers may see it."""
        if self.error is None or isinstance(self.error, ElectronsError):
            return self.error
        return ElectronsError("Internal error")


class ExecutionRecord:
    """The row of one execution. `row` is what it was when this run began, `route` the one that was called."""

    def __init__(self, context: Context, row: Execution, *, route: str) -> None:
        self._context = context
        self.row = row
        self.route = route
        self._spent_before: Spent | None = row.known_outcome.get("spent")

    def mask(self, text: str) -> str:
        """Return the text without this deployment's secrets, and without what looks like anybody's."""
        return redact_tokens(self._context.settings.hide_secrets(text))

    def restore_spent(self) -> bool:
        """Count what an earlier run has paid for and this one has not reached; return whether there is any."""
        if self._spent_before is None or self._spent() is not self._spent_before:
            return False
        restore_spent(self._context, self._spent_before)
        return True

    async def save_progress(self, response: ExecuteResponse) -> None:
        """Store what exists so far."""
        try:
            await self._table.save_progress(self.row.id, answer=self._serialize(response))
        except DatabaseError as error:
            self._log("execution_progress_not_saved", error)

    async def save_spent(self) -> None:
        """Store what was spent so far."""

        async def save() -> None:
            await self._table.save_spent(self.row.id, outcome=self._outcome(None))

        try:
            await repeat(save, after=_SPENT_PAUSES_SECONDS, on=DatabaseError)
        except DatabaseError as error:
            self._log("execution_spent_not_saved", error)

    async def end(self, end: End) -> None:
        """Store the end; if the database does not take it now, try again once the response is out."""
        values = self.describe_end(end)

        async def store() -> None:
            await self.store_end(end.status, values)

        try:
            await store()
        except DatabaseError as failure:
            self._log("execution_end_not_saved", failure)
            self._context.defer(store)

    def describe_end(self, end: End) -> dict[str, Value]:
        """Return the columns of an end."""
        values: dict[str, Value] = {"outcome": self._outcome(end.failure)}
        if (error := end.failure) is not None:
            values |= {"error": error.message, "error_code": error.error_code, "error_status": error.status}
        if end.response is not None:
            values |= {"answer": self._serialize(end.response), "ended_by": end.response.result.metadata.ended_by}
        return values

    async def store_end(self, status: ExecutionStatus, values: dict[str, Value]) -> None:
        """Store the columns of an end. Raises `DatabaseError`."""
        await self._table.end(self.row.id, status, **values)

    def _spent(self) -> Spent:
        """Return what was spent by now, or in an earlier run if that has come further."""
        now, before = describe_spent(self._context), self._spent_before
        return before if before is not None and count_units(before) > count_units(now) else now

    def _outcome(self, error: ElectronsError | None) -> str:
        outcome: dict[str, Any] = {"route": self.route, "spent": self._spent()}
        if error is not None:
            outcome["error"] = store_error(error)
        return json.dumps(_masked(outcome, self.mask))

    def _serialize(self, response: ExecuteResponse) -> str:
        """Return the answer as its row has it: without credentials, and short enough for a row."""
        text = _dump(response, self.mask)
        if len(text.encode()) <= _ANSWER_LIMIT:
            return text
        short = response.model_copy(deep=True)
        short.result.steps = []
        if short.result.trial:
            short.result.trial.answers = []
        short.result.metadata.warnings = [*(short.result.metadata.warnings or []), _SHORTENED]
        return _dump(short, self.mask)

    def _log(self, event: str, error: DatabaseError) -> None:
        self._context.log.error(event, cause=error, request_id=self._context.request_id, execution_id=self.row.id)

    @property
    def _table(self) -> Executions:
        return Executions(self._context.bindings.database)


def read_response(context: Context, row: Execution) -> ExecuteResponse:
    """Return what exists of a response; without an end, it also counts what was spent after the last progress."""
    response = ExecuteResponse(execution_id=row.id, result=ExecutionResult())
    if row.answer:
        response = ExecuteResponse.model_validate_json(row.answer)
    if row.ended_by is None and (usage := read_usage(row.known_outcome.get("spent"))) is not None:
        show_usage(response.result.metadata, usage, context.settings.own_prices)
    return response


def _dump(response: ExecuteResponse, mask: Callable[[str], str]) -> str:
    # String by string: across the strings of a document a credential could begin in one and end in another.
    return json.dumps(_masked(response.model_dump(mode="json", exclude_none=True), mask), ensure_ascii=False)


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list | tuple):
        return [_masked(item, mask) for item in value]
    return {name: _masked(item, mask) for name, item in value.items()} if isinstance(value, dict) else value
