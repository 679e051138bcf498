"""What an execution leaves in its row: progress after each turn, and its end.

A failure to save never stops the work and never replaces a result or an earlier error: it is logged.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from electrons.bindings import Value
from electrons.context import Context
from electrons.errors import DatabaseError, ElectronsError
from electrons.logs import redact_tokens
from sandbox_executor.models.execute import ExecuteResponse
from sandbox_executor.storage.executions import Executions, ExecutionStatus

_ANSWER_LIMIT = 1_900_000
"""Bytes of a stored answer: a row in D1 can have two million."""
_SHORTENED = "The answer was too large to be stored whole: its steps and the trial's answers were left out"


class ExecutionRecord:
    """The row of one execution."""

    def __init__(self, context: Context, execution_id: str) -> None:
        self._context = context
        self._id = execution_id

    def mask(self, text: str) -> str:
        """Return the text without this deployment's secrets, and without what looks like anybody's."""
        return redact_tokens(self._context.settings.hide_secrets(text))

    async def save_progress(self, response: ExecuteResponse) -> None:
        """Store what exists so far."""
        try:
            await self._table.save_progress(self._id, answer=self._serialize(response))
        except DatabaseError as error:
            self._log("execution_progress_not_saved", error)

    async def end(
        self, status: ExecutionStatus, response: ExecuteResponse | None, *, error: Exception | None = None
    ) -> None:
        """Store the end; if the database does not take it now, try again once the response is out."""
        values = self.describe_end(response, error=error)

        async def store() -> None:
            await self.store_end(status, values)

        try:
            await store()
        except DatabaseError as failure:
            self._log("execution_end_not_saved", failure)
            self._context.defer(store)

    def describe_end(
        self, response: ExecuteResponse | None, *, error: Exception | None, outcome: dict[str, Any] | None = None
    ) -> dict[str, Value]:
        """Return the columns of an end."""
        values: dict[str, Value] = {}
        if error is not None:
            known = error if isinstance(error, ElectronsError) else ElectronsError("Internal error")
            values |= {"error": known.message, "error_code": known.error_code, "error_status": known.status}
        if response is not None:
            values |= {"answer": self._serialize(response), "ended_by": response.result.metadata.ended_by}
        if outcome is not None:
            values["outcome"] = json.dumps(_masked(outcome, self.mask))
        return values

    async def store_end(self, status: ExecutionStatus, values: dict[str, Value]) -> None:
        """Store the columns of an end. Raises `DatabaseError`."""
        await self._table.end(self._id, status, **values)

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
        self._context.log.error(event, cause=error, request_id=self._context.request_id, execution_id=self._id)

    @property
    def _table(self) -> Executions:
        return Executions(self._context.bindings.database)


def _dump(response: ExecuteResponse, mask: Callable[[str], str]) -> str:
    # String by string: across the strings of a document a credential could begin in one and end in another.
    return json.dumps(_masked(response.model_dump(mode="json", exclude_none=True), mask), ensure_ascii=False)


def _masked(value: Any, mask: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, list | tuple):
        return [_masked(item, mask) for item in value]
    return {name: _masked(item, mask) for name, item in value.items()} if isinstance(value, dict) else value
