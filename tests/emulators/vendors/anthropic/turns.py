"""The replies of the emulated models: text, or with tools the scripts of `tasks.py`.

The models keep nothing between requests. The conversation determines the next step, as for a real model: one step for
each turn so far, and which one follows depends on whether tool results were failures.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from pydantic_core import from_json, to_json

from ...text import CHARACTERS_PER_TOKEN, Completion, TextRequest, complete, count_tokens
from .catalogue import Model
from .requests import Message, MessagesRequest, merge_turns, text_of
from .tasks import SCRIPTS, Step, Use

_ENDED = Step("The script of this task is at its end.")
_STOP_REASONS = {"end": "end_turn", "length": "max_tokens", "stop_sequence": "stop_sequence"}
_CALLER = {"type": "direct"}
_WORDS = 12
_PLAY = re.compile(r"^\{\"play\": .*\}$", re.MULTILINE)
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True, slots=True)
class Reply:
    """The content of a message, its stop reason, and its text and tool inputs in the form in which they are streamed.

    `arguments` maps the id of each tool use to the JSON of its input. If `max_tokens` cuts the JSON, the block's input
    has the fields up to there.
    """

    content: list[dict[str, Any]]
    stop_reason: str
    completion: Completion
    arguments: Mapping[str, str] = field(default_factory=dict)


def create_reply(request: MessagesRequest, model: Model, *, max_tokens: int, ids: Iterator[str]) -> Reply:
    """Return what the model says next, within `max_tokens`; `ids` are for its tool uses."""
    if step := _next_step(request):
        return _perform(step, model, max_tokens=max_tokens, ids=ids)
    prompts = [text_of(message.content) for message in request.messages if message.role == "user"]
    system = [request.system, *(message.content for message in request.messages if message.role == "system")]
    format_ = (request.output_config or {}).get("format")
    text_request = TextRequest(
        model.id,
        prompts[-1] if prompts else "",
        instructions="\n".join(filter(None, map(text_of, system))),
        format=to_json(format_).decode() if format_ else "",
    )
    completion = complete(
        text_request,
        max_tokens=max_tokens,
        stop_sequences=request.stop_sequences or [],
    )
    return Reply(_text_blocks(completion.text), _STOP_REASONS[completion.stopped_by], completion)


def _perform(step: Step, model: Model, *, max_tokens: int, ids: Iterator[str]) -> Reply:
    left = max_tokens * CHARACTERS_PER_TOKEN
    whole = f"[emulated {model.id}] {step.text}" if step.text else ""
    text = whole[:left]
    left -= len(text)
    cut, tokens, content, arguments = text != whole, count_tokens(text), _text_blocks(text), dict[str, str]()
    for use in step.uses:
        if cut or left <= 0:
            cut = True
            break
        written = to_json(use.input).decode()
        block_id, cut = next(ids), len(written) > left
        arguments[block_id] = written = written[:left]
        left -= len(written)
        tokens += count_tokens(written)
        given = from_json(written, allow_partial=True)
        content.append({"type": "tool_use", "id": block_id, "name": use.name, "input": given, "caller": _CALLER})
    stop_reason = "refusal" if step.refuses else "max_tokens" if cut else "tool_use" if arguments else "end_turn"
    completion = Completion(text, min(tokens, max_tokens), "length" if cut else "end")
    return Reply(content, stop_reason, completion, arguments)


def _text_blocks(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}] if text else []


def _next_step(request: MessagesRequest) -> Step | None:
    """Return the next step with its placeholders filled, or `None` if the request does not allow its tools."""
    choice = request.tool_choice or {}
    if not request.tools or choice.get("type") == "none":
        return None
    names = {tool["name"] for tool in request.tools if "name" in tool}
    conversation = list(_read_conversation(request.messages))
    task = conversation[0].text.partition("\n\n")[0] if conversation else ""
    step = _fill_step(_find_step(_choose_script(task), conversation), _read_values(task, conversation, request))
    if choice.get("type") in {"any", "tool"}:
        return _force(step, request, choice)
    if any(use.name not in names and not use.invents for use in step.uses):
        return None
    return _limit(step, choice)


@dataclass(frozen=True, slots=True)
class Turn:
    """What one side said before the other side spoke: its text and the results of its tool calls."""

    role: str
    text: str
    results: tuple[str, ...]
    failures: int


def _read_conversation(messages: list[Message]) -> Iterator[Turn]:
    for role, blocks in merge_turns(messages):
        results = [block for block in blocks if block.type == "tool_result"]
        yield Turn(
            role,
            text_of(blocks),
            tuple(text_of(block.content) for block in results),
            sum(block.is_error is True for block in results),
        )


def _choose_script(task: str) -> tuple[Step, ...]:
    if played := _PLAY.search(task):
        turns = from_json(played[0])["play"]
        return tuple(
            Step("I will use the tools of the task.", tuple(Use(use["name"], use["input"]) for use in turn))
            for turn in turns
        )
    return next(script for words, script in SCRIPTS.items() if words in task.lower())


def _find_step(script: tuple[Step, ...], conversation: list[Turn]) -> Step:
    at = 0
    for turn, following in pairwise(conversation):
        if turn.role == "assistant" and at < len(script):
            at += script[at].if_failed if following.failures else script[at].then
    return script[at] if at < len(script) else _ENDED


def _read_values(task: str, conversation: list[Turn], request: MessagesRequest) -> Mapping[str, str]:
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
        "filler": "x" * (CHARACTERS_PER_TOKEN * request.max_tokens),
    }


def _fill_step(step: Step, values: Mapping[str, str]) -> Step:
    uses = tuple(replace(use, input=_fill(use.input, values)) for use in step.uses)
    return replace(step, text=_fill(step.text, values), uses=uses)


def _fill(value: Any, values: Mapping[str, str]) -> Any:
    match value:
        case str():
            return _PLACEHOLDER.sub(lambda found: values[found[1]], value)
        case list():
            return [_fill(item, values) for item in value]
        case dict():
            return {name: _fill(item, values) for name, item in value.items()}
    return value


def _force(step: Step, request: MessagesRequest, choice: Mapping[str, Any]) -> Step:
    """Return the step with the allowed tools only, or else a call of the required or first tool with a valid input."""
    tools = {tool["name"]: tool for tool in request.tools or [] if choice.get("name") in {None, tool.get("name")}}
    uses = [use for use in step.uses if use.name in tools]
    if not uses:
        name, tool = next(iter(tools.items()))
        uses = [Use(name, _invent_input(tool.get("input_schema", {})))]
    return _limit(replace(step, text="", uses=tuple(uses), refuses=False), choice)


def _limit(step: Step, choice: Mapping[str, Any]) -> Step:
    return replace(step, uses=step.uses[:1]) if choice.get("disable_parallel_tool_use") else step


def _invent_input(schema: Mapping[str, Any]) -> Any:
    """Return a value that fits a tool's JSON Schema."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            properties = schema.get("properties") or {}
            return {name: _invent_input(properties.get(name, {})) for name in schema.get("required") or []}
        case "array":
            return []
        case "integer" | "number":
            return 1
        case "boolean":
            return True
    return "emulated"
