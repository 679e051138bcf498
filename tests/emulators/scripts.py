"""What emulated models do with tools: scripts of turns, calls that a prompt suggests, and calls that are required.

The models keep nothing between requests. The conversation determines the next step, as for a real model:

| the task or the last message                                     | the step |
|------------------------------------------------------------------|----------|
| the task has a line `{"play": [[{"name": "…", "input": {}}]]}`   | the next turn of that list, then a text |
| words in the task select a script of the vendor                  | the next step of the script |
| the request requires a tool                                      | a call of it, or of the first one that fits |
| the last message mentions a tool by the words of its name        | a call of it, with an input that fits its schema |
| the last message has the results of tools                        | a text that quotes them |

The task is the first paragraph of the user's first message. Anything else gets a text without a call.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from pydantic_core import from_json, to_json

from .text import CHARACTERS_PER_TOKEN, compose_document, count_tokens

_PLAY = re.compile(r"^\{\"play\": .*\}$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")
_NAME_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_WORDS = 12
_QUOTED_CHARACTERS = 400
# Parts of tools' names that say nothing about when to use them.
_COMMON_PARTS = frozenset(
    {"get", "set", "list", "find", "search", "fetch", "read", "write", "create", "update", "delete", "run", "call"}
    | {"tool", "function", "current", "file", "files", "make", "do", "use", "by", "for", "the", "of", "in", "a", "to"}
)


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a request offers. Without a `schema` its input is a text."""

    name: str
    schema: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolChoice:
    """Which tools the model may or must call."""

    required: bool = False
    none: bool = False
    names: frozenset[str] | None = None
    parallel: bool = True

    def allows(self, name: str) -> bool:
        """Return whether the tool may be called."""
        return self.names is None or name in self.names


@dataclass(frozen=True, slots=True)
class Use:
    """A tool call. If the request does not offer the tool, the model returns only text, unless it `invents` it."""

    name: str
    input: Any
    invents: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One turn of the model."""

    text: str
    uses: tuple[Use, ...] = ()
    then: int = 1
    if_failed: int = 1
    refuses: bool = False


Script = tuple[Step, ...]
_ENDED = Step("The script of this task is at its end.")


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said before the other side spoke: its text, the tools it called, the results of calls."""

    role: str
    text: str
    results: tuple[str, ...] = ()
    failures: int = 0
    calls: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Performance:
    """A step within the limit of the output: its text, and the names and the written inputs of its calls."""

    text: str
    calls: tuple[tuple[str, str], ...]
    tokens: int
    is_cut: bool


def next_step(
    conversation: Sequence[Turn],
    tools: Sequence[Tool],
    choice: ToolChoice,
    *,
    scripts: Mapping[str, Script],
    max_tokens: int,
) -> Step | None:
    """Return the next step with its placeholders filled, or `None` if the model writes about the prompt instead."""
    if not tools or choice.none or not conversation:
        return None
    task = conversation[0].text.partition("\n\n")[0]
    allowed = [tool for tool in tools if choice.allows(tool.name)]
    names = {tool.name for tool in tools}
    script = _choose_script(task, names, scripts)
    step = None if script is None else _find_step(script, conversation)
    if step and not all(use.name in names or use.invents for use in step.uses):
        step = None
    if step:
        step = _fill_step(step, _read_values(task, conversation, max_tokens))
    if choice.required:
        return _limit(_force(step, conversation, allowed), choice)
    if step is None:
        step = _suggest(conversation, allowed)
    return step and _limit(step, choice)


def perform(step: Step, *, mark: str, max_tokens: int) -> Performance:
    """Return the step's text behind the mark of the model, and its calls, cut where the limit is reached."""
    left = max_tokens * CHARACTERS_PER_TOKEN
    whole = f"{mark}{step.text}" if step.text else ""
    text = whole[:left]
    left -= len(text)
    is_cut, tokens, calls = text != whole, count_tokens(text), list[tuple[str, str]]()
    for use in step.uses:
        if is_cut or left <= 0:
            is_cut = True
            break
        written = use.input if isinstance(use.input, str) else to_json(use.input).decode()
        is_cut = len(written) > left
        calls.append((use.name, written[:left]))
        left -= len(calls[-1][1])
        tokens += count_tokens(calls[-1][1])
    return Performance(text, tuple(calls), min(tokens, max_tokens), is_cut)


def _choose_script(task: str, names: set[str], scripts: Mapping[str, Script]) -> Script | None:
    if played := _PLAY.search(task):
        turns = from_json(played[0])["play"]
        return tuple(
            Step("I will use the tools of the task.", tuple(Use(use["name"], use["input"]) for use in turn))
            for turn in turns
        )
    script = next((script for words, script in scripts.items() if words in task.lower()), None)
    if script is None:
        return None
    uses = [use for step in script for use in step.uses]
    return script if not uses or any(use.name in names or use.invents for use in uses) else None


def _find_step(script: Script, conversation: Sequence[Turn]) -> Step:
    at = 0
    for turn, following in pairwise(conversation):
        if turn.role == "assistant" and at < len(script):
            at += script[at].if_failed if following.failures else script[at].then
    return script[at] if at < len(script) else _ENDED


def _read_values(task: str, conversation: Sequence[Turn], max_tokens: int) -> Mapping[str, str]:
    quoted = re.search(r"`([^`\n]+)`", task)
    results = "\n".join(result for turn in conversation for result in turn.results)
    heading = re.search(r"(?<!#)# .+", results)
    return {
        # The words appear within quotes, also in JavaScript.
        "words": re.sub(r"[\"'`\\$]", "", " ".join(task.split()[:_WORDS])),
        "quoted": quoted[1] if quoted else "untitled",
        "heading": heading[0].rstrip() if heading else "# README",
        "failures": str(sum(turn.failures for turn in conversation)),
        "turn": str(1 + sum(turn.role == "assistant" for turn in conversation)),
        "filler": "x" * (CHARACTERS_PER_TOKEN * max_tokens),
    }


def _fill_step(step: Step, values: Mapping[str, str]) -> Step:
    uses = tuple(replace(use, input=_fill(use.input, values)) for use in step.uses)
    return replace(step, text=_fill(step.text, values), uses=uses)


def _fill(value: Any, values: Mapping[str, str]) -> Any:
    match value:
        case str():
            return _PLACEHOLDER.sub(lambda found: values.get(found[1], found[0]), value)
        case list():
            return [_fill(item, values) for item in value]
        case dict():
            return {name: _fill(item, values) for name, item in value.items()}
    return value


def _force(step: Step | None, conversation: Sequence[Turn], allowed: Sequence[Tool]) -> Step:
    """Return the step with the allowed tools only, or else calls that the last message suggests, or one of a tool."""
    names = {tool.name for tool in allowed}
    uses = tuple(use for use in step.uses if use.name in names) if step else ()
    if not uses:
        called = {name for turn in conversation for name in turn.calls}
        fresh = [tool for tool in allowed if tool.name not in called] or list(allowed)
        prompt = _last_text(conversation)
        chosen = _find_mentioned(prompt, fresh) or fresh[:1]
        uses = tuple(Use(tool.name, _invent_input(tool, prompt)) for tool in chosen)
    return replace(step or Step(""), text="", uses=uses, refuses=False)


def _suggest(conversation: Sequence[Turn], allowed: Sequence[Tool]) -> Step | None:
    last = conversation[-1]
    if last.results:
        quoted = " and ".join(f"“{result[:_QUOTED_CHARACTERS]}”" for result in last.results)
        return Step(f"The tools returned {quoted}.")
    uses = tuple(Use(tool.name, _invent_input(tool, last.text)) for tool in _find_mentioned(last.text, allowed))
    return Step("", uses) if uses else None


def _find_mentioned(prompt: str, tools: Sequence[Tool]) -> list[Tool]:
    """Return the tools whose name, or a distinctive word of it, is in the prompt."""
    words = set(re.findall(r"\w+", prompt.lower()))

    def is_mentioned(tool: Tool) -> bool:
        parts = {part.lower() for part in _NAME_PART.findall(tool.name)} - _COMMON_PARTS
        return tool.name.lower() in words or any({part, f"{part}s"} & words for part in parts if len(part) > 2)

    return [tool for tool in tools if is_mentioned(tool)]


def _last_text(conversation: Sequence[Turn]) -> str:
    return next((turn.text for turn in reversed(conversation) if turn.role == "user" and turn.text), "")


def _invent_input(tool: Tool, prompt: str) -> Any:
    if tool.schema is None:
        return f"The input of {tool.name}."
    # Models leave out what is optional unless the prompt has it.
    required = tool.schema.get("required")
    fields = tool.schema.get("properties") or {}
    if required is not None:
        fields = {name: fields.get(name, {}) for name in required}
    return compose_document({**tool.schema, "properties": fields}, prompt)


def _limit(step: Step, choice: ToolChoice) -> Step:
    return step if choice.parallel else replace(step, uses=step.uses[:1])
