"""Tools in requests: their definitions, the choice among them, and calls with their results in the conversation.

Chat Completions has a tool's fields one level deeper (`function`) than Responses. Sources: the `openai` package 3.54.0
(`types/chat/`, `types/responses/`) and published error texts.
"""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...scripts import Tool, ToolChoice
from .http import InvalidRequestError
from .strictness import find_fault

MAX_TOOLS = 128

_Name = Annotated[str, Field(max_length=64, pattern=r"^[a-zA-Z0-9_-]+$")]
_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


class FunctionDefinition(BaseModel):
    """The `function` of a tool."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: _Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class CustomDefinition(BaseModel):
    """The `custom` of a tool whose input is a text."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: _Name
    description: str | None = None
    format: dict[str, Any] | None = None


class ChatTool(BaseModel):
    """A tool of Chat Completions."""

    model_config = ConfigDict(extra="forbid", strict=True)
    type: Literal["function", "custom"]
    function: FunctionDefinition | None = None
    custom: CustomDefinition | None = None


class ResponsesTool(BaseModel):
    """A tool of Responses; the fields of the vendor's own tools are accepted without a check."""

    model_config = ConfigDict(extra="allow", strict=True)
    type: str
    name: _Name | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class FunctionCall(BaseModel):
    """The function of an earlier call, with its arguments as JSON text."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: Annotated[str, Field(pattern=r"^[a-zA-Z0-9_-]+$")]
    arguments: str


class CustomCall(BaseModel):
    """The custom tool of an earlier call, with its input."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str
    input: str


class ToolCall(BaseModel):
    """An earlier call in a message of the assistant."""

    model_config = ConfigDict(extra="allow", strict=True)
    id: Annotated[str, Field(max_length=40)]
    type: Literal["function", "custom"]
    function: FunctionCall | None = None
    custom: CustomCall | None = None

    @property
    def name(self) -> str:
        """The tool's name."""
        called = self.function or self.custom
        return called.name if called else ""

    @property
    def written(self) -> str:
        """The input as it was written."""
        return self.function.arguments if self.function else self.custom.input if self.custom else ""


def read_chat_tools(tools: Sequence[ChatTool] | None) -> list[Tool]:
    """Return the tools of a request. Raises `InvalidRequestError` for a definition that the vendor refuses."""
    if tools is not None and not tools:
        message = (
            "Invalid 'tools': empty array. Expected an array with minimum length 1, but got an empty array instead."
        )
        raise InvalidRequestError(message, param="tools", code="empty_array")
    read = []
    for at, tool in enumerate(tools or []):
        where = f"tools[{at}]"
        definition = tool.function if tool.type == "function" else tool.custom
        if definition is None:
            raise _missing(f"{where}.{tool.type}")
        if isinstance(definition, FunctionDefinition):
            _check_function(definition.name, definition.parameters, bool(definition.strict), f"{where}.function")
            read.append(Tool(definition.name, definition.parameters or _NO_PARAMETERS))
        else:
            read.append(Tool(definition.name, None))
    return read


def read_responses_tools(tools: Sequence[ResponsesTool] | None) -> list[Tool]:
    """Return the caller's own tools. Raises `InvalidRequestError` for a definition that the vendor refuses."""
    read = []
    for at, tool in enumerate(tools or []):
        if tool.type not in {"function", "custom"}:
            continue
        if tool.name is None:
            raise _missing(f"tools[{at}].name")
        if tool.type == "function":
            # Without `strict`, the vendor makes the schema strict itself where it can.
            _check_function(tool.name, tool.parameters, bool(tool.strict), f"tools[{at}]")
        read.append(Tool(tool.name, None if tool.type == "custom" else tool.parameters or _NO_PARAMETERS))
    return read


def read_choice(choice: Any, tools: Sequence[Tool], *, has_tools: bool, parallel: bool | None) -> ToolChoice:
    """Return which tools may be called, for both APIs. Raises `InvalidRequestError`."""
    for name, value in (("tool_choice", choice), ("parallel_tool_calls", parallel)):
        if value is not None and not has_tools:
            message = f"Invalid value for '{name}': '{name}' is only allowed when 'tools' are specified."
            raise InvalidRequestError(message, param=name)
    many = parallel is not False
    match choice:
        case None | "auto":
            return ToolChoice(parallel=many)
        case "none":
            return ToolChoice(none=True)
        case "required":
            return ToolChoice(required=bool(tools), parallel=many)
        case {"type": "allowed_tools"}:
            return _read_allowed(choice, tools, parallel=many)
        case {"type": "function" | "custom" as kind}:
            name = _name_of(choice, "tool_choice")
            _check_offered(name, tools, f"Tool choice '{kind}: {name}' not found in 'tools' parameter.")
            return ToolChoice(required=True, names=frozenset({name}), parallel=many)
        case {"type": str()}:
            return ToolChoice(parallel=many)
    message = f"Invalid value: '{choice}'. Supported values are: 'none', 'auto', and 'required'."
    raise InvalidRequestError(message, param="tool_choice", code="invalid_value")


def _read_allowed(choice: dict[str, Any], tools: Sequence[Tool], *, parallel: bool) -> ToolChoice:
    """Read `allowed_tools`, whose fields Chat Completions has one level deeper."""
    allowed = choice.get("allowed_tools", choice)
    where = "tool_choice.allowed_tools" if "allowed_tools" in choice else "tool_choice"
    if allowed.get("mode") not in {"auto", "required"}:
        message = f"Invalid value: '{allowed.get('mode')}'. Supported values are: 'auto', and 'required'."
        raise InvalidRequestError(message, param=f"{where}.mode", code="invalid_value")
    own = [tool for tool in allowed.get("tools") or [] if tool.get("type") in {"function", "custom"}]
    names = frozenset(_name_of(tool, f"{where}.tools[{at}]") for at, tool in enumerate(own))
    for name in names:
        _check_offered(name, tools, f"Allowed tool '{name}' not found in 'tools' parameter.")
    return ToolChoice(required=allowed["mode"] == "required" and bool(names), names=names, parallel=parallel)


def _name_of(choice: dict[str, Any], where: str) -> str:
    kind = choice["type"]
    nested = choice.get(kind)
    name = nested.get("name") if isinstance(nested, dict) else choice.get("name")
    if not isinstance(name, str):
        raise _missing(f"{where}.{kind}")
    return name


def _check_offered(name: str, tools: Sequence[Tool], message: str) -> None:
    if name not in {tool.name for tool in tools}:
        raise InvalidRequestError(message, param="tool_choice")


def _check_function(name: str, parameters: dict[str, Any] | None, strict: bool, where: str) -> None:
    if parameters is None:
        if not strict:
            return
        parameters = {}
    if fault := find_fault(parameters, strict=strict):
        message = f"Invalid schema for function '{name}': {fault}"
        raise InvalidRequestError(message, param=f"{where}.parameters", code="invalid_function_parameters")


def _missing(param: str) -> InvalidRequestError:
    return InvalidRequestError(
        f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
    )
