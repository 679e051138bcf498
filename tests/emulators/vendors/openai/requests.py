"""Requests of OpenAI's Chat Completions, and the checks shared with Responses: limits and sampling.

Every refusal is an `InvalidRequestError` with the vendor's message, parameter and code. Sources: the `openai` package
3.54.0 (`types/chat/completion_create_params.py`) and published error texts.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from .catalogue import Model
from .http import InvalidRequestError
from .tools import MAX_TOOLS, ChatTool, ToolCall

TOKENS_PER_MESSAGE = 3  # for the role and the separators
_REASONING_TOKENS = {"low": 16, "medium": 32, "high": 64, "xhigh": 128, "max": 256}
_SAMPLING = {"temperature", "top_p", "frequency_penalty", "presence_penalty"}


class Part(BaseModel):
    """One part of a message's content; its other fields are accepted without a check."""

    model_config = ConfigDict(extra="allow")
    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: Any = None
    detail: Any = None
    file: Any = None


class Message(BaseModel):
    """One message of the conversation."""

    model_config = ConfigDict(extra="allow")
    role: Literal["system", "assistant", "user", "function", "tool", "developer"]
    content: str | list[Part] | None = None
    tool_calls: list[ToolCall] | None = Field(default=None, min_length=1, max_length=MAX_TOOLS)
    tool_call_id: str | None = None

    @property
    def parts(self) -> list[Part]:
        """The content as parts, a string as one part of text."""
        if isinstance(self.content, list):
            return self.content
        return [Part(type="text", text=self.content)] if self.content else []


class StreamOptions(BaseModel):
    """The `stream_options` field."""

    model_config = ConfigDict(extra="forbid")
    include_usage: bool = False
    include_obfuscation: bool = True


class ChatRequest(BaseModel):
    """The body of `POST /v1/chat/completions`; fields without an effect in the emulator may have any value."""

    model_config = ConfigDict(extra="forbid", strict=True)
    model: str
    messages: list[Message]
    max_completion_tokens: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    frequency_penalty: float | None = Field(default=None, ge=-2, le=2)
    presence_penalty: float | None = Field(default=None, ge=-2, le=2)
    stop: str | list[str] | None = None
    n: int | None = Field(default=None, ge=1, le=128)
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    verbosity: Literal["low", "medium", "high"] | None = None
    service_tier: Literal["auto", "default", "flex", "scale", "priority", "fast"] | None = None
    seed: int | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None
    audio: Any = None
    function_call: Any = None
    functions: Any = None
    logit_bias: Any = None
    logprobs: bool | None = None
    modalities: Any = None
    moderation: Any = None
    parallel_tool_calls: bool | None = None
    prediction: Any = None
    prompt_cache_key: Any = None
    prompt_cache_options: Any = None
    prompt_cache_retention: Any = None
    response_format: Any = None
    safety_identifier: Any = None
    tool_choice: Any = None
    tools: list[ChatTool] | None = Field(default=None, max_length=MAX_TOOLS)
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    user: Any = None
    web_search_options: Any = None


def check_chat(request: ChatRequest, model: Model, *, input_tokens: int) -> None:
    """Check the options, in the API's order: those of the answer, limits, sampling."""
    if request.stream_options and not request.stream:
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise InvalidRequestError(message, param="stream_options")
    if isinstance(request.stop, list) and len(request.stop) > 4:
        message = (
            "Invalid 'stop': array too long. Expected an array with maximum length 4, "
            f"but got an array with length {len(request.stop)} instead."
        )
        raise InvalidRequestError(message, param="stop", code="array_above_max_length")
    _check_logprobs(request, model)
    _check_limits(request, model, input_tokens)
    check_sampling(model, effort=request.reasoning_effort, values=request.model_dump(include=_SAMPLING))
    if request.stop and model.id.startswith("o3"):
        raise _unsupported_parameter("stop")


def _check_logprobs(request: ChatRequest, model: Model) -> None:
    if request.top_logprobs is not None and not request.logprobs:
        message = "'top_logprobs' is only allowed when 'logprobs' is set to true."
        raise InvalidRequestError(f"Invalid value for 'top_logprobs': {message}", param="top_logprobs")
    if request.logprobs and model.reasons:
        raise _unsupported_parameter("logprobs")


def _check_limits(request: ChatRequest, model: Model, input_tokens: int) -> None:
    if request.max_tokens is not None:
        if model.reasons:
            raise _unsupported_parameter("max_tokens", " Use 'max_completion_tokens' instead.")
        if request.max_completion_tokens is not None:
            message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
            raise InvalidRequestError(message, code="invalid_parameter_combination")
    param = "max_tokens" if request.max_tokens is not None else "max_completion_tokens"
    check_size(model, param=param, wanted=getattr(request, param), input_tokens=input_tokens)


def check_sampling(model: Model, *, effort: str | None, values: Mapping[str, float | None]) -> None:
    """Refuse an unknown effort, and a value other than the default of a fixed sampling parameter."""
    if effort is not None:
        if not model.reasons:
            raise InvalidRequestError("Unrecognized request argument supplied: reasoning_effort")
        if effort not in model.efforts:
            message = (
                f"Unsupported value: 'reasoning_effort' does not support '{effort}' with this model. "
                f"Supported values are: {_listed(model.efforts)}."
            )
            raise InvalidRequestError(message, param="reasoning_effort", code="unsupported_value")
    fixed: dict[str, float] = {}
    if model.temperature == "default" or (model.temperature == "without_reasoning" and effort != "none"):
        fixed["temperature"] = 1
    if model.has_fixed_sampling:
        fixed |= {"top_p": 1, "frequency_penalty": 0, "presence_penalty": 0}
    for name, default in fixed.items():
        value = values.get(name)
        if value is not None and value != default:
            message = (
                f"Unsupported value: '{name}' does not support {value:g} with this model. "
                f"Only the default ({default:g}) value is supported."
            )
            raise InvalidRequestError(message, param=name, code="unsupported_value")


def check_size(model: Model, *, param: str, wanted: int | None, input_tokens: int) -> None:
    """Refuse more output or more input than the model supports."""
    if wanted is not None and wanted > model.max_output:
        message = (
            f"{param} is too large: {wanted}. This model supports at most {model.max_output} completion tokens, "
            f"whereas you provided {wanted}."
        )
        raise InvalidRequestError(message, param=param, code="invalid_value")
    if input_tokens > model.context:
        message = (
            f"This model's maximum context length is {model.context} tokens. However, your messages resulted in "
            f"{input_tokens} tokens. Please reduce the length of the messages."
        )
        raise InvalidRequestError(message, param="messages", code="context_length_exceeded")


def count_reasoning(effort: str | None, limit: int | None) -> int:
    """Return the emulated reasoning tokens: more with more effort, 0 without an effort."""
    tokens = _REASONING_TOKENS.get(effort or "", 0)
    return tokens if limit is None else min(tokens, limit)


def text_of(content: str | list[Part] | None) -> str:
    """Return all text of a message's content, one line per part."""
    return (
        content or ""
        if not isinstance(content, list)
        else "\n".join(text for part in content if (text := part.text or part.refusal))
    )


def _unsupported_parameter(name: str, hint: str = "") -> InvalidRequestError:
    message = f"Unsupported parameter: '{name}' is not supported with this model.{hint}"
    return InvalidRequestError(message, param=name, code="unsupported_parameter")


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values[:-1]) + f", and '{values[-1]}'"
