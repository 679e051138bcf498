"""Tools through the official `openai` SDK: calls that a prompt plays, suggests or must make, plain and streamed."""

import json
from typing import Any

import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam, ParsedChoice
from pydantic import BaseModel

from tests.emulators.process import Emulators

MODEL = "gpt-4o-mini"
PLAY: list[Any] = [
    [{"name": "get_weather", "input": {"city": "Köln"}}, {"name": "get_time", "input": {}}],
    [{"name": "get_time", "input": {"zone": "UTC"}}],
]


class Arguments(BaseModel):
    city: str


def function(name: str, *required: str, strict: bool | None = None) -> Any:
    fields = {field: {"type": "string"} for field in required}
    parameters = {"type": "object", "properties": fields, "required": list(required), "additionalProperties": False}
    more = {} if strict is None else {"strict": strict}
    return {"type": "function", "function": {"name": name, "parameters": parameters, **more}}


WEATHER, TIME = function("get_weather", "city"), function("get_time")


def user(text: str) -> ChatCompletionMessageParam:
    return {"role": "user", "content": text}


def choose(client: openai.OpenAI, prompt: str, **options: Any) -> Any:
    options = {"model": MODEL, "tools": [WEATHER, TIME], **options}
    return client.chat.completions.create(messages=[user(prompt)], **options).choices[0]


def calls_of(message: Any) -> list[tuple[str, Any]]:
    return [(call.function.name, json.loads(call.function.arguments)) for call in message.tool_calls or []]


def test_play_is_performed_turn_by_turn_and_then_ends(openai_client: openai.OpenAI) -> None:
    messages: list[Any] = [user(json.dumps({"play": PLAY}))]
    played = []
    for _ in range(3):
        choice = openai_client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER, TIME]).choices[0]
        played.append((choice.finish_reason, calls_of(choice.message)))
        messages.append(choice.message)
        messages += [
            {"role": "tool", "tool_call_id": call.id, "content": "done"} for call in choice.message.tool_calls or []
        ]

    assert played[0] == ("tool_calls", [("get_weather", {"city": "Köln"}), ("get_time", {})])
    assert played[1] == ("tool_calls", [("get_time", {"zone": "UTC"})])
    assert played[2] == ("stop", [])


@pytest.mark.parametrize("usage", [False, True])
def test_streamed_calls_add_up_to_the_unstreamed_ones(openai_client: openai.OpenAI, usage: bool) -> None:
    options: dict[str, Any] = {"stream_options": {"include_usage": True}} if usage else {}
    prompt = json.dumps({"play": PLAY})
    with openai_client.chat.completions.stream(
        model=MODEL, messages=[user(prompt)], tools=[WEATHER, TIME], **options
    ) as stream:
        events = [event.type for event in stream]
        final = stream.get_final_completion()
    whole = choose(openai_client, prompt)
    choice: ParsedChoice[Any] = final.choices[0]

    assert calls_of(choice.message) == calls_of(whole.message)
    assert (choice.finish_reason, choice.message.content) == ("tool_calls", None)
    assert events.count("tool_calls.function.arguments.done") == 2
    assert (final.usage is not None) == usage


def test_stream_sends_the_head_of_each_call_once(openai_client: openai.OpenAI) -> None:
    stream = openai_client.chat.completions.create(
        model=MODEL, messages=[user(json.dumps({"play": PLAY}))], tools=[WEATHER, TIME], stream=True
    )
    deltas = [chunk.choices[0].delta for chunk in stream]
    calls = [call for delta in deltas for call in delta.tool_calls or []]
    heads = [call for call in calls if call.id]

    assert (deltas[0].role, deltas[0].content) == ("assistant", None) and deltas[0].tool_calls
    assert [delta.role for delta in deltas].count("assistant") == 1
    assert [(call.index, call.type, call.function and call.function.arguments) for call in heads] == [
        (0, "function", ""),
        (1, "function", ""),
    ]
    assert {(call.function and call.function.name, call.type) for call in calls if not call.id} == {(None, None)}


def test_prompt_that_mentions_a_tool_gets_its_call_and_result(openai_client: openai.OpenAI) -> None:
    choice = choose(openai_client, "How is the weather in Köln?")
    ((name, given),) = calls_of(choice.message)
    answer = openai_client.chat.completions.create(
        model=MODEL,
        tools=[WEATHER],
        messages=[
            user("How is the weather in Köln?"),
            choice.message,
            {"role": "tool", "tool_call_id": choice.message.tool_calls[0].id, "content": "12 °C and rain"},
        ],
    )

    assert (name, given.keys()) == ("get_weather", {"city"})
    assert "“12 °C and rain”" in (answer.choices[0].message.content or "")


@pytest.mark.parametrize(
    ("choice", "called", "reason"),
    [
        ("none", [], "stop"),
        ("auto", [], "stop"),
        ("required", ["get_weather"], "tool_calls"),
        ({"type": "function", "function": {"name": "get_time"}}, ["get_time"], "stop"),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": [TIME]}}, [], "stop"),
        ({"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [TIME]}}, ["get_time"], "tool_calls"),
    ],
)
def test_tool_choice_decides_about_a_prompt_without_tools(
    openai_client: openai.OpenAI, choice: Any, called: list[str], reason: str
) -> None:
    answer = choose(openai_client, "Say hello", tool_choice=choice)

    assert ([name for name, _ in calls_of(answer.message)], answer.finish_reason) == (called, reason)
    assert ("tool_calls" in answer.message.model_fields_set) == bool(called)


@pytest.mark.parametrize(("parallel", "count"), [(True, 2), (False, 1)])
def test_parallel_tool_calls_limits_the_number_of_calls(
    openai_client: openai.OpenAI, parallel: bool, count: int
) -> None:
    answer = choose(openai_client, "The weather and the time, please", parallel_tool_calls=parallel)

    assert len(calls_of(answer.message)) == count


def test_custom_tool_gets_a_text(openai_client: openai.OpenAI) -> None:
    tool = {"type": "custom", "custom": {"name": "shell"}}
    answer = choose(openai_client, "Use the shell", tools=[tool])

    assert (answer.message.tool_calls[0].type, answer.message.tool_calls[0].custom.name) == ("custom", "shell")


def test_limit_within_arguments_ends_with_length(openai_client: openai.OpenAI) -> None:
    answer = choose(openai_client, json.dumps({"play": PLAY}), max_tokens=3)

    assert answer.finish_reason == "length" and answer.message.tool_calls[0].function.arguments == '{"city":"Köl'


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"tools": []}, "tools"),
        ({"tools": [function("a b")]}, "tools[0].function.name"),
        ({"tools": [function("a" * 65)]}, "tools[0].function.name"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "search"}]}, "tools[0].type"),
        (
            {"tools": [{"type": "function", "function": {"name": "x", "parameters": {"type": "array"}}}]},
            "tools[0].function.parameters",
        ),
        (
            {
                "tools": [
                    {"type": "function", "function": {"name": "x", "strict": True, "parameters": {"type": "object"}}}
                ]
            },
            "tools[0].function.parameters",
        ),
        ({"tools": openai.omit, "tool_choice": "auto"}, "tool_choice"),
        ({"tools": openai.omit, "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"tool_choice": "perhaps"}, "tool_choice"),
        ({"tool_choice": {"type": "function", "function": {"name": "other"}}}, "tool_choice"),
    ],
)
def test_invalid_tools_are_refused_by_name(openai_client: openai.OpenAI, options: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as failure:
        choose(openai_client, "Say hello", **options)

    assert failure.value.param == param


CALL = {"id": "call_1", "type": "function", "function": {"name": "get_time", "arguments": "{}"}}
CALLING = {"role": "assistant", "content": None, "tool_calls": [CALL]}
RESULT = {"role": "tool", "tool_call_id": "call_1", "content": "noon"}
IMAGE = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}


@pytest.mark.parametrize(
    ("messages", "param"),
    [
        ([RESULT], "messages.[1].role"),
        ([CALLING], "messages.[2].role"),
        ([CALLING, user("And now?"), RESULT], "messages.[2].role"),
        ([CALLING, {**RESULT, "tool_call_id": "call_2"}], "messages.[2].tool_call_id"),
        ([CALLING, {"role": "tool", "content": "noon"}], "messages.[2].tool_call_id"),
        ([CALLING, {**RESULT, "content": [IMAGE]}], "messages[2]"),
        ([{"role": "assistant", "tool_calls": []}], "messages[1].tool_calls"),
        ([{"role": "assistant", "content": None}], "messages.[1].content"),
        ([{**CALLING, "tool_calls": [{**CALL, "id": "x" * 41}]}], "messages[1].tool_calls[0].id"),
        (
            [{**CALLING, "tool_calls": [{**CALL, "function": {"name": "get_time", "arguments": {}}}]}],
            "messages[1].tool_calls[0].function.arguments",
        ),
    ],
)
def test_calls_and_results_must_belong_together(openai_client: openai.OpenAI, messages: list[Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as failure:
        openai_client.chat.completions.create(model=MODEL, messages=[user("Hello"), *messages], tools=[TIME])

    assert failure.value.param == param


@pytest.mark.parametrize("kind", ["status", "cut", "stall", "error_event", "html"])
def test_faults_reach_streams_of_calls(openai_client: openai.OpenAI, emulators: Emulators, kind: str) -> None:
    kinds: dict[str, dict[str, Any]] = {"status": {"status": 429}, "stall": {"seconds": 0.01}}
    fields = kinds.get(kind, {})
    emulators.add_fault("openai", kind=kind, prompt_contains=f"fault {kind}", **fields)

    def read() -> int:
        options: Any = {"model": MODEL, "tools": [WEATHER], "stream": True}
        return len(
            list(openai_client.chat.completions.create(messages=[user(f"The weather, fault {kind}")], **options))
        )

    if kind == "stall":
        assert read() > 2
    else:
        expected = {
            "status": openai.RateLimitError,
            "cut": openai.APIConnectionError,
            "html": openai.InternalServerError,
        }
        with pytest.raises(expected.get(kind, openai.APIError)):
            read()
