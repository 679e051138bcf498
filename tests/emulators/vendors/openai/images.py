"""`POST /v1/images/generations`: pictures with the prompt on them, as base64, plain or as a stream with partial images.

Sources: the `openai` package 3.54.0 (`types/image_generate_params.py`, `types/images_response.py`) and
https://developers.openai.com/api/docs/guides/image-generation. GIF and SVG, which are previews, are refused. A prompt
with `[unsafe]` gets the error of the safety system.
"""

import re
import time
from base64 import b64encode
from collections.abc import Iterator
from typing import Any, Literal
from zlib import crc32

from PIL import Image
from pydantic import BaseModel, ConfigDict

from ...pictures import encode, paint
from ...text import count_tokens
from ...vendor import Call, Response, event_frame, json_response, stream_response
from .catalogue import IMAGE_MODELS
from .http import InvalidRequestError, usage_headers
from .models import model_not_found
from .parsing import parse

_SHUT_DOWN = {"gpt-image-1", "dall-e-2", "dall-e-3"}
_MAX_PROMPT = 32_000
_BOUNDS = {"n": (1, 10), "output_compression": (0, 100), "partial_images": (0, 3)}
_SIZES = {"1024x1024", "1536x1024", "1024x1536"}
_MAX_EDGE = 3840
_MAX_PIXELS = 3840 * 2160
# For 1024 x 1024 pixels.
_OUTPUT_TOKENS = {"low": 272, "medium": 1056, "high": 4160, "xhigh": 6240, "max": 8320}
_UNSAFE = (
    "Your request was rejected by the safety system. If you believe this is an error, contact us at help.openai.com "
    "and include the request ID."
)


class ImageRequest(BaseModel):
    """The body of the request, without the fields of models that are shut down (`response_format`, `style`)."""

    model_config = ConfigDict(extra="forbid", strict=True)
    prompt: str
    model: str
    n: int | None = None
    size: str | None = None
    quality: Literal["low", "medium", "high", "xhigh", "max", "auto"] | None = None
    background: Literal["transparent", "opaque", "auto"] | None = None
    output_format: Literal["png", "jpeg", "webp"] | None = None
    output_compression: int | None = None
    moderation: Literal["low", "auto"] | None = None
    complexity: Literal["low", "medium", "high"] | None = None
    partial_images: int | None = None
    stream: bool | None = None
    safety_identifier: str | None = None
    user: str | None = None


def create_image(call: Call) -> Response:
    """Return one or several pictures."""
    request = parse(ImageRequest, call.body)
    if request.model not in IMAGE_MODELS:
        raise model_not_found(request.model, shut_down=request.model in _SHUT_DOWN)
    _check(request)
    if "[unsafe]" in request.prompt:
        raise InvalidRequestError(_UNSAFE, code="moderation_blocked")

    format_ = request.output_format or "png"
    quality = request.quality if request.quality not in {None, "auto"} else "medium"
    size = request.size if request.size not in {None, "auto"} else "1024x1024"
    background = "transparent" if request.background == "transparent" else "opaque"
    width, height = map(int, str(size).split("x"))
    images = [
        paint(
            request.prompt,
            seed=crc32(request.model.encode()) + number,
            size=(width, height),
            signature=f"emulated {request.model}",
            transparent=background == "transparent",
        )
        for number in range(request.n or 1)
    ]
    input_tokens = count_tokens(request.prompt)
    output_tokens = _OUTPUT_TOKENS[str(quality)] * width * height // 1024**2 * len(images)
    usage = _usage(input_tokens, output_tokens)
    settings = {"background": background, "output_format": format_, "quality": quality, "size": size}
    compression = 85 if request.output_compression is None else request.output_compression

    def encoded(image: Image.Image) -> str:
        return b64encode(encode(image, format_, quality=compression)).decode()

    headers = usage_headers(input_tokens + output_tokens)
    if request.stream:
        previews = [encoded(_blur(images[0], step)) for step in range(request.partial_images or 0)]
        each = _usage(input_tokens, output_tokens // len(images))
        frames = _stream(previews, [encoded(image) for image in images], settings=settings, usage=each)
        return stream_response(list(frames), headers=headers)
    data = [{"b64_json": encoded(image)} for image in images]
    return json_response({"created": int(time.time()), "data": data, **settings, "usage": usage}, headers=headers)


def _usage(input_tokens: int, output_tokens: int) -> dict[str, Any]:
    return {
        "input_tokens": input_tokens,
        "input_tokens_details": {"text_tokens": input_tokens, "image_tokens": 0},
        "output_tokens": output_tokens,
        "output_tokens_details": {"text_tokens": 0, "image_tokens": output_tokens},
        "total_tokens": input_tokens + output_tokens,
    }


def _stream(
    previews: list[str], images: list[str], *, settings: dict[str, Any], usage: dict[str, Any]
) -> Iterator[bytes]:
    common = {**settings, "created_at": int(time.time())}
    for index, preview in enumerate(previews):
        kind = "image_generation.partial_image"
        yield event_frame({"type": kind, "b64_json": preview, "partial_image_index": index, **common}, event=kind)
    for image in images:
        kind = "image_generation.completed"
        yield event_frame({"type": kind, "b64_json": image, **common, "usage": usage}, event=kind)


def _blur(image: Image.Image, step: int) -> Image.Image:
    """Return the unfinished picture, sharper with each step."""
    coarse = 32 >> step
    return image.resize((max(1, image.width // coarse), max(1, image.height // coarse))).resize(image.size)


def _check(request: ImageRequest) -> None:
    if not request.prompt or len(request.prompt) > _MAX_PROMPT:
        raise _invalid_length(request.prompt)
    for name, (least, most) in _BOUNDS.items():
        value = getattr(request, name)
        if value is not None and not least <= value <= most:
            side, extreme, sign, limit = (
                ("above", "maximum", "<=", most) if value > most else ("below", "minimum", ">=", least)
            )
            message = (
                f"Invalid '{name}': integer {side} {extreme} value. Expected a value {sign} {limit}, "
                f"but got {value} instead."
            )
            raise InvalidRequestError(message, param=name, code=f"integer_{side}_{extreme[:3]}_value")
    _check_size(request)
    if request.quality in {"xhigh", "max"} and not re.match(r"gpt-image-2\.[56]-", request.model):
        raise _invalid_value("quality", request.quality, "'low', 'medium', 'high', and 'auto'")
    if request.background == "transparent" and request.output_format == "jpeg":
        raise _invalid_value("output_format", "jpeg", "'png' and 'webp', as the background is transparent")
    if request.output_compression not in {None, 100} and request.output_format in {None, "png"}:
        message = "Compression less than 100 is not supported for PNG output format"
        raise InvalidRequestError(message, param="output_compression", code="invalid_png_output_compression")
    if request.partial_images is not None and not request.stream:
        message = "The 'partial_images' parameter is only allowed when 'stream' is enabled."
        raise InvalidRequestError(message, param="partial_images")


def _check_size(request: ImageRequest) -> None:
    """Accept `auto` and three sizes for every model; from gpt-image-2 on, most sizes with sides divisible by 16."""
    if request.size is None or request.size == "auto" or request.size in _SIZES:
        return
    sizes = "'1024x1024', '1024x1536', '1536x1024', and 'auto'"
    found = re.fullmatch(r"(\d+)x(\d+)", request.size)
    if found is None or not request.model.startswith("gpt-image-2"):
        raise _invalid_value("size", request.size, sizes)
    width, height = int(found[1]), int(found[2])
    if (
        not width * height
        or width % 16
        or height % 16
        or max(width, height) > min(_MAX_EDGE, 3 * min(width, height))
        or width * height > _MAX_PIXELS
    ):
        rule = "WIDTHxHEIGHT divisible by 16, with an aspect ratio between 1:3 and 3:1, up to 3840x2160"
        raise _invalid_value("size", request.size, f"{sizes}, and {rule}")


def _invalid_value(param: str, value: str, supported: str) -> InvalidRequestError:
    message = f"Invalid value: '{value}'. Supported values are: {supported}."
    return InvalidRequestError(message, param=param, code="invalid_value")


def _invalid_length(prompt: str) -> InvalidRequestError:
    if not prompt:
        message = (
            "Invalid 'prompt': empty string. Expected a string with minimum length 1, but got an empty string instead."
        )
        return InvalidRequestError(message, param="prompt", code="empty_string")
    message = (
        f"Invalid 'prompt': string too long. Expected a string with maximum length {_MAX_PROMPT}, "
        f"but got a string with length {len(prompt)} instead."
    )
    return InvalidRequestError(message, param="prompt", code="string_above_max_length")
