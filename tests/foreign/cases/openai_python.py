"""The official `openai` package for Python: sync, async, stream helpers, parse, Responses, embeddings, media."""

import json
import os

import openai
from gateway import SPENT_KEY, add_fault, calls, has_aborted, slow_down, vendor_of
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel

MODEL = "gpt-4o-mini"
MODELS = (MODEL, "anthropic:claude-sonnet-4-6")
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


def check_text(model: str) -> None:
    completion = OpenAI().chat.completions.create(model=model, messages=HELLO)

    assert "rivers" in completion.choices[0].message.content
    assert completion.choices[0].finish_reason == "stop"
    assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens
    assert completion._request_id


def check_zero_is_a_temperature() -> None:
    OpenAI().chat.completions.create(model=f"openai:{MODEL}", messages=HELLO, temperature=0, seed=7)

    (call,) = calls("openai")
    assert (call["body"]["model"], call["body"]["temperature"], call["body"]["seed"]) == (MODEL, 0, 7)


async def check_async_text_and_stream(model: str) -> None:
    async with AsyncOpenAI() as client:
        completion = await client.chat.completions.create(model=model, messages=HELLO)
        stream = await client.chat.completions.create(model=model, messages=HELLO, stream=True)
        pieces = [chunk.choices[0].delta.content or "" async for chunk in stream]

    assert "".join(pieces) == completion.choices[0].message.content


def check_stream_with_usage(model: str) -> None:
    stream = OpenAI().chat.completions.create(
        model=model, messages=HELLO, stream=True, stream_options={"include_usage": True}
    )
    *chunks, last = list(stream)

    assert (chunks[0].choices[0].delta.role, chunks[-1].choices[0].finish_reason) == ("assistant", "stop")
    assert last.choices == [] and last.usage.completion_tokens > 0


def check_stream_helper(model: str) -> None:
    with OpenAI().chat.completions.stream(model=model, messages=WEATHER, tools=[TOOL]) as stream:
        kinds = {event.type for event in stream}
        completion = stream.get_final_completion()

    (call,) = completion.choices[0].message.tool_calls
    assert (call.function.name, json.loads(call.function.arguments).keys()) == ("get_weather", {"city"})
    assert "tool_calls.function.arguments.done" in kinds


def check_tool_loop(model: str) -> None:
    client, messages = OpenAI(), list(WEATHER)
    message = client.chat.completions.create(model=model, messages=messages, tools=[TOOL]).choices[0].message
    messages.append(message)
    messages += [
        {"role": "tool", "tool_call_id": call.id, "content": "Snow at -3 degrees"} for call in message.tool_calls
    ]

    answer = client.chat.completions.create(model=model, messages=messages, tools=[TOOL])

    assert answer.choices[0].finish_reason == "stop"
    assert "Snow at -3 degrees" in answer.choices[0].message.content


def check_parallel_tools_of_a_stream(model: str) -> None:
    cities = [{"name": "get_weather", "input": {"city": name}} for name in ("Oslo", "Bergen")]
    task = json.dumps({"play": [cities]})
    messages = [{"role": "user", "content": task}]

    with OpenAI().chat.completions.stream(model=model, messages=messages, tools=[TOOL]) as stream:
        tool_calls = stream.get_final_completion().choices[0].message.tool_calls

    assert [json.loads(call.function.arguments)["city"] for call in tool_calls] == ["Oslo", "Bergen"]
    assert len({call.id for call in tool_calls}) == 2


def check_parse(model: str) -> None:
    completion = OpenAI().chat.completions.parse(model=model, messages=HELLO, response_format=River)

    assert isinstance(completion.choices[0].message.parsed, River)


def check_parse_of_a_cut_answer(model: str) -> None:
    try:
        OpenAI().chat.completions.parse(model=model, messages=HELLO, response_format=River, max_completion_tokens=2)
    except openai.LengthFinishReasonError:
        return
    raise AssertionError("a cut answer was parsed")


def check_responses(model: str) -> None:
    client = OpenAI()
    response = client.responses.create(model=model, input="Name three rivers")
    with client.responses.stream(model=model, input="Name three rivers") as stream:
        text = "".join(event.delta for event in stream if event.type == "response.output_text.delta")
        final = stream.get_final_response()

    assert "rivers" in response.output_text
    assert text == final.output_text
    assert final.usage.output_tokens > 0


def check_responses_tool_loop(model: str) -> None:
    client, tool = OpenAI(), {"type": "function", **TOOL["function"], "strict": False}
    first = client.responses.create(model=model, input="How is the weather in Oslo?", tools=[tool])
    (call,) = (item for item in first.output if item.type == "function_call")
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "Snow at -3 degrees"}
    history = [{"role": "user", "content": "How is the weather in Oslo?"}, *first.output, result]

    second = client.responses.create(model=model, input=history, tools=[tool])

    assert "Snow at -3 degrees" in second.output_text


def check_responses_parse(model: str) -> None:
    response = OpenAI().responses.parse(model=model, input="Name a river", text_format=River)

    assert isinstance(response.output_parsed, River)


def check_embeddings() -> None:
    answer = OpenAI().embeddings.create(model="text-embedding-3-small", input=["a river", "a lake"], dimensions=64)

    assert [len(item.embedding) for item in answer.data] == [64, 64]


def check_models() -> None:
    client = OpenAI()

    assert MODEL in [model.id for model in client.models.list()]
    assert client.models.retrieve(f"openai:{MODEL}").id == f"openai:{MODEL}"


def check_speech() -> None:
    client = OpenAI(base_url=os.environ["AUDIO_BASE_URL"])
    with client.audio.speech.with_streaming_response.create(
        model="gpt-4o-mini-tts", voice="alloy", input="Hello there"
    ) as answer:
        audio = answer.read()

    assert len(audio) > 1000


def check_images() -> None:
    client = OpenAI(base_url=os.environ["IMAGE_BASE_URL"])

    answer = client.images.generate(model="gpt-image-2", prompt="A lighthouse", size="1024x1024")

    assert len(answer.data[0].b64_json) > 1000


def check_wrong_key() -> None:
    try:
        OpenAI(api_key="de_test_wrong").chat.completions.create(model=MODEL, messages=HELLO)
    except openai.AuthenticationError as error:
        assert (error.status_code, error.code) == (401, "invalid_api_key")
        return
    raise AssertionError("a wrong key was taken")


def check_unknown_model() -> None:
    for model in ("gpt-0", "openai:gpt-0", "nobody:gpt-4o"):
        try:
            OpenAI().chat.completions.create(model=model, messages=HELLO)
        except openai.NotFoundError as error:
            assert error.code == "model_not_found", error.body
            assert model.rpartition(":")[2] in error.message or model.partition(":")[0] in error.message
            continue
        raise AssertionError("an unknown model answered")


def check_wrong_request() -> None:
    try:
        OpenAI().chat.completions.create(model=MODEL, messages=HELLO, temperature=9)
    except openai.BadRequestError as error:
        assert (error.type, error.param) == ("invalid_request_error", "temperature")
        return
    raise AssertionError("a temperature of 9 was taken")


def check_our_limit() -> None:
    client = OpenAI(api_key=SPENT_KEY)
    try:
        client.chat.completions.create(model=MODEL, messages=HELLO)
    except openai.RateLimitError as error:
        assert error.code == "rate_limit_exceeded"
        assert int(error.response.headers["retry-after"]) > 0
        assert calls("openai") == []
        return
    raise AssertionError("there was no limit")


def check_retries(model: str) -> None:
    # The gateway tries three times, and the client once more.
    add_fault(vendor_of(model), kind="status", status=503 if model == MODEL else 529, times=3, retry_after=0.01)

    OpenAI().chat.completions.create(model=model, messages=HELLO)

    assert len(calls(vendor_of(model))) == 4


def check_credit_is_not_retried() -> None:
    add_fault("openai", kind="status", status=429, error_code="insufficient_quota", times=9)
    try:
        OpenAI().chat.completions.create(model=MODEL, messages=HELLO)
    except openai.RateLimitError as error:
        assert error.code == "insufficient_quota"
        assert len(calls("openai")) == 1
        return
    raise AssertionError("there was credit")


def check_timeout(model: str) -> None:
    add_fault(vendor_of(model), kind="slow_first_byte", seconds=60)
    try:
        OpenAI(timeout=1, max_retries=0).chat.completions.create(model=model, messages=HELLO)
    except openai.APITimeoutError:
        return
    raise AssertionError("it waited")


def check_leaving_a_stream(model: str) -> None:
    slow_down(vendor_of(model), per_frame_ms=50)
    with OpenAI().chat.completions.create(model=model, messages=HELLO, stream=True) as stream:
        next(iter(stream))

    assert has_aborted(vendor_of(model))


def check_interrupted_stream(model: str) -> None:
    add_fault(vendor_of(model), kind="cut", after=6)
    try:
        for chunk in OpenAI().chat.completions.create(model=model, messages=HELLO, stream=True):
            assert chunk.choices[0].finish_reason is None
    except openai.APIError as error:
        assert "interrupted" in error.message
        return
    raise AssertionError("half a stream looked whole")
