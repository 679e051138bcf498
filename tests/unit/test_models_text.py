"""The request and the answer of text generation."""

from typing import Any

import pytest
from pydantic import ValidationError

from text_gen.models import TextMetadata, TextOptions, TextRequest, TextResponse


def test_prompt_alone_has_the_contracts_defaults() -> None:
    request = TextRequest.model_validate_json('{"prompt": "Hello"}')

    assert request.model is None
    assert request.options == TextOptions(max_tokens=2000, temperature=0.7)


def test_zero_and_whole_numbers_are_taken_as_sent() -> None:
    options = TextOptions.model_validate_json('{"temperature": 0, "top_p": 1, "max_tokens": 1}')

    assert (options.temperature, options.top_p, options.max_tokens) == (0, 1, 1)
    assert options.model_fields_set == {"temperature", "top_p", "max_tokens"}


@pytest.mark.parametrize(
    "options",
    [
        '{"max_tokens": 0}',
        '{"max_tokens": "5"}',
        '{"max_tokens": true}',
        '{"temperature": 2.1}',
        '{"temperature": -0.1}',
        '{"top_p": 1.1}',
        '{"stop_sequences": "x"}',
        '{"stop_sequences": [1]}',
    ],
)
def test_options_out_of_bounds_are_refused(options: str) -> None:
    with pytest.raises(ValidationError):
        TextOptions.model_validate_json(options)


def test_absent_fields_of_a_response_are_left_out() -> None:
    metadata = TextMetadata(
        provider="openai",
        model="gpt-6-luna",
        tokens_used=3,
        input_tokens=1,
        output_tokens=2,
        finish_reason="stop",
        generation_time_ms=4,
    )

    document = TextResponse(text="", metadata=metadata).model_dump(exclude_none=True)

    assert document["success"] is True
    assert document["text"] == ""
    assert "warnings" not in document["metadata"]


@pytest.mark.parametrize(
    ("body", "model", "in_options"),
    [
        ('{"prompt": "a", "model_id": "openai:gpt-4o"}', "openai:gpt-4o", None),
        ('{"prompt": "a", "model": "claude-opus-4-8", "model_id": "openai:gpt-4o"}', "claude-opus-4-8", None),
        ('{"prompt": "a", "model": null, "model_id": "openai:gpt-4o"}', "openai:gpt-4o", None),
        ('{"prompt": "a", "model": "", "model_id": "openai:gpt-4o"}', "openai:gpt-4o", None),
        ('{"prompt": "a", "options": {"model_id": "openai:gpt-4o"}}', None, "openai:gpt-4o"),
        ('{"prompt": "a", "options": {"model": "openai:gpt-4o"}}', None, "openai:gpt-4o"),
        ('{"prompt": "a", "model_id": null, "options": {"model_id": ""}}', None, None),
    ],
)
def test_older_names_of_the_model_are_read(body: str, model: str | None, in_options: str | None) -> None:
    request = TextRequest.model_validate_json(body)

    assert (request.model, request.options.model) == (model, in_options)
    assert list(request.unknown_fields()) == []


@pytest.mark.parametrize("body", ['{"prompt": "a", "model_id": 5}', '{"prompt": "a", "options": {"model_id": [1]}}'])
def test_older_name_of_another_type_is_refused(body: str) -> None:
    with pytest.raises(ValidationError):
        TextRequest.model_validate_json(body)


CONVERSATION = [
    {"role": "system", "content": "Be brief"},
    {"role": "user", "content": "Name a river"},
    {"role": "assistant", "content": "The Nile"},
    {"role": "user", "content": "How long is it?"},
]


def test_messages_take_the_place_of_a_prompt() -> None:
    request = TextRequest.model_validate({"messages": CONVERSATION})

    assert request.prompt is None
    assert [message.model_dump() for message in request.messages or ()] == CONVERSATION


@pytest.mark.parametrize(
    ("body", "field", "reason"),
    [
        ({}, "prompt", "Prompt is required"),
        ({"prompt": ""}, "prompt", "Prompt is required"),
        ({"prompt": " \n"}, "prompt", "Prompt is required"),
        ({"messages": None}, "prompt", "Prompt is required"),
        ({"prompt": "a", "messages": CONVERSATION}, "messages", "Send prompt or messages, not both"),
        ({"messages": CONVERSATION[:1]}, "messages", "The last message must be the user's"),
        ({"messages": CONVERSATION[:3]}, "messages", "The last message must be the user's"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages.0.content", "Content is required"),
        (
            {"messages": [{"role": "user", "content": "a" * 500_001}] * 2},
            "messages",
            "All messages together may have 1000000 characters",
        ),
    ],
)
def test_wrong_conversations_are_refused(body: dict[str, Any], field: str, reason: str) -> None:
    with pytest.raises(ValidationError) as caught:
        TextRequest.model_validate(body)

    (problem,) = caught.value.errors()
    assert ".".join(map(str, problem["loc"])) == field
    assert problem["msg"] == reason


@pytest.mark.parametrize(
    "messages",
    [
        [],
        "Hello",
        ["Hello"],
        [{"role": "tool", "content": "a"}],
        [{"role": "user"}],
        [{"role": "user", "content": [{"type": "text", "text": "a"}]}],
        [{"role": "user", "content": "a"}] * 1001,
    ],
    ids=["empty", "string", "strings", "role", "no content", "parts", "too many"],
)
def test_messages_of_another_form_are_refused(messages: object) -> None:
    with pytest.raises(ValidationError, match="messages"):
        TextRequest.model_validate({"messages": messages})
