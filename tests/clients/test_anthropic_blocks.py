"""Images, documents, formats, refusals and natural tool calls through the official `anthropic` SDK, by API version."""

import json
from base64 import b64encode
from io import BytesIO
from typing import Any

import anthropic
import pytest
from anthropic import beta_tool
from PIL import Image
from pydantic import BaseModel

from tests.emulators.process import Emulators

MODEL = "claude-sonnet-4-6"
OLD: dict[str, str] = {"anthropic-version": "2023-06-01"}
PDF = b64encode(b"%PDF-1.7\n").decode()


def image_data(kind: str = "PNG", size: tuple[int, int] = (4, 4)) -> str:
    file = BytesIO()
    Image.new("RGB", size, "red").save(file, kind)
    return b64encode(file.getvalue()).decode()


def block(kind: str, **source: Any) -> dict[str, Any]:
    return {"type": kind, "source": source}


def create(client: anthropic.Anthropic, content: Any, **options: Any) -> Any:
    messages = [{"role": "user", "content": content}]
    return client.messages.create(**{"model": MODEL, "max_tokens": 500, "messages": messages, **options})


PNG = block("image", type="base64", media_type="image/png", data=image_data())


@pytest.mark.parametrize(
    "content",
    [
        PNG,
        block("image", type="base64", media_type="image/webp", data=image_data("WEBP")),
        block("image", type="url", url="https://example.com/a.png"),
        block("document", type="base64", media_type="application/pdf", data=PDF),
        block("document", type="text", media_type="text/plain", data="Some text"),
        block("document", type="url", url="https://example.com/a.pdf"),
    ],
)
def test_valid_media_count_as_input(anthropic_client: anthropic.Anthropic, content: Any) -> None:
    assert create(anthropic_client, [content]).usage.input_tokens >= 1500


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (block("image", type="base64", media_type="image/bmp", data=image_data("BMP")), "media_type: Input should be"),
        (block("image", type="base64", media_type="image/jpeg", data=image_data()), "appears to be a image/png image"),
        (block("image", type="base64", media_type="image/png", data="SGVsbG8="), "Could not process image"),
        (block("image", type="base64", media_type="image/png", data="!"), "not valid base64"),
        (block("image", type="base64", media_type="image/png", data="A" * (5 << 20) + "AAAA"), "exceeds 5 MB"),
        (block("image", type="base64", media_type="image/png", data=image_data(size=(8001, 1))), "max allowed size"),
        (block("image", type="url", url="data:image/png;base64,AA"), "Only HTTP and HTTPS"),
        (block("image", type="file", file_id="file_1"), "File not found: file_1"),
        (block("image", type="text", data="x"), "Input tag 'text' found"),
        (
            block("document", type="base64", media_type="application/pdf", data="SGVsbG8="),
            "PDF specified was not valid",
        ),
        ({"type": "image"}, "image.source: Field required"),
        ({"type": "video"}, "Input tag 'video' found using 'type'"),
    ],
)
def test_invalid_media_are_refused(anthropic_client: anthropic.Anthropic, content: Any, text: str) -> None:
    with pytest.raises(anthropic.BadRequestError, match=text):
        create(anthropic_client, [content])


def schema_of(**fields: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": {"a": fields}, "required": ["a"], "additionalProperties": False}
    return {"format": {"type": "json_schema", "schema": schema}}


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (
            {"format": {"type": "json_schema", "schema": {"type": "object"}}},
            "'additionalProperties' must be explicitly",
        ),
        (schema_of(type="integer", minimum=1), "For 'integer' type, properties minimum are not supported"),
        (schema_of(type="array", items={"type": "object"}), "'additionalProperties' must be explicitly"),
        ({"format": {"type": "json_object"}}, "format.type: Input should be 'json_schema'"),
        ({"format": {"type": "json_schema"}}, "format.schema: Field required"),
        ({"effort": "extreme"}, "output_config.effort: Input should be 'low'"),
        ({"tone": "calm"}, "output_config.tone: Extra inputs are not permitted"),
    ],
)
def test_invalid_output_config_is_refused(anthropic_client: anthropic.Anthropic, config: Any, text: str) -> None:
    with pytest.raises(anthropic.BadRequestError, match=text):
        create(anthropic_client, "Hello", output_config=config)


class Order(BaseModel):
    product: str
    quantity: int


@pytest.mark.parametrize("headers", [{}, OLD])
def test_sdk_parses_a_structured_answer(anthropic_client: anthropic.Anthropic, headers: dict[str, str]) -> None:
    message = anthropic_client.messages.parse(
        model=MODEL,
        max_tokens=500,
        messages=[{"role": "user", "content": "I want two green tea boxes"}],
        output_format=Order,
        extra_headers=headers,
    )

    assert message.parsed_output and message.parsed_output.product
    assert message.stop_reason == "end_turn"


@pytest.mark.parametrize("streamed", [False, True])
def test_refusal_has_no_content(anthropic_client: anthropic.Anthropic, streamed: bool) -> None:
    if streamed:
        with anthropic_client.messages.stream(
            model=MODEL, max_tokens=50, messages=[{"role": "user", "content": "[refusal]"}]
        ) as stream:
            message: Any = stream.get_final_message()
    else:
        message = create(anthropic_client, "[refusal]")

    assert (message.content, message.stop_reason) == ([], "refusal")
    assert message.stop_details.explanation


def test_system_message_needs_the_newer_version(anthropic_client: anthropic.Anthropic) -> None:
    messages: Any = [{"role": "user", "content": "Hello"}, {"role": "system", "content": "Be brief"}]

    assert create(anthropic_client, "", messages=messages).stop_reason == "end_turn"
    with pytest.raises(anthropic.BadRequestError, match='Unexpected role "system"'):
        create(anthropic_client, "", messages=messages, extra_headers=OLD)


WEATHER: Any = {
    "name": "get_weather",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
TIME: Any = {"name": "get_time", "input_schema": {"type": "object"}}


def test_prompt_that_mentions_tools_gets_their_calls(anthropic_client: anthropic.Anthropic) -> None:
    message = create(anthropic_client, "How is the weather, and what time is it?", tools=[WEATHER, TIME])
    uses = [part for part in message.content if part.type == "tool_use"]
    results = [{"type": "tool_result", "tool_use_id": use.id, "content": "12 °C"} for use in uses]
    history = [
        {"role": "user", "content": "How is the weather, and what time is it?"},
        {"role": "assistant", "content": message.content},
        {"role": "user", "content": results},
    ]
    answer = create(anthropic_client, "", tools=[WEATHER, TIME], messages=history)

    assert ([use.name for use in uses], message.stop_reason) == (["get_weather", "get_time"], "tool_use")
    assert "“12 °C” and “12 °C”" in answer.content[0].text


def test_tool_runner_calls_the_function_and_ends(anthropic_client: anthropic.Anthropic) -> None:
    asked = []

    @beta_tool
    def get_weather(city: str) -> str:
        """Return the weather of a city."""
        asked.append(city)
        return json.dumps({"degrees": 12})

    runner = anthropic_client.beta.messages.tool_runner(
        model=MODEL,
        max_tokens=500,
        tools=[get_weather],
        messages=[{"role": "user", "content": "The weather?"}],
        thread=False,
    )
    last = runner.until_done()

    assert len(asked) == 1 and last.stop_reason == "end_turn"
    assert '{"degrees": 12}' in "".join(part.text for part in last.content if part.type == "text")


def test_strict_tool_needs_a_closed_schema(anthropic_client: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.BadRequestError, match=r"tools.0.custom.input_schema: For 'object' type"):
        create(anthropic_client, "Hello", tools=[{**WEATHER, "strict": True}])


def test_count_includes_system_and_tools(anthropic_client: anthropic.Anthropic) -> None:
    options: Any = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}]}
    bare = anthropic_client.messages.count_tokens(**options).input_tokens
    full = anthropic_client.messages.count_tokens(**options, system="x" * 400, tools=[WEATHER]).input_tokens
    used = create(anthropic_client, "Hello", system="x" * 400, tools=[WEATHER]).usage.input_tokens

    assert full == used > bare + 100 + 20


def test_sonnet_writes_up_to_128000_tokens(anthropic_client: anthropic.Anthropic) -> None:
    assert create(anthropic_client, "Hello", max_tokens=128_000, timeout=9).stop_reason == "end_turn"


@pytest.mark.parametrize("streamed", [False, True])
def test_overload_is_an_error_also_within_a_stream(
    anthropic_client: anthropic.Anthropic, emulators: Emulators, streamed: bool
) -> None:
    emulators.add_fault("anthropic", kind="error_event", status=529, after=2 if streamed else 0)

    with pytest.raises(anthropic.APIStatusError) as failure:
        if streamed:
            list(create(anthropic_client, "Hello", stream=True))
        else:
            create(anthropic_client, "Hello")

    error = failure.value.body
    assert isinstance(error, dict) and error["error"]["type"] == "overloaded_error"
    assert failure.value.status_code == (200 if streamed else 529)
