"""The official `openai` SDK gets the same from the emulated Responses API as from the vendor."""

from typing import Any

import openai
import pytest
from pydantic import BaseModel

MODEL = "gpt-6-luna"


def test_response_when_streamed_then_the_same_as_created(openai_client: openai.OpenAI) -> None:
    created = openai_client.responses.create(model=MODEL, input="Say hello to the world", instructions="Be kind")
    with openai_client.responses.stream(model=MODEL, input="Say hello to the world", instructions="Be kind") as stream:
        types = [event.type for event in stream]
        streamed = stream.get_final_response()

    assert created.output_text.startswith(f"[emulated {MODEL}] You wrote “Say hello to the world”")
    assert (created.status, created.object) == ("completed", "response")
    assert (streamed.output_text, streamed.usage) == (created.output_text, created.usage)
    assert types[:2] == ["response.created", "response.in_progress"]
    assert types.count("response.output_text.delta") > 5
    assert types[-2:] == ["response.output_item.done", "response.completed"]


def test_response_when_a_format_is_given_then_the_sdk_parses_it(openai_client: openai.OpenAI) -> None:
    class Summary(BaseModel):
        title: str
        points: list[str]

    response = openai_client.responses.parse(model=MODEL, input="Topic: forests, in four points", text_format=Summary)

    assert response.output_parsed and "Forests" in response.output_parsed.title
    assert len(set(response.output_parsed.points)) == 4


def test_response_when_the_limit_is_reached_then_incomplete(openai_client: openai.OpenAI) -> None:
    response = openai_client.responses.create(model=MODEL, input="Say hello", max_output_tokens=20)

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
def test_response_when_the_request_is_invalid_then_400_names_it(
    openai_client: openai.OpenAI, changes: dict[str, Any], param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as failure:
        openai_client.responses.create(**{"model": MODEL, "input": "Say hello", **changes})

    assert failure.value.param == param
