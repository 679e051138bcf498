"""What of an execution costs money or changes something outside, and how its end is kept.

Without an idempotency key it is done in the request (`RequestEffects`); with one, in steps of a Workflow that are done
once, whatever happens to the process (`durable_effects.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, Protocol, TypeVar

from electrons.capabilities.turns import Turn, TurnCall, TurnProvider, take_turn
from electrons.context import Context
from electrons.providers.github.repositories import require_head
from electrons.storage.ledger import record_usage
from electrons.usage import Usage
from sandbox_executor import commits, deployments
from sandbox_executor.execution_record import End, ExecutionRecord
from sandbox_executor.models.commit import Commit, CommitRequest
from sandbox_executor.models.deploy import Deployment, DeployRequest
from sandbox_executor.models.execute import ExecuteRequest
from sandbox_executor.repository import GITHUB

T = TypeVar("T")


class OutOfTimeError(Exception):
    """The time of the execution is over."""


@asynccontextmanager
async def within(seconds: float | None) -> AsyncIterator[None]:
    """Raise `OutOfTimeError` in the block when so many seconds are over; None is no limit."""
    if seconds is not None and seconds <= 0:
        raise OutOfTimeError
    try:
        async with asyncio.timeout(seconds) as clock:
            yield
    except TimeoutError as error:
        if not clock.expired():
            raise
        raise OutOfTimeError from error


class Effects(Protocol):
    """The effects of one execution. `least_tool_seconds` are for the tools of a turn, also when the time is over."""

    least_tool_seconds: float

    async def find_head(self, body: ExecuteRequest) -> str | None:
        """Return the commit to start from. Raises what `commits.find_source_branch` and `require_head` raise."""

    def begin_usage(self, usage: Usage) -> None:
        """Begin to count what the model uses."""

    async def take_turn(self, call: TurnCall, *, number: int, seconds: float | None) -> Turn:
        """Return the next turn. Raises `OutOfTimeError`, and what `turns.take_turn` raises."""

    async def deploy(self, request: DeployRequest) -> Deployment:
        """Put the Worker live. Raises `ElectronsError`."""

    async def commit(self, request: CommitRequest, *, expected_head: str | None) -> Commit:
        """Commit. Raises `ElectronsError`."""

    async def see_through(self, work: Coroutine[Any, Any, T]) -> T:
        """Return the result of work after the last turn; it is completed even if the caller leaves."""

    async def end(self, end: End) -> None:
        """Keep the end. A failure is logged."""


class RequestEffects:
    """Effects within a request."""

    least_tool_seconds = 0.0

    def __init__(self, context: Context, record: ExecutionRecord, provider: TurnProvider) -> None:
        self._context = context
        self._record = record
        self._provider = provider

    async def find_head(self, body: ExecuteRequest) -> str | None:
        """See `Effects.find_head`."""
        return await find_head(self._context, body)

    def begin_usage(self, usage: Usage) -> None:
        """See `Effects.begin_usage`."""
        record_usage(self._context, usage)

    async def take_turn(self, call: TurnCall, *, number: int, seconds: float | None) -> Turn:
        """See `Effects.take_turn`."""
        async with within(seconds):
            turn = await take_turn(self._context, self._provider, call)
        await settle(self._context, self._record)
        return turn

    async def deploy(self, request: DeployRequest) -> Deployment:
        """See `Effects.deploy`."""
        return await deployments.deploy(self._context, request)

    async def commit(self, request: CommitRequest, *, expected_head: str | None) -> Commit:
        """See `Effects.commit`."""
        return await commits.commit(self._context, request, expected_head=expected_head)

    async def see_through(self, work: Coroutine[Any, Any, T]) -> T:
        """See `Effects.see_through`."""
        return await self._context.see_through(work)

    async def end(self, end: End) -> None:
        """See `Effects.end`."""
        await self._record.end(end)


async def settle(context: Context, record: ExecutionRecord) -> None:
    """Settle the budget of the last call, and store what was spent. Failures are logged."""
    if context.settle_last_call is not None:
        await context.settle_last_call()
    await record.save_spent()


async def find_head(context: Context, body: ExecuteRequest) -> str | None:
    """Return the commit that an execution starts from, None in an empty repository. Raises `ElectronsError`."""
    branch = await commits.find_source_branch(context, body)
    return await require_head(context, GITHUB, body.repo or "", branch)
