"""The official `anthropic` package for Python: sync, async, stream helpers, tool runner, parse, count_tokens."""

import json

import anthropic
from anthropic import Anthropic, AsyncAnthropic, beta_tool
from gateway import SPENT_KEY, add_fault, calls, has_aborted, slow_down, vendor_of
from pydantic import BaseModel

MODEL = "claude-sonnet-4-6"
MODELS = (MODEL, "openai:gpt-4o-mini")
HELLO = [{"role": "user", "content": "Name three rivers"}]
WEATHER = [{"role": "user", "content": "How is the weather in Oslo?"}]
TOOL = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}


class River(BaseModel):
    name: str
    length_km: int


@beta_tool
def get_weather(city: str) -> str:
    """Tell the weather in a city.

    Args:
        city: The city's name.
    """
    return f"Snow in {city} at -3 degrees"


def check_text(model: str) -> None:
    message = Anthropic().messages.create(model=model, max_tokens=500, messages=HELLO)

    assert "rivers" in message.content[0].text
    assert (message.stop_reason, message.usage.input_tokens > 0) == ("end_turn", True)
    assert message._request_id


async def check_async_text_and_stream(model: str) -> None:
    async with AsyncAnthropic() as client:
        message = await client.messages.create(model=model, max_tokens=500, messages=HELLO)
        async with client.messages.stream(model=model, max_tokens=500, messages=HELLO) as stream:
            text = "".join([piece async for piece in stream.text_stream])

    assert text == message.content[0].text


def check_stream_helper(model: str) -> None:
    with Anthropic().messages.stream(model=model, max_tokens=500, messages=WEATHER, tools=[TOOL]) as stream:
        kinds = {event.type for event in stream}
        message = stream.get_final_message()

    (call,) = (block for block in message.content if block.type == "tool_use")
    assert (call.name, call.input.keys(), message.stop_reason) == ("get_weather", {"city"}, "tool_use")
    assert {"input_json", "message_stop"} <= kinds


def check_tool_runner(model: str) -> None:
    runner = Anthropic().beta.messages.tool_runner(model=model, max_tokens=500, messages=WEATHER, tools=[get_weather])

    assert "at -3 degrees" in runner.until_done().content[0].text
    # The first one asks for a thread. Emulated Anthropic refuses that, and so does the gateway for other vendors.
    assert len(calls(vendor_of(model))) == (3 if model == MODEL else 2)


def check_parallel_tools_of_a_stream(model: str) -> None:
    cities = [{"name": "get_weather", "input": {"city": name}} for name in ("Oslo", "Bergen")]
    messages = [{"role": "user", "content": json.dumps({"play": [cities]})}]
    with Anthropic().messages.stream(model=model, max_tokens=500, messages=messages, tools=[TOOL]) as stream:
        message = stream.get_final_message()

    uses = [block for block in message.content if block.type == "tool_use"]
    assert [use.input["city"] for use in uses] == ["Oslo", "Bergen"]


def check_parse(model: str) -> None:
    message = Anthropic().messages.parse(model=model, max_tokens=500, messages=HELLO, output_format=River)

    assert isinstance(message.parsed_output, River)


def check_count_tokens(model: str) -> None:
    counted = Anthropic().messages.count_tokens(model=model, system="Answer briefly. " * 50, messages=HELLO)

    assert counted.input_tokens > 100


def check_models() -> None:
    client = Anthropic()

    assert MODEL in [model.id for model in client.models.list(limit=5)]
    assert client.models.retrieve(f"anthropic:{MODEL}").id == f"anthropic:{MODEL}"


def check_wrong_key() -> None:
    try:
        Anthropic(api_key="de_test_wrong").messages.create(model=MODEL, max_tokens=500, messages=HELLO)
    except anthropic.AuthenticationError as error:
        assert error.body["error"]["type"] == "authentication_error"
        assert error.request_id
        return
    raise AssertionError("a wrong key was taken")


def check_unknown_model() -> None:
    for model in ("claude-0", "anthropic:claude-0", "nobody:claude"):
        try:
            Anthropic().messages.create(model=model, max_tokens=500, messages=HELLO)
        except anthropic.NotFoundError as error:
            assert error.body["error"]["type"] == "not_found_error"
            continue
        raise AssertionError("an unknown model answered")


def check_our_limit() -> None:
    try:
        Anthropic(api_key=SPENT_KEY).messages.create(model=MODEL, max_tokens=500, messages=HELLO)
    except anthropic.RateLimitError as error:
        assert error.body["error"]["type"] == "rate_limit_error"
        assert int(error.response.headers["retry-after"]) > 0
        assert calls("anthropic") == []
        return
    raise AssertionError("there was no limit")


def check_retries(model: str) -> None:
    # The gateway tries three times, and the client once more.
    add_fault(vendor_of(model), kind="status", status=529 if model == MODEL else 503, times=3, retry_after=0.01)

    Anthropic().messages.create(model=model, max_tokens=500, messages=HELLO)

    assert len(calls(vendor_of(model))) == 4


def check_overload() -> None:
    add_fault("anthropic", kind="status", status=529, times=9, retry_after=0.01)
    try:
        Anthropic(max_retries=0).messages.create(model=MODEL, max_tokens=500, messages=HELLO)
    except anthropic.APIStatusError as error:
        assert (error.status_code, error.body["error"]["type"]) == (529, "overloaded_error")
        return
    raise AssertionError("there was no overload")


def check_timeout(model: str) -> None:
    add_fault(vendor_of(model), kind="slow_first_byte", seconds=60)
    try:
        Anthropic(timeout=1, max_retries=0).messages.create(model=model, max_tokens=500, messages=HELLO)
    except anthropic.APITimeoutError:
        return
    raise AssertionError("it waited")


def check_leaving_a_stream(model: str) -> None:
    slow_down(vendor_of(model), per_frame_ms=50)
    with Anthropic().messages.stream(model=model, max_tokens=500, messages=HELLO) as stream:
        next(iter(stream.text_stream))

    assert has_aborted(vendor_of(model))


def check_interrupted_stream(model: str) -> None:
    add_fault(vendor_of(model), kind="cut", after=6)
    try:
        with Anthropic().messages.stream(model=model, max_tokens=500, messages=HELLO) as stream:
            kinds = [event.type for event in stream]
    except anthropic.APIError as error:
        assert "interrupted" in error.message
        return
    raise AssertionError(f"half a stream looked whole: {kinds}")
