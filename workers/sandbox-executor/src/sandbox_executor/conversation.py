"""The conversation with the model: turn after turn until it is done, or a limit ends it.

Every limit is checked before a turn is paid for, with what that turn can cost at most. So a limit is exceeded at most
by the error of an estimate of new text (four characters a token); only the clock can end a turn that is in progress.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace

from electrons.capabilities.text import estimate_tokens
from electrons.capabilities.turns import Message, ToolResults, Turn, TurnCall, TurnProvider, UserText
from electrons.context import Context
from electrons.upstream.prices import estimate_cost
from electrons.usage import Usage
from sandbox_executor.effects import Effects, OutOfTimeError, within
from sandbox_executor.models.execute import COMPLETE, EndedBy, ExecutedFile, ExecuteRequest, ExecutionResult, Step
from sandbox_executor.modules import file_type
from sandbox_executor.prompts import SYSTEM, describe_task
from sandbox_executor.settings import SandboxSettings
from sandbox_executor.spent import show_usage
from sandbox_executor.tools import TOOLS, Toolbox
from sandbox_executor.workspace import ToolError, Workspace

_LEAST_TOKENS = 256
"""Output tokens without which a turn is not worth its input."""

_GO_ON = "You reached the limit of what you may write at once. Continue, in smaller pieces."


class Conversation:
    """One execution's conversation. `result` is right at any time, so that it can be returned whatever happens.

    `elapsed_seconds` are those that the execution has taken before it.
    """

    def __init__(
        self,
        context: Context,
        body: ExecuteRequest,
        *,
        workspace: Workspace,
        provider: TurnProvider,
        effects: Effects,
        usage: Usage,
        elapsed_seconds: float,
        report: Callable[[Step], None],
    ) -> None:
        self.result = ExecutionResult()
        self._context = context
        self._body = body
        self._workspace = workspace
        self._provider = provider
        self._usage = usage
        self._effects = effects
        self._started = time.monotonic() - elapsed_seconds
        self._next_input = 0
        self._messages: list[Message] = []
        self._warnings: list[str] = []
        self._report_step = report
        self.toolbox = Toolbox(context, workspace, requests=body.requests, report=self._report)

    async def run(self, *, after_turn: Callable[[], Awaitable[None]]) -> None:
        """Take turns until the end; `after_turn` is awaited between turns. Raises `ProviderError`.

        `result` is up to date afterwards, also after an error.
        """
        ended: EndedBy = "failure"
        try:
            ended = await self._take_turns(after_turn)
        except OutOfTimeError:
            ended = "max_seconds"
        except asyncio.CancelledError:
            ended = "cancelled"
            raise
        finally:
            self.update_result(ended)

    async def _take_turns(self, after_turn: Callable[[], Awaitable[None]]) -> EndedBy:
        self._messages = [UserText(text=describe_task(self._body, self._workspace))]
        model = self._usage.model
        first = TurnCall(
            model=model, system=SYSTEM, tools=TOOLS, messages=tuple(self._messages), max_tokens=_LEAST_TOKENS
        )
        self._next_input = estimate_tokens(self._provider.build_turn(first).content.decode())
        while True:
            call, ended = self._prepare_turn(model)
            if ended:
                return ended
            self.result.metadata.turns += 1
            number = self.result.metadata.turns
            turn = await self._effects.take_turn(call, number=number, seconds=self._seconds_left())
            self.result.output = turn.text if turn.text.strip() else self.result.output
            self._next_input = turn.input_tokens + turn.output_tokens
            if turn.ended == "refusal":
                return "refusal"
            if turn.ended == "context":
                return "context_window"
            if turn.tool_uses or turn.text.strip() or turn.ended == "pause":
                self._messages.append(turn)  # a turn that says nothing cannot be sent back
            async with within(self._seconds_left(least=self._effects.least_tool_seconds)):
                await self._act_on(turn)
            self.update_result(None)
            if self.toolbox.summary is not None:
                self.result.output = self.toolbox.summary
                return "finished" if self.toolbox.trial else "answered"
            if self.toolbox.repairs > self._context.settings_as(SandboxSettings).execute_max_repairs:
                return "max_repairs"
            await after_turn()

    async def _act_on(self, turn: Turn) -> None:
        if turn.tool_uses:
            self._add(await self.toolbox.run_turn(turn, number=self.result.metadata.turns))
        elif turn.ended == "length":
            self._add(UserText(text=_GO_ON))
        elif turn.ended != "pause":
            await self._accept_without_finish(turn.text)

    def _seconds_left(self, *, least: float = 0.0) -> float | None:
        """Return the seconds until the clock ends the execution, but not less than `least`; None without a limit."""
        limit = self._context.settings_as(SandboxSettings).execute_max_seconds
        return max(limit - (time.monotonic() - self._started), least) if limit else None

    def update_result(self, ended: EndedBy | None) -> None:
        """Update the result with what exists now."""
        workspace, result = self._workspace, self.result
        result.files = [
            ExecutedFile(path=path, content=text, type=file_type(path))
            for path, text in sorted(workspace.changed.items())
        ]
        result.deleted_files = sorted(workspace.deleted)
        result.trial = self.toolbox.trial
        self.update_usage()
        metadata = result.metadata
        metadata.execution_time_ms = round((time.monotonic() - self._started) * 1000)
        metadata.repairs = self.toolbox.repairs
        metadata.ended_by = ended
        metadata.complete = ended in COMPLETE
        metadata.warnings = self._warnings or None

    def update_usage(self) -> None:
        """Update what the result says about the usage."""
        show_usage(self.result.metadata, self._usage, self._context.settings.own_prices)

    def warn(self, text: str) -> None:
        """Add a warning to the result, once."""
        if text not in self._warnings:
            self._warnings.append(text)
        self.result.metadata.warnings = self._warnings

    def _prepare_turn(self, model: str) -> tuple[TurnCall, EndedBy | None]:
        """Return the next turn, and the limit that forbids it, if one does."""
        settings = self._context.settings_as(SandboxSettings)
        room = settings.execute_max_tokens - self._usage.total_units - self._next_input
        max_tokens = min(self._body.options.max_tokens, room)
        call = TurnCall(
            model=model,
            system=SYSTEM,
            tools=TOOLS,
            messages=tuple(self._messages),
            max_tokens=max_tokens,
            temperature=self._body.options.temperature,
        )
        call, warnings = self._provider.fit_turn(call)
        for warning in warnings:
            self.warn(warning)
        if self.result.metadata.turns >= settings.execute_max_turns:
            return call, "max_turns"
        if max_tokens < _LEAST_TOKENS:
            return call, "max_tokens"
        at_most = replace(
            self._usage,
            input_units=self._usage.input_units + self._next_input,
            largest_input=max(self._usage.largest_input, self._next_input),
            output_units=self._usage.output_units + max_tokens,
            cache_write_units=self._usage.cache_write_units + self._next_input,
        )
        cost = estimate_cost(at_most, settings.own_prices)
        if settings.execute_max_cost_usd and cost and cost.microusd > settings.execute_max_cost_usd * 1e6:
            return call, "max_cost"
        return call, None

    def _add(self, message: UserText | ToolResults) -> None:
        texts = [message.text] if isinstance(message, UserText) else [result.content for result in message.results]
        self._messages.append(message)
        self._next_input += sum(estimate_tokens(text) for text in texts)

    async def _accept_without_finish(self, text: str) -> None:
        """Try what the model has written, although it has stopped without the tool `finish`."""
        if not self._workspace.changed and not self._workspace.deleted:
            self.toolbox.summary, self.toolbox.trial = text, None
            return
        try:
            await self.toolbox.accept(text, main=None)
        except ToolError as error:
            self._add(UserText(text=f"What you have written does not pass its trial:\n{error}"))

    def _report(self, step: Step) -> None:
        self.result.steps.append(step)
        self._report_step(step)
