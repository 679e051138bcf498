"""The unmodified `anthropic` client with models of OpenAI: translated by text-gen on workerd."""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.workers.callers import asking
from tests.workers.conversations import PLAY, Weather, encode_picture, parameters_of, user

MODEL = "openai:gpt-4o-mini"
REASONING = "openai:gpt-5.4"
PATH = "/v1/messages"


def tool(name: str, *required: str) -> Any:
    return {"name": name, "input_schema": parameters_of(*required), "cache_control": {"type": "ephemeral"}}


TOOLS = [tool("get_weather", "city"), tool("get_time")]


def picture() -> Any:
    data = encode_picture()
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": data}}


@pytest.fixture
def client(platform: Platform) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=platform.urls["text-gen"], api_key="any", max_retries=0) as client:
        yield client


def create(client: anthropic.Anthropic, *messages: Any, streamed: bool = False, **options: Any) -> Any:
    options = {"model": MODEL, "max_tokens": 500, "messages": list(messages), **options}
    if not streamed:
        return client.messages.create(**options)
    with client.messages.stream(**options) as stream:
        return stream.get_final_message()


def text_of(message: Any) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


def test_text_is_answered_and_counted(client: anthropic.Anthropic, platform: Platform, emulators: Emulators) -> None:
    answer = client.messages.with_raw_response.create(
        model=MODEL,
        max_tokens=200,
        system=[{"type": "text", "text": "Be brief.", "cache_control": {"type": "ephemeral"}}],
        messages=[user("Hello there")],
        stop_sequences=["END"],
    )

    message = answer.parse()
    assert (message.model, message.type, message.stop_reason) == (MODEL, "message", "end_turn")
    assert text_of(message)
    (call,) = emulators.requests("openai")
    assert call["body"] == {
        "model": "gpt-4o-mini",
        "max_completion_tokens": 200,
        "stop": ["END"],
        "messages": [{"role": "system", "content": "Be brief."}, user("Hello there")],
    }
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert (row["input_units"], row["output_units"]) == (message.usage.input_tokens, message.usage.output_tokens)
    assert (row["provider"], row["model"], row["status"]) == ("openai", "gpt-4o-mini", 200)
    assert row["estimated_cost_microusd"] > 0


@pytest.mark.parametrize("fault", [None, "split_utf8"])
def test_stream_is_the_same_message(client: anthropic.Anthropic, emulators: Emulators, fault: str | None) -> None:
    prompt = user("Grüße, \U0001f600")
    whole = create(client, prompt)
    if fault:
        emulators.add_fault("openai", kind=fault)

    streamed = create(client, prompt, streamed=True)

    assert text_of(streamed) == text_of(whole)
    assert (streamed.usage, streamed.stop_reason) == (whole.usage, "end_turn")


def test_stream_begins_with_an_estimate_of_the_input(client: anthropic.Anthropic) -> None:
    first, *_ = client.messages.create(model=MODEL, max_tokens=50, messages=[user("Hello there")], stream=True)

    assert first.type == "message_start"
    assert first.message.usage.input_tokens > 0


@pytest.mark.parametrize("streamed", [False, True])
def test_parallel_tools_are_called_in_turns(client: anthropic.Anthropic, emulators: Emulators, streamed: bool) -> None:
    messages, turns = [user(PLAY)], []
    for _ in range(3):
        message = create(client, *messages, streamed=streamed, tools=TOOLS)
        uses = [block for block in message.content if block.type == "tool_use"]
        assert message.stop_reason == ("tool_use" if uses else "end_turn")
        turns.append([(use.name, use.input) for use in uses])
        messages.append({"role": "assistant", "content": message.content})
        results = [{"type": "tool_result", "tool_use_id": use.id, "content": [picture()]} for use in uses]
        messages.append(user([{"type": "text", "text": "Go on"}, *results]))

    assert turns == [
        [("get_weather", {"city": "Köln"}), ("get_time", {})],
        [("get_time", {"zone": "UTC"})],
        [],
    ]
    *_, last = emulators.requests("openai")
    roles = [entry["role"] for entry in last["body"]["messages"]]
    assert roles == ["user", "assistant", "tool", "tool", "user", "assistant", "tool", "user"]


def test_tool_runner_runs_to_the_end(client: anthropic.Anthropic) -> None:
    called = []

    @anthropic.beta_tool
    def get_time(zone: str = "") -> str:
        """Return the time."""
        called.append(zone)
        return "12:00"

    play = json.dumps({"play": [[{"name": "get_time", "input": {"zone": "UTC"}}], [{"name": "get_time", "input": {}}]]})
    runner = client.beta.messages.tool_runner(model=MODEL, max_tokens=500, tools=[get_time], messages=[user(play)])

    last = runner.until_done()

    assert (called, last.stop_reason) == (["UTC", ""], "end_turn")


async def test_asynchronous_stream(platform: Platform, emulators: Emulators) -> None:
    base_url = platform.urls["text-gen"]
    async with (
        anthropic.AsyncAnthropic(base_url=base_url, api_key="any", max_retries=0) as client,
        client.messages.stream(model=MODEL, max_tokens=500, messages=[user("Hello there")]) as stream,
    ):
        text = "".join([piece async for piece in stream.text_stream])

    assert text
    assert len(emulators.requests("openai")) == 1


def test_named_tool_is_called_once(client: anthropic.Anthropic, emulators: Emulators) -> None:
    choice = {"type": "tool", "name": "get_weather", "disable_parallel_tool_use": True}
    message = create(client, user("Hello"), tools=TOOLS, tool_choice=choice)

    assert [block.name for block in message.content] == ["get_weather"]
    assert message.stop_reason == "tool_use"
    (call,) = emulators.requests("openai")
    assert call["body"]["parallel_tool_calls"] is False


def test_long_name_of_a_tool_comes_back(client: anthropic.Anthropic) -> None:
    name = "mcp__" + "x" * 100
    message = create(client, user("Hello"), tools=[tool(name, "city")], tool_choice={"type": "any"}, streamed=True)

    assert [block.name for block in message.content] == [name]


def test_structured_output_is_parsed(client: anthropic.Anthropic) -> None:
    message = client.messages.parse(model=MODEL, max_tokens=500, messages=[user("The weather?")], output_format=Weather)

    assert isinstance(message.parsed_output, Weather)


def test_image_reaches_the_model(client: anthropic.Anthropic, emulators: Emulators) -> None:
    image = picture()

    create(client, user([image, {"type": "text", "text": "What is it?"}]))

    (call,) = emulators.requests("openai")
    url = f"data:image/png;base64,{image['source']['data']}"
    assert call["body"]["messages"][0]["content"][0] == {"type": "image_url", "image_url": {"url": url}}


def test_effort_reaches_a_model_that_reasons(client: anthropic.Anthropic, emulators: Emulators) -> None:
    message = create(client, user("Hello"), model=REASONING, thinking={"type": "enabled", "budget_tokens": 1024})

    assert text_of(message)
    (call,) = emulators.requests("openai")
    assert call["body"]["reasoning_effort"] == "low"


@pytest.mark.parametrize("streamed", [False, True])
def test_limit_ends_with_max_tokens(client: anthropic.Anthropic, streamed: bool) -> None:
    assert create(client, user("Hello there"), max_tokens=1, streamed=streamed).stop_reason == "max_tokens"


def test_tokens_are_estimated(client: anthropic.Anthropic) -> None:
    answer = client.messages.with_raw_response.count_tokens(
        model=MODEL, system="Be brief. " * 100, messages=[user("Hello")]
    )
    long, short = answer.parse(), client.messages.count_tokens(model=MODEL, messages=[user("Hello")])

    assert answer.headers["X-DE-Warnings"] == "input_tokens is an estimate"
    assert long.input_tokens > short.input_tokens > 0


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"extra_body": {"top_k": 5}}, "top_k"),
        ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools.0.type"),
        ({"container": "x"}, "container"),
    ],
)
def test_refused_field_is_named(
    client: anthropic.Anthropic, emulators: Emulators, options: dict[str, Any], field: str
) -> None:
    with pytest.raises(anthropic.BadRequestError) as caught:
        create(client, user("Hello"), **options)

    error: Any = caught.value.body
    assert (error["type"], error["error"]["type"]) == ("error", "invalid_request_error")
    assert f"`{field}`" in error["error"]["message"]
    assert emulators.requests("openai") == []


def test_more_than_the_model_writes_is_a_bad_request(client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match="too large"):
        create(client, user("Hello"), max_tokens=20_000, streamed=True)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, anthropic.BadRequestError),
        (404, anthropic.NotFoundError),
        (429, anthropic.RateLimitError),
        (500, anthropic.InternalServerError),
        (503, anthropic.InternalServerError),
    ],
)
def test_error_of_openai_is_one_of_anthropic(
    client: anthropic.Anthropic, emulators: Emulators, status: int, kind: type[anthropic.APIStatusError]
) -> None:
    # A pause that is too long for a retry here.
    emulators.add_fault("openai", kind="status", status=status, retry_after=90)

    with pytest.raises(kind) as caught:
        create(client, user("Hello"))

    error: Any = caught.value.body
    assert (error["type"], error["error"].keys()) == ("error", {"type", "message"})
    assert error["request_id"] == caught.value.request_id


@pytest.mark.parametrize(("fault", "message"), [("cut", "interrupted"), ("error_event", "The server had an error")])
def test_failed_stream_ends_with_an_error(
    client: anthropic.Anthropic, platform: Platform, emulators: Emulators, fault: str, message: str
) -> None:
    emulators.add_fault("openai", kind=fault, after=6)
    answer = client.messages.with_raw_response.create(
        model=MODEL, max_tokens=500, messages=[user("Hello there")], stream=True
    )
    text = ""

    with pytest.raises(anthropic.APIError, match=message):
        for event in answer.parse():
            assert event.type != "message_stop"
            if event.type == "content_block_delta" and event.delta.type == "text_delta":
                text += event.delta.text

    assert text
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert (row["status"], row["error_code"]) == (200, "PROVIDER_ERROR")
    assert row["input_units"] > 0
    assert row["output_units"] > 0


@pytest.mark.parametrize("stream", [False, True])
def test_leaving_cancels_the_call_and_counts_it(platform: Platform, emulators: Emulators, stream: bool) -> None:
    emulators.add_fault("openai", kind="stall", after=6)
    request_id = f"left-messages-to-openai-{stream}"
    body = {"model": MODEL, "max_tokens": 500, "messages": [user("Hello there")], "stream": stream}

    with asking(platform.urls["text-gen"], PATH, body, {"X-Request-ID": request_id}) as connection:
        if stream:
            with connection.getresponse() as answer:
                while b"text_delta" not in answer.readline():
                    pass
        else:
            assert wait_for(lambda: emulators.requests("openai"))

    assert wait_for(lambda: any(call["aborted"] for call in emulators.requests("openai")))
    (row,) = platform.usage_rows(request_id)
    assert (row["status"], row["error_code"]) == (499, "CLIENT_CLOSED_REQUEST")
    assert row["input_units"] > 0
