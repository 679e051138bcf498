"""The unmodified `openai` client with models of Anthropic: translated by text-gen on workerd."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.workers.callers import asking
from tests.workers.conversations import PLAY, Weather, encode_picture, parameters_of, user

MODEL = "anthropic:claude-sonnet-4-6"
CHAT = "/v1/chat/completions"


def function(name: str, *required: str) -> Any:
    return {"type": "function", "function": {"name": name, "parameters": parameters_of(*required)}}


TOOLS = [function("get_weather", "city"), function("get_time")]


@pytest.fixture
def client(platform: Platform) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{platform.urls['text-gen']}/v1", api_key="any", max_retries=0) as client:
        yield client


def played(client: openai.OpenAI, *, streamed: bool) -> list[list[tuple[str, Any]]]:
    """Return the calls of each turn, whose results the client sends back."""
    messages, turns = [user(PLAY)], []
    for _ in range(3):
        options: dict[str, Any] = {"model": MODEL, "messages": messages, "tools": TOOLS}
        if streamed:
            with client.chat.completions.stream(**options) as stream:
                choice: Any = stream.get_final_completion().choices[0]
        else:
            choice = client.chat.completions.create(**options).choices[0]
        calls = choice.message.tool_calls or []
        assert choice.finish_reason == ("tool_calls" if calls else "stop")
        turns.append([(call.function.name, json.loads(call.function.arguments)) for call in calls])
        messages.append(choice.message)
        messages += [{"role": "tool", "tool_call_id": call.id, "content": f"done {call.id}"} for call in calls]
    return turns


def test_text_is_answered_and_counted(client: openai.OpenAI, platform: Platform, emulators: Emulators) -> None:
    answer = client.chat.completions.with_raw_response.create(
        model=MODEL,
        messages=[{"role": "developer", "content": "Be brief."}, user("Hello there")],
        max_completion_tokens=200,
        temperature=0,
        stop=["END"],
        seed=7,
    )

    completion = answer.parse()
    assert (completion.model, completion.object) == (MODEL, "chat.completion")
    assert completion.choices[0].message.content
    assert answer.headers["X-DE-Warnings"] == "seed was left out"
    (call,) = emulators.requests("anthropic")
    assert call["body"] == {
        "model": "claude-sonnet-4-6",
        "max_tokens": 200,
        "temperature": 0,
        "stop_sequences": ["END"],
        "system": [{"type": "text", "text": "Be brief."}],
        "messages": [user([{"type": "text", "text": "Hello there"}])],
    }
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    usage: Any = completion.usage
    assert (row["input_units"], row["output_units"]) == (usage.prompt_tokens, usage.completion_tokens)
    assert (row["provider"], row["model"], row["status"]) == ("anthropic", "claude-sonnet-4-6", 200)
    assert row["estimated_cost_microusd"] > 0


@pytest.mark.parametrize("fault", [None, "split_utf8"])
def test_stream_is_the_same_text(client: openai.OpenAI, emulators: Emulators, fault: str | None) -> None:
    prompt: Any = [user("Grüße, \U0001f600")]
    whole = client.chat.completions.create(model=MODEL, messages=prompt)
    if fault:
        emulators.add_fault("anthropic", kind=fault)

    chunks = list(
        client.chat.completions.create(
            model=MODEL, messages=prompt, stream=True, stream_options={"include_usage": True}
        )
    )

    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert (chunks[-1].choices, chunks[-1].usage) == ([], whole.usage)
    assert len({chunk.id for chunk in chunks}) == 1


@pytest.mark.parametrize("streamed", [False, True])
def test_parallel_tools_are_called_in_turns(client: openai.OpenAI, emulators: Emulators, streamed: bool) -> None:
    assert played(client, streamed=streamed) == [
        [("get_weather", {"city": "Köln"}), ("get_time", {})],
        [("get_time", {"zone": "UTC"})],
        [],
    ]
    *_, last = emulators.requests("anthropic")
    results = last["body"]["messages"][2]["content"]
    assert [block["type"] for block in results] == ["tool_result", "tool_result"]


def test_long_arguments_arrive_whole(client: openai.OpenAI) -> None:
    city = "Köln " * 20_000
    question = user(json.dumps({"play": [[{"name": "get_weather", "input": {"city": city}}]]}))

    options: Any = {"model": MODEL, "messages": [question], "tools": TOOLS, "max_completion_tokens": 100_000}
    with client.chat.completions.stream(**options) as stream:
        (call,) = stream.get_final_completion().choices[0].message.tool_calls or []

    assert json.loads(call.function.arguments) == {"city": city}


async def test_asynchronous_stream(platform: Platform, emulators: Emulators) -> None:
    base_url = f"{platform.urls['text-gen']}/v1"
    async with openai.AsyncOpenAI(base_url=base_url, api_key="any", max_retries=0) as client:
        stream = await client.chat.completions.create(model=MODEL, messages=[user("Hello there")], stream=True)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])

    assert text
    assert len(emulators.requests("anthropic")) == 1


def test_named_tool_is_called_once(client: openai.OpenAI, emulators: Emulators) -> None:
    choice = client.chat.completions.create(
        model=MODEL,
        messages=[user("Hello")],
        tools=TOOLS,
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        parallel_tool_calls=False,
    ).choices[0]

    calls: Any = choice.message.tool_calls
    assert [call.function.name for call in calls] == ["get_weather"]
    (call,) = emulators.requests("anthropic")
    expected = {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True}
    assert call["body"]["tool_choice"] == expected


@pytest.mark.parametrize("streamed", [False, True])
def test_structured_output_is_parsed(client: openai.OpenAI, streamed: bool) -> None:
    options: dict[str, Any] = {"model": MODEL, "messages": [user("The weather?")], "response_format": Weather}
    if streamed:
        with client.chat.completions.stream(**options) as stream:
            choice: Any = stream.get_final_completion().choices[0]
    else:
        choice = client.chat.completions.parse(**options).choices[0]

    assert isinstance(choice.message.parsed, Weather)
    assert choice.finish_reason == "stop"


def test_image_reaches_the_model(client: openai.OpenAI, emulators: Emulators) -> None:
    data = encode_picture()
    image = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}

    client.chat.completions.create(model=MODEL, messages=[user([{"type": "text", "text": "What is it?"}, image])])

    (call,) = emulators.requests("anthropic")
    source = {"type": "base64", "media_type": "image/png", "data": data}
    assert call["body"]["messages"][0]["content"][1] == {"type": "image", "source": source}


def test_effort_makes_the_model_think(client: openai.OpenAI) -> None:
    answer: Any = client.chat.completions.create(model=MODEL, messages=[user("Hello")], reasoning_effort="high")

    assert "think" in answer.choices[0].message.reasoning_content
    assert answer.usage.completion_tokens_details.reasoning_tokens > 0


def test_limit_ends_with_length(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model=MODEL, messages=[user("Hello there")], max_tokens=1)

    assert answer.choices[0].finish_reason == "length"


@pytest.mark.parametrize(
    ("options", "param"),
    [({"n": 2}, "n"), ({"temperature": 1.5}, "temperature"), ({"logprobs": True}, "logprobs")],
)
def test_refused_field_is_named(
    client: openai.OpenAI, emulators: Emulators, options: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(model=MODEL, messages=[user("Hello")], **options)

    assert (caught.value.param, caught.value.type) == (param, "invalid_request_error")
    assert emulators.requests("anthropic") == []


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, openai.BadRequestError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (529, openai.InternalServerError),
    ],
)
def test_error_of_anthropic_is_one_of_openai(
    client: openai.OpenAI, emulators: Emulators, status: int, kind: type[openai.APIStatusError]
) -> None:
    # A pause that is too long for a retry here.
    emulators.add_fault("anthropic", kind="status", status=status, retry_after=90)

    with pytest.raises(kind) as caught:
        client.chat.completions.create(model=MODEL, messages=[user("Hello")])

    assert caught.value.response.json()["error"].keys() == {"message", "type", "param", "code"}
    assert "anthropic" not in str(caught.value.body)
    assert caught.value.request_id


@pytest.mark.parametrize(("fault", "message"), [("cut", "interrupted"), ("error_event", "Internal server error")])
def test_failed_stream_ends_with_an_error(
    client: openai.OpenAI, platform: Platform, emulators: Emulators, fault: str, message: str
) -> None:
    emulators.add_fault("anthropic", kind=fault, after=6)
    answer = client.chat.completions.with_raw_response.create(model=MODEL, messages=[user("Hello there")], stream=True)
    text = ""

    with pytest.raises(openai.APIError, match=message):
        for chunk in answer.parse():
            text += chunk.choices[0].delta.content or ""
            assert chunk.choices[0].finish_reason is None

    assert text
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert (row["status"], row["error_code"]) == (200, "PROVIDER_ERROR")
    assert row["input_units"] > 0
    assert row["output_units"] > 0


@pytest.mark.parametrize("stream", [False, True])
def test_leaving_cancels_the_call_and_counts_it(platform: Platform, emulators: Emulators, stream: bool) -> None:
    emulators.add_fault("anthropic", kind="stall", after=6)
    request_id = f"left-chat-to-anthropic-{stream}"
    body = {"model": MODEL, "messages": [user("Hello there")], "stream": stream}

    with asking(platform.urls["text-gen"], CHAT, body, {"X-Request-ID": request_id}) as connection:
        if stream:
            with connection.getresponse() as answer:
                while b"content" not in answer.readline():
                    pass
        else:
            assert wait_for(lambda: emulators.requests("anthropic"))

    assert wait_for(lambda: any(call["aborted"] for call in emulators.requests("anthropic")))
    (row,) = platform.usage_rows(request_id)
    assert (row["status"], row["error_code"]) == (499, "CLIENT_CLOSED_REQUEST")
    assert row["input_units"] > 0
