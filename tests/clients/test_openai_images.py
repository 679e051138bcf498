"""The official `openai` SDK gets images from the emulator as from the vendor."""

from base64 import b64decode
from io import BytesIO
from typing import Any

import openai
import pytest
from openai.types import ImagesResponse
from PIL import Image

MODEL = "gpt-image-2.6-flare"


def test_image_when_generated_then_it_is_a_png_with_its_usage(openai_client: openai.OpenAI) -> None:
    answer = openai_client.images.generate(model=MODEL, prompt="A lighthouse at dusk")

    (image,) = open_images(answer)
    assert (image.format, image.size) == ("PNG", (1024, 1024))
    assert (answer.size, answer.quality, answer.background, answer.output_format) == (
        "1024x1024",
        "medium",
        "opaque",
        "png",
    )
    assert answer.usage
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens
    assert answer.data and answer.data[0].url is None


@pytest.mark.parametrize(
    ("options", "format_", "size"),
    [
        ({"output_format": "jpeg", "output_compression": 40, "size": "1536x1024"}, "JPEG", (1536, 1024)),
        ({"output_format": "webp", "size": "1024x1536"}, "WEBP", (1024, 1536)),
        ({"size": "1280x720"}, "PNG", (1280, 720)),
        ({"size": "auto", "quality": "auto"}, "PNG", (1024, 1024)),
    ],
)
def test_image_when_format_and_size_are_given_then_it_has_them(
    openai_client: openai.OpenAI, *, options: dict[str, Any], format_: str, size: tuple[int, int]
) -> None:
    (image,) = open_images(openai_client.images.generate(model=MODEL, prompt="A lighthouse", **options))

    assert (image.format, image.size) == (format_, size)


def test_images_when_several_are_generated_then_they_differ(openai_client: openai.OpenAI) -> None:
    first = openai_client.images.generate(model=MODEL, prompt="A lighthouse", n=3)
    again = openai_client.images.generate(model=MODEL, prompt="A lighthouse", n=3)

    assert first.data and again.data
    assert len({image.b64_json for image in first.data}) == 3
    assert [image.b64_json for image in first.data] == [image.b64_json for image in again.data]


def test_image_when_transparent_then_it_has_clear_pixels(openai_client: openai.OpenAI) -> None:
    (image,) = open_images(openai_client.images.generate(model=MODEL, prompt="A lighthouse", background="transparent"))

    assert image.mode == "RGBA"
    alpha: Any = image.getchannel("A").getextrema()
    assert alpha == (0, 255)


def test_stream_when_partial_images_are_requested_then_in_order(openai_client: openai.OpenAI) -> None:
    events = list(openai_client.images.generate(model=MODEL, prompt="A lighthouse", stream=True, partial_images=2))

    assert [event.type for event in events] == [
        "image_generation.partial_image",
        "image_generation.partial_image",
        "image_generation.completed",
    ]
    assert events[-1].type == "image_generation.completed"
    assert events[-1].usage.output_tokens > 0
    for event in events:
        assert Image.open(BytesIO(b64decode(event.b64_json))).size == (1024, 1024)


@pytest.mark.parametrize("model", ["gpt-image-1", "dall-e-2", "dall-e-3", "gpt-image-9", "gpt-6-luna"])
def test_model_when_unknown_or_shut_down_then_it_is_not_found(openai_client: openai.OpenAI, model: str) -> None:
    with pytest.raises(openai.NotFoundError) as failure:
        openai_client.images.generate(model=model, prompt="A lighthouse")

    assert failure.value.code == "model_not_found"


@pytest.mark.parametrize(
    ("options", "code", "param"),
    [
        ({"prompt": ""}, "empty_string", "prompt"),
        ({"prompt": "x" * 32_001}, "string_above_max_length", "prompt"),
        ({"n": 11}, "integer_above_max_value", "n"),
        ({"n": 0}, "integer_below_min_value", "n"),
        ({"size": "1000x1000"}, "invalid_value", "size"),
        ({"size": "4096x1024"}, "invalid_value", "size"),
        ({"size": "3200x1024"}, "invalid_value", "size"),
        ({"size": "large"}, "invalid_value", "size"),
        ({"model": "gpt-image-1-mini", "size": "1280x720"}, "invalid_value", "size"),
        ({"model": "gpt-image-2", "quality": "max"}, "invalid_value", "quality"),
        ({"quality": "hd"}, "invalid_value", "quality"),
        ({"response_format": "url"}, "unknown_parameter", "response_format"),
        ({"style": "vivid"}, "unknown_parameter", "style"),
        ({"background": "transparent", "output_format": "jpeg"}, "invalid_value", "output_format"),
        ({"output_compression": 50}, "invalid_png_output_compression", "output_compression"),
        ({"partial_images": 2}, None, "partial_images"),
        ({"output_format": "svg"}, "invalid_value", "output_format"),
    ],
)
def test_request_when_invalid_then_error_names_the_parameter(
    openai_client: openai.OpenAI, *, options: dict[str, Any], code: str | None, param: str
) -> None:
    with pytest.raises(openai.BadRequestError) as failure:
        openai_client.images.generate(**{"model": MODEL, "prompt": "A lighthouse", **options})

    assert (failure.value.code, failure.value.param) == (code, param)


def test_prompt_when_unsafe_then_moderation_blocks_it(openai_client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="rejected by the safety system") as failure:
        openai_client.images.generate(model=MODEL, prompt="Something [unsafe]")

    assert failure.value.code == "moderation_blocked"


def open_images(answer: ImagesResponse) -> list[Image.Image]:
    assert answer.data is not None
    return [Image.open(BytesIO(b64decode(image.b64_json or ""))) for image in answer.data]
