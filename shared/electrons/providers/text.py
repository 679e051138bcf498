"""Text generation with any `TextProvider`: whole, or piece by piece. `context.usage` is filled whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

from electrons.context import Context
from electrons.errors import ProviderError
from electrons.providers.base import TextCall, TextProvider, TextResult
from electrons.providers.sse import iterate_events
from electrons.providers.transport import call_json, iterate_body, open_response, unreadable

CHARACTERS_PER_TOKEN = 4
"""A rule of thumb for English, where no provider has counted: estimates before a call, and calls that were cut off."""

_UNEXPECTED = (AttributeError, LookupError, TypeError, ValueError)


def estimate_tokens(text: str | None) -> int:
    """About how many tokens a text has, at least one where there is text."""
    return -(-len(text) // CHARACTERS_PER_TOKEN) if text else 0


async def generate_text(context: Context, provider: TextProvider, call: TextCall) -> TextResult:
    """The whole text. Raises `ProviderError` and what derives from it."""
    request = provider.build_text(call, stream=False)
    result = TextResult(model=call.model)
    try:
        document = await call_json(context, provider, request)
        result = provider.parse_text(document)
    except _UNEXPECTED as error:
        raise unreadable(provider) from error
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
            try:
                async for data in iterate_events(iterate_body(provider, response)):
                    if piece := provider.parse_text_event(data, result):
                        characters += len(piece)
                        yield piece
            except _UNEXPECTED as error:
                raise unreadable(provider) from error
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
