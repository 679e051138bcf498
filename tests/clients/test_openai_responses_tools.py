"""Responses with tools, reasoning, refusals and stored conversations through the official `openai` SDK."""

import json
from typing import Any

import openai
import pytest

MODEL = "gpt-6-luna"
WEATHER: Any = {
    "type": "function",
    "name": "get_weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": None,
}
TIME: Any = {"type": "function", "name": "get_time", "parameters": {"type": "object", "properties": {}}, "strict": None}
PLAY = json.dumps({"play": [[{"name": "get_weather", "input": {"city": "Köln"}}, {"name": "get_time", "input": {}}]]})


def respond(client: openai.OpenAI, given: Any, **options: Any) -> Any:
    return client.responses.create(**{"model": MODEL, "input": given, "tools": [WEATHER, TIME], **options})


def calls_of(response: Any) -> list[tuple[str, Any]]:
    return [(item.name, json.loads(item.arguments)) for item in response.output if item.type == "function_call"]


def outputs_of(response: Any) -> list[Any]:
    return [
        {"type": "function_call_output", "call_id": item.call_id, "output": "12 °C"}
        for item in response.output
        if item.type == "function_call"
    ]


def test_streamed_calls_equal_the_unstreamed_ones(openai_client: openai.OpenAI) -> None:
    whole = respond(openai_client, PLAY)
    with openai_client.responses.stream(model=MODEL, input=PLAY, tools=[WEATHER, TIME]) as stream:
        events = [event.type for event in stream]
        streamed = stream.get_final_response()

    assert calls_of(whole) == calls_of(streamed) == [("get_weather", {"city": "Köln"}), ("get_time", {})]
    assert (whole.status, whole.output_text) == ("completed", "")
    assert events.count("response.function_call_arguments.done") == 2


@pytest.mark.parametrize("stored", [False, True])
def test_outputs_of_calls_continue_the_conversation(openai_client: openai.OpenAI, stored: bool) -> None:
    first = respond(openai_client, "How is the weather?", store=stored, reasoning={"effort": "low"})
    if stored:
        second = respond(openai_client, outputs_of(first), previous_response_id=first.id)
    else:
        given = [{"role": "user", "content": "How is the weather?"}, *first.output, *outputs_of(first)]
        second = respond(openai_client, given)

    assert [item.type for item in first.output] == ["reasoning", "function_call"]
    assert "“12 °C”" in second.output_text


def test_items_are_found_by_reference_and_deleted(openai_client: openai.OpenAI) -> None:
    first = respond(openai_client, "How is the weather?")
    reference = {"type": "item_reference", "id": first.output[0].id}
    second = respond(openai_client, [{"role": "user", "content": "The weather?"}, reference, *outputs_of(first)])

    assert "“12 °C”" in second.output_text
    assert openai_client.responses.retrieve(first.id).output[0].id == first.output[0].id
    openai_client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        openai_client.responses.retrieve(first.id)


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ({"tool_choice": "none"}, []),
        ({"tool_choice": "required"}, ["get_weather"]),
        ({"tool_choice": {"type": "function", "name": "get_time"}}, ["get_time"]),
        (
            {
                "tool_choice": {
                    "type": "allowed_tools",
                    "mode": "required",
                    "tools": [{"type": "function", "name": "get_time"}],
                }
            },
            ["get_time"],
        ),
        ({"input": PLAY, "parallel_tool_calls": False}, ["get_weather"]),
        ({"tools": [{"type": "web_search"}]}, []),
    ],
)
def test_options_decide_about_the_calls(openai_client: openai.OpenAI, options: Any, names: list[str]) -> None:
    response = respond(openai_client, "Say hello", **options)

    assert [name for name, _ in calls_of(response)] == names


def test_reasoning_and_refusals_have_items_of_their_own(openai_client: openai.OpenAI) -> None:
    reasoning: Any = {"effort": "medium", "summary": "auto"}
    options: Any = {"include": ["reasoning.encrypted_content"], "store": False}
    with openai_client.responses.stream(model=MODEL, input="[refusal]", reasoning=reasoning, **options) as stream:
        events = {event.type for event in stream}
        thought, message = stream.get_final_response().output

    assert thought.type == "reasoning" and thought.summary and thought.encrypted_content
    assert message.type == "message" and message.content[0].type == "refusal"
    assert {"response.reasoning_summary_text.delta", "response.refusal.delta", "response.completed"} <= events


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"input": [{"type": "function_call_output", "call_id": "call_1", "output": "x"}]}, "input"),
        ({"input": [{"type": "function_call", "call_id": "c", "name": "get_time", "arguments": "{}"}]}, "input"),
        ({"input": [{"role": "user", "content": [{"type": "text", "text": "x"}]}]}, "input[0].content[0].type"),
        (
            {"input": [{"role": "user", "content": [{"type": "input_image", "image_url": "x"}]}]},
            "input[0].content[0].image_url",
        ),
        ({"tools": [{"type": "function"}]}, "tools[0].name"),
        ({"tools": [{**TIME, "parameters": {"type": "object"}, "strict": True}]}, "tools[0].parameters"),
        ({"text": {"format": {"type": "json_object"}}}, "input"),
        ({"text": {"format": {"type": "json_schema", "name": "x"}}}, "text.format.schema"),
    ],
)
def test_invalid_request_is_refused_by_name(openai_client: openai.OpenAI, options: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as failure:
        respond(openai_client, "Say hello", **options)

    assert failure.value.param == param
