"""pydantic-ai: agents with chat completions, Responses and messages; their tools, output types and streams."""

import os

from gateway import SPENT_KEY, add_fault, calls, vendor_of
from pydantic import BaseModel
from pydantic_ai import Agent
from pydantic_ai.exceptions import ModelAPIError, ModelHTTPError
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.output import NativeOutput, ToolOutput
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider

MODELS = (
    "chat gpt-4o-mini",
    "chat anthropic:claude-sonnet-4-6",
    "responses gpt-4o-mini",
    "responses anthropic:claude-sonnet-4-6",
    "messages claude-sonnet-4-6",
    "messages openai:gpt-4o-mini",
)
KINDS = {"chat": OpenAIChatModel, "responses": OpenAIResponsesModel, "messages": AnthropicModel}


class River(BaseModel):
    """A river."""

    name: str
    length_km: int


def create(model: str):
    """Return the model of the class that the first word means."""
    kind, _, name = model.partition(" ")
    return KINDS[kind](name)


def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"Snow in {city} at -3 degrees"


def options_of(model: str) -> dict:
    """Return the settings: gpt-4o-mini has a smaller limit than Claude, which `AnthropicModel` asks for."""
    return {"max_tokens": 2000} if model.startswith("messages openai:") else {}


def check_text(model: str) -> None:
    result = Agent(create(model), model_settings=options_of(model)).run_sync("Name three rivers")

    assert "rivers" in result.output
    assert result.usage.output_tokens > 0


def check_tool_loop(model: str) -> None:
    agent = Agent(create(model), tools=[get_weather], model_settings=options_of(model))

    assert "at -3 degrees" in agent.run_sync("How is the weather in Oslo?").output
    assert len(calls(vendor_of(model))) == 2


def check_output_by_a_tool(model: str) -> None:
    agent = Agent(create(model), output_type=ToolOutput(River), model_settings=options_of(model))

    assert isinstance(agent.run_sync("Name a river").output, River)


def check_output_by_a_schema(model: str) -> None:
    if model.startswith("messages openai:"):
        return  # pydantic-ai itself knows no structured output of an `AnthropicModel` with such a name
    agent = Agent(create(model), output_type=NativeOutput(River), model_settings=options_of(model))

    assert isinstance(agent.run_sync("Name a river").output, River)


async def check_stream(model: str) -> None:
    agent = Agent(create(model), model_settings=options_of(model))
    async with agent.run_stream("Name three rivers") as result:
        pieces = [piece async for piece in result.stream_text(delta=True, debounce_by=None)]

    assert "rivers" in "".join(pieces)
    assert len(pieces) > 1


def check_larger_limit_than_the_model_has() -> None:
    try:
        Agent(AnthropicModel("openai:gpt-4o-mini"), model_settings={"max_tokens": 128_000}).run_sync("Hello")
    except ModelHTTPError as error:
        assert error.status_code == 400
        assert error.body["error"]["type"] == "invalid_request_error"
        return
    raise AssertionError("the limit was taken")


def check_errors() -> None:
    wrong_openai = OpenAIProvider(api_key="de_test_wrong")
    wrong_anthropic = AnthropicProvider(base_url=os.environ["ANTHROPIC_BASE_URL"], api_key="de_test_wrong")
    spent = AnthropicProvider(base_url=os.environ["ANTHROPIC_BASE_URL"], api_key=SPENT_KEY)
    for model, status in (
        (OpenAIChatModel("gpt-4o-mini", provider=wrong_openai), 401),
        (OpenAIResponsesModel("gpt-4o-mini", provider=wrong_openai), 401),
        (OpenAIChatModel("gpt-0"), 404),
        (AnthropicModel("claude-0"), 404),
        (AnthropicModel("claude-sonnet-4-6", provider=wrong_anthropic), 401),
        (AnthropicModel("claude-sonnet-4-6", provider=spent), 429),
    ):
        try:
            Agent(model).run_sync("Hello")
        except ModelHTTPError as error:
            assert error.status_code == status, error
            continue
        raise AssertionError(f"{status} was not raised")


async def check_interrupted_stream(model: str) -> None:
    add_fault(vendor_of(model), kind="cut", after=6)
    try:
        async with Agent(create(model), model_settings=options_of(model)).run_stream("Name three rivers") as result:
            await result.get_output()
    except ModelAPIError:
        return
    except Exception as error:
        assert "interrupted" in str(error), repr(error)
        return
    raise AssertionError("half a stream looked whole")
