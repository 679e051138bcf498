"""litellm as a library: chat completions, messages, tools, JSON, embeddings, errors."""

import asyncio
import json

import litellm
from gateway import SPENT_KEY, add_fault, calls, vendor_of
from pydantic import BaseModel

# The first part is litellm's name of the dialect, the rest text-gen's name of the model.
MODELS = (
    "openai/gpt-4o-mini",
    "openai/anthropic:claude-sonnet-4-6",
    "anthropic/claude-sonnet-4-6",
    "anthropic/openai:gpt-4o-mini",
)
HELLO = [{"role": "user", "content": "Name three rivers"}]
WEATHER = [{"role": "user", "content": "How is the weather in Oslo?"}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


class River(BaseModel):
    name: str
    length_km: int


def check_text_and_usage(model: str) -> None:
    answer = litellm.completion(model=model, max_tokens=2000, messages=HELLO)

    assert "rivers" in answer.choices[0].message.content
    assert answer.usage.prompt_tokens > 0


def check_async(model: str) -> None:
    answer = asyncio.run(litellm.acompletion(model=model, max_tokens=2000, messages=HELLO))

    assert "rivers" in answer.choices[0].message.content


def check_zero_is_a_temperature(model: str) -> None:
    litellm.completion(model=model, max_tokens=2000, messages=HELLO, temperature=0)

    assert calls(vendor_of(model.partition("/")[2]))[0]["body"]["temperature"] == 0


def check_stream(model: str) -> None:
    chunks = list(litellm.completion(model=model, max_tokens=2000, messages=HELLO, stream=True))

    assert "rivers" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert chunks[-1].choices[0].finish_reason == "stop"


def check_tool_loop(model: str) -> None:
    messages = list(WEATHER)
    message = litellm.completion(model=model, max_tokens=2000, messages=messages, tools=[TOOL]).choices[0].message
    messages.append(message.model_dump())
    messages += [
        {"role": "tool", "tool_call_id": call.id, "content": "Snow at -3 degrees"} for call in message.tool_calls
    ]

    answer = litellm.completion(model=model, max_tokens=2000, messages=messages, tools=[TOOL])

    assert "Snow at -3 degrees" in answer.choices[0].message.content


def check_structured_output(model: str) -> None:
    if model == "anthropic/claude-sonnet-4-6":
        return  # litellm sends `output_format`, which Anthropic has renamed
    answer = litellm.completion(model=model, max_tokens=2000, messages=HELLO, response_format=River)

    assert json.loads(answer.choices[0].message.content).keys() == {"name", "length_km"}


def check_responses() -> None:
    assert litellm.responses(model="openai/gpt-4o-mini", input="Name three rivers").output


def check_embeddings() -> None:
    answer = litellm.embedding(model="openai/text-embedding-3-small", input=["a river"])

    assert len(answer.data[0]["embedding"]) == 1536


def check_errors() -> None:
    for model, key, error in (
        ("openai/gpt-4o-mini", "de_test_wrong", litellm.AuthenticationError),
        ("anthropic/claude-sonnet-4-6", "de_test_wrong", litellm.AuthenticationError),
        ("openai/gpt-0", None, litellm.NotFoundError),
        ("anthropic/claude-0", None, litellm.NotFoundError),
        ("openai/gpt-4o-mini", SPENT_KEY, litellm.RateLimitError),
        ("anthropic/claude-sonnet-4-6", SPENT_KEY, litellm.RateLimitError),
    ):
        try:
            litellm.completion(model=model, max_tokens=2000, messages=HELLO, api_key=key, num_retries=0, max_retries=0)
        except error:
            continue
        raise AssertionError(f"{error} was not raised")


def check_timeout(model: str) -> None:
    add_fault(vendor_of(model.partition("/")[2]), kind="slow_first_byte", seconds=60)
    try:
        litellm.completion(model=model, max_tokens=2000, messages=HELLO, timeout=1, num_retries=0, max_retries=0)
    except litellm.Timeout:
        return
    raise AssertionError("it waited")


def check_interrupted_stream(model: str) -> None:
    add_fault(vendor_of(model.partition("/")[2]), kind="cut", after=6)
    try:
        list(
            litellm.completion(model=model, max_tokens=2000, messages=HELLO, stream=True, num_retries=0, max_retries=0)
        )
    except Exception:
        return
    raise AssertionError("half a stream looked whole")
