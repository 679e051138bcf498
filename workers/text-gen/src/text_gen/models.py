"""The request and the response of `POST /generate` and `POST /generate/stream`."""

from typing import Annotated, Any, Literal, Self

from pydantic import AliasChoices, BaseModel, Field, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from electrons.dialects.requests import FALLBACKS_LIMIT
from electrons.json_schema.validation import SchemaError, check_schema
from electrons.models import LabeledRequest, RequestModel, ResponseModel, not_blank

PROMPT_LIMIT = 1_000_000
"""Characters of a prompt, or of all messages; the largest context windows end about there."""

MESSAGES_LIMIT = 1000

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


class MessageRequest(RequestModel):
    """A message of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: Annotated[str, Field(max_length=PROMPT_LIMIT), not_blank("Content is required")]


class TextRequest(LabeledRequest):
    """A prompt for a model: `provider:name`, or a bare name; without one, the deployment's `DEFAULT_MODEL` answers.

    `messages`, a conversation whose last message is the user's, take the place of `prompt`. `fallbacks` answer, one
    after the other, when the model cannot. `expect_json` is true, or a schema that the answer must fit.
    """

    prompt: Annotated[str, Field(max_length=PROMPT_LIMIT), not_blank("Prompt is required")] | None = None
    messages: list[MessageRequest] | None = Field(default=None, min_length=1, max_length=MESSAGES_LIMIT)
    model: ModelName = None
    options: TextOptions = Field(default_factory=TextOptions)
    fallbacks: list[Annotated[str, Field(min_length=1, max_length=256)]] | None = Field(
        default=None, max_length=FALLBACKS_LIMIT
    )

    expect_json: bool | Annotated[dict[str, Any], Field(max_length=100)] | None = None

    @field_validator("expect_json")
    @classmethod
    def _check_schema(cls, value: bool | dict[str, Any] | None) -> bool | dict[str, Any] | None:
        try:
            check_schema(value if isinstance(value, dict) else {})
        except SchemaError as error:
            raise PydanticCustomError("schema", "{reason}", {"reason": str(error)[:200]}) from error
        return value

    @property
    def json_schema(self) -> dict[str, Any] | None:
        """The schema that the answer must fit; None if any JSON will do, or none is asked for."""
        return self.expect_json if isinstance(self.expect_json, dict) else None

    @model_validator(mode="after")
    def _check_conversation(self) -> Self:
        if self.messages is None:
            if self.prompt is None:
                raise _wrong("prompt", "Prompt is required")
            return self
        if self.prompt is not None:
            raise _wrong("messages", "Send prompt or messages, not both")
        said = [message for message in self.messages if message.role != "system"]
        if not said or said[-1].role != "user":
            raise _wrong("messages", "The last message must be the user's")
        if sum(len(message.content) for message in self.messages) > PROMPT_LIMIT:
            raise _wrong("messages", f"All messages together may have {PROMPT_LIMIT} characters")
        return self


def _wrong(field: str, reason: str) -> ValidationError:
    error = PydanticCustomError("conversation", "{reason}", {"reason": reason})
    return ValidationError.from_exception_data(
        TextRequest.__name__, [InitErrorDetails(type=error, loc=(field,), input=None)], hide_input=True
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
