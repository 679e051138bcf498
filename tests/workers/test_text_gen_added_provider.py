"""A provider that a deployment adds by `PROVIDERS`, with a price by `PRICES`, behind both vendors' clients on workerd.

It is the emulated OpenAI under another name. Responses with such a provider: test_text_gen_responses.py.
"""

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import openai
import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform
from tests.workers.conversations import PLAY, Weather, parameters_of, user

MODEL = "mine:gpt-4o-mini"
CALLS = [[("get_weather", {"city": "Köln"}), ("get_time", {})], [("get_time", {"zone": "UTC"})], []]
TOOLS = {"get_weather": parameters_of("city"), "get_time": parameters_of()}
STREAMED = pytest.mark.parametrize("streamed", [False, True])


@pytest.fixture
def headers(emulators: Emulators) -> dict[str, str]:
    row = {"name": "mine", "base_url": emulators.url_of("openai"), "secret": "OPENAI_API_KEY"}
    prices = {"mine:*": {"input_tokens": 1, "output_tokens": 2}}
    return {"X-Test-Settings": json.dumps({"PROVIDERS": json.dumps([row]), "PRICES": json.dumps(prices)})}


@pytest.fixture
def claude(platform: Platform, headers: dict[str, str]) -> Iterator[anthropic.Anthropic]:
    url = platform.urls["text-gen"]
    with anthropic.Anthropic(base_url=url, api_key="any", max_retries=0, default_headers=headers) as client:
        yield client


@pytest.fixture
def gpt(platform: Platform, headers: dict[str, str]) -> Iterator[openai.OpenAI]:
    url = f"{platform.urls['text-gen']}/v1"
    with openai.OpenAI(base_url=url, api_key="any", max_retries=0, default_headers=headers) as client:
        yield client


def create_message(client: anthropic.Anthropic, *, streamed: bool, **options: Any) -> Any:
    options = {"model": MODEL, "max_tokens": 500, **options}
    if not streamed:
        return client.messages.create(**options)
    with client.messages.stream(**options) as stream:
        return stream.get_final_message()


def create_completion(client: openai.OpenAI, *, streamed: bool, **options: Any) -> Any:
    if not streamed:
        return client.chat.completions.create(model=MODEL, **options)
    with client.chat.completions.stream(model=MODEL, **options) as stream:
        return stream.get_final_completion()


@STREAMED
def test_message_is_answered_and_costs_its_own_price(
    claude: anthropic.Anthropic, platform: Platform, streamed: bool
) -> None:
    request_id = f"added-provider-{streamed}"
    message = create_message(
        claude, streamed=streamed, messages=[user("Hello there")], extra_headers={"X-Request-ID": request_id}
    )

    assert (message.model, message.stop_reason) == (MODEL, "end_turn")
    used = message.usage
    (row,) = platform.usage_rows(request_id)
    assert (row["provider"], row["model"]) == ("mine", "gpt-4o-mini")
    assert (row["input_units"], row["output_units"]) == (used.input_tokens, used.output_tokens)
    assert (row["estimated_cost_microusd"], row["price_date"]) == (used.input_tokens + 2 * used.output_tokens, "PRICES")


@STREAMED
def test_completion_is_answered(gpt: openai.OpenAI, emulators: Emulators, streamed: bool) -> None:
    completion = create_completion(gpt, streamed=streamed, messages=[user("Hello there")])

    assert completion.choices[0].message.content
    (call,) = emulators.requests("openai")
    assert call["body"]["model"] == "gpt-4o-mini"


@STREAMED
def test_tools_are_called_by_messages(claude: anthropic.Anthropic, streamed: bool) -> None:
    tools = [{"name": name, "input_schema": schema} for name, schema in TOOLS.items()]
    messages, turns = [user(PLAY)], []
    for _ in range(3):
        message = create_message(claude, streamed=streamed, messages=messages, tools=tools)
        uses = [block for block in message.content if block.type == "tool_use"]
        turns.append([(use.name, use.input) for use in uses])
        messages.append({"role": "assistant", "content": message.content})
        messages.append(user([{"type": "tool_result", "tool_use_id": use.id, "content": "done"} for use in uses]))

    assert turns == CALLS


@STREAMED
def test_tools_are_called_by_completions(gpt: openai.OpenAI, streamed: bool) -> None:
    functions = [{"name": name, "parameters": schema, "strict": False} for name, schema in TOOLS.items()]
    tools = [{"type": "function", "function": function} for function in functions]
    messages, turns = [user(PLAY)], []
    for _ in range(3):
        message = create_completion(gpt, streamed=streamed, messages=messages, tools=tools).choices[0].message
        # Only what the API takes: the helper for streams adds fields of its own to what it returns.
        calls = [
            call.model_dump(include={"id": True, "type": True, "function": {"name", "arguments"}})
            for call in message.tool_calls or []
        ]
        turns.append([(call["function"]["name"], json.loads(call["function"]["arguments"])) for call in calls])
        messages.append({"role": "assistant", "content": message.content, **({"tool_calls": calls} if calls else {})})
        messages += [{"role": "tool", "tool_call_id": call["id"], "content": "done"} for call in calls]

    assert turns == CALLS


def test_structured_output_is_parsed(claude: anthropic.Anthropic, gpt: openai.OpenAI) -> None:
    prompt = [user("The weather?")]

    message = claude.messages.parse(model=MODEL, max_tokens=500, messages=prompt, output_format=Weather)
    completion = gpt.chat.completions.parse(model=MODEL, messages=prompt, response_format=Weather)

    assert isinstance(message.parsed_output, Weather)
    assert isinstance(completion.choices[0].message.parsed, Weather)
