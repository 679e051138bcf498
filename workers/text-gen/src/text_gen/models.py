"""The request and the response of `POST /generate` and `POST /generate/stream`."""

from typing import Annotated

from pydantic import AliasChoices, BaseModel, Field

from electrons.dialects.requests import FALLBACKS_LIMIT
from electrons.models import LabeledRequest, RequestModel, ResponseModel, not_blank

PROMPT_LIMIT = 1_000_000
"""Characters of a prompt; the largest context windows end about there."""

ModelName = Annotated[
    str | None,
    # The second is the older name of the field.
    Field(min_length=1, max_length=256, validation_alias=AliasChoices("model", "model_id")),
]


class TextOptions(RequestModel):
    """Sampling and length. Zero is a value: `temperature: 0` reaches the provider as 0.

    Older callers name the model here.
    """

    model: ModelName = None
    max_tokens: int = Field(default=2000, ge=1, le=1_000_000)
    temperature: float = Field(default=0.7, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    stop_sequences: list[str] | None = Field(default=None, max_length=16)
    system_prompt: str | None = Field(default=None, max_length=PROMPT_LIMIT)


class TextRequest(LabeledRequest):
    """A prompt for a model: `provider:name`, or a bare name; without one, the deployment's `DEFAULT_MODEL` answers.

    `fallbacks` answer, one after the other, when the model cannot.
    """

    prompt: Annotated[str, Field(max_length=PROMPT_LIMIT), not_blank("Prompt is required")]
    model: ModelName = None
    options: TextOptions = Field(default_factory=TextOptions)
    fallbacks: list[Annotated[str, Field(min_length=1, max_length=256)]] | None = Field(
        default=None, max_length=FALLBACKS_LIMIT
    )


class TextMetadata(BaseModel):
    """What answered and what it used. `model` is the one that really answered.

    `finish_reason`: `stop`, `length`, `content_filter`, or the provider's own word where it has no counterpart.
    `warnings` names the options that the model does not take, and counts that are estimated.
    """

    provider: str
    model: str
    tokens_used: int
    input_tokens: int
    output_tokens: int
    finish_reason: str
    generation_time_ms: int
    warnings: list[str] | None = None


class TextResponse(ResponseModel):
    """The whole text."""

    text: str
    metadata: TextMetadata
