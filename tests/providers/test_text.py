"""Text generation with any provider: what comes back, and what is counted."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from electrons.capabilities.text import TextProvider, TextResult, estimate_tokens, generate_text
from electrons.context import Context
from electrons.errors import ProviderError, ProviderQuotaError
from electrons.providers.anthropic import AnthropicProvider
from electrons.providers.openai.provider import OpenAIProvider
from tests.providers.cases import API_KEY, TEXT_CALL, create_context
from tests.providers.streams import stream_text

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
    return context.usage.model, context.usage.input_at_most, context.usage.output_at_most


@pytest.mark.parametrize(("text", "tokens"), [(None, 0), ("", 0), ("a", 1), ("abcd", 1), ("abcde", 2)])
def test_estimate_is_a_quarter_of_the_characters(text: str | None, tokens: int) -> None:
    assert estimate_tokens(text) == tokens


async def test_cancelled_call_counts_as_the_most_that_it_can_use() -> None:
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

    assert counted(context) == ("model-1", 2 * estimate_tokens(TEXT_CALL.messages[0].content), TEXT_CALL.max_tokens)


@pytest.mark.parametrize(
    ("answer", "is_unknown"),
    [
        (httpx2.ReadTimeout("late"), True),
        (httpx2.ConnectError("lost"), True),
        (httpx2.Response(200, json={"choices": None}), True),
        (httpx2.Response(200, content=b"{"), True),
        (httpx2.Response(200, json={"error": {"message": "No"}}), False),
        (httpx2.Response(400, json={"error": {"message": "No"}}), False),
        (httpx2.Response(502, json={"error": {"message": "No"}}), False),
    ],
    ids=["late", "lost", "unreadable", "cut short", "error in a 200", "refused", "failed"],
)
async def test_failed_call_is_counted_if_it_may_be_charged(
    answer: httpx2.Response | Exception, *, is_unknown: bool
) -> None:
    def respond(_request: httpx2.Request) -> httpx2.Response:
        if isinstance(answer, Exception):
            raise answer
        return answer

    context = create_context(OPENAI, respond, max_retries=0)
    with pytest.raises(ProviderError):
        await generate_text(context, OPENAI, TEXT_CALL)

    assert counted(context) == (("model-1", 4, TEXT_CALL.max_tokens) if is_unknown else ("model-1", 0, 0))


async def test_lost_attempt_stays_counted_when_the_retry_succeeds() -> None:
    answer = {"model": "model-1", "choices": [{"message": {"content": "Hi"}, "finish_reason": "stop"}]}
    usage = {"prompt_tokens": 30, "completion_tokens": 100}
    steps: Iterator[httpx2.Response | Exception] = iter(
        [httpx2.ConnectError("lost"), httpx2.Response(200, json={**answer, "usage": usage})]
    )

    def respond(_request: httpx2.Request) -> httpx2.Response:
        step = next(steps)
        if isinstance(step, Exception):
            raise step
        return step

    context = create_context(OPENAI, respond)

    result = await generate_text(context, OPENAI, TEXT_CALL)

    assert (result.input_tokens, result.output_tokens) == (30, 100)
    assert counted(context) == ("model-1", 30 + 4, 100 + TEXT_CALL.max_tokens)


@each_provider
@given(
    document=st.dictionaries(
        st.sampled_from(["model", "content", "usage", "stop_reason", "choices"]),
        st.none() | st.text() | st.lists(st.none() | st.dictionaries(st.just("message"), st.none())),
    )
)
async def test_document_of_another_shape_is_a_provider_error(provider: TextProvider, document: dict[str, Any]) -> None:
    context = create_context(provider, lambda _request: httpx2.Response(200, json=document))

    with pytest.raises(ProviderError, match="cannot be read"):
        await generate_text(context, provider, TEXT_CALL)


async def test_whole_stream_gives_pieces_result_and_usage() -> None:
    context, result = streaming(chunk("Good "), chunk("morning"), *END), TextResult(model="model-1")

    pieces = [piece async for group in stream_text(context, OPENAI, TEXT_CALL, result=result) for piece in group]

    assert pieces == ["Good ", "morning"]
    assert result == TextResult(model="gpt-6-luna", finish_reason="stop", input_tokens=10, output_tokens=4)
    assert counted(context) == ("gpt-6-luna", 10, 4)


async def test_pieces_that_come_together_are_in_one_list() -> None:
    context = streaming(chunk("Good ") + chunk("morning"), chunk("!"), *END)

    groups = [group async for group in stream_text(context, OPENAI, TEXT_CALL, result=TextResult(model="model-1"))]

    assert groups == [["Good ", "morning"], ["!"]]


@pytest.mark.parametrize("event", [b"data: {\n\n", b'data: {"error": {"message": "overloaded"}}\n\n'])
async def test_pieces_that_come_with_an_error_are_not_lost(event: bytes) -> None:
    context, pieces = streaming(chunk("Good ") + chunk("morning") + event), list[str]()

    with pytest.raises(ProviderError):
        async for group in stream_text(context, OPENAI, TEXT_CALL, result=TextResult(model="model-1")):
            pieces += group

    assert pieces == ["Good ", "morning"]
    assert counted(context) == ("gpt-6-luna", estimate_tokens(TEXT_CALL.messages[0].content), 3)


@pytest.mark.parametrize("tail", [b"", chunk("never finished")[:-2]])
async def test_interrupted_stream_is_counted_by_what_came(tail: bytes) -> None:
    context, pieces = streaming(chunk("Good morning"), tail), list[str]()

    with pytest.raises(ProviderError, match="was interrupted"):
        async for group in stream_text(context, OPENAI, TEXT_CALL, result=TextResult(model="model-1")):
            pieces += group

    assert pieces == ["Good morning"]
    assert counted(context) == ("gpt-6-luna", estimate_tokens(TEXT_CALL.messages[0].content), 3)


@pytest.mark.parametrize(
    "event", [b"data: {\n\n", b"data: []\n\n", b"data: \xff\n\n", b'data: {"choices": [{"delta": 5}]}\n\n']
)
async def test_unreadable_event_is_a_provider_error(event: bytes) -> None:
    context = streaming(chunk("Good"), event, *END)

    with pytest.raises(ProviderError, match="cannot be read"):
        async for _ in stream_text(context, OPENAI, TEXT_CALL, result=TextResult(model="model-1")):
            pass


async def test_abandoned_stream_is_counted_by_what_was_read() -> None:
    context = streaming(chunk("Good morning"), chunk("to you"), *END)

    async with aclosing(stream_text(context, OPENAI, TEXT_CALL, result=TextResult(model="model-1"))) as pieces:
        await anext(pieces)

    assert counted(context) == ("gpt-6-luna", estimate_tokens(TEXT_CALL.messages[0].content), 3)


async def test_refused_stream_raises_before_any_piece() -> None:
    context = create_context(OPENAI, lambda _request: httpx2.Response(400, json={"error": {"message": "No"}}))

    with pytest.raises(ProviderError, match="No"):
        await anext(stream_text(context, OPENAI, TEXT_CALL, result=TextResult(model="model-1")))

    assert counted(context) == ("model-1", 0, 0)


async def stream(context: Context, provider: TextProvider = OPENAI) -> tuple[str, TextResult]:
    result = TextResult(model="model-1")
    pieces = [piece async for group in stream_text(context, provider, TEXT_CALL, result=result) for piece in group]
    assert all(piece.encode() for piece in pieces)
    return "".join(pieces), result


class HeldOpen(httpx2.AsyncByteStream):
    """Pieces of a body whose connection stays open after them."""

    def __init__(self, pieces: tuple[bytes, ...]) -> None:
        self.is_closed = False
        self._pieces = pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece
        await asyncio.Event().wait()

    async def aclose(self) -> None:
        """Take note that nobody wants any more."""
        self.is_closed = True


def event(**fields: Any) -> bytes:
    return b"event: any\ndata: %s\n\n" % json.dumps(fields).encode()


ANTHROPIC_STREAM = (
    event(type="message_start", message={"model": "claude-sonnet-4-6", "usage": {"input_tokens": 10}}),
    event(type="content_block_delta", delta={"type": "text_delta", "text": "Hi"}),
    event(type="message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 4}),
    event(type="message_stop"),
)


@pytest.mark.parametrize(
    ("provider", "pieces"), [(OPENAI, (chunk("Hi"), *END)), (ANTHROPIC, ANTHROPIC_STREAM)], ids=["openai", "anthropic"]
)
async def test_stream_ends_though_the_connection_stays_open(provider: TextProvider, pieces: tuple[bytes, ...]) -> None:
    body = HeldOpen(pieces)
    context = create_context(provider, lambda _request: httpx2.Response(200, stream=body), total_timeout_seconds=5.0)

    async with asyncio.timeout(2):
        text, result = await stream(context, provider)

    assert (text, result.finish_reason, result.input_tokens, result.output_tokens) == ("Hi", "stop", 10, 4)
    assert body.is_closed


async def test_stream_without_a_finish_reason_has_stopped() -> None:
    context = streaming(chunk("Good morning"), b"data: [DONE]\n\n")

    text, result = await stream(context)

    assert (text, result.finish_reason) == ("Good morning", "stop")
    assert result.warnings == ["OpenAI did not report all token counts; the missing ones are estimated"]
    assert counted(context) == ("gpt-6-luna", estimate_tokens(TEXT_CALL.messages[0].content), 3)


async def test_stream_without_anything_is_interrupted() -> None:
    with pytest.raises(ProviderError, match="was interrupted"):
        await stream(streaming(b"data: [DONE]\n\n"))


async def test_stream_broken_after_its_reason_is_counted() -> None:
    context = streaming(chunk("Good morning"), chunk(finish_reason="stop"), b"data: {\n\n")

    with pytest.raises(ProviderError, match="cannot be read"):
        await stream(context)

    assert counted(context) == ("gpt-6-luna", estimate_tokens(TEXT_CALL.messages[0].content), 3)


async def test_split_surrogate_pair_is_joined() -> None:
    text, _ = await stream(streaming(chunk("a\ud83d"), chunk("\ude00b"), chunk("c\ud83d"), *END))

    assert text == "a\U0001f600bc\ufffd"


async def test_lone_surrogate_is_replaced() -> None:
    body = rb'{"choices": [{"message": {"content": "a\ud83d"}}], "usage": {"prompt_tokens": 1, "completion_tokens": 1}}'
    context = create_context(OPENAI, lambda _request: httpx2.Response(200, content=body))

    assert (await generate_text(context, OPENAI, TEXT_CALL)).text == "a\ufffd"


async def test_error_event_that_echoes_our_key_hides_it() -> None:
    failure = {"error": {"message": f"Key {API_KEY} is out of credit", "code": "insufficient_quota"}}
    context = streaming(chunk("Hi"), b"data: %s\n\n" % json.dumps(failure).encode())

    with pytest.raises(ProviderQuotaError) as caught:
        await stream(context)

    assert caught.value.message.endswith("(Key *** is out of credit)")
    assert API_KEY not in str(caught.value)


HI = {"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}
STOP = {"index": 0, "delta": {}, "finish_reason": "stop"}
COUNTED = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
STREAMS: dict[str, list[dict[str, Any]]] = {
    "no finish_reason field": [
        {"choices": [{"index": 0, "delta": {"content": "Hi"}}]},
        {"choices": [STOP]},
        {"choices": [], "usage": COUNTED},
    ],
    "error is null": [
        {"choices": [HI], "error": None},
        {"choices": [STOP], "error": None},
        {"choices": [], "usage": COUNTED, "error": None},
    ],
    "content in parts": [
        {"choices": [{"index": 0, "delta": {"content": [{"type": "text", "text": "Hi"}]}, "finish_reason": None}]},
        {"choices": [STOP]},
        {"choices": [], "usage": COUNTED},
    ],
    "content filter": [
        {"id": "", "model": "", "prompt_filter_results": [{}], "choices": []},
        {"choices": [HI]},
        {"choices": [STOP]},
        {"model": "", "choices": [{"index": 0, "finish_reason": None, "content_filter_offsets": {"check_offset": 9}}]},
        {"choices": [], "usage": COUNTED},
    ],
    "output not counted": [
        {"choices": [HI]},
        {"choices": [STOP]},
        {"choices": [], "usage": {**COUNTED, "completion_tokens": None}},
    ],
    "counted in the last chunk of text": [{"choices": [HI]}, {"choices": [STOP], "usage": COUNTED}],
    "no choices": [{"choices": [HI]}, {"choices": [STOP]}, {"choices": None, "usage": COUNTED}],
}


@pytest.mark.parametrize("chunks", STREAMS.values(), ids=STREAMS.keys())
async def test_stream_of_a_compatible_server_gives_its_text(chunks: list[dict[str, Any]]) -> None:
    lines = [b"data: %s\n\n" % json.dumps({"model": "gpt-4o-mini", **chunk}).encode() for chunk in chunks]

    text, result = await stream(streaming(*lines, b"data: [DONE]\n\n"))

    assert (text, result.model, result.finish_reason) == ("Hi", "gpt-4o-mini", "stop")
    assert (result.input_tokens, result.output_tokens) == (3, 1)
