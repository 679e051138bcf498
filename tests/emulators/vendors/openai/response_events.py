"""A response as a stream of events: created, in progress, the items one by one, completed (or incomplete)."""

from collections.abc import Iterator
from typing import Any

from ...vendor import event_frame
from .turns import Call, Reply

_Event = tuple[str, dict[str, Any]]


def stream_events(opening: dict[str, Any], final: dict[str, Any], reply: Reply) -> Iterator[bytes]:
    """Yield the events with their numbers."""
    for number, (name, fields) in enumerate(_list_events(opening, final, reply)):
        event = f"response.{name}"
        yield event_frame({"type": event, "sequence_number": number, **fields}, event=event)


def _list_events(opening: dict[str, Any], final: dict[str, Any], reply: Reply) -> Iterator[_Event]:
    yield "created", {"response": opening}
    yield "in_progress", {"response": opening}
    calls = {call.id: call for call in reply.calls}
    for index, item in enumerate(final["output"]):
        match item["type"]:
            case "reasoning":
                empty, events = {**item, "summary": []}, _list_summary_events(item, index)
            case "message":
                empty, events = {**item, "status": "in_progress", "content": []}, _list_text_events(item, index, reply)
            case _:
                written = "input" if item["type"] == "custom_tool_call" else "arguments"
                empty = {**item, "status": "in_progress", written: ""}
                events = _list_call_events(item, index, calls[item["call_id"]])
        yield "output_item.added", {"output_index": index, "item": empty}
        yield from events
        yield "output_item.done", {"output_index": index, "item": item}
    yield final["status"], {"response": final}


def _list_summary_events(item: dict[str, Any], index: int) -> Iterator[_Event]:
    for number, part in enumerate(item["summary"]):
        at = {"item_id": item["id"], "output_index": index, "summary_index": number}
        yield "reasoning_summary_part.added", {**at, "part": {**part, "text": ""}}
        yield "reasoning_summary_text.delta", {**at, "delta": part["text"]}
        yield "reasoning_summary_text.done", {**at, "text": part["text"]}
        yield "reasoning_summary_part.done", {**at, "part": part}


def _list_text_events(item: dict[str, Any], index: int, reply: Reply) -> Iterator[_Event]:
    at = {"item_id": item["id"], "output_index": index, "content_index": 0}
    (part,) = item["content"]
    kind, member = ("refusal", "refusal") if part["type"] == "refusal" else ("output_text", "text")
    more: dict[str, Any] = {"logprobs": []} if kind == "output_text" else {}
    yield "content_part.added", {**at, "part": {**part, member: ""}}
    for text in reply.deltas:
        yield f"{kind}.delta", {**at, "delta": text, **more}
    yield f"{kind}.done", {**at, member: part[member], **more}
    yield "content_part.done", {**at, "part": part}


def _list_call_events(item: dict[str, Any], index: int, call: Call) -> Iterator[_Event]:
    kind, member = ("custom_tool_call_input", "input") if call.is_custom else ("function_call_arguments", "arguments")
    at = {"item_id": item["id"], "output_index": index}
    for fragment in call.fragments:
        yield f"{kind}.delta", {**at, "delta": fragment}
    yield f"{kind}.done", {**at, member: call.written} | ({} if call.is_custom else {"name": call.name})
