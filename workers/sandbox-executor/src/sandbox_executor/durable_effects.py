"""The effects of an execution as steps of a Workflow: each is done once, and its result is kept.

Right before a step spends, the work's row is marked with its number. A step that finds its own mark was interrupted by
the end of its process: it may have been paid for, or done, so it is not repeated.
"""

from __future__ import annotations

import base64
import json
import zlib
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import asdict
from typing import Any

from electrons.capabilities.turns import ToolUse, Turn, TurnCall, TurnProvider, take_turn
from electrons.context import Context
from electrons.errors import ElectronsError
from electrons.storage.ledger import Row
from electrons.usage import Usage
from electrons.workflows import Retries, Steps
from sandbox_executor import commits, deployments
from sandbox_executor.effects import OutOfTimeError, T, find_head, settle, within
from sandbox_executor.execution_record import End, ExecutionRecord
from sandbox_executor.models.commit import Commit, CommitRequest
from sandbox_executor.models.deploy import Deployment, DeployRequest
from sandbox_executor.models.execute import ExecuteRequest
from sandbox_executor.spent import describe_spent, restore_spent
from sandbox_executor.storage.work import WAKE_EVENT, ExecutionWork
from sandbox_executor.stored_errors import interrupted, restore_error, store_error
from sandbox_executor.usage_row import build_usage_row, write_usage_row

_DEPLOYMENT = 1_000_000
_COMMIT = 1_000_001
"""Numbers after those of all turns."""

_PACKED_LENGTH = 400_000
"""Characters of a turn that is stored as it is: the result of a step has 1 MiB at most, and a turn has its text twice.

https://developers.cloudflare.com/workflows/reference/limits/
"""

_RETRIES = Retries(limit=8, first_pause_seconds=2)

_END_ROUNDS, _WAIT_SECONDS = 24, 3600.0
"""For a day: after it the Cron Trigger deletes the work, and ends the execution as interrupted."""


class DurableEffects:
    """See `Effects`. What the tools do is done again after a restart, and costs nothing, so it has a minute."""

    least_tool_seconds = 60.0

    def __init__(self, steps: Steps, context: Context, *, record: ExecutionRecord, provider: TurnProvider) -> None:
        self._steps = steps
        self._context = context
        self._record = record
        self._provider = provider
        self._usage: Usage | None = None

    async def find_head(self, body: ExecuteRequest) -> str | None:
        """See `Effects.find_head`."""
        head: str | None = await self._do("find head", lambda: find_head(self._context, body))
        return head

    def begin_usage(self, usage: Usage) -> None:
        """See `Effects.begin_usage`."""
        self._context.usage = self._usage = usage

    async def take_turn(self, call: TurnCall, *, number: int, seconds: float | None) -> Turn:
        """See `Effects.take_turn`."""

        async def pay() -> str:
            async with within(seconds):
                await self._begin(number)
                return pack_turn(await take_turn(self._context, self._provider, call))

        return unpack_turn(await self._do(f"turn {number}", pay))

    async def deploy(self, request: DeployRequest) -> Deployment:
        """See `Effects.deploy`."""

        async def deploy() -> Any:
            await self._begin(_DEPLOYMENT)
            return (await deployments.deploy(self._context, request)).model_dump(mode="json")

        return Deployment.model_validate(await self._do("deploy", deploy))

    async def commit(self, request: CommitRequest, *, expected_head: str | None) -> Commit:
        """See `Effects.commit`."""

        async def commit() -> Any:
            await self._begin(_COMMIT)
            made = await commits.commit(self._context, request, expected_head=expected_head)
            return made.model_dump(mode="json")

        return Commit.model_validate(await self._do("commit", commit))

    async def see_through(self, work: Coroutine[Any, Any, T]) -> T:
        """See `Effects.see_through`."""
        return await work

    async def end(self, end: End) -> None:
        """See `Effects.end`. The usage is written first: who sees the end also sees what it cost.

        While the database does not take it, the Workflow waits; whoever wakes it has it try again.
        """
        values = self._record.describe_end(end)
        usage_row = self._build_usage_row(end)
        for number in range(1, _END_ROUNDS + 1):
            if number > 1:
                await self._steps.wait(f"wait for the database {number}", event=WAKE_EVENT, seconds=_WAIT_SECONDS)
            written = await self._keep(f"record usage {number}", lambda: self._write_usage(usage_row))
            ended = await self._keep(f"end {number}", lambda: self._record.store_end(end.status, values))
            if written and ended:
                await self._keep("delete work", lambda: self._work.delete(self._record.row.id))
                return

    def _build_usage_row(self, end: End) -> Row | None:
        if self._usage is None:
            return None
        row, route = self._record.row, self._record.route
        return build_usage_row(self._context, row, self._usage, route=route, error=end.failure, seconds=row.age_seconds)

    async def _write_usage(self, row: Row | None) -> None:
        if row is not None:
            await write_usage_row(self._context, row)

    async def _begin(self, number: int) -> None:
        """Mark a step. Raises `UnavailableError` if it was interrupted after its mark."""
        if not await self._work.begin(self._record.row.id, number):
            self._context.has_spent = True
            raise interrupted()

    async def _do(self, name: str, work: Callable[[], Awaitable[Any]]) -> Any:
        """Return the result of `work()`, or raise what it has raised, in this run or in an earlier one."""

        async def run() -> dict[str, Any]:
            context, done = self._context, dict[str, Any]()
            try:
                done["result"] = await work()
            except OutOfTimeError:
                done["out_of_time"] = True
            except ElectronsError as error:
                done["error"] = store_error(error)
            except Exception as error:  # noqa: BLE001  # a step that raises would be tried again
                context.log.error("failure", cause=error, request_id=context.request_id)
                done["error"] = store_error(ElectronsError("Internal error; the log has the details"))
            if self._usage is not None:
                await settle(context, self._record)
            return {**done, "spent": describe_spent(context)}

        done = await self._steps.do(name, run)
        restore_spent(self._context, done["spent"])
        if "error" in done:
            raise restore_error(done["error"])
        if "out_of_time" in done:
            raise OutOfTimeError
        return done["result"]

    async def _keep(self, name: str, write: Callable[[], Awaitable[None]]) -> bool:
        """Return whether a write was done, after the retries. A failure is logged."""
        try:
            await self._steps.do(name, write, retries=_RETRIES)
        except Exception as error:  # noqa: BLE001  # whatever it is, the rest must be kept
            self._context.log.error("execution_end_not_saved", cause=error, request_id=self._context.request_id)
            return False
        return True

    @property
    def _work(self) -> ExecutionWork:
        return ExecutionWork(self._context.bindings.database)


def pack_turn(turn: Turn) -> str:
    """Return a turn as text for the result of a step; a long one is compressed."""
    text = json.dumps(asdict(turn))
    return text if len(text) <= _PACKED_LENGTH else base64.b64encode(zlib.compress(text.encode(), 1)).decode()


def unpack_turn(packed: str) -> Turn:
    """Return the turn again."""
    text = packed if packed.startswith("{") else zlib.decompress(base64.b64decode(packed)).decode()
    fields = json.loads(text)
    return Turn(**{**fields, "tool_uses": tuple(ToolUse(**use) for use in fields["tool_uses"])})
