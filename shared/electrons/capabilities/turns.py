"""Conversations with tools, one turn at a time, with any `TurnProvider`; `context.usage` grows with every turn.

A turn is what the model says next: text, and the tools that it wants to have used. Whoever holds the conversation uses
them and sends everything again with their results; a turn goes back exactly as it came (`Turn.raw`), because vendors
sign what is in it.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from electrons.capabilities.text import estimate_tokens
from electrons.context import Context
from electrons.errors import ProviderTimeoutError
from electrons.upstream.client import call_provider
from electrons.upstream.provider import Provider, ProviderRequest

Ended = Literal["tools", "end", "length", "refusal", "pause", "context"]
"""Why a turn ended: it waits for tools, it is complete, `max_tokens` were written, the model declined, the vendor wants
the same conversation again to go on, or the model's context is full."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """Something that a model may have done. `input_schema` is the JSON Schema of an object."""

    name: str
    description: str
    input_schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolUse:
    """A model's wish to have a tool used. The input may break the tool's schema: it is a model's work."""

    id: str
    name: str
    input: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """What became of the `ToolUse` with this id; `failed` tells the model that `content` is an error."""

    id: str
    content: str
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class UserText:
    """What the user says."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResults:
    """The answer to a turn with tool uses: one result for each of them, whether it was used or not."""

    results: tuple[ToolResult, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What the model said. Tokens are the provider's count; those of the cache are contained in `input_tokens`.

    After `length` the last tool use may be cut off: it must not be carried out, but has to be answered like every
    other. `raw` is the content in the vendor's own form, which goes back unchanged.
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
        """The call without what its model does not take, and a warning for each option that was left out."""

    @abstractmethod
    def build_turn(self, call: TurnCall) -> ProviderRequest:
        """The request for a call that fits."""

    @abstractmethod
    def parse_turn(self, document: dict[str, Any]) -> Turn:
        """The turn in a 200 answer.

        A document of another shape raises AttributeError, LookupError, TypeError or ValueError.
        """


async def take_turn(context: Context, provider: TurnProvider, call: TurnCall) -> Turn:
    """The next turn of a call that fits. Raises `ProviderError` and what derives from it."""
    request = provider.build_turn(call)
    try:
        turn = await call_provider(context, provider, request, provider.parse_turn)
    except (asyncio.CancelledError, ProviderTimeoutError):
        # The provider goes on counting what it has read.
        if context.usage is not None:
            context.usage.input_units += estimate_tokens(request.content.decode())
        raise
    if context.usage is not None:
        context.usage.model = turn.model
        context.usage.input_units += turn.input_tokens
        context.usage.output_units += turn.output_tokens
        context.usage.cache_read_units += turn.cache_read_tokens
        context.usage.cache_write_units += turn.cache_write_tokens
    return turn
