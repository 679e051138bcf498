"""The checks of the Messages API for tools and prompt caching.

Every refusal is an `InvalidRequestError` with the vendor's message. Sources: the `anthropic` package 2.12.0
(`types/tool_param.py`, `types/tool_choice_param.py`), the vendor's pages on tool use and prompt caching, and error
texts published in bug reports.
"""

from itertools import takewhile
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...validation import describe_first_error
from .catalogue import Model
from .formats import check_output_config, check_schema
from .http import InvalidRequestError
from .media import check_media
from .requests import SIGNATURE, Block, CountTokensRequest, merge_turns, split_prompt

_MAX_MARKS = 4
_BLOCK_TYPES = (
    *("bash_code_execution_tool_result", "code_execution_tool_result", "container_upload", "document", "image"),
    *("mcp_tool_result", "mcp_tool_use", "redacted_thinking", "search_result", "server_tool_use", "text"),
    *("text_editor_code_execution_tool_result", "thinking", "tool_result", "tool_search_tool_result", "tool_use"),
    *("web_fetch_tool_result", "web_search_tool_result"),
)
_NAME = r"^[a-zA-Z0-9_-]{1,128}$"


class CacheControl(BaseModel):
    """The `cache_control` field of a tool or block."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["ephemeral"]
    ttl: Literal["5m", "1h"] = "5m"


class InputSchema(BaseModel):
    """The JSON Schema of a tool's input, which is an object."""

    model_config = ConfigDict(extra="allow")
    type: Literal["object"]
    properties: dict[str, Any] | None = None
    required: list[str] | None = None


class CustomTool(BaseModel):
    """A tool that the caller runs."""

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
    """The `tool_choice` field."""

    model_config = ConfigDict(extra="forbid")
    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class ToolUseBlock(BaseModel):
    """A tool call in an assistant message."""

    model_config = ConfigDict(extra="allow")
    id: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$")]
    name: Annotated[str, Field(min_length=1, max_length=200)]
    input: dict[str, Any]


class ToolResultBlock(BaseModel):
    """The result of a tool call in a user message."""

    model_config = ConfigDict(extra="allow")
    tool_use_id: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$")]
    content: str | list[dict[str, Any]] | None = None
    is_error: bool | None = None


def check_tools(request: CountTokensRequest, model: Model) -> None:
    """Check tools, blocks, tool calls, their results and cache marks, for `messages` and `count_tokens`."""
    check_output_config(request.output_config)
    _check_definitions(request)
    _check_choice(request, model)
    _check_blocks(request)
    _check_pairs(request)
    marks = sum(segment.marked for segment in split_prompt(request))
    if marks > _MAX_MARKS:
        raise InvalidRequestError(
            f"A maximum of {_MAX_MARKS} blocks with cache_control may be provided. Found {marks}."
        )


def _check(schema: type[BaseModel], value: object, where: str) -> None:
    try:
        schema.model_validate(value)
    except ValidationError as failure:
        raise InvalidRequestError(describe_first_error(failure, where)) from None


def _check_definitions(request: CountTokensRequest) -> None:
    tools = request.tools or []
    for at, tool in enumerate(tools):
        # Tools of other types are the vendor's own and accepted without a check.
        if tool.get("type") in {None, "custom"}:
            _check(CustomTool, tool, f"tools.{at}.custom")
            if tool.get("strict"):
                check_schema(tool["input_schema"], f"tools.{at}.custom.input_schema")
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
    schemas: dict[str, tuple[type[BaseModel], str]] = {
        "tool_use": (ToolUseBlock, "assistant"),
        "tool_result": (ToolResultBlock, "user"),
    }
    places = [(f"messages.{at}", message.role, message.blocks) for at, message in enumerate(request.messages)]
    if isinstance(request.system, list):
        places = [("system", "system", request.system), *places]
    for place, role, blocks in places:
        for number, block in enumerate(blocks):
            where = f"{place}.{number}" if role == "system" else f"{place}.content.{number}"
            _check_type(block, where)
            if block.cache_control is not None:
                _check_mark(block, where)
            if block.type == "thinking" and (block.model_extra or {}).get("signature") != SIGNATURE:
                raise InvalidRequestError(f"{where}: Invalid `signature` in `thinking` block")
            if block.type not in schemas:
                continue
            schema, side = schemas[block.type]
            if role != side:
                raise InvalidRequestError(f"{place}: `{block.type}` blocks can only be in `{side}` messages")
            _check(schema, block.model_dump(exclude_none=True), f"{where}.{block.type}")


def _check_type(block: Block, where: str) -> None:
    """Check that the block is of a known type, and what images and documents contain, also within tool results."""
    if block.type not in _BLOCK_TYPES:
        expected = ", ".join(f"'{name}'" for name in _BLOCK_TYPES)
        raise InvalidRequestError(
            f"{where}: Input tag '{block.type}' found using 'type' does not match any of the expected tags: {expected}"
        )
    if block.type in {"image", "document"}:
        check_media(block.type, (block.model_extra or {}).get("source"), where)
    for number, inner in enumerate(block.content if isinstance(block.content, list) else []):
        if isinstance(inner, dict) and inner.get("type") in {"image", "document"}:
            check_media(inner["type"], inner.get("source"), f"{where}.{block.type}.content.{number}")


def _check_mark(block: Block, where: str) -> None:
    place = f"{where}.{block.type}.cache_control"
    if block.type in {"thinking", "redacted_thinking"}:
        raise InvalidRequestError(f"{place}: Extra inputs are not permitted")
    _check(CacheControl, block.cache_control, place)
    if block.type == "text" and not block.text:
        raise InvalidRequestError(f"{where}.text: cache_control cannot be set for empty text blocks")


def _check_pairs(request: CountTokensRequest) -> None:
    """Check that each tool use has its result at the beginning of the next message, and that ids are unique."""
    turns = list(merge_turns(request.messages))
    known: set[str | None] = set()
    for at, (_, blocks) in enumerate(turns):
        uses = [block.id for block in blocks if block.type == "tool_use"]
        for number, block in enumerate(blocks):
            if block.type == "tool_use" and (block.id in known or uses.count(block.id) > 1):
                raise InvalidRequestError(f"messages.{at}.content.{number}: `tool_use` ids must be unique")
        known |= set(uses)
        _check_results(at, blocks, previous=turns[at - 1][1] if at else [])
        following = turns[at + 1][1] if at + 1 < len(turns) else []
        results = {block.tool_use_id for block in takewhile(lambda block: block.type == "tool_result", following)}
        if missing := [str(use_id) for use_id in uses if use_id not in results]:
            raise InvalidRequestError(
                f"messages.{at}: `tool_use` ids were found without `tool_result` blocks immediately after: "
                f"{', '.join(missing)}. Each `tool_use` block must have a corresponding `tool_result` block in the "
                "next message."
            )


def _check_results(at: int, blocks: list[Block], *, previous: list[Block]) -> None:
    uses = {block.id for block in previous if block.type == "tool_use"}
    results: set[str | None] = set()
    for number, block in enumerate(blocks):
        if block.type != "tool_result":
            continue
        where = f"messages.{at}.content.{number}"
        if block.tool_use_id not in uses:
            raise InvalidRequestError(
                f"{where}: unexpected `tool_use_id` found in `tool_result` blocks: {block.tool_use_id}. Each "
                "`tool_result` block must have a corresponding `tool_use` block in the previous message."
            )
        if block.tool_use_id in results:
            raise InvalidRequestError(
                f"{where}: each tool_use must have a single result. Found multiple `tool_result` blocks with id: "
                f"{block.tool_use_id}"
            )
        results.add(block.tool_use_id)
