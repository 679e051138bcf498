"""Tools and the choice among them: functions of chat completions, and custom tools of messages."""

from __future__ import annotations

from typing import Any

from electrons.dialects.translation.call_ids import fit_tool_name
from electrons.dialects.translation.fields import Fields
from electrons.json_schema.vendors import fit_for_anthropic

_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


def read_chat_tools(request: Fields) -> list[dict[str, Any]]:
    """Return the tools of chat completions as Anthropic's. Raises `RequestError` for those that are not functions."""
    tools = [_read_chat_tool(tool) for tool in request.items("tools")]
    choice = request.document.get("tool_choice")
    if isinstance(choice, dict) and choice.get("type") == "allowed_tools":
        names = _read_allowed(request)
        tools = [tool for tool in tools if tool["name"] in names]
    return tools


def read_chat_choice(request: Fields, names: set[str]) -> dict[str, Any] | None:
    """Return Anthropic's choice among the tools of these names, None where its default is meant."""
    choice = request.document.get("tool_choice")
    is_single = request.boolean("parallel_tool_calls") is False
    if not names:
        # Anthropic refuses a choice without tools.
        if choice not in (None, "none", "auto"):
            raise request.wrong("tool_choice", "needs tools")
        return None
    single = {"disable_parallel_tool_use": True} if is_single else {}
    match choice:
        case None | "auto":
            return {"type": "auto", **single} if choice or is_single else None
        case "none":
            return {"type": "none"}
        case "required":
            return {"type": "any", **single}
        case {"type": "allowed_tools"}:
            mode = request.child("tool_choice").child("allowed_tools").string("mode")
            return {"type": "any" if mode == "required" else "auto", **single}
        case {"type": "function"}:
            function = request.child("tool_choice").child("function")
            name = function.string("name")
            if name not in names:
                raise function.wrong("name", "must be the name of one of the tools")
            return {"type": "tool", "name": name, **single}
    raise request.unsupported("tool_choice", "use auto, none, required, allowed_tools or a function")


def _read_chat_tool(tool: Fields) -> dict[str, Any]:
    if tool.document.get("type") != "function":
        raise tool.unsupported("type", "use functions")
    function = tool.child("function")
    schema = dict(function.child("parameters").document) if "parameters" in function else _NO_PARAMETERS
    translated: dict[str, Any] = {"name": function.string("name")}
    if "description" in function:
        translated["description"] = function.string("description")
    schema = {"type": "object", **schema}
    if function.boolean("strict"):
        translated |= {"input_schema": fit_for_anthropic(schema), "strict": True}
    else:
        translated["input_schema"] = schema
    mark = tool.document.get("cache_control")
    return {**translated, "cache_control": mark} if isinstance(mark, dict) else translated


def _read_allowed(request: Fields) -> set[str]:
    allowed = request.child("tool_choice").child("allowed_tools")
    return {tool.child("function").string("name") for tool in allowed.items("tools")}


def read_message_tools(request: Fields) -> list[dict[str, Any]]:
    """Return Anthropic's tools as functions of chat completions. Raises `RequestError` for those of the vendor."""
    return [_read_message_tool(tool) for tool in request.items("tools")]


def read_message_choice(request: Fields) -> dict[str, Any]:
    """Return the members `tool_choice` and `parallel_tool_calls` of chat completions."""
    if "tool_choice" not in request:
        return {}
    if not request.array("tools"):
        raise request.wrong("tool_choice", "needs tools")
    choice = request.child("tool_choice")
    kind = choice.string("type")
    single = {"parallel_tool_calls": False} if choice.boolean("disable_parallel_tool_use") else {}
    match kind:
        case "auto":
            return single
        case "any":
            return {"tool_choice": "required", **single}
        case "none":
            return {"tool_choice": "none"}
        case "tool":
            name = fit_tool_name(choice.string("name"))
            return {"tool_choice": {"type": "function", "function": {"name": name}}, **single}
    raise choice.unsupported("type", "use auto, any, tool or none")


def _read_message_tool(tool: Fields) -> dict[str, Any]:
    if tool.document.get("type") not in (None, "custom"):
        raise tool.unsupported("type", "the vendor's own tools run at Anthropic only")
    for name in ("defer_loading", "allowed_callers"):
        if tool.document.get(name) not in (None, False, ["direct"]):
            raise tool.unsupported(name)
    function: dict[str, Any] = {
        "name": fit_tool_name(tool.string("name")),
        "parameters": dict(tool.child("input_schema").document),
    }
    if "description" in tool:
        function["description"] = tool.string("description")
    if tool.boolean("strict"):
        function["strict"] = True
    return {"type": "function", "function": function}
