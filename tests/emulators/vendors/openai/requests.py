"""Requests of OpenAI's Chat Completions, and the checks shared with Responses: schema errors, limits, sampling.

Every refusal is an `InvalidRequestError` with the vendor's message, parameter and code. Sources: the `openai` package
3.54.0 (`types/chat/completion_create_params.py`) and published error texts.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import ErrorDetails

from ...text import count_tokens
from ...validation import deepest_error
from .catalogue import Model
from .http import InvalidRequestError

TOKENS_PER_MESSAGE = 3  # for the role and the separators
_TOKENS_PER_IMAGE = 765
_REASONING_TOKENS = {"low": 16, "medium": 32, "high": 64, "xhigh": 128, "max": 256}
_SAMPLING = {"temperature", "top_p", "frequency_penalty", "presence_penalty"}
_UNPARSABLE = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library "
    "correctly. The OpenAI API expects a JSON payload, but what was sent was not valid JSON.)"
)
_EXPECTED_TYPES = {
    "string": "a string",
    "int": "an integer",
    "float": "a decimal",
    "bool": "a boolean",
    "list": "an array",
}
_GIVEN_TYPES = {
    bool: "a boolean",
    int: "an integer",
    float: "a decimal",
    str: "a string",
    list: "an array",
    type(None): "null",
}


class Part(BaseModel):
    """One part of a message's content; its other fields are accepted without a check."""

    model_config = ConfigDict(extra="allow")
    type: str
    text: str | None = None


class Message(BaseModel):
    """One message of the conversation."""

    model_config = ConfigDict(extra="allow")
    role: Literal["system", "assistant", "user", "function", "tool", "developer"]
    content: str | list[Part] | None = None


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
    logprobs: Any = None
    modalities: Any = None
    moderation: Any = None
    parallel_tool_calls: Any = None
    prediction: Any = None
    prompt_cache_key: Any = None
    prompt_cache_options: Any = None
    prompt_cache_retention: Any = None
    response_format: Any = None
    safety_identifier: Any = None
    tool_choice: Any = None
    tools: list[dict[str, Any]] | None = None
    top_logprobs: Any = None
    user: Any = None
    web_search_options: Any = None


Schema = TypeVar("Schema", bound=BaseModel)


def parse(schema: type[Schema], body: bytes) -> Schema:
    """Parse the body. Raises `InvalidRequestError` with the first mistake in it."""
    try:
        return schema.model_validate_json(body)
    except ValidationError as failure:
        detail = deepest_error(failure)
    if detail["type"] in {"json_invalid", "model_type"}:
        raise InvalidRequestError(_UNPARSABLE)
    raise _invalid_field(detail, _parameter(detail["loc"]))


def check_chat(request: ChatRequest, model: Model) -> None:
    """Check what depends on the model, in the API's order: conversation, limits, sampling."""
    if not request.messages:
        message = (
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead."
        )
        raise InvalidRequestError(message, param="messages", code="empty_array")
    for at, entry in enumerate(request.messages):
        if entry.content is None and entry.role != "assistant":
            message = "Invalid value for 'content': expected a string, got null."
            raise InvalidRequestError(message, param=f"messages.[{at}].content")
    if request.stream_options and not request.stream:
        message = "The 'stream_options' parameter is only allowed when 'stream' is enabled."
        raise InvalidRequestError(message, param="stream_options")
    if isinstance(request.stop, list) and len(request.stop) > 4:
        message = (
            "Invalid 'stop': array too long. Expected an array with maximum length 4, "
            f"but got an array with length {len(request.stop)} instead."
        )
        raise InvalidRequestError(message, param="stop", code="array_above_max_length")
    _check_limits(request, model)
    check_sampling(model, effort=request.reasoning_effort, values=request.model_dump(include=_SAMPLING))
    if request.stop and model.id.startswith("o3"):
        raise _unsupported_parameter("stop")


def _check_limits(request: ChatRequest, model: Model) -> None:
    if request.max_tokens is not None:
        if model.reasons:
            raise _unsupported_parameter("max_tokens", " Use 'max_completion_tokens' instead.")
        if request.max_completion_tokens is not None:
            message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported."
            raise InvalidRequestError(message, code="invalid_parameter_combination")
    param = "max_tokens" if request.max_tokens is not None else "max_completion_tokens"
    check_size(model, param=param, wanted=getattr(request, param), input_tokens=count_input(request))


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
    return content or "" if not isinstance(content, list) else "\n".join(part.text for part in content if part.text)


def count_input(request: ChatRequest) -> int:
    """Return the prompt's tokens: its text and tools, and a fixed number per message and per image."""
    texts = [*map(str, request.tools or []), *(text_of(message.content) for message in request.messages)]
    images = sum(part.type == "image_url" for part in _parts(request))
    return sum(map(count_tokens, texts)) + TOKENS_PER_MESSAGE * len(request.messages) + _TOKENS_PER_IMAGE * images


def _parts(request: ChatRequest) -> Iterator[Part]:
    for message in request.messages:
        if isinstance(message.content, list):
            yield from message.content


def _unsupported_parameter(name: str, hint: str = "") -> InvalidRequestError:
    message = f"Unsupported parameter: '{name}' is not supported with this model.{hint}"
    return InvalidRequestError(message, param=name, code="unsupported_parameter")


def _parameter(location: tuple[int | str, ...]) -> str:
    """Return `messages[0].role` for pydantic's `("messages", 0, "role")`, without the names of union branches."""
    path = ""
    for part in location:
        if isinstance(part, int):
            path += f"[{part}]"
        elif part.isidentifier() and part not in {"str", "int", "float", "bool"}:
            path += f".{part}" if path else part
    return path


def _invalid_field(detail: ErrorDetails, param: str) -> InvalidRequestError:
    kind, given, limits = detail["type"], detail["input"], detail.get("ctx", {})
    match kind:
        case "missing":
            message, code = f"Missing required parameter: '{param}'.", "missing_required_parameter"
        case "extra_forbidden":
            message, code = f"Unknown parameter: '{param}'.", "unknown_parameter"
        case "literal_error":
            expected = limits["expected"].replace(" or ", ", and ")
            message, code = f"Invalid value: '{given}'. Supported values are: {expected}.", "invalid_value"
        case "greater_than_equal" | "less_than_equal":
            number = "integer" if isinstance(given, int) and "tokens" in param else "decimal"
            side, sign, limit = ("above", "<=", limits["le"]) if "le" in limits else ("below", ">=", limits["ge"])
            extreme = "maximum" if "le" in limits else "minimum"
            expected = f"Expected a value {sign} {limit:g}, but got {given:g} instead."
            message = f"Invalid '{param}': {number} {side} {extreme} value. {expected}"
            code = f"{number}_{side}_{extreme[:3]}_value"
        case _:
            expected = next((name for prefix, name in _EXPECTED_TYPES.items() if kind.startswith(prefix)), "an object")
            got = next((name for json_type, name in _GIVEN_TYPES.items() if isinstance(given, json_type)), "an object")
            message, code = f"Invalid type for '{param}': expected {expected}, but got {got} instead.", "invalid_type"
    return InvalidRequestError(message, param=param, code=code)


def _listed(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values[:-1]) + f", and '{values[-1]}'"
