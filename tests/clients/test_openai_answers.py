"""Structured outputs, refusals, log probabilities, images and cached tokens through the official `openai` SDK."""

import json
from base64 import b64encode
from io import BytesIO
from typing import Any
from uuid import uuid4

import openai
import pytest
from PIL import Image
from pydantic import BaseModel

MODEL = "gpt-4o-mini"


class Step(BaseModel):
    explanation: str
    output: str


class Solution(BaseModel):
    steps: list[Step]
    final_answer: str


def ask(client: openai.OpenAI, content: Any, **options: Any) -> Any:
    options = {"model": MODEL, **options}
    return client.chat.completions.create(messages=[{"role": "user", "content": content}], **options)


def image_url(kind: str = "PNG", prefix: str = "data:image/png;base64,") -> str:
    file = BytesIO()
    Image.new("RGB", (4, 4), "red").save(file, kind)
    return prefix + b64encode(file.getvalue()).decode()


def image_part(url: Any, **fields: Any) -> list[Any]:
    return [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": url, **fields}}]


def test_streamed_schema_is_parsed_by_the_sdk(openai_client: openai.OpenAI) -> None:
    with openai_client.chat.completions.stream(
        model=MODEL, messages=[{"role": "user", "content": "Solve 8x + 31 = 2"}], response_format=Solution
    ) as stream:
        final = stream.get_final_completion()

    parsed = final.choices[0].message.parsed
    assert parsed and parsed.steps and parsed.final_answer


def test_schema_that_is_cut_ends_with_length(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.LengthFinishReasonError):
        openai_client.chat.completions.parse(
            model=MODEL, messages=[{"role": "user", "content": "Solve it"}], response_format=Solution, max_tokens=5
        )


def test_json_object_is_an_object(openai_client: openai.OpenAI) -> None:
    answer = ask(openai_client, "List three facts as JSON", response_format={"type": "json_object"})

    assert isinstance(json.loads(answer.choices[0].message.content), dict)


def schema_format(**fields: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "facts", "schema": {"type": "object"}, **fields}}


@pytest.mark.parametrize(
    ("format_", "param"),
    [
        ({"type": "json_object"}, "messages"),
        ({"type": "xml"}, "response_format.type"),
        ({"type": "json_schema"}, "response_format.json_schema"),
        (schema_format(name="two words"), "response_format.json_schema.name"),
        (schema_format(schema=None), "response_format.json_schema.schema"),
        (schema_format(strict=True), "response_format"),
        (
            schema_format(
                strict=True,
                schema={"type": "object", "properties": {"a": {}}, "required": [], "additionalProperties": False},
            ),
            "response_format",
        ),
        (schema_format(schema={"type": "array"}), "response_format"),
    ],
)
def test_invalid_format_is_refused_by_name(openai_client: openai.OpenAI, format_: Any, param: str) -> None:
    with pytest.raises(openai.BadRequestError) as failure:
        ask(openai_client, "List three facts", response_format=format_)

    assert failure.value.param == param


@pytest.mark.parametrize("streamed", [False, True])
def test_refusal_takes_the_place_of_the_text(openai_client: openai.OpenAI, streamed: bool) -> None:
    if streamed:
        with openai_client.chat.completions.stream(
            model=MODEL, messages=[{"role": "user", "content": "[refusal]"}]
        ) as stream:
            choice: Any = stream.get_final_completion().choices[0]
    else:
        choice = ask(openai_client, "[refusal]").choices[0]

    assert choice.message.refusal.startswith("I'm sorry") and not choice.message.content
    assert choice.finish_reason == "stop"


def test_content_filter_ends_the_answer(openai_client: openai.OpenAI) -> None:
    assert ask(openai_client, "[content_filter]").choices[0].finish_reason == "content_filter"
    with pytest.raises(openai.ContentFilterFinishReasonError):
        openai_client.chat.completions.parse(
            model=MODEL, messages=[{"role": "user", "content": "[content_filter]"}], response_format=Solution
        )


def test_logprobs_cover_the_text_streamed_or_not(openai_client: openai.OpenAI) -> None:
    whole = ask(openai_client, "Hello", logprobs=True, top_logprobs=2).choices[0]
    chunks = ask(openai_client, "Hello", logprobs=True, top_logprobs=2, stream=True)
    streamed = [
        token for chunk in chunks if chunk.choices[0].logprobs for token in chunk.choices[0].logprobs.content or []
    ]

    assert "".join(token.token for token in whole.logprobs.content) == whole.message.content
    assert streamed == whole.logprobs.content
    assert all(len(token.top_logprobs) == 2 and token.logprob <= 0 for token in streamed)


@pytest.mark.parametrize(
    ("options", "param"),
    [
        ({"top_logprobs": 2}, "top_logprobs"),
        ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
        ({"logprobs": True, "model": "gpt-6-luna"}, "logprobs"),
    ],
)
def test_invalid_logprobs_are_refused(openai_client: openai.OpenAI, options: dict[str, Any], param: str) -> None:
    with pytest.raises(openai.BadRequestError) as failure:
        ask(openai_client, "Hello", **options)

    assert failure.value.param == param


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/picture.png",
        image_url(),
        image_url(prefix="DATA:IMAGE/PNG;charset=utf-8;BASE64,"),
        image_url("WEBP", "data:image/webp;base64,"),
        image_url("GIF", "data:image/gif;base64,"),
    ],
)
def test_valid_image_counts_as_input(openai_client: openai.OpenAI, url: str) -> None:
    large, small = (
        ask(openai_client, image_part(url, detail=detail)).usage.prompt_tokens for detail in ("auto", "low")
    )

    assert (large, small) == (772, 92)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("ftp://example.com/picture.png", "invalid_value"),
        ("picture.png", "invalid_value"),
        (5, "invalid_type"),
        ("data:text/plain;base64,SGVsbG8=", "invalid_image_format"),
        ("data:image/png;base64,SGVsbG8=", "invalid_image_format"),
        ("data:image/png;base64,!!!", "invalid_base64"),
        (image_url("BMP", "data:image/bmp;base64,"), "invalid_image_format"),
    ],
)
def test_invalid_image_is_refused(openai_client: openai.OpenAI, url: Any, code: str) -> None:
    with pytest.raises(openai.BadRequestError) as failure:
        ask(openai_client, image_part(url))

    assert failure.value.code == code


@pytest.mark.parametrize(
    ("part", "refused"),
    [
        (
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjcK"}},
            False,
        ),
        ({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,SGVsbG8="}}, True),
        ({"type": "file", "file": {"file_id": "file-1"}}, True),
        ({"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}, True),
        ({"type": "video_url", "video_url": {}}, True),
        ({"type": "text"}, True),
    ],
)
def test_other_parts_are_checked(openai_client: openai.OpenAI, part: Any, refused: bool) -> None:
    if refused:
        with pytest.raises(openai.BadRequestError):
            ask(openai_client, [part])
    else:
        assert ask(openai_client, [part]).usage.prompt_tokens > 1000


def test_prompt_that_begins_like_an_earlier_one_is_cached(openai_client: openai.OpenAI) -> None:
    system = f"{uuid4()} " + "Be brief. " * 500

    def count(question: str) -> int:
        messages: Any = [{"role": "system", "content": system}, {"role": "user", "content": question}]
        usage = openai_client.chat.completions.create(model=MODEL, messages=messages).usage
        assert usage and usage.prompt_tokens_details
        return usage.prompt_tokens_details.cached_tokens or 0

    assert (count("One?"), count("Two?")) == (0, 1152)


def test_context_that_is_too_long_is_refused(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as failure:
        ask(openai_client, "x" * 4 * 128_001)

    assert failure.value.code == "context_length_exceeded"
