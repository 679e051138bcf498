"""The replies of the emulated models, for Chat Completions and Responses: text, a refusal, or calls of tools.

A prompt with `[refusal]` is refused, and the content filter cuts the answer to one with `[content_filter]`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from ...scripts import Tool, ToolChoice, Turn, next_step, perform
from ...text import TextRequest, complete, count_tokens, split_deltas
from .http import serial

_REFUSAL = "I'm sorry, but I can't assist with that request."
_MIN_FRAGMENT = 12
_MAX_FRAGMENTS = 200


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool: its id, and its input as it is written. That of a custom tool is a text."""

    id: str
    name: str
    written: str
    is_custom: bool

    @property
    def fragments(self) -> list[str]:
        """The parts in which the input is streamed."""
        length = max(_MIN_FRAGMENT, -(-len(self.written) // _MAX_FRAGMENTS))
        return [self.written[at : at + length] for at in range(0, len(self.written), length)]


@dataclass(frozen=True, slots=True)
class Reply:
    """What the model says, the tokens of it, and why it ended; `refusal` in place of the text."""

    text: str
    tokens: int
    stopped_by: Literal["end", "length", "stop_sequence", "calls", "filter"]
    calls: tuple[Call, ...] = ()
    refusal: str | None = None

    @property
    def deltas(self) -> list[str]:
        """The parts in which the text, or the refusal, is streamed."""
        return split_deltas(self.refusal or self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """What a reply depends on. `limit` is the most tokens of it; `format` is the JSON of a structured output."""

    model: str
    turns: Sequence[Turn]
    instructions: str
    format: str
    tools: Sequence[Tool]
    choice: ToolChoice
    limit: int
    stop_sequences: Sequence[str] = ()


def create_reply(situation: Situation, *, number: int = 0) -> Reply:
    """Return the reply with that number among the alternatives."""
    prompt = next((turn.text for turn in reversed(situation.turns) if turn.role == "user" and turn.text), "")
    if "[refusal]" in prompt:
        return Reply("", count_tokens(_REFUSAL), "end", refusal=_REFUSAL)
    tools = {tool.name: tool for tool in situation.tools}
    step = next_step(situation.turns, situation.tools, situation.choice, scripts={}, max_tokens=situation.limit)
    if step:
        # With a call, these models say nothing else.
        step = replace(step, text="") if step.uses else step
        done = perform(step, mark=f"[emulated {situation.model}] ", max_tokens=situation.limit)
        calls = tuple(
            Call(f"call_emulated{next(serial):016d}", name, written, name in tools and tools[name].schema is None)
            for name, written in done.calls
        )
        return Reply(done.text, done.tokens, "length" if done.is_cut else "calls" if calls else "end", calls)
    request = TextRequest(
        situation.model, prompt, instructions=situation.instructions, format=situation.format, choice=number
    )
    whole = complete(request, max_tokens=situation.limit, stop_sequences=list(situation.stop_sequences))
    if "[content_filter]" in prompt:
        text = whole.text[: len(whole.text) // 2]
        return Reply(text, count_tokens(text), "filter")
    return Reply(whole.text, whole.tokens, whole.stopped_by)
