"""OpenAI's image generation, a capability of `OpenAIProvider`: the response holds the images themselves.

Wire format: https://developers.openai.com/api/reference/resources/images (2026-11).
"""

from __future__ import annotations

import re
from dataclasses import replace
from fractions import Fraction
from functools import partial
from types import MappingProxyType
from typing import Any

from electrons.capabilities.images import (
    GeneratedImage,
    ImageCall,
    ImageProvider,
    fit_shape,
    leave_out,
    left_out_warning,
    quality_level,
    write_ratio,
    write_size,
)
from electrons.errors import RequestError
from electrons.upstream.provider import ProviderRequest
from electrons.upstream.reading import Reader, as_integer, as_object, as_string
from electrons.usage import Units, check_count

PIXEL_LIMIT = 8 * 1536 * 1024
"""Pixels of one response: about what fits into `upstream.client.RESPONSE_LIMIT` as base64 of PNG, two bytes a pixel."""

RETIRED_IMAGE_MODELS = MappingProxyType(
    dict.fromkeys(
        (
            # https://developers.openai.com/api/docs/deprecations (2026-11)
            "dall-e-2",  # 2026-05-12
            "dall-e-3",  # 2026-05-12
            "gpt-image-1",  # 2026-10-23
            "gpt-image-1-mini",  # 2026-12-01
            "gpt-image-1.5",  # 2026-12-01
            "chatgpt-image-latest",  # 2026-12-01
        ),
        "gpt-image-2",
    )
)
"""Models that OpenAI has retired, or will on the day given, and the replacement that it names."""

# From gpt-image-2 on, nearly any size; earlier models have these three.
_TAKES_ANY_SIZE = re.compile(r"gpt-image-2.*")
_SIZES = {(1024, 1024), (1536, 1024), (1024, 1536)}
_STEP, _LONGEST_EDGE, _WIDEST = 16, 3840, 3
_LEAST_PIXELS, _MOST_PIXELS = 655_360, 3840 * 2160
_USUAL_EDGE = 1536

_QUALITIES = {"low", "medium", "high"}
_FINEST = {"xhigh", "max"}
_TAKES_FINEST = re.compile(r"gpt-image-2\.[56]-.*")


TOKENS_OF_IMAGE = MappingProxyType({"low": 1_024, "medium": 4_096})
USUAL_TOKENS_OF_IMAGE = 16_384
"""Output tokens that are reserved for an image; its size and the model decide how many it really takes."""


class OpenAIImages(ImageProvider):
    """GPT image models. They take neither a style nor a seed, and never respond with links."""

    def fit_images(self, call: ImageCall) -> tuple[ImageCall, list[str]]:
        """Return the call with a size for its aspect ratio.

        Raises `RequestError` for more pixels than one response can hold.
        """
        call, warnings = leave_out(call, "style", "seed", "negative_prompt", title=call.model)
        if call.quality is not None:
            level = quality_level(call.quality)
            known = level in _QUALITIES or (level in _FINEST and _TAKES_FINEST.fullmatch(call.model))
            if not known and level != "auto":
                warnings.append(left_out_warning(call.model, f"quality {call.quality}"))
            call = replace(call, quality=level if known else None)
        call, about_shape = fit_shape(call, takes=partial(_takes, call.model), title=call.model)
        warnings += about_shape
        size = call.resolution
        if call.aspect_ratio is not None:
            size = _size_of(call.model, call.aspect_ratio)
            if size is None:
                warnings.append(left_out_warning(call.model, f"aspect_ratio {write_ratio(call.aspect_ratio)}"))
        width, height = size or (1536, 1024)
        most = max(1, PIXEL_LIMIT // (width * height))
        if call.num_images > most:
            message = f"{call.model} makes at most {most} images of {width}x{height} in one request"
            raise RequestError.for_field("options.num_images", message)
        return replace(call, resolution=size, aspect_ratio=None), warnings

    def build_images(self, call: ImageCall) -> ProviderRequest:
        """Build `POST /images/generations`."""
        document: dict[str, Any] = {"model": call.model, "prompt": call.prompt, "n": call.num_images}
        if call.resolution is not None:
            document["size"] = write_size(call.resolution)
        if call.quality is not None:
            document["quality"] = call.quality
        return ProviderRequest.json("/images/generations", document, headers=[], repeatable=False)

    def most_tokens(self, prompt: str, *, count: int, quality: str | None) -> Units | None:
        """Return an estimate above what images of the usual sizes take."""
        each = TOKENS_OF_IMAGE.get(quality or "", USUAL_TOKENS_OF_IMAGE)
        return Units(len(prompt.encode()) // 2 + 1, each * count)

    def parse_tokens(self, document: dict[str, Any]) -> Units | None:
        """Parse `{"usage": {"input_tokens", "output_tokens"}}`."""
        return read_tokens(as_object(document.get("usage")))

    def parse_images(self, document: dict[str, Any]) -> list[GeneratedImage]:
        """Parse `{"data": [{"b64_json", "revised_prompt"?}]}`."""
        return [_parse_image(as_object(item)) for item in Reader(document).array("data")]


def read_tokens(usage: dict[str, Any]) -> Units | None:
    """Return the tokens of a `usage`, None if it does not tell them."""
    counts = [as_integer(usage.get(name)) for name in ("input_tokens", "output_tokens")]
    return None if None in counts else Units(*map(check_count, counts))


def _parse_image(item: dict[str, Any]) -> GeneratedImage:
    content, prompt = (as_string(item.get(name), limit=None) for name in ("b64_json", "revised_prompt"))
    return GeneratedImage(base64=content, prompt=prompt, is_unreadable=content is None)


def _takes(model: str, size: tuple[int, int]) -> bool:
    width, height = size
    if size in _SIZES:
        return True
    return bool(
        _TAKES_ANY_SIZE.fullmatch(model)
        and width % _STEP == height % _STEP == 0
        and max(width, height) <= min(_LONGEST_EDGE, _WIDEST * min(width, height))
        and _LEAST_PIXELS <= width * height <= _MOST_PIXELS
    )


def _size_of(model: str, ratio: Fraction) -> tuple[int, int] | None:
    """Return the usual size of exactly that shape, at most 1536 pixels long, None if the model has none."""
    if ratio == 1:
        return 1024, 1024
    unit = _USUAL_EDGE // (_STEP * max(ratio.numerator, ratio.denominator)) * _STEP
    size = unit * ratio.numerator, unit * ratio.denominator
    return size if unit and _takes(model, size) else None
