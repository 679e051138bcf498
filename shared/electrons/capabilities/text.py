"""Text generation with any `TextProvider`: whole, or piece by piece. `context.usage` is filled whatever happens."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from electrons.context import Context
from electrons.errors import ProviderError
from electrons.upstream.client import call_provider, iterate_body, open_response, parsing
from electrons.upstream.provider import Provider, ProviderRequest
from electrons.upstream.sse import iterate_events

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English, where no provider has counted: estimates before a call, and calls that were cut off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TextCall:
    """A text generation as a provider gets it: None means that the option is not sent at all."""

    model: str
    prompt: str
    max_tokens: int
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: tuple[str, ...] = ()
    system_prompt: str | None = None


@dataclass(slots=True, kw_only=True)
class TextResult:
    """A text generation, whole or still growing. Tokens are the provider's count; `finish_reason` is set at its end.

    The tokens that were read from the provider's prompt cache, or written to it, are contained in `input_tokens`.
    """

    model: str
    text: str = ""
    finish_reason: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0


class TextProvider(Provider):
    """A vendor that generates text."""

    @abstractmethod
    def fit(self, call: TextCall, *, explicit: frozenset[str]) -> tuple[TextCall, list[str]]:
        """The call without what its model does not take, and a warning for each `explicit` option that was left out."""

    @abstractmethod
    def build_text(self, call: TextCall, *, stream: bool) -> ProviderRequest:
        """The request; with `stream`, for server-sent events."""

    @abstractmethod
    def parse_text(self, document: dict[str, Any]) -> TextResult:
        """The result in a 200 answer.

        A document of another shape raises AttributeError, LookupError, TypeError or ValueError.
        """

    @abstractmethod
    def parse_text_event(self, data: str, result: TextResult) -> str:
        """Adds one event's data to `result` and returns its piece of text, maybe empty.

        `result.finish_reason` is set once the provider has said how it ended; a stream that ends before is broken.
        Raises `ProviderError` for an event that reports a failure, and as `parse_text` does.
        """


def estimate_tokens(text: str | None) -> int:
    """About how many tokens a text has, at least one where there is text."""
    return -(-len(text) // CHARACTERS_PER_TOKEN) if text else 0


async def generate_text(context: Context, provider: TextProvider, call: TextCall) -> TextResult:
    """The whole text. Raises `ProviderError` and what derives from it."""
    request = provider.build_text(call, stream=False)
    result = TextResult(model=call.model)
    try:
        result = await call_provider(context, provider, request, provider.parse_text)
    except asyncio.CancelledError:
        # The provider goes on counting what it has read.
        result.input_tokens = _estimate_input(call)
        raise
    finally:
        _note_usage(context, result)
    return result


async def stream_text(
    context: Context, provider: TextProvider, call: TextCall, *, result: TextResult
) -> AsyncGenerator[str, None]:
    """The pieces of text as they come; `result` has everything else once the last one is out.

    Raises `ProviderError` and what derives from it, also when the stream ends before the provider has said how. A
    stream that is given up before its end is counted by what was read of it.
    """
    request = provider.build_text(call, stream=True)
    characters = 0
    try:
        async with open_response(context, provider, request) as response:
            with parsing(provider):
                async for data in iterate_events(iterate_body(provider, response)):
                    if piece := provider.parse_text_event(data, result):
                        characters += len(piece)
                        yield piece
            if result.finish_reason is None:
                raise ProviderError(f"{provider.title}'s answer broke off", provider=provider.name)
    finally:
        if result.finish_reason is None and characters:
            result.input_tokens = result.input_tokens or _estimate_input(call)
            result.output_tokens = max(result.output_tokens, -(-characters // CHARACTERS_PER_TOKEN))
        _note_usage(context, result)


def _estimate_input(call: TextCall) -> int:
    return estimate_tokens(call.prompt) + estimate_tokens(call.system_prompt)


def _note_usage(context: Context, result: TextResult) -> None:
    if context.usage is not None:
        context.usage.model = result.model
        context.usage.input_units, context.usage.output_units = result.input_tokens, result.output_tokens
        context.usage.cache_read_units = result.cache_read_tokens
        context.usage.cache_write_units = result.cache_write_tokens
