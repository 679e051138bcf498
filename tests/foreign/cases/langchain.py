"""LangChain: `langchain-openai` with chat completions and Responses, `langchain-anthropic`."""

import anthropic
import openai
from gateway import SPENT_KEY, add_fault, calls, has_aborted, slow_down, vendor_of
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI, OpenAIEmbeddings
from pydantic import BaseModel

GPT, CLAUDE = "gpt-4o-mini", "claude-sonnet-4-6"
MODELS = ("chat gpt-4o-mini", "chat anthropic:claude-sonnet-4-6", f"messages {CLAUDE}", "messages openai:gpt-4o-mini")


class River(BaseModel):
    """A river."""

    name: str
    length_km: int


@tool
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"Snow in {city} at -3 degrees"


def create(model: str, **options):
    """Return the chat model of the package that the first word means."""
    kind, _, name = model.partition(" ")
    return (
        ChatOpenAI(model=name, stream_usage=True, **options) if kind == "chat" else ChatAnthropic(model=name, **options)
    )


def check_text_and_usage(model: str) -> None:
    answer = create(model).invoke([SystemMessage("Answer briefly."), HumanMessage("Name three rivers")])

    assert "rivers" in answer.text
    assert answer.usage_metadata["input_tokens"] > 0


def check_zero_is_a_temperature(model: str) -> None:
    if model == f"messages {CLAUDE}":
        return  # the package asks for a version of Anthropic's API that has no temperature
    create(model, temperature=0).invoke("Name three rivers")

    assert calls(vendor_of(model))[0]["body"]["temperature"] == 0


def check_stream(model: str) -> None:
    whole = None
    for chunk in create(model).stream("Name three rivers"):
        whole = chunk if whole is None else whole + chunk

    assert "rivers" in whole.text
    assert whole.usage_metadata["output_tokens"] > 0


async def check_async() -> None:
    for model in MODELS:
        answer = await create(model).ainvoke("Name three rivers")

        assert "rivers" in answer.text


def check_tool_loop(model: str) -> None:
    chat = create(model).bind_tools([get_weather])
    messages = [HumanMessage("How is the weather in Oslo?")]
    answer = chat.invoke(messages)
    messages.append(answer)
    messages += [ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"]) for call in answer.tool_calls]

    assert "at -3 degrees" in chat.invoke(messages).text


def check_structured_output(model: str) -> None:
    assert isinstance(create(model).with_structured_output(River).invoke("Name a river"), River)


def check_structured_output_by_schema(model: str) -> None:
    chat = create(model).with_structured_output(River, method="json_schema")

    assert isinstance(chat.invoke("Name a river"), River)


def check_responses(model: str) -> None:
    kind, _, name = model.partition(" ")
    if kind == "messages":
        return
    chat = ChatOpenAI(model=name, use_responses_api=True)

    assert "rivers" in chat.invoke("Name three rivers").text
    assert "rivers" in "".join(chunk.text for chunk in chat.stream("Name three rivers"))
    assert chat.bind_tools([get_weather]).invoke("How is the weather in Oslo?").tool_calls[0]["args"].keys() == {"city"}


def check_embeddings() -> None:
    vectors = OpenAIEmbeddings(model="text-embedding-3-small", check_embedding_ctx_length=False).embed_documents(
        ["a river", "a lake"]
    )

    assert [len(vector) for vector in vectors] == [1536, 1536]


def check_errors() -> None:
    for wrong, error in (
        (ChatOpenAI(model=GPT, api_key="de_test_wrong"), openai.AuthenticationError),
        (ChatAnthropic(model=CLAUDE, api_key="de_test_wrong"), anthropic.AuthenticationError),
        (ChatOpenAI(model="gpt-0"), openai.NotFoundError),
        (ChatAnthropic(model="claude-0"), anthropic.NotFoundError),
        (ChatOpenAI(model=GPT, api_key=SPENT_KEY), openai.RateLimitError),
        (ChatAnthropic(model=CLAUDE, api_key=SPENT_KEY), anthropic.RateLimitError),
    ):
        try:
            wrong.invoke("Hello")
        except error:
            continue
        raise AssertionError(f"{error} was not raised")


def check_timeout(model: str) -> None:
    add_fault(vendor_of(model), kind="slow_first_byte", seconds=60)
    try:
        create(model, timeout=1, max_retries=0).invoke("Hello")
    except (openai.APITimeoutError, anthropic.APITimeoutError):
        return
    raise AssertionError("it waited")


def check_leaving_a_stream(model: str) -> None:
    slow_down(vendor_of(model), per_frame_ms=50)
    stream = create(model).stream("Name three rivers")
    next(stream)
    stream.close()

    assert has_aborted(vendor_of(model))


def check_interrupted_stream(model: str) -> None:
    add_fault(vendor_of(model), kind="cut", after=6)
    try:
        list(create(model).stream("Name three rivers"))
    except (openai.APIError, anthropic.APIError) as error:
        assert "interrupted" in error.message
        return
    raise AssertionError("half a stream looked whole")
