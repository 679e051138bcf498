"""The output of Responses, item by item, as the events that build it."""

from __future__ import annotations

import uuid
from typing import Any

from electrons.upstream.reading import SurrogateJoiner

Event = tuple[str, dict[str, Any]]
"""The type of an event without `response.`, and its members."""

_PREFIXES = {"message": "msg", "function_call": "fc", "reasoning": "rs"}


class OutputItems:
    """Builds one item after the other. Each method returns the events of what it adds."""

    def __init__(self) -> None:
        self.output: list[dict[str, Any]] = []
        self.characters = 0
        self._item: dict[str, Any] = {}
        self._part: dict[str, Any] = {}
        self._pieces: list[str] = []
        self._joiner = SurrogateJoiner()

    @property
    def is_empty(self) -> bool:
        """Whether no item was begun."""
        return not (self.output or self._item)

    @property
    def is_saying(self) -> bool:
        """Whether a part of text is open, and no half of a surrogate pair waits for the next piece."""
        return self._part.get("type") == "output_text" and not self._joiner.has_half

    def think(self, piece: str) -> list[Event]:
        """Add a piece of the thoughts: the summary of a reasoning item."""
        return self._add("reasoning", {"type": "summary_text", "text": ""}, piece)

    def say(self, piece: str) -> list[Event]:
        """Add a piece of text."""
        return self._add("message", {"type": "output_text", "text": "", "annotations": [], "logprobs": []}, piece)

    def say_more(self, piece: str) -> dict[str, Any]:
        """Add a piece without half of a surrogate pair to the text that is open. Return where it is."""
        self.characters += len(piece)
        self._pieces.append(piece)
        return self._place()

    def refuse(self, piece: str) -> list[Event]:
        """Add a piece of a refusal."""
        return self._add("message", {"type": "refusal", "refusal": ""}, piece)

    def call(self, call_id: str, name: str) -> list[Event]:
        """Begin the call of a function."""
        return self._start({"call_id": call_id, "name": name, "arguments": ""}, "function_call")

    def add_arguments(self, piece: str) -> list[Event]:
        """Add a piece of the arguments to the call that was begun last."""
        return self._write(piece) if piece else []

    def end(self, status: str = "completed") -> list[Event]:
        """End the last item, which is `incomplete` if the limit cut it off."""
        if not self._item:
            return []
        item, index = self._item, len(self.output)
        is_call = item["type"] == "function_call"
        events = self._end_part()
        if is_call:
            if not self._pieces and status == "completed":
                events += self._write("{}")
            events += self._flush()
            item["arguments"] = "".join(self._pieces)
            done = {"arguments": item["arguments"], "name": item["name"]}
            events.append(("function_call_arguments.done", {"item_id": item["id"], "output_index": index, **done}))
        if item["type"] != "reasoning":
            item["status"] = status
        self.output.append(item)
        self._item, self._pieces = {}, []
        return [*events, ("output_item.done", {"output_index": index, "item": item})]

    def _add(self, kind: str, part: dict[str, Any], piece: str) -> list[Event]:
        events: list[Event] = []
        if self._item.get("type") != kind:
            content: dict[str, Any] = {"summary": []} if kind == "reasoning" else {"role": "assistant", "content": []}
            events += self._start(content, kind)
        if self._part.get("type") != part["type"]:
            events += self._end_part()
            self._part = part
            name = "reasoning_summary_part.added" if kind == "reasoning" else "content_part.added"
            events.append((name, {**self._place(), "part": dict(part)}))
        return events + self._write(piece)

    def _start(self, content: dict[str, Any], kind: str) -> list[Event]:
        events = self.end()
        state = {} if kind == "reasoning" else {"status": "in_progress"}
        self._item = {"id": f"{_PREFIXES[kind]}_{uuid.uuid4().hex}", "type": kind, **state, **content}
        # The item is filled later, and a list in it too.
        opened = {name: list(value) if isinstance(value, list) else value for name, value in self._item.items()}
        return [*events, ("output_item.added", {"output_index": len(self.output), "item": opened})]

    def _end_part(self) -> list[Event]:
        part = self._part
        if not part:
            return []
        events, place = self._flush(), self._place()
        member = "refusal" if part["type"] == "refusal" else "text"
        part[member] = "".join(self._pieces)
        more: dict[str, Any] = {"logprobs": []} if part["type"] == "output_text" else {}
        events.append((f"{self._name()}.done", {**place, member: part[member], **more}))
        is_thought = self._item["type"] == "reasoning"
        name = "reasoning_summary_part.done" if is_thought else "content_part.done"
        events.append((name, {**place, "part": part}))
        self._item["summary" if is_thought else "content"].append(part)
        self._part, self._pieces = {}, []
        return events

    def _place(self) -> dict[str, Any]:
        """Return where the part is, or will be."""
        place = {"item_id": self._item["id"], "output_index": len(self.output)}
        if self._item["type"] == "function_call":
            return place
        is_thought = self._item["type"] == "reasoning"
        parts = self._item["summary" if is_thought else "content"]
        return {**place, "summary_index" if is_thought else "content_index": len(parts)}

    def _name(self) -> str:
        kind: str = self._part.get("type", "function_call_arguments")
        return "reasoning_summary_text" if kind == "summary_text" else kind

    def _write(self, piece: str) -> list[Event]:
        self.characters += len(piece)
        joined = self._joiner.feed(piece)
        return [self._write_delta(joined)] if joined else []

    def _flush(self) -> list[Event]:
        rest = self._joiner.finish()
        return [self._write_delta(rest)] if rest else []

    def _write_delta(self, piece: str) -> Event:
        self._pieces.append(piece)
        more: dict[str, Any] = {"logprobs": []} if self._name() == "output_text" else {}
        return f"{self._name()}.delta", {**self._place(), "delta": piece, **more}
