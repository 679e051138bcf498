"""The tools of Responses, and the choice among them, as those of chat completions."""

from __future__ import annotations

from typing import Any

from electrons.dialects.translation.fields import Fields

_ALLOWED = "allowed_tools"


def read_response_tools(request: Fields) -> dict[str, Any]:
    """Return `tools`, `tool_choice` and `parallel_tool_calls`, as far as they are needed.

    Raises `RequestError` for the vendor's own tools, and for a choice of a tool that is not offered.
    """
    tools = [_read_tool(tool) for tool in request.items("tools")]
    names = {tool["function"]["name"] for tool in tools}
    choice, allowed = _read_choice(request, names)
    if allowed is not None:
        tools = [tool for tool in tools if tool["function"]["name"] in allowed]
    is_single = request.boolean("parallel_tool_calls") is False
    if not tools:
        # Chat completions refuse a choice without tools.
        if choice not in (None, "auto", "none"):
            raise request.wrong("tool_choice", "needs tools")
        return {}
    members: dict[str, Any] = {"tools": tools}
    if choice is not None:
        members["tool_choice"] = choice
    return {**members, "parallel_tool_calls": False} if is_single else members


def _read_tool(tool: Fields) -> dict[str, Any]:
    if tool.string("type") != "function":
        raise tool.unsupported("type", "the vendor's own tools run at OpenAI only; use functions")
    function: dict[str, Any] = {"name": tool.string("name")}
    if "description" in tool:
        function["description"] = tool.string("description")
    if "parameters" in tool:
        function["parameters"] = tool.child("parameters").document
    if tool.boolean("defer_loading"):
        raise tool.unsupported("defer_loading")
    if tool.boolean("strict"):
        function["strict"] = True
    return {"type": "function", "function": function}


def _read_choice(request: Fields, names: set[str]) -> tuple[Any, set[str] | None]:
    """Return the choice, and the names of the allowed tools, if they are limited."""
    choice = request.document.get("tool_choice")
    if choice is None or choice in ("auto", "none", "required"):
        return choice, None
    kind = choice.get("type") if isinstance(choice, dict) else None
    if kind == "function":
        chosen = request.child("tool_choice")
        return {"type": "function", "function": {"name": _read_name(chosen, names)}}, None
    if kind == _ALLOWED:
        chosen = request.child("tool_choice")
        mode = chosen.string("mode")
        if mode not in ("auto", "required"):
            raise chosen.wrong("mode", "must be auto or required")
        return mode, {_read_allowed(tool, names) for tool in chosen.items("tools")}
    raise request.unsupported("tool_choice", f"use auto, none, required, {_ALLOWED} or a function")


def _read_allowed(tool: Fields, names: set[str]) -> str:
    if tool.document.get("type") != "function":
        raise tool.unsupported("type", "use functions")
    return _read_name(tool, names)


def _read_name(holder: Fields, names: set[str]) -> str:
    name = holder.string("name")
    if name not in names:
        raise holder.wrong("name", "must be the name of one of the tools")
    return name
