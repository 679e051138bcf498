"""Responses by the unmodified `openai` client, with models of providers without them, on workerd."""

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest

from tests.emulators.process import Emulators
from tests.platform import Platform, wait_for
from tests.workers.callers import asking
from tests.workers.conversations import PLAY, Weather, encode_picture, parameters_of

MODELS = {"anthropic": "anthropic:claude-sonnet-4-6", "openai": "mine:gpt-4o-mini"}
PATHS = {"anthropic": "/v1/messages", "openai": "/v1/chat/completions"}
BOTH = pytest.mark.parametrize("vendor", list(MODELS))
STREAMED = pytest.mark.parametrize("streamed", [False, True])


def function(name: str, *required: str) -> Any:
    return {"type": "function", "name": name, "parameters": parameters_of(*required), "strict": False}


TOOLS = [function("get_weather", "city"), function("get_time")]


@pytest.fixture
def headers(emulators: Emulators) -> dict[str, str]:
    """Return the header that adds a provider which speaks chat completions only: the emulated OpenAI."""
    row = {"name": "mine", "base_url": emulators.url_of("openai"), "secret": "OPENAI_API_KEY"}
    return {"X-Test-Settings": json.dumps({"PROVIDERS": json.dumps([row])})}


@pytest.fixture
def client(platform: Platform, headers: dict[str, str]) -> Iterator[openai.OpenAI]:
    url = f"{platform.urls['text-gen']}/v1"
    with openai.OpenAI(base_url=url, api_key="any", max_retries=0, default_headers=headers) as client:
        yield client


def respond(client: openai.OpenAI, *, streamed: bool, **options: Any) -> Any:
    if not streamed:
        return client.responses.create(**options)
    with client.responses.stream(**options) as stream:
        return stream.get_final_response()


def picture() -> Any:
    return {"type": "input_image", "image_url": f"data:image/png;base64,{encode_picture()}"}


@BOTH
def test_text_is_answered_and_counted(
    client: openai.OpenAI, platform: Platform, emulators: Emulators, vendor: str
) -> None:
    answer = client.responses.with_raw_response.create(
        model=MODELS[vendor],
        instructions="Be brief.",
        input="Hello there",
        max_output_tokens=200,
        temperature=0,
        metadata={"a": "b"},
        truncation="auto",
    )

    response: Any = answer.parse()
    assert (response.model, response.object, response.status) == (MODELS[vendor], "response", "completed")
    assert (response.store, response.metadata, response.instructions) == (False, {"a": "b"}, "Be brief.")
    assert response.output_text
    assert answer.headers["X-DE-Warnings"] == "truncation was left out"
    (call,) = emulators.requests(vendor)
    assert call["path"].endswith(PATHS[vendor])
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert (row["input_units"], row["output_units"]) == (response.usage.input_tokens, response.usage.output_tokens)
    assert row["status"] == 200


@BOTH
@pytest.mark.parametrize("fault", [None, "split_utf8"])
def test_stream_is_the_same_response(
    client: openai.OpenAI, emulators: Emulators, vendor: str, fault: str | None
) -> None:
    options: dict[str, Any] = {"model": MODELS[vendor], "input": [{"role": "user", "content": "Grüße, \U0001f600"}]}
    whole = client.responses.create(**options)
    if fault:
        emulators.add_fault(vendor, kind=fault)

    events: list[Any] = list(client.responses.create(**options, stream=True))

    last = events[-1].response
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert (events[0].type, events[-1].type) == ("response.created", "response.completed")
    assert "".join(event.delta for event in events if event.type == "response.output_text.delta") == whole.output_text
    assert (last.output_text, last.usage) == (whole.output_text, whole.usage)


@BOTH
@STREAMED
def test_parallel_tools_are_called_in_turns(
    client: openai.OpenAI, emulators: Emulators, vendor: str, streamed: bool
) -> None:
    items: list[Any] = [{"role": "user", "content": PLAY}]
    turns = []
    for _ in range(3):
        response = respond(client, streamed=streamed, model=MODELS[vendor], input=items, tools=TOOLS)
        calls = [item for item in response.output if item.type == "function_call"]
        turns.append([(call.name, json.loads(call.arguments)) for call in calls])
        items += [item.to_dict() for item in response.output]
        items += [
            {
                "type": "function_call_output",
                "call_id": call.call_id,
                "output": [{"type": "input_text", "text": "done"}, picture()],
            }
            for call in calls
        ]

    assert turns == [
        [("get_weather", {"city": "Köln"}), ("get_time", {})],
        [("get_time", {"zone": "UTC"})],
        [],
    ]
    assert response.output_text
    *_, last = emulators.requests(vendor)
    roles = [message["role"] for message in last["body"]["messages"]]
    assert (
        roles
        == {
            "anthropic": ["user", "assistant", "user", "assistant", "user"],
            "openai": ["user", "assistant", "tool", "tool", "user", "assistant", "tool", "user"],
        }[vendor]
    )


@BOTH
def test_named_tool_is_called_once(client: openai.OpenAI, vendor: str) -> None:
    response = client.responses.create(
        model=MODELS[vendor],
        input="Hello",
        tools=TOOLS,
        tool_choice={"type": "function", "name": "get_weather"},
        parallel_tool_calls=False,
    )

    assert [item.name for item in response.output if item.type == "function_call"] == ["get_weather"]


@BOTH
@STREAMED
def test_structured_output_is_parsed(client: openai.OpenAI, vendor: str, streamed: bool) -> None:
    options: dict[str, Any] = {"model": MODELS[vendor], "input": "The weather?", "text_format": Weather}
    if streamed:
        with client.responses.stream(**options) as stream:
            response: Any = stream.get_final_response()
    else:
        response = client.responses.parse(**options)

    assert isinstance(response.output_parsed, Weather)


@BOTH
def test_image_reaches_the_model(client: openai.OpenAI, emulators: Emulators, vendor: str) -> None:
    content: Any = [{"type": "input_text", "text": "What is it?"}, picture()]
    client.responses.create(model=MODELS[vendor], input=[{"role": "user", "content": content}])

    (call,) = emulators.requests(vendor)
    kinds = [part["type"] for part in call["body"]["messages"][0]["content"]]
    assert kinds == ["text", "image" if vendor == "anthropic" else "image_url"]


@STREAMED
def test_thoughts_are_a_reasoning_item(client: openai.OpenAI, streamed: bool) -> None:
    options: dict[str, Any] = {"model": MODELS["anthropic"], "reasoning": {"effort": "high"}}
    response = respond(client, streamed=streamed, input="Hello", **options)

    thought, said = response.output
    assert "think" in thought.summary[0].text
    assert response.usage.output_tokens_details.reasoning_tokens > 0
    again: Any = [item.to_dict() for item in (thought, said)]
    assert respond(client, streamed=streamed, input=[*again, {"role": "user", "content": "Go on"}], **options)


@BOTH
@STREAMED
def test_limit_makes_it_incomplete(client: openai.OpenAI, vendor: str, streamed: bool) -> None:
    options: dict[str, Any] = {"model": MODELS[vendor], "input": "Hello there", "max_output_tokens": 1}
    if streamed:
        *_, last = client.responses.create(**options, stream=True)
        assert last.type == "response.incomplete"
        response: Any = last.response
    else:
        response = client.responses.create(**options)

    assert (response.status, response.incomplete_details.reason) == ("incomplete", "max_output_tokens")


@BOTH
@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
        ({"background": True}, "background"),
        ({"tools": [{"type": "web_search"}]}, "tools[0].type"),
    ],
)
def test_refused_field_is_named(
    client: openai.OpenAI, emulators: Emulators, vendor: str, options: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.responses.create(model=MODELS[vendor], input="Hello", **options)

    assert (caught.value.param, caught.value.type) == (param, "invalid_request_error")
    assert emulators.requests(vendor) == []


@BOTH
@pytest.mark.parametrize(("status", "kind"), [(400, openai.BadRequestError), (429, openai.RateLimitError)])
def test_error_of_the_provider_is_one_of_openai(
    client: openai.OpenAI, emulators: Emulators, vendor: str, status: int, kind: type[openai.APIStatusError]
) -> None:
    # A pause that is too long for a retry here.
    emulators.add_fault(vendor, kind="status", status=status, retry_after=90)

    with pytest.raises(kind) as caught:
        client.responses.create(model=MODELS[vendor], input="Hello")

    assert caught.value.response.json()["error"].keys() == {"message", "type", "param", "code"}


@BOTH
@pytest.mark.parametrize("fault", ["cut", "error_event"])
def test_failed_stream_ends_with_an_error(
    client: openai.OpenAI, platform: Platform, emulators: Emulators, vendor: str, fault: str
) -> None:
    emulators.add_fault(vendor, kind=fault, after=6)
    answer = client.responses.with_raw_response.create(model=MODELS[vendor], input="Hello there", stream=True)
    text = ""

    with pytest.raises(openai.APIError):
        for event in answer.parse():
            text += event.delta if event.type == "response.output_text.delta" else ""
            assert event.type != "response.completed"

    assert text
    (row,) = platform.usage_rows(answer.headers["X-Request-ID"])
    assert (row["status"], row["error_code"]) == (200, "PROVIDER_ERROR")
    assert row["input_units"] > 0
    assert row["output_units"] > 0


@BOTH
@pytest.mark.parametrize("stream", [False, True])
def test_leaving_cancels_the_call_and_counts_it(
    platform: Platform, emulators: Emulators, headers: dict[str, str], vendor: str, stream: bool
) -> None:
    emulators.add_fault(vendor, kind="stall", after=6)
    request_id = f"left-responses-{vendor}-{stream}"
    body = {"model": MODELS[vendor], "input": "Hello there", "stream": stream}

    sent = {"X-Request-ID": request_id, **headers}
    with asking(platform.urls["text-gen"], "/v1/responses", body, sent) as connection:
        if stream:
            with connection.getresponse() as answer:
                while b"output_text.delta" not in answer.readline():
                    pass
        else:
            assert wait_for(lambda: emulators.requests(vendor))

    assert wait_for(lambda: any(call["aborted"] for call in emulators.requests(vendor)))
    (row,) = platform.usage_rows(request_id)
    assert (row["status"], row["error_code"]) == (499, "CLIENT_CLOSED_REQUEST")
    assert row["input_units"] > 0
