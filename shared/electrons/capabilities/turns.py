"""Conversations with tools, one turn at a time, with any `TurnProvider`; `context.usage` grows with every turn.

A turn is what the model says next: text, and the tools that it asks for. The caller runs them and sends everything
again with their results; a turn goes back as it came (`Turn.raw`), because vendors sign what is in it.
"""

from __future__ import annotations

import json
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from electrons.capabilities.text import MOST_FOR_ESTIMATE, estimate_tokens
from electrons.context import Context
from electrons.upstream.client import call_provider
from electrons.upstream.provider import Provider, ProviderRequest
from electrons.usage import Units

Ended = Literal["tools", "end", "length", "refusal", "pause", "context"]
"""Why a turn ended: it waits for tools, it is complete, `max_tokens` were written, the model declined, the vendor needs
the same conversation again to continue, or the model's context is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A tool that a model may ask for. `input_schema` is the JSON Schema of an object."""

    name: str
    description: str
    input_schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """A model's request to run a tool. The model writes the input, so it may not fit the tool's schema."""

    id: str
    name: str
    input: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """The result of the `ToolUse` with this id; with `failed`, `content` is an error."""

    id: str
    content: str
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UserText:
    """A message of the user."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResults:
    """The answer to a turn with tool uses: one result for each of them, whether the tool ran or not."""

    results: tuple[ToolResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A message of the model. Tokens are the provider's count; those of the cache are contained in `input_tokens`.

    After `length` the last tool use may be cut off: the tool must not run, but needs a result like every other. `raw`
    is the content in the vendor's own form, which goes back unchanged.
    """

    text: str
    tool_uses: tuple[ToolUse, ...]
    ended: Ended
    model: str
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    raw: list[dict[str, Any]]


Message = UserText | Turn | ToolResults


@dataclass(frozen=True, slots=True, kw_only=True)
class TurnCall:
    """A conversation so far, as a provider gets it: None means that the option is not sent at all."""

    model: str
    system: str
    tools: tuple[Tool, ...]
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float | None = None


class TurnProvider(Provider):
    """A vendor whose models use tools."""

    @abstractmethod
    def fit_turn(self, call: TurnCall) -> tuple[TurnCall, list[str]]:
        """Return the call without what its model does not take, and a warning for each option that was left out."""

    @abstractmethod
    def build_turn(self, call: TurnCall) -> ProviderRequest:
        """Return the request for a call that fits."""

    @abstractmethod
    def parse_turn(self, document: dict[str, Any]) -> Turn:
        """Return the turn in a 200 answer; `model` is empty and tokens are 0 if the answer does not have them.

        A document without a turn raises `UnreadableError`; read it with `upstream.reading.Reader`.
        """


async def take_turn(context: Context, provider: TurnProvider, call: TurnCall) -> Turn:
    """Return the next turn of a call that fits. Raises `ProviderError` and what derives from it.

    Tokens that the provider has not counted are estimated.
    """
    request = provider.build_turn(call)
    estimated_input = estimate_tokens(request.content.decode())
    request = replace(request, most=Units(MOST_FOR_ESTIMATE * estimated_input, call.max_tokens))
    turn = await call_provider(context, provider, request, provider.parse_turn)
    turn = replace(
        turn,
        model=turn.model or call.model,
        input_tokens=turn.input_tokens or estimated_input,
        output_tokens=turn.output_tokens or (estimate_tokens(json.dumps(turn.raw)) if turn.raw else 0),
    )
    if context.usage is not None:
        context.usage.model = turn.model
        context.usage.input_units += turn.input_tokens
        context.usage.largest_input = max(context.usage.largest_input, turn.input_tokens)
        context.usage.output_units += turn.output_tokens
        context.usage.cache_read_units += turn.cache_read_tokens
        context.usage.cache_write_units += turn.cache_write_tokens
    return turn
