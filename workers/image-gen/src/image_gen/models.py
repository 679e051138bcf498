"""The request and the response of `POST /generate`."""

import re
from fractions import Fraction
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, BeforeValidator, Field, StringConstraints

from electrons.models import LabeledRequest, RequestModel, ResponseModel, not_blank

PROMPT_LIMIT = 32_000
"""Characters of a prompt: OpenAI's limit, the longest of all providers."""

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]

# Ideogram's older versions wrote `ASPECT_16_9` and `RESOLUTION_1024_1024`; an older client sends one edge only: `720`.
Ratio = Annotated[str, StringConstraints(pattern=r"^(?:ASPECT_)?[1-9]\d{0,3}[:x_/][1-9]\d{0,3}$")]
_RESOLUTION = r"^(?:(?:RESOLUTION_)?[1-9]\d{1,3}[x_][1-9]\d{1,3}|[1-9]\d{1,3}p?)$"


def _write_edge(value: Any) -> Any:
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


Resolution = Annotated[str, StringConstraints(pattern=_RESOLUTION), BeforeValidator(_write_edge)]

# `model_id` is an older name.
Model = Annotated[str | None, Field(min_length=1, max_length=256, validation_alias=AliasChoices("model", "model_id"))]


class ImageOptions(RequestModel):
    """What a model does not take is left out and named in `metadata.warnings`.

    `aspect_ratio` is `16:9` or `16x9`, `resolution` `1024x1024`, or one number for the shorter edge. `quality` is
    `low`, `medium`, `high`, or a word of the provider's own; `style` is the provider's word, or one of an older client.
    """

    aspect_ratio: Ratio | None = None
    resolution: Resolution | None = None
    style: Word | None = None
    num_images: int = Field(default=1, ge=1, le=8)
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)
    negative_prompt: str | None = Field(default=None, max_length=PROMPT_LIMIT)
    quality: Word | None = None
    model: Model = None

    @property
    def ratio(self) -> Fraction | None:
        """The aspect ratio as a number."""
        return Fraction(*_read_numbers(self.aspect_ratio)) if self.aspect_ratio else None

    @property
    def size(self) -> tuple[int, int] | None:
        """The resolution as width and height in pixels.

        One number is the shorter edge; it has no size without an aspect ratio, nor with one of which the longer edge is
        not whole.
        """
        numbers = _read_numbers(self.resolution or "")
        if len(numbers) == 2:
            return numbers[0], numbers[1]
        if not numbers or self.ratio is None:
            return None
        one = Fraction(1)
        width, height = numbers[0] * max(one, self.ratio), numbers[0] * max(one, 1 / self.ratio)
        return (int(width), int(height)) if width.denominator == height.denominator == 1 else None

    @property
    def warnings(self) -> list[str]:
        """A warning if the resolution has no size."""
        if self.resolution is None or self.size is not None:
            return []
        return [
            f"resolution {self.resolution} is not a width and a height; it was left out, send `1280x720` for example"
        ]


class ImageRequest(LabeledRequest):
    """What to show. `model` is `provider:name`, by default `DEFAULT_IMAGE_MODEL`; it may be in `options` as well."""

    prompt: Annotated[str, Field(max_length=PROMPT_LIMIT), not_blank("Prompt is required")]
    model: Model = None
    options: ImageOptions = Field(default_factory=ImageOptions)


class Image(BaseModel):
    """One stored image; width and height are in pixels. `prompt` is what it was made from, if the provider wrote it."""

    image_url: str
    width: int
    height: int
    format: str
    size_bytes: int
    seed: int | None = None
    prompt: str | None = None


class ImageMetadata(BaseModel):
    """How the images were made; `dimensions` (`1024x1024`), `format` and `seed` are the first one's.

    `generation_time_ms` ends when the last image is stored. `warnings` names the options that were left out, and the
    images that are missing.
    """

    provider: str
    model: str
    dimensions: str
    format: str
    seed: int | None = None
    generation_time_ms: int
    warnings: list[str] | None = None


class ImageResponse(ResponseModel):
    """All images; `image_url` is the first one's."""

    image_url: str
    images: list[Image]
    metadata: ImageMetadata


def _read_numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]
