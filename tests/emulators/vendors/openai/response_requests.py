"""Requests of Responses: the schema, the items of the input, and what the emulated model reads of them.

Source: the `openai` package 3.54.0 (`types/responses/`), and published error texts.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from ...scripts import Turn
from ...text import count_tokens
from .catalogue import Model
from .http import InvalidRequestError
from .media import count_file, count_image
from .requests import TOKENS_PER_MESSAGE, Part, check_sampling, check_size, text_of
from .tools import MAX_TOOLS, ResponsesTool

_CALLS = {"function_call": "function_call_output", "custom_tool_call": "custom_tool_call_output"}
_PARTS = {
    "user": ("input_text", "input_image", "input_file"),
    "system": ("input_text", "input_image", "input_file"),
    "developer": ("input_text", "input_image", "input_file"),
    "assistant": ("output_text", "refusal"),
}


class Item(BaseModel):
    """An item of the input: a message, a call, its output, or anything else, which is accepted without a check."""

    model_config = ConfigDict(extra="allow")
    type: str = "message"
    id: str | None = None
    role: Literal["user", "assistant", "system", "developer"] | None = None
    content: str | list[Part] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    input: str | None = None
    output: str | list[Part] | None = None

    @property
    def text(self) -> str:
        """The text of a message, a call or an output."""
        own = self.arguments or self.input or ""
        return own or text_of(self.output if self.output is not None else self.content)


class Reasoning(BaseModel):
    """The `reasoning` field."""

    model_config = ConfigDict(extra="allow")
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None
    summary: Literal["auto", "concise", "detailed"] | None = None


class ResponsesRequest(BaseModel):
    """The body of `POST /v1/responses`; fields without an effect in the emulator may have any value."""

    model_config = ConfigDict(extra="forbid", strict=True)
    model: str
    input: str | list[Item] | None = None
    instructions: str | None = None
    max_output_tokens: int | None = Field(default=None, ge=16)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    reasoning: Reasoning | None = None
    stream: bool | None = None
    metadata: dict[str, str] | None = None
    parallel_tool_calls: bool | None = None
    truncation: Literal["auto", "disabled"] | None = None
    background: Any = None
    context_management: Any = None
    conversation: Any = None
    include: list[str] | None = None
    max_tool_calls: Any = None
    moderation: Any = None
    previous_response_id: str | None = None
    prompt: Any = None
    prompt_cache_key: Any = None
    prompt_cache_options: Any = None
    prompt_cache_retention: Any = None
    safety_identifier: Any = None
    service_tier: Any = None
    store: bool | None = None
    stream_options: Any = None
    text: dict[str, Any] | None = None
    tool_choice: Any = None
    tools: list[ResponsesTool] | None = Field(default=None, max_length=MAX_TOOLS)
    top_logprobs: int | None = Field(default=None, ge=0, le=20)
    user: Any = None

    @property
    def items(self) -> list[Item]:
        """The input as items, a string as one message of the user."""
        return [Item(role="user", content=self.input)] if isinstance(self.input, str) else self.input or []

    @property
    def effort(self) -> str | None:
        """The reasoning effort."""
        return self.reasoning.effort if self.reasoning else None


def check_request(request: ResponsesRequest, model: Model, *, input_tokens: int) -> None:
    """Check what the emulated model does not read itself."""
    if not request.input and not request.previous_response_id:
        message = "Missing required parameter: 'input'."
        raise InvalidRequestError(message, param="input", code="missing_required_parameter")
    check_size(model, param="max_output_tokens", wanted=request.max_output_tokens, input_tokens=input_tokens)
    values = {"temperature": request.temperature, "top_p": request.top_p}
    check_sampling(model, effort=request.effort, values=values)


def check_items(items: Sequence[Item]) -> None:
    """Check the parts of the messages, and that calls and their outputs belong together."""
    for at, item in enumerate(items):
        allowed = _PARTS.get(item.role or "")
        for number, part in enumerate(item.content if isinstance(item.content, list) else []):
            if allowed and part.type not in allowed:
                supported = " and ".join(f"'{name}'" for name in allowed)
                where = f"input[{at}].content[{number}].type"
                message = f"Invalid value: '{part.type}'. Supported values are: {supported}."
                raise InvalidRequestError(message, param=where, code="invalid_value")
    for call, output in _CALLS.items():
        called = {item.call_id for item in items if item.type == call}
        answered = {item.call_id for item in items if item.type == output}
        what = call.replace("_", " ")
        for missing in [item.call_id for item in items if item.type == output and item.call_id not in called]:
            message = f"No tool call found for {what} output with call_id {missing}."
            raise InvalidRequestError(message, param="input")
        for missing in [item.call_id for item in items if item.type == call and item.call_id not in answered]:
            raise InvalidRequestError(f"No tool output found for {what} {missing}.", param="input")


def split_input(request: ResponsesRequest, items: Sequence[Item]) -> list[tuple[str, int]]:
    """Return the text and the tokens of each part of the prompt, in the order in which a model reads them."""
    segments = [(text := to_json(tool).decode(), count_tokens(text)) for tool in request.tools or []]
    if request.instructions:
        segments.append((request.instructions, count_tokens(request.instructions)))
    for at, item in enumerate(items):
        tokens = TOKENS_PER_MESSAGE + count_tokens(item.text)
        for number, part in enumerate(item.content if isinstance(item.content, list) else []):
            where = f"input[{at}].content[{number}]"
            if part.type == "input_image":
                tokens += count_image(part.image_url, part.detail, param=f"{where}.image_url")
            if part.type == "input_file":
                tokens += count_file(part.model_extra, param=where)
        segments.append((item.model_dump_json(exclude_none=True, exclude={"id"}), tokens))
    return segments


def read_turns(items: Sequence[Item]) -> list[Turn]:
    """Return what the user and the model said in turns; outputs of tools count as the user's."""
    sides: list[tuple[str, list[Item]]] = []
    for item in items:
        is_models = item.role == "assistant" or item.type in {*_CALLS, "reasoning"}
        if item.role in {"system", "developer"}:
            continue
        role = "assistant" if is_models else "user"
        if not sides or sides[-1][0] != role:
            sides.append((role, []))
        sides[-1][1].append(item)
    return [
        Turn(
            role,
            "\n".join(text for item in side if item.role and (text := item.text)),
            tuple(item.text for item in side if item.type in _CALLS.values()),
            calls=tuple(item.name or "" for item in side if item.type in _CALLS),
        )
        for role, side in sides
    ]


def system_of(request: ResponsesRequest, items: Sequence[Item]) -> str:
    """Return all instructions of the system."""
    texts = [item.text for item in items if item.role in {"system", "developer"}]
    return "\n".join([request.instructions or "", *texts]).strip()


def format_of(request: ResponsesRequest) -> Mapping[str, Any] | None:
    """Return `text.format`."""
    format_ = (request.text or {}).get("format")
    return format_ if isinstance(format_, Mapping) else None
