"""Image generation: `POST /generate`."""

import re
from fractions import Fraction
from typing import Annotated

from pydantic import BaseModel, Field, StringConstraints

from electrons.models import LabeledRequest, RequestModel, ResponseModel, not_blank

PROMPT_LIMIT = 32_000
"""Characters of a prompt: OpenAI's limit, the longest there is."""

Word = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]

# `ASPECT_16_9` and `RESOLUTION_1024_1024` are how Ideogram's older versions wrote them.
Ratio = Annotated[str, StringConstraints(pattern=r"^(?:ASPECT_)?[1-9]\d{0,3}[:x_/][1-9]\d{0,3}$")]
Resolution = Annotated[str, StringConstraints(pattern=r"^(?:RESOLUTION_)?[1-9]\d{1,3}[x_][1-9]\d{1,3}$")]


class ImageOptions(RequestModel):
    """What a model does not take is left out and named in `metadata.warnings`.

    `aspect_ratio` is `16:9` or `16x9`, `resolution` `1024x1024`. `quality` is `low`, `medium`, `high`, or a word of the
    provider's own; `style` is always the provider's word.
    """

    aspect_ratio: Ratio | None = None
    resolution: Resolution | None = None
    style: Word | None = None
    num_images: int = Field(default=1, ge=1, le=8)
    seed: int | None = Field(default=None, ge=0, le=2**31 - 1)
    negative_prompt: str | None = Field(default=None, max_length=PROMPT_LIMIT)
    quality: Word | None = None

    @property
    def ratio(self) -> Fraction | None:
        """The aspect ratio as a number."""
        return Fraction(*_numbers(self.aspect_ratio)) if self.aspect_ratio else None

    @property
    def size(self) -> tuple[int, int] | None:
        """The resolution as width and height in pixels."""
        return _numbers(self.resolution) if self.resolution else None


class ImageRequest(LabeledRequest):
    """`model` is `provider:name`; absent, the deployment's `DEFAULT_IMAGE_MODEL` answers."""

    prompt: Annotated[str, Field(max_length=PROMPT_LIMIT), not_blank("Prompt is required")]
    model: str | None = Field(default=None, min_length=1, max_length=256)
    options: ImageOptions = Field(default_factory=ImageOptions)


class Image(BaseModel):
    """One stored image; width and height are in pixels.

    `prompt` is what it was made from, where the provider wrote that itself.
    """

    image_url: str
    width: int
    height: int
    format: str
    size_bytes: int
    seed: int | None = None
    prompt: str | None = None


class ImageMetadata(BaseModel):
    """How the images came about; `dimensions` (`1024x1024`), `format` and `seed` are the first one's.

    `generation_time_ms` ends when the last image is stored. `warnings` names the options that were left out, and images
    that are missing.
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


def _numbers(text: str) -> tuple[int, int]:
    first, second = re.findall(r"\d+", text)
    return int(first), int(second)
