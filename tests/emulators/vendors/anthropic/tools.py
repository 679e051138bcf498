"""What the Messages API checks where there are tools, and where the prompt is cached.

Every refusal is an `InvalidRequestError` with the vendor's error message. Sources: the `anthropic` package 2.12.0
(`types/tool_param.py`, `types/tool_choice_param.py`), the vendor's pages on tool use and prompt caching, and error
texts published in bug reports.
"""

from itertools import takewhile
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from .catalogue import Model
from .requests import SIGNATURE, Block, CountTokensRequest, InvalidRequestError, join_sides, split_prompt

_MOST_MARKS = 4
_NAME = r"^[a-zA-Z0-9_-]{1,128}$"


class CacheControl(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] = "5m"


class InputSchema(BaseModel):
    """Any JSON Schema of an object."""

    model_config = ConfigDict(extra="allow")
    type: Literal["object"]
    properties: dict[str, Any] | None = None
    required: list[str] | None = None


class CustomTool(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(max_length=128, pattern=_NAME)]
    input_schema: InputSchema
    type: Literal["custom"] | None = None
    description: str | None = None
    cache_control: CacheControl | None = None
    strict: bool | None = None
    eager_input_streaming: bool | None = None
    defer_loading: bool | None = None
    input_examples: list[dict[str, Any]] | None = None
    allowed_callers: list[str] | None = None


class ToolChoice(BaseModel):
    model_config = ConfigDict(extra="forbid")
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class ToolUseBlock(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$")]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    input: dict[str, Any]


class ToolResultBlock(BaseModel):
    model_config = ConfigDict(extra="allow")
    tool_use_id: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$")]
    content: str | list[dict[str, Any]] | None = None
    is_error: bool | None = None


def check_tools(request: CountTokensRequest, model: Model) -> None:
    """What `messages` and `count_tokens` refuse alike."""
    _check_definitions(request)
    _check_choice(request, model)
    _check_blocks(request)
    _check_pairs(request)
    marks = sum(piece.marked for piece in split_prompt(request))
    if marks > _MOST_MARKS:
        raise InvalidRequestError(
            f"A maximum of {_MOST_MARKS} blocks with cache_control may be provided. Found {marks}."
        )


def _check(shape: type[BaseModel], value: object, where: str) -> None:
    try:
        shape.model_validate(value)
    except ValidationError as failure:
        detail = failure.errors(include_url=False)[0]
        raise InvalidRequestError(f"{'.'.join(map(str, (where, *detail['loc'])))}: {detail['msg']}") from None


def _check_definitions(request: CountTokensRequest) -> None:
    tools = request.tools or []
    for at, tool in enumerate(tools):
        # Typed tools are the vendor's own and taken unseen.
        if tool.get("type") in {None, "custom"}:
            _check(CustomTool, tool, f"tools.{at}.custom")
    names = [tool.get("name") for tool in tools]
    if len(names) != len(set(names)):
        raise InvalidRequestError("tools: Tool names must be unique.")


def _check_choice(request: CountTokensRequest, model: Model) -> None:
    choice = request.tool_choice
    if choice is None:
        return
    _check(ToolChoice, choice, "tool_choice")
    if not request.tools:
        raise InvalidRequestError("tool_choice may only be specified while providing tools.")
    if choice["type"] not in {"any", "tool"}:
        return
    if not model.takes_forced_tools:
        raise InvalidRequestError('tool_choice: type "tool" and "any" are not supported for this model.')
    if request.thinking and request.thinking.type in {"enabled", "adaptive"}:
        raise InvalidRequestError("Thinking may not be enabled when tool_choice forces tool use.")
    if choice["type"] == "tool":
        if "name" not in choice:
            raise InvalidRequestError("tool_choice.tool.name: Field required")
        if choice["name"] not in {tool.get("name") for tool in request.tools}:
            raise InvalidRequestError(f"Tool '{choice['name']}' not found in provided tools")


def _check_blocks(request: CountTokensRequest) -> None:
    shapes: dict[str, tuple[type[BaseModel], str]] = {
        "tool_use": (ToolUseBlock, "assistant"),
        "tool_result": (ToolResultBlock, "user"),
    }
    places = [(f"messages.{at}", message.role, message.blocks) for at, message in enumerate(request.messages)]
    if isinstance(request.system, list):
        places = [("system", "system", request.system), *places]
    for place, role, blocks in places:
        for number, block in enumerate(blocks):
            where = f"{place}.{number}" if role == "system" else f"{place}.content.{number}"
            if block.cache_control is not None:
                _check_mark(block, where)
            if block.type == "thinking" and (block.model_extra or {}).get("signature") != SIGNATURE:
                raise InvalidRequestError(f"{where}: Invalid `signature` in `thinking` block")
            if block.type not in shapes:
                continue
            shape, side = shapes[block.type]
            if role != side:
                raise InvalidRequestError(f"{place}: `{block.type}` blocks can only be in `{side}` messages")
            _check(shape, block.model_dump(exclude_none=True), f"{where}.{block.type}")


def _check_mark(block: Block, where: str) -> None:
    place = f"{where}.{block.type}.cache_control"
    if block.type in {"thinking", "redacted_thinking"}:
        raise InvalidRequestError(f"{place}: Extra inputs are not permitted")
    _check(CacheControl, block.cache_control, place)
    if block.type == "text" and not block.text:
        raise InvalidRequestError(f"{where}.text: cache_control cannot be set for empty text blocks")


def _check_pairs(request: CountTokensRequest) -> None:
    """Each tool use is answered at the beginning of the next message, each result answers one; ids are unique."""
    sides = list(join_sides(request.messages))
    known: set[str | None] = set()
    for at, (_, blocks) in enumerate(sides):
        asked = [block.id for block in blocks if block.type == "tool_use"]
        for number, block in enumerate(blocks):
            if block.type == "tool_use" and (block.id in known or asked.count(block.id) > 1):
                raise InvalidRequestError(f"messages.{at}.content.{number}: `tool_use` ids must be unique")
        known |= set(asked)
        _check_results(at, blocks, previous=sides[at - 1][1] if at else [])
        following = sides[at + 1][1] if at + 1 < len(sides) else []
        answered = {block.tool_use_id for block in takewhile(lambda block: block.type == "tool_result", following)}
        if missing := [str(asked_id) for asked_id in asked if asked_id not in answered]:
            raise InvalidRequestError(
                f"messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the "
                "next message."
            )


def _check_results(at: int, blocks: list[Block], *, previous: list[Block]) -> None:
    asked = {block.id for block in previous if block.type == "tool_use"}
    answered: set[str | None] = set()
    for number, block in enumerate(blocks):
        if block.type != "tool_result":
            continue
        where = f"messages.{at}.content.{number}"
        if block.tool_use_id not in asked:
            raise InvalidRequestError(
                f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {block.tool_use_id}. Each "
                "`tool_result` block must have a corresponding `tool_use` block in the previous message."
            )
        if block.tool_use_id in answered:
            raise InvalidRequestError(
                f"{where}: each tool_use must have a single result. Found multiple `tool_result` blocks with id: "
                f"{block.tool_use_id}"
            )
        answered.add(block.tool_use_id)
