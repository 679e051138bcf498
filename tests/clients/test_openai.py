"""The official `openai` SDK gets the same from the emulator as from the vendor."""

from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionMessageParam
from pydantic import BaseModel

from tests.emulators.process import Emulators

MODEL = "gpt-6-luna"
HELLO: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Say hello to the world"}]


def text_of(completion: ChatCompletion) -> str:
    return completion.choices[0].message.content or ""


def test_create_when_called_then_a_complete_emulated_completion(openai_client: openai.OpenAI) -> None:
    completion = openai_client.chat.completions.create(model=MODEL, messages=HELLO)

    assert text_of(completion).startswith(f"[emulated {MODEL}] You wrote “Say hello to the world”")
    assert (completion.object, completion.model) == ("chat.completion", MODEL)
    assert (completion.choices[0].finish_reason, completion.choices[0].message.role) == ("stop", "assistant")
    assert completion.id.startswith("chatcmpl-")
    assert (completion._request_id or "").startswith("req_")  # noqa: SLF001 - a public name, the SDK says


def test_create_when_the_model_is_an_alias_then_its_snapshot(openai_client: openai.OpenAI) -> None:
    assert openai_client.chat.completions.create(model="gpt-4o-mini", messages=HELLO).model == "gpt-4o-mini-2024-07-18"


def test_create_when_the_prompt_is_equal_then_so_is_the_text(openai_client: openai.OpenAI) -> None:
    def create_text(prompt: str) -> str:
        messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": [{"type": "text", "text": prompt}]}]
        return text_of(openai_client.chat.completions.create(model=MODEL, messages=messages))

    assert create_text("one") == create_text("one")
    assert create_text("one") != create_text("two")


def test_usage_when_counted_then_four_characters_are_a_token(openai_client: openai.OpenAI) -> None:
    short = openai_client.chat.completions.create(model=MODEL, messages=HELLO)
    long = openai_client.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "x" * 400}, *HELLO])

    assert short.usage and long.usage
    assert short.usage.completion_tokens == -(-len(text_of(short)) // 4)
    assert short.usage.total_tokens == short.usage.prompt_tokens + short.usage.completion_tokens
    assert long.usage.prompt_tokens > short.usage.prompt_tokens + 99


def test_n_when_two_then_two_different_choices(openai_client: openai.OpenAI) -> None:
    first, second = openai_client.chat.completions.create(model=MODEL, messages=HELLO, n=2).choices

    assert (first.index, second.index) == (0, 1)
    assert first.message.content != second.message.content


class Scene(BaseModel):
    narration: str
    keywords: list[str]


class Script(BaseModel):
    title: str
    scenes: list[Scene]


def test_parse_when_model_is_set_then_parses_script_on_topic(openai_client: openai.OpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [{"role": "user", "content": "A script about bees in 2 scenes"}]
    completion = openai_client.chat.completions.parse(model=MODEL, messages=messages, response_format=Script)

    script = completion.choices[0].message.parsed
    assert script and len(script.scenes) == 2
    assert "bees" in script.scenes[0].narration and all(scene.keywords for scene in script.scenes)


async def test_async_stream_when_read_then_the_text_that_create_has(
    openai_client: openai.OpenAI, async_openai_client: openai.AsyncOpenAI
) -> None:
    created = await async_openai_client.chat.completions.create(model=MODEL, messages=HELLO)
    stream = await async_openai_client.chat.completions.create(model=MODEL, messages=HELLO, stream=True)
    streamed = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert streamed == text_of(created) == text_of(openai_client.chat.completions.create(model=MODEL, messages=HELLO))


def test_stream_when_usage_is_requested_then_in_the_last_chunk(openai_client: openai.OpenAI) -> None:
    created = openai_client.chat.completions.create(model=MODEL, messages=HELLO)
    chunks = list(
        openai_client.chat.completions.create(
            model=MODEL, messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
    )

    assert len(chunks) > 8
    assert chunks[0].choices[0].delta.role == "assistant"
    assert [chunk.choices[0].finish_reason for chunk in chunks[:-1]] == [None] * (len(chunks) - 2) + ["stop"]
    assert all("usage" in chunk.model_fields_set and chunk.usage is None for chunk in chunks[:-1])
    assert (chunks[-1].choices, chunks[-1].usage) == ([], created.usage)


def test_stream_when_usage_is_not_requested_then_in_no_chunk(openai_client: openai.OpenAI) -> None:
    chunks = list(openai_client.chat.completions.create(model=MODEL, messages=HELLO, stream=True))

    assert all(chunk.choices and "usage" not in chunk.model_fields_set for chunk in chunks)


@pytest.mark.parametrize("wanted", [True, False])
def test_obfuscation_when_not_disabled_then_every_chunk_has_it(openai_client: openai.OpenAI, wanted: bool) -> None:
    stream = openai_client.chat.completions.create(
        model=MODEL, messages=HELLO, stream=True, stream_options={"include_obfuscation": wanted}
    )

    assert {"obfuscation" in chunk.model_fields_set for chunk in stream} == {wanted}


def test_stream_when_sent_then_only_data_lines_and_done_last(emulators: Emulators) -> None:
    answer = httpx2.post(
        f"{emulators.url_of('openai')}/chat/completions",
        headers={"authorization": "Bearer any"},
        json={"model": MODEL, "messages": HELLO, "stream": True},
    )
    frames = answer.text.removesuffix("\n\n").split("\n\n")

    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert all(frame.startswith("data: {") for frame in frames[:-1])
    assert frames[-1] == "data: [DONE]"


@pytest.mark.parametrize(("model", "field"), [("gpt-4o", "max_tokens"), (MODEL, "max_completion_tokens")])
def test_token_limit_when_reached_then_the_text_is_cut_there(
    openai_client: openai.OpenAI, model: str, field: str
) -> None:
    options: dict[str, Any] = {field: 10}
    completion = openai_client.chat.completions.create(model=model, messages=HELLO, **options)

    assert len(text_of(completion)) == 40
    assert completion.choices[0].finish_reason == "length"
    assert completion.usage and completion.usage.completion_tokens == 10


def test_reasoning_when_it_has_an_effort_then_its_tokens_count(openai_client: openai.OpenAI) -> None:
    completion = openai_client.chat.completions.create(
        model=MODEL, messages=HELLO, max_completion_tokens=20, reasoning_effort="low"
    )

    assert completion.usage and completion.usage.completion_tokens_details
    assert (completion.usage.completion_tokens, completion.usage.completion_tokens_details.reasoning_tokens) == (20, 16)
    assert len(text_of(completion)) == 16


@pytest.mark.parametrize("stop", ["hello", ["never", "world", "hello"]])
def test_stop_when_met_then_the_text_ends_before_the_first(openai_client: openai.OpenAI, stop: str | list[str]) -> None:
    completion = openai_client.chat.completions.create(model=MODEL, messages=HELLO, stop=stop)

    assert text_of(completion).endswith("“Say ")
    assert completion.choices[0].finish_reason == "stop"


def test_models_when_listed_then_aliases_and_shutdown_dates(openai_client: openai.OpenAI) -> None:
    models = {model.id: model for model in openai_client.models.list()}

    assert {MODEL, "gpt-4o-mini", "gpt-4o-mini-2024-07-18"} <= models.keys()
    assert "gpt-4" not in models
    assert (models["gpt-4o-mini"].shutdown_date, models[MODEL].shutdown_date) == ("2027-01-14", None)
    assert openai_client.models.retrieve("gpt-4o-mini") == models["gpt-4o-mini"]
    with pytest.raises(openai.NotFoundError):
        openai_client.models.retrieve("gpt-99")


def test_headers_when_received_then_they_have_the_rate_limits(openai_client: openai.OpenAI) -> None:
    headers = openai_client.chat.completions.with_raw_response.create(model=MODEL, messages=HELLO).headers

    for what in ("requests", "tokens"):
        assert 0 < int(headers[f"x-ratelimit-remaining-{what}"]) <= int(headers[f"x-ratelimit-limit-{what}"])
        assert headers[f"x-ratelimit-reset-{what}"].endswith("ms")
