"""Text generation with any provider: what comes back, and what is counted."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.capabilities.text import TextProvider, TextResult, estimate_tokens, generate_text, stream_text
from electrons.context import Context
from electrons.errors import ProviderError
from electrons.providers.anthropic import AnthropicProvider
from electrons.providers.openai.provider import OpenAIProvider
from tests.providers.cases import TEXT_CALL, create_context

OPENAI = OpenAIProvider()
ANTHROPIC = AnthropicProvider()

each_provider = pytest.mark.parametrize("provider", [ANTHROPIC, OPENAI], ids=lambda provider: provider.name)


def chunk(content: str | None = None, finish_reason: str | None = None, usage: dict[str, int] | None = None) -> bytes:
    choices = [] if usage else [{"index": 0, "delta": {"content": content}, "finish_reason": finish_reason}]
    return b"data: %s\n\n" % json.dumps({"model": "gpt-6-luna", "choices": choices, "usage": usage}).encode()


END = [
    chunk(finish_reason="stop"),
    chunk(usage={"prompt_tokens": 10, "completion_tokens": 4}),
    b"data: [DONE]\n\n",
]


def streaming(*pieces: bytes) -> Context:
    async def body() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return create_context(OPENAI, lambda _request: httpx2.Response(200, content=body()))


def counted(context: Context) -> tuple[str, int, int]:
    assert context.usage is not None
    return context.usage.model, context.usage.input_units, context.usage.output_units


@pytest.mark.parametrize(("text", "tokens"), [(None, 0), ("", 0), ("a", 1), ("abcd", 1), ("abcde", 2)])
def test_estimate_when_there_is_text_then_a_quarter_of_it_rounded_up(text: str | None, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


async def test_generate_when_cancelled_then_the_input_is_counted() -> None:
    called = asyncio.Event()

    async def wait(_request: httpx2.Request) -> httpx2.Response:
        called.set()
        await asyncio.Event().wait()
        raise AssertionError

    context = create_context(OPENAI, wait)
    task = asyncio.create_task(generate_text(context, OPENAI, TEXT_CALL))
    await called.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert counted(context) == ("model-1", estimate_tokens(TEXT_CALL.prompt), 0)


@each_provider
@given(
    document=st.dictionaries(
        st.sampled_from(["model", "content", "usage", "stop_reason", "choices"]),
        st.none() | st.text() | st.lists(st.none() | st.dictionaries(st.just("message"), st.none())),
    )
)
async def test_generate_when_the_document_has_another_shape_then_a_provider_error(
    provider: TextProvider, document: dict[str, Any]
) -> None:
    context = create_context(provider, lambda _request: httpx2.Response(200, json=document))

    with pytest.raises(ProviderError, match="cannot be read"):
        await generate_text(context, provider, TEXT_CALL)


async def test_stream_when_it_ends_well_then_pieces_result_and_usage() -> None:
    context, result = streaming(chunk("Good "), chunk("morning"), *END), TextResult(model="model-1")

    pieces = [piece async for piece in stream_text(context, OPENAI, TEXT_CALL, result=result)]

    assert pieces == ["Good ", "morning"]
    assert result == TextResult(model="gpt-6-luna", finish_reason="stop", input_tokens=10, output_tokens=4)
    assert counted(context) == ("gpt-6-luna", 10, 4)


@pytest.mark.parametrize("tail", [b"", b"data: [DONE]\n\n", chunk("never finished")[:-2]])
async def test_stream_when_it_ends_before_its_end_then_broken_and_counted_by_what_came(tail: bytes) -> None:
    context, pieces = streaming(chunk("Good morning"), tail), list[str]()

    with pytest.raises(ProviderError, match="broke off"):
        async for piece in stream_text(context, OPENAI, TEXT_CALL, result=TextResult(model="model-1")):
            pieces.append(piece)

    assert pieces == ["Good morning"]
    assert counted(context) == ("gpt-6-luna", estimate_tokens(TEXT_CALL.prompt), 3)


@pytest.mark.parametrize("event", [b"data: {\n\n", b"data: []\n\n", b"data: \xff\n\n", b'data: {"model": "m"}\n\n'])
async def test_stream_when_an_event_cannot_be_read_then_a_provider_error(event: bytes) -> None:
    context = streaming(chunk("Good"), event, *END)

    with pytest.raises(ProviderError, match="cannot be read"):
        async for _ in stream_text(context, OPENAI, TEXT_CALL, result=TextResult(model="model-1")):
            pass


async def test_stream_when_given_up_early_then_counted_by_what_was_read() -> None:
    context = streaming(chunk("Good morning"), chunk("to you"), *END)

    async with aclosing(stream_text(context, OPENAI, TEXT_CALL, result=TextResult(model="model-1"))) as pieces:
        await anext(pieces)

    assert counted(context) == ("gpt-6-luna", estimate_tokens(TEXT_CALL.prompt), 3)


async def test_stream_when_the_provider_refuses_then_the_error_before_any_piece() -> None:
    context = create_context(OPENAI, lambda _request: httpx2.Response(400, json={"error": {"message": "No"}}))

    with pytest.raises(ProviderError, match="No"):
        await anext(stream_text(context, OPENAI, TEXT_CALL, result=TextResult(model="model-1")))

    assert counted(context) == ("model-1", 0, 0)
