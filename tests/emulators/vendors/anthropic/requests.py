"""Requests of Anthropic's Messages API: the schemas of 2026-10-21 and before, and the checks beyond the schema.

Every refusal is an `InvalidRequestError` with the vendor's message. Sources: the `anthropic` package 2.12.0
(`types/message_create_params.py`), the vendor's versioning and error pages, and published error texts.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...text import count_tokens
from ...validation import deepest_error
from ...vendor import Refusal
from .catalogue import Model
from .http import InvalidRequestError, error

WITHOUT_SAMPLING = "2026-10-21"
VERSIONS = ("2023-01-01", "2023-06-01", WITHOUT_SAMPLING)
SIGNATURE = "ZW11bGF0ZWQ="  # the signature of every thinking block
_TOKENS_PER_MESSAGE = 3  # for the role and the separators
_TOKENS_PER_IMAGE = 1500
_MIN_TOP_P = 0.99


class Block(BaseModel):
    """A content block; its other fields are accepted without a check."""

    model_config = ConfigDict(extra="allow")
    type: str
    text: str | None = None
    content: Any = None
    citations: Any = None
    id: str | None = None
    name: str | None = None
    input: Any = None
    tool_use_id: str | None = None
    is_error: bool | None = None
    cache_control: Any = None


class Message(BaseModel):
    """One message of the conversation."""

    model_config = ConfigDict(extra="forbid")
    role: Literal["user", "assistant", "system"]
    content: str | list[Block]

    @property
    def blocks(self) -> list[Block]:
        """The content as blocks, a string as one text block."""
        return [Block(type="text", text=self.content)] if isinstance(self.content, str) else self.content


class Thinking(BaseModel):
    """The `thinking` field."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["enabled", "adaptive", "disabled", "between_tools"]
    budget_tokens: int | None = Field(default=None, ge=1024)
    display: Literal["summarized", "omitted"] | None = None


class CountTokensRequest(BaseModel):
    """The fields of both `count_tokens` and `messages`."""

    model_config = ConfigDict(extra="forbid", strict=True)
    model: str
    messages: list[Message] = Field(max_length=100_000)
    system: str | list[Block] | None = None
    tools: list[dict[str, Any]] | None = None
    tool_choice: dict[str, Any] | None = None
    thinking: Thinking | None = None
    output_config: dict[str, Any] | None = None
    cache_control: dict[str, Any] | None = None


class MessagesRequest(CountTokensRequest):
    """The body of `POST /v1/messages` since 2026-10-21."""

    max_tokens: int = Field(ge=0)
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    metadata: dict[str, Any] | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    speed: Literal["standard", "fast"] | None = None
    container: str | dict[str, Any] | None = None
    diagnostics: dict[str, Any] | None = None
    inference_geo: str | None = None
    thread: dict[str, Any] | None = None


class SampledMessagesRequest(MessagesRequest):
    """The body before 2026-10-21, with sampling fields."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None


AnyRequest = TypeVar("AnyRequest", bound=CountTokensRequest)


def parse(schema: type[AnyRequest], body: bytes) -> AnyRequest:
    """Parse the body. Raises `InvalidRequestError` with the first mistake in it."""
    try:
        return schema.model_validate_json(body)
    except ValidationError as failure:
        detail = deepest_error(failure)
    if detail["type"] == "json_invalid":
        raise InvalidRequestError(f"The request body is not valid JSON: {detail['ctx']['error']}")
    path = [str(part) for part in detail["loc"] if isinstance(part, int) or (part.isidentifier() and part != "str")]
    raise InvalidRequestError(f"{'.'.join(path)}: {detail['msg']}" if path else detail["msg"])


def check_conversation(request: CountTokensRequest, model: Model, version: str) -> None:
    """Check the messages and what depends on the model, for `messages` and `count_tokens`."""
    if not request.messages:
        raise InvalidRequestError("messages: at least one message is required")
    for at, message in enumerate(request.messages):
        _check_message(message, at=at, is_last=at == len(request.messages) - 1, version=version)
    if request.messages[-1].role == "assistant" and not model.takes_prefill:
        raise InvalidRequestError(
            "This model does not support assistant message prefill. The conversation must end with a user message."
        )
    if request.thinking and not model.takes_thinking(request.thinking.type):
        raise InvalidRequestError(f'"thinking.type.{request.thinking.type}" is not supported for this model.')
    if (tokens := count_input(request)) > model.max_input_tokens:
        raise InvalidRequestError(f"prompt is too long: {tokens} tokens > {model.max_input_tokens} maximum")


def _check_message(message: Message, *, at: int, is_last: bool, version: str) -> None:
    if message.role == "system" and version != WITHOUT_SAMPLING:
        raise InvalidRequestError(
            f'messages.{at}.role: Unexpected role "system". The Messages API accepts a top-level `system` parameter, '
            'not "system" as an input message role.'
        )
    if not message.content and not (is_last and message.role == "assistant"):
        raise InvalidRequestError(
            f"messages.{at}: all messages must have non-empty content except for the optional final assistant message"
        )
    for number, block in enumerate(message.content if isinstance(message.content, list) else []):
        where = f"messages.{at}.content.{number}"
        if block.type == "text" and not block.text:
            raise InvalidRequestError("messages: text content blocks must be non-empty")
        if version != WITHOUT_SAMPLING:
            continue
        if message.role == "assistant" and block.type == "document":
            raise InvalidRequestError(f"{where}: document blocks are not permitted in assistant messages")
        if message.role == "user" and block.type == "text" and block.citations:
            raise InvalidRequestError(f"{where}.text.citations: citations are not permitted in user messages")


def check_generation(request: MessagesRequest, model: Model) -> None:
    """Check the limits of the output, which depend on the model, and that the caller holds the conversation."""
    if request.thread:
        raise Refusal(error(400, "This request cannot use a thread.", code="thread_unsupported_request"))
    if request.max_tokens > model.max_tokens:
        raise InvalidRequestError(
            f"max_tokens: {request.max_tokens} > {model.max_tokens}, "
            f"which is the maximum allowed number of output tokens for {request.model}"
        )
    if any(not stop.strip() for stop in request.stop_sequences or []):
        raise InvalidRequestError("stop_sequences: each stop sequence must contain non-whitespace")
    if request.thinking and request.thinking.type == "enabled":
        if request.thinking.budget_tokens is None:
            raise InvalidRequestError("thinking.enabled.budget_tokens: Field required")
        if request.thinking.budget_tokens >= request.max_tokens:
            raise InvalidRequestError("`max_tokens` must be greater than `thinking.budget_tokens`.")


def check_sampling(request: SampledMessagesRequest, model: Model) -> None:
    """Check the sampling fields: up to 4.6 temperature or top_p, from 4.7 on only the defaults."""
    temperature, top_p, top_k = request.temperature, request.top_p, request.top_k
    for name, value in (("temperature", temperature), ("top_p", top_p)):
        if value is not None and not 0 <= value <= 1:
            raise InvalidRequestError(f"{name}: range: 0..1")
    if not model.has_fixed_sampling:
        if temperature is not None and top_p is not None:
            raise InvalidRequestError(
                "`temperature` and `top_p` cannot both be specified for this model. Please use only one."
            )
        return
    for name, is_refused in (
        ("temperature", temperature is not None and temperature != 1),
        ("top_p", top_p is not None and top_p < _MIN_TOP_P),
        ("top_k", top_k is not None),
    ):
        if is_refused:
            raise InvalidRequestError(f"`{name}` is deprecated for this model.")


def text_of(content: Any) -> str:
    """Return all text of a message's content, one line per block."""
    return "\n".join(_strings(content))


def count_input(request: CountTokensRequest) -> int:
    """Return the number of input tokens."""
    return sum(segment.tokens for segment in split_prompt(request))


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of the prompt where a cached prefix can end: a tool, or a block of the system prompt or a message."""

    content: str
    tokens: int
    marked: bool


def split_prompt(request: CountTokensRequest) -> list[Segment]:
    """Split the prompt in the order in which a model reads it: tools, system prompt, messages."""
    segments = []
    for tool in request.tools or []:
        content = {name: value for name, value in tool.items() if name != "cache_control"}
        segments.append(
            Segment(f"tool {_canonical(content)}", count_tokens(str(content)), bool(tool.get("cache_control")))
        )
    system = Message(role="system", content=request.system or [])
    segments += [_build_segment("system", block) for block in system.blocks]
    for message in request.messages:
        for number, block in enumerate(message.blocks):
            segments.append(_build_segment(message.role, block, extra=0 if number else _TOKENS_PER_MESSAGE))
    if request.cache_control and segments:
        # A mark at the top level applies to the end of the prompt.
        segments[-1] = replace(segments[-1], marked=True)
    return segments


def _build_segment(role: str, block: Block, *, extra: int = 0) -> Segment:
    tokens = extra + sum(map(count_tokens, _strings(block)))
    if block.type in {"image", "document"}:
        tokens += _TOKENS_PER_IMAGE
    if block.type == "tool_use":
        tokens += count_tokens(f"{block.name}{_canonical(block.input)}")
    content = block.model_dump(exclude={"cache_control"}, exclude_none=True)
    return Segment(f"{role} {_canonical(content)}", tokens, bool(block.cache_control))


def _canonical(content: Any) -> str:
    return json.dumps(content, sort_keys=True, ensure_ascii=False)


def merge_turns(messages: list[Message]) -> Iterator[tuple[str, list[Block]]]:
    """Yield the role and the blocks of each turn; consecutive messages of one role are one turn."""
    turns = (message for message in messages if message.role != "system")
    for role, messages_of_role in groupby(turns, key=lambda message: message.role):
        yield role, [block for message in messages_of_role for block in message.blocks]


def _strings(content: Any) -> Iterator[str]:
    match content:
        case str():
            yield content
        case list():
            for block in content:
                yield from _strings(block)
        case Block():
            yield from _strings(content.text or content.content)
        case {"text": str(text)}:
            yield text
