"""instructor: pydantic models out of chat completions, by tools, JSON Schema, lists and partial streams."""

import instructor
from gateway import SPENT_KEY, calls, vendor_of
from instructor.core.exceptions import InstructorRetryException
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel, Field

MODELS = ("gpt-4o-mini", "anthropic:claude-sonnet-4-6")
QUESTION = [{"role": "user", "content": "Name a river"}]


class River(BaseModel):
    """A river."""

    name: str
    length_km: int


class Endless(BaseModel):
    """A river that no model knows."""

    name: str = Field(pattern="^never$")


def check_tools(model: str) -> None:
    client = instructor.from_openai(OpenAI())

    assert isinstance(client.chat.completions.create(model=model, messages=QUESTION, response_model=River), River)
    assert calls(vendor_of(model))[0]["body"]["tools"]


def check_schema(model: str) -> None:
    client = instructor.from_openai(OpenAI(), mode=instructor.Mode.JSON_SCHEMA)

    assert isinstance(client.chat.completions.create(model=model, messages=QUESTION, response_model=River), River)


async def check_async(model: str) -> None:
    client = instructor.from_openai(AsyncOpenAI())

    assert isinstance(await client.chat.completions.create(model=model, messages=QUESTION, response_model=River), River)


def check_partial_stream(model: str) -> None:
    client = instructor.from_openai(OpenAI())

    *_, last = client.chat.completions.create_partial(model=model, messages=QUESTION, response_model=River)

    assert last.name and last.length_km is not None


def check_iterable(model: str) -> None:
    client = instructor.from_openai(OpenAI(), mode=instructor.Mode.JSON_SCHEMA)

    rivers = list(client.chat.completions.create_iterable(model=model, messages=QUESTION, response_model=River))

    assert rivers and all(isinstance(river, River) for river in rivers)


def check_raw_completion(model: str) -> None:
    client = instructor.from_openai(OpenAI())

    river, completion = client.chat.completions.create_with_completion(
        model=model, messages=QUESTION, response_model=River
    )

    assert isinstance(river, River)
    assert completion.usage.prompt_tokens > 0


def check_errors() -> None:
    for client in (OpenAI(api_key="de_test_wrong"), OpenAI(api_key=SPENT_KEY)):
        try:
            instructor.from_openai(client).chat.completions.create(
                model="gpt-4o-mini", messages=QUESTION, response_model=River, max_retries=1
            )
        except Exception as error:
            assert "401" in str(error) or "429" in str(error), error
            continue
        raise AssertionError("there was no error")


def check_answers_that_do_not_fit_are_asked_again(model: str) -> None:
    client = instructor.from_openai(OpenAI())
    try:
        client.chat.completions.create(model=model, messages=QUESTION, response_model=Endless, max_retries=2)
    except InstructorRetryException:
        assert len(calls(vendor_of(model))) > 1
        return
    raise AssertionError("it fitted")
