"""The official `anthropic` SDK gets the same from the emulator as from the vendor."""

import json
from typing import Any

import anthropic
import httpx2
import pytest
from anthropic.types import Message, MessageParam, TextBlock

from tests.emulators.process import Emulators

MODEL = "claude-sonnet-4-6"
HELLO: list[MessageParam] = [{"role": "user", "content": "Say hello to the world"}]
VERSION_HEADER = {"anthropic-version": "2023-06-01"}


def text_of(message: Message) -> str:
    return "".join(block.text for block in message.content if isinstance(block, TextBlock))


def test_create_when_called_then_a_complete_emulated_message(anthropic_client: anthropic.Anthropic) -> None:
    message = anthropic_client.messages.create(model=MODEL, max_tokens=500, messages=HELLO)

    assert text_of(message).startswith(f"[emulated {MODEL}] You wrote “Say hello to the world”")
    assert (message.type, message.role, message.model) == ("message", "assistant", MODEL)
    assert (message.stop_reason, message.stop_sequence) == ("end_turn", None)
    assert message.id.startswith("msg_")
    assert (message._request_id or "").startswith("req_")  # noqa: SLF001 - a public name, the SDK says


def test_create_when_a_format_is_given_then_json_that_fits_it(anthropic_client: anthropic.Anthropic) -> None:
    properties = {"title": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}}}
    schema = {"type": "object", "properties": properties, "required": ["title", "tags"], "additionalProperties": False}
    message = anthropic_client.messages.create(
        model=MODEL,
        max_tokens=500,
        system="Write about lighthouses",
        messages=[{"role": "user", "content": "Topic: lighthouses, with two tags"}],
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )

    document = json.loads(text_of(message))
    assert "Lighthouses" in document["title"] and len(document["tags"]) == 2


def test_create_when_script_is_requested_then_no_emulator_mark(anthropic_client: anthropic.Anthropic) -> None:
    prompt = "Write a narration about the mountains"
    message = anthropic_client.messages.create(
        model=MODEL, max_tokens=500, messages=[{"role": "user", "content": prompt}]
    )

    assert text_of(message).startswith("Today we are looking at the mountains.")


def test_create_when_the_prompt_is_equal_then_so_is_the_text(anthropic_client: anthropic.Anthropic) -> None:
    def create_text(prompt: str) -> str:
        message = anthropic_client.messages.create(
            model=MODEL, max_tokens=500, messages=[{"role": "user", "content": [{"type": "text", "text": prompt}]}]
        )
        return text_of(message)

    assert create_text("one") == create_text("one")
    assert create_text("one") != create_text("two")


def test_usage_when_counted_then_four_characters_are_a_token(anthropic_client: anthropic.Anthropic) -> None:
    short = anthropic_client.messages.create(model=MODEL, max_tokens=500, messages=HELLO)
    long = anthropic_client.messages.create(model=MODEL, max_tokens=500, messages=HELLO, system="x" * 400)
    counted = anthropic_client.messages.count_tokens(model=MODEL, messages=HELLO, system="x" * 400)

    assert short.usage.output_tokens == -(-len(text_of(short)) // 4)
    assert long.usage.input_tokens == short.usage.input_tokens + 100 == counted.input_tokens


async def test_async_create_when_called_then_the_sync_clients_message(
    anthropic_client: anthropic.Anthropic, async_anthropic_client: anthropic.AsyncAnthropic
) -> None:
    message = await async_anthropic_client.messages.create(model=MODEL, max_tokens=500, messages=HELLO)

    assert message.content == anthropic_client.messages.create(model=MODEL, max_tokens=500, messages=HELLO).content


@pytest.mark.parametrize("thinking", [False, True])
def test_stream_when_read_then_the_message_that_create_returns(
    anthropic_client: anthropic.Anthropic, thinking: bool
) -> None:
    options: dict[str, Any] = {"thinking": {"type": "adaptive", "display": "summarized"}} if thinking else {}
    created = anthropic_client.messages.create(model=MODEL, max_tokens=500, messages=HELLO, **options)
    with anthropic_client.messages.stream(model=MODEL, max_tokens=500, messages=HELLO, **options) as stream:
        deltas = list(stream.text_stream)
        streamed = stream.get_final_message()

    assert len(deltas) > 5
    assert "".join(deltas) == text_of(created)
    volatile: Any = {"id": True, "content": {"__all__": {"parsed_output"}}}
    assert streamed.model_dump(exclude=volatile) == created.model_dump(exclude=volatile)


async def test_async_stream_when_read_then_the_same_text_and_usage(
    anthropic_client: anthropic.Anthropic, async_anthropic_client: anthropic.AsyncAnthropic
) -> None:
    created = anthropic_client.messages.create(model=MODEL, max_tokens=500, messages=HELLO)
    async with async_anthropic_client.messages.stream(model=MODEL, max_tokens=500, messages=HELLO) as stream:
        text = "".join([delta async for delta in stream.text_stream])
        streamed = await stream.get_final_message()

    assert text == text_of(created)
    assert streamed.usage == created.usage


def test_stream_when_read_raw_then_events_in_documented_order(anthropic_client: anthropic.Anthropic) -> None:
    with anthropic_client.messages.create(model=MODEL, max_tokens=30, messages=HELLO, stream=True) as stream:
        types = [event.type for event in stream]

    assert types[:2] == ["message_start", "content_block_start"]
    assert set(types[2:-3]) == {"content_block_delta"}
    assert types[-3:] == ["content_block_stop", "message_delta", "message_stop"]


def test_stream_when_sent_then_frames_are_named_with_a_ping(emulators: Emulators) -> None:
    answer = httpx2.post(
        f"{emulators.url_of('anthropic')}/v1/messages",
        headers={"x-api-key": "any", **VERSION_HEADER},
        json={"model": MODEL, "max_tokens": 30, "messages": HELLO, "stream": True},
    )
    frames = answer.text.removesuffix("\n\n").split("\n\n")

    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert 'event: ping\ndata: {"type":"ping"}' in frames
    assert all(frame.startswith("event: ") and "\ndata: {" in frame for frame in frames)


@pytest.mark.parametrize("limit", [1, 5, 40])
def test_max_tokens_when_reached_then_the_text_is_cut_there(anthropic_client: anthropic.Anthropic, limit: int) -> None:
    message = anthropic_client.messages.create(model=MODEL, max_tokens=limit, messages=HELLO)

    assert len(text_of(message)) == 4 * limit
    assert (message.stop_reason, message.usage.output_tokens) == ("max_tokens", limit)


def test_max_tokens_when_zero_then_nothing_is_written(anthropic_client: anthropic.Anthropic) -> None:
    message = anthropic_client.messages.create(model=MODEL, max_tokens=0, messages=HELLO)

    assert (message.content, message.stop_reason, message.usage.output_tokens) == ([], "max_tokens", 0)


def test_stop_sequences_when_met_then_text_ends_before_them(anthropic_client: anthropic.Anthropic) -> None:
    options: dict[str, Any] = {"max_tokens": 500, "messages": HELLO, "stop_sequences": ["never", "world", "hello"]}
    message = anthropic_client.messages.create(model=MODEL, **options)
    with anthropic_client.messages.stream(model=MODEL, **options) as stream:
        streamed = stream.get_final_message()

    assert text_of(message).endswith("“Say ")
    for answer in (message, streamed):
        assert (answer.stop_reason, answer.stop_sequence) == ("stop_sequence", "hello")


def test_prefill_when_the_model_supports_it_then_it_responds(anthropic_client: anthropic.Anthropic) -> None:
    prefilled: list[MessageParam] = [*HELLO, {"role": "assistant", "content": "Well,"}]

    message = anthropic_client.messages.create(model="claude-haiku-4-5", max_tokens=50, messages=prefilled)

    assert message.model == "claude-haiku-4-5-20251001"


def test_models_when_listed_then_each_available_one_once(anthropic_client: anthropic.Anthropic) -> None:
    models = list(anthropic_client.models.list(limit=5))
    ids = [model.id for model in models]

    assert ids == [model.id for model in anthropic_client.models.list(limit=1000)]
    assert len(ids) == len(set(ids)) and MODEL in ids and "claude-haiku-5-5" in ids
    assert {model.lifecycle for model in models} == {"active", "deprecated"}
    assert "claude-sonnet-4-20250514" in [model.id for model in anthropic_client.models.list(lifecycle=["retired"])]
    assert anthropic_client.models.retrieve("claude-haiku-4-5").id == "claude-haiku-4-5-20251001"
    with pytest.raises(anthropic.NotFoundError):
        anthropic_client.models.retrieve("claude-99")


def test_headers_when_received_then_they_have_the_rate_limits(anthropic_client: anthropic.Anthropic) -> None:
    headers = anthropic_client.messages.with_raw_response.create(model=MODEL, max_tokens=50, messages=HELLO).headers

    for what in ("requests", "tokens", "input-tokens", "output-tokens"):
        limit, left = (int(headers[f"anthropic-ratelimit-{what}-{part}"]) for part in ("limit", "remaining"))
        assert 0 < left <= limit
        assert headers[f"anthropic-ratelimit-{what}-reset"].endswith("Z")
