"""The replies of the emulated models: text, or with tools the steps of `scripts.py` and `tasks.py`.

A prompt with `[refusal]` is refused.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic_core import from_json, to_json

from ...scripts import Step, Tool, ToolChoice, Turn, next_step, perform
from ...text import Completion, TextRequest, complete
from .catalogue import Model
from .requests import Message, MessagesRequest, merge_turns, text_of
from .tasks import SCRIPTS

_STOP_REASONS = {"end": "end_turn", "length": "max_tokens", "stop_sequence": "stop_sequence"}
_CALLER = {"type": "direct"}
_REFUSAL = "[refusal]"


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
    prompts = [text_of(message.content) for message in request.messages if message.role == "user"]
    prompt = prompts[-1] if prompts else ""
    if _REFUSAL in prompt:
        return Reply([], "refusal", Completion("", 0, "end"))
    if step := _next_step(request):
        return _perform(step, model, max_tokens=max_tokens, ids=ids)
    system = [request.system, *(message.content for message in request.messages if message.role == "system")]
    format_ = (request.output_config or {}).get("format")
    text_request = TextRequest(
        model.id,
        prompt,
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
    done = perform(step, mark=f"[emulated {model.id}] ", max_tokens=max_tokens)
    content, arguments = _text_blocks(done.text), dict[str, str]()
    for name, written in done.calls:
        block_id = next(ids)
        arguments[block_id] = written
        given = from_json(written, allow_partial=True)
        content.append({"type": "tool_use", "id": block_id, "name": name, "input": given, "caller": _CALLER})
    stop_reason = (
        "refusal" if step.refuses else "max_tokens" if done.is_cut else "tool_use" if arguments else "end_turn"
    )
    completion = Completion(done.text, done.tokens, "length" if done.is_cut else "end")
    return Reply(content, stop_reason, completion, arguments)


def _text_blocks(text: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": text}] if text else []


def _next_step(request: MessagesRequest) -> Step | None:
    """Return the next step, or `None` if the request has no tools of the caller's own or none fits."""
    choice = request.tool_choice or {}
    tools = [
        Tool(tool["name"], tool.get("input_schema") or {"type": "object"})
        for tool in request.tools or []
        if tool.get("type") in {None, "custom"}
    ]
    tool_choice = ToolChoice(
        required=choice.get("type") in {"any", "tool"},
        none=choice.get("type") == "none",
        names=frozenset({choice["name"]}) if choice.get("type") == "tool" else None,
        parallel=not choice.get("disable_parallel_tool_use"),
    )
    conversation = list(_read_conversation(request.messages))
    return next_step(conversation, tools, tool_choice, scripts=SCRIPTS, max_tokens=request.max_tokens)


def _read_conversation(messages: list[Message]) -> Iterator[Turn]:
    for role, blocks in merge_turns(messages):
        results = [block for block in blocks if block.type == "tool_result"]
        yield Turn(
            role,
            text_of([block for block in blocks if block.type != "tool_result"]),
            tuple(text_of(block.content) for block in results),
            sum(block.is_error is True for block in results),
            tuple(block.name or "" for block in blocks if block.type == "tool_use"),
        )
