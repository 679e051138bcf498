"""The official `openai` SDK gets from the emulated Responses API what it would get from the vendor."""

from typing import Any

import openai
import pytest
from pydantic import BaseModel

MODEL = "gpt-6-luna"


def test_response_when_streamed_then_is_the_response_that_create_returns(gpt: openai.OpenAI) -> None:
    created = gpt.responses.create(model=MODEL, input="Say hello to the world", instructions="Be kind")
    with gpt.responses.stream(model=MODEL, input="Say hello to the world", instructions="Be kind") as stream:
        types = [event.type for event in stream]
        streamed = stream.get_final_response()

    assert created.output_text.startswith(f"[emulated {MODEL}] You wrote “Say hello to the world”")
    assert (created.status, created.object) == ("completed", "response")
    assert (streamed.output_text, streamed.usage) == (created.output_text, created.usage)
    assert types[:2] == ["response.created", "response.in_progress"]
    assert types.count("response.output_text.delta") > 5
    assert types[-2:] == ["response.output_item.done", "response.completed"]


def test_response_when_a_format_is_given_then_the_sdk_parses_it(gpt: openai.OpenAI) -> None:
    class Summary(BaseModel):
        title: str
        points: list[str]

    response = gpt.responses.parse(model=MODEL, input="Topic: forests, in four points", text_format=Summary)

    assert response.output_parsed and "Forests" in response.output_parsed.title
    assert len(set(response.output_parsed.points)) == 4


def test_response_when_the_limit_is_reached_then_is_incomplete(gpt: openai.OpenAI) -> None:
    response = gpt.responses.create(model=MODEL, input="Say hello", max_output_tokens=20)

    assert (response.status, len(response.output_text)) == ("incomplete", 80)
    assert response.incomplete_details and response.incomplete_details.reason == "max_output_tokens"


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"max_output_tokens": 1}, "max_output_tokens"),
        ({"temperature": 0.5}, "temperature"),
        ({"input": openai.omit}, "input"),
        ({"previous_response_id": "resp_1"}, "previous_response_id"),
    ],
)
def test_response_when_the_request_is_wrong_then_400_says_where(
    gpt: openai.OpenAI, changes: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as failure:
        gpt.responses.create(**{"model": MODEL, "input": "Say hello", **changes})

    assert failure.value.param == param
