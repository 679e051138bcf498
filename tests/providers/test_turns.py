"""Turns of a conversation with tools: what is counted, and what becomes of calls that fail."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.capabilities.text import estimate_tokens
from electrons.capabilities.turns import take_turn
from electrons.context import Context
from electrons.errors import ProviderError, ProviderTimeoutError
from electrons.providers.anthropic import AnthropicProvider
from electrons.usage import Usage
from tests.providers.cases import TURN_CALL, create_context
from tests.providers.test_anthropic import TOOL_MESSAGE, TURN

PROVIDER = AnthropicProvider()


def usage_of(context: Context) -> Usage:
    assert context.usage is not None
    return context.usage


async def test_usage_of_many_turns_is_their_sum() -> None:
    context = create_context(PROVIDER, lambda _request: httpx2.Response(200, json=TOOL_MESSAGE))

    turns = [await take_turn(context, PROVIDER, TURN_CALL) for _ in range(3)]

    assert turns == [TURN] * 3
    usage = usage_of(context)
    assert usage.model == "claude-sonnet-4-6"
    assert (usage.input_units, usage.output_units) == (3 * 2310, 3 * 40)
    assert (usage.cache_read_units, usage.cache_write_units) == (3 * 2000, 3 * 300)


async def test_turn_is_taken_though_nothing_is_counted() -> None:
    context = create_context(PROVIDER, lambda _request: httpx2.Response(200, json=TOOL_MESSAGE))
    context.usage = None

    assert await take_turn(context, PROVIDER, TURN_CALL) == TURN


async def test_cancelled_turn_counts_besides_earlier_ones() -> None:
    called, sent = asyncio.Event(), list[bytes]()

    async def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.content)
        if len(sent) > 1:
            called.set()
            await asyncio.Event().wait()
        return httpx2.Response(200, json=TOOL_MESSAGE)

    context = create_context(PROVIDER, answer)
    await take_turn(context, PROVIDER, TURN_CALL)
    task = asyncio.create_task(take_turn(context, PROVIDER, TURN_CALL))
    await called.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    usage = usage_of(context)
    assert usage.input_at_most == 2310 + 2 * estimate_tokens(sent[1].decode())
    assert usage.output_at_most == 40 + TURN_CALL.max_tokens


async def test_late_turn_counts_as_the_most_that_it_can_use() -> None:
    sent = list[bytes]()

    def answer(request: httpx2.Request) -> httpx2.Response:
        sent.append(request.content)
        raise httpx2.ReadTimeout("late")

    context = create_context(PROVIDER, answer)
    with pytest.raises(ProviderTimeoutError):
        await take_turn(context, PROVIDER, TURN_CALL)

    assert usage_of(context).input_at_most == 2 * estimate_tokens(sent[0].decode()) > 0
    assert usage_of(context).output_at_most == TURN_CALL.max_tokens


async def test_unreadable_turn_counts_as_the_most_that_it_can_use() -> None:
    context = create_context(PROVIDER, lambda _request: httpx2.Response(200, json={"content": None}))

    with pytest.raises(ProviderError, match="cannot be read"):
        await take_turn(context, PROVIDER, TURN_CALL)

    sent = PROVIDER.build_turn(TURN_CALL).content.decode()
    assert usage_of(context).input_at_most == 2 * estimate_tokens(sent)


async def test_refused_turn_counts_nothing() -> None:
    error = {"type": "error", "error": {"type": "invalid_request_error", "message": "prompt is too long"}}
    context = create_context(PROVIDER, lambda _request: httpx2.Response(400, json=error))

    with pytest.raises(ProviderError, match="prompt is too long"):
        await take_turn(context, PROVIDER, TURN_CALL)

    assert usage_of(context) == Usage(provider="anthropic", model="model-1", upstream_ms=usage_of(context).upstream_ms)


@given(
    document=st.dictionaries(
        st.sampled_from(["model", "content", "usage", "stop_reason"]),
        st.none() | st.text() | st.lists(st.none() | st.dictionaries(st.just("type"), st.just("tool_use"))),
    )
)
async def test_turn_of_another_shape_is_a_provider_error(document: dict[str, Any]) -> None:
    content = json.dumps(document).encode()
    context = create_context(PROVIDER, lambda _request: httpx2.Response(200, content=content))

    with pytest.raises(ProviderError, match="cannot be read"):
        await take_turn(context, PROVIDER, TURN_CALL)
