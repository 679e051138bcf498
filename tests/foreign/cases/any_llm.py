"""Mozilla's any-llm: chat completions and messages, streams, tools, JSON, embeddings, errors."""

import asyncio
import json
import os

from any_llm import acompletion, completion, embedding
from gateway import SPENT_KEY, add_fault, calls, vendor_of
from pydantic import BaseModel

# The first part is any-llm's name of the dialect, the rest text-gen's name of the model.
MODELS = (
    "openai gpt-4o-mini",
    "openai anthropic:claude-sonnet-4-6",
    "anthropic claude-sonnet-4-6",
    "anthropic openai:gpt-4o-mini",
)
HELLO = [{"role": "user", "content": "Name three rivers"}]
WEATHER = [{"role": "user", "content": "How is the weather in Oslo?"}]


class River(BaseModel):
    name: str
    length_km: int


def get_weather(city: str) -> str:
    """Tell the weather in a city.

    Args:
        city: The city's name.
    """
    return f"Snow in {city} at -3 degrees"


def use(model: str) -> dict[str, str]:
    """Return the arguments that name a model."""
    provider, _, name = model.partition(" ")
    return {"provider": provider, "model": name, "api_base": os.environ[f"{provider.upper()}_BASE_URL"]}


def check_text_and_usage(model: str) -> None:
    answer = completion(**use(model), messages=HELLO)

    assert "rivers" in answer.choices[0].message.content
    assert answer.usage.prompt_tokens > 0


def check_async(model: str) -> None:
    answer = asyncio.run(acompletion(**use(model), messages=HELLO))

    assert "rivers" in answer.choices[0].message.content


def check_stream(model: str) -> None:
    chunks = list(completion(**use(model), messages=HELLO, stream=True))

    assert "rivers" in "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


def check_tools(model: str) -> None:
    messages = list(WEATHER)
    message = completion(**use(model), messages=messages, tools=[get_weather]).choices[0].message
    messages.append(message)
    messages += [
        {"role": "tool", "tool_call_id": call.id, "content": get_weather(**json.loads(call.function.arguments))}
        for call in message.tool_calls
    ]

    answer = completion(**use(model), messages=messages, tools=[get_weather])

    assert "at -3 degrees" in answer.choices[0].message.content
    assert len(calls(vendor_of(model.partition(" ")[2]))) == 2


def check_structured_output(model: str) -> None:
    answer = completion(**use(model), messages=HELLO, response_format=River)

    assert json.loads(answer.choices[0].message.content).keys() == {"name", "length_km"}


def check_embeddings() -> None:
    answer = embedding(provider="openai", model="text-embedding-3-small", inputs="a river")

    assert len(answer.data[0].embedding) == 1536


def check_errors() -> None:
    for model, key, status in (
        ("openai gpt-4o-mini", "de_test_wrong", "401"),
        ("anthropic claude-sonnet-4-6", "de_test_wrong", "401"),
        ("openai gpt-0", None, "404"),
        ("anthropic claude-0", None, "404"),
        ("openai gpt-4o-mini", SPENT_KEY, "429"),
    ):
        try:
            completion(**use(model), messages=HELLO, api_key=key)
        except Exception as error:
            assert status in str(error) or status in repr(error.__cause__), repr(error)
            continue
        raise AssertionError(f"{status} was not raised")


def check_interrupted_stream(model: str) -> None:
    add_fault(vendor_of(model.partition(" ")[2]), kind="cut", after=6)
    try:
        list(completion(**use(model), messages=HELLO, stream=True))
    except Exception as error:
        assert "interrupted" in str(error), repr(error)
        return
    raise AssertionError("half a stream looked whole")
