"""`POST /v1/responses`, plain and streamed. Nothing is stored, so `previous_response_id` is never found.

Source: the `openai` package 3.54.0 (`types/responses/`).
"""

import json
import time
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ...text import Completion, TextRequest, complete, count_tokens
from ...vendor import Call, Response, event_frame, json_response, stream_response
from .catalogue import Model
from .http import InvalidRequestError, serial, usage_headers
from .models import find_model
from .requests import (
    TOKENS_PER_MESSAGE,
    Part,
    check_sampling,
    check_size,
    count_reasoning,
    parse,
    text_of,
)


class Item(BaseModel):
    """An input item: a message, or anything else, which is accepted without a check."""

    model_config = ConfigDict(extra="allow")
    type: str = "message"
    role: Literal["user", "assistant", "system", "developer"] | None = None
    content: str | list[Part] | None = None


class Reasoning(BaseModel):
    """The `reasoning` field."""

    model_config = ConfigDict(extra="allow")
    effort: Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"] | None = None


class ResponsesRequest(BaseModel):
    """The body of `POST /v1/responses`; fields without an effect in the emulator may have any value."""

    model_config = ConfigDict(extra="forbid", strict=True)
    model: str
    input: str | list[Item] | None = None
    instructions: str | None = None
    max_output_tokens: int | None = Field(default=None, ge=16)
    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, ge=0, le=1)
    reasoning: Reasoning | None = None
    stream: bool | None = None
    metadata: dict[str, str] | None = None
    parallel_tool_calls: bool | None = None
    truncation: Literal["auto", "disabled"] | None = None
    background: Any = None
    context_management: Any = None
    conversation: Any = None
    include: Any = None
    max_tool_calls: Any = None
    moderation: Any = None
    previous_response_id: str | None = None
    prompt: Any = None
    prompt_cache_key: Any = None
    prompt_cache_options: Any = None
    prompt_cache_retention: Any = None
    safety_identifier: Any = None
    service_tier: Any = None
    store: bool | None = None
    stream_options: Any = None
    text: Any = None
    tool_choice: Any = None
    tools: list[dict[str, Any]] | None = None
    top_logprobs: Any = None
    user: Any = None

    @property
    def items(self) -> list[Item]:
        """The input as items, a string as one message of the user."""
        return [Item(role="user", content=self.input)] if isinstance(self.input, str) else self.input or []

    @property
    def effort(self) -> str | None:
        """The reasoning effort."""
        return self.reasoning.effort if self.reasoning else None


def create_response(call: Call) -> Response:
    """Return the model's response to the input."""
    request = parse(ResponsesRequest, call.body)
    model = find_model(request.model)
    _check(request, model)

    reasoning = count_reasoning(request.effort, request.max_output_tokens)
    prompts = [text_of(item.content) for item in request.items if item.role == "user"]
    limit = None if request.max_output_tokens is None else request.max_output_tokens - reasoning
    system = [text_of(item.content) for item in request.items if item.role in {"system", "developer"}]
    format_ = request.text.get("format") if isinstance(request.text, dict) else None
    text_request = TextRequest(
        model.id,
        prompts[-1] if prompts else "",
        instructions="\n".join([request.instructions or "", *system]).strip(),
        format=json.dumps(format_) if format_ else "",
    )
    completion = complete(text_request, max_tokens=limit, stop_sequences=[])
    input_tokens, output_tokens = _count_input(request), completion.tokens + reasoning
    usage = {
        "input_tokens": input_tokens,
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": input_tokens + output_tokens,
    }
    opening = _build_opening(request, model)
    final = _build_final(opening, completion, usage)
    headers = usage_headers(input_tokens + output_tokens)
    if request.stream:
        return stream_response(list(_stream(opening, final, completion)), headers=headers)
    return json_response(final, headers=headers)


def _check(request: ResponsesRequest, model: Model) -> None:
    if not request.input:
        message = "Missing required parameter: 'input'."
        raise InvalidRequestError(message, param="input", code="missing_required_parameter")
    if request.previous_response_id:
        message = f"Previous response with id '{request.previous_response_id}' not found."
        raise InvalidRequestError(message, param="previous_response_id", code="previous_response_not_found")
    wanted, input_tokens = request.max_output_tokens, _count_input(request)
    check_size(model, param="max_output_tokens", wanted=wanted, input_tokens=input_tokens)
    values = {"temperature": request.temperature, "top_p": request.top_p}
    check_sampling(model, effort=request.effort, values=values)


def _count_input(request: ResponsesRequest) -> int:
    texts = [request.instructions or "", *map(str, request.tools or [])]
    texts += [text_of(item.content) for item in request.items]
    return sum(map(count_tokens, texts)) + TOKENS_PER_MESSAGE * len(request.items)


def _build_opening(request: ResponsesRequest, model: Model) -> dict[str, Any]:
    """Return the response before any output; most of it repeats the request."""
    return {
        "id": f"resp_emulated{next(serial):020d}",
        "object": "response",
        "created_at": int(time.time()),
        "completed_at": None,
        "status": "in_progress",
        "background": False,
        "error": None,
        "incomplete_details": None,
        "instructions": request.instructions,
        "max_output_tokens": request.max_output_tokens,
        "metadata": request.metadata or {},
        "model": model.id,
        "output": [],
        "parallel_tool_calls": request.parallel_tool_calls is not False,
        "previous_response_id": None,
        "reasoning": {"effort": request.effort, "summary": None},
        "service_tier": "default",
        "store": request.store is not False,
        "temperature": 1.0 if request.temperature is None else request.temperature,
        "text": request.text or {"format": {"type": "text"}, "verbosity": "medium"},
        "tool_choice": request.tool_choice or "auto",
        "tools": request.tools or [],
        "top_p": 1.0 if request.top_p is None else request.top_p,
        "truncation": request.truncation or "disabled",
        "usage": None,
    }


def _build_final(opening: dict[str, Any], completion: Completion, usage: dict[str, Any]) -> dict[str, Any]:
    """Return the response with its output."""
    is_whole = completion.stopped_by == "end"
    status = "completed" if is_whole else "incomplete"
    message = {
        "id": opening["id"].replace("resp_", "msg_"),
        "type": "message",
        "role": "assistant",
        "status": status,
        "content": [{"type": "output_text", "text": completion.text, "annotations": [], "logprobs": []}],
    }
    return {
        **opening,
        "status": status,
        "completed_at": opening["created_at"] if is_whole else None,
        "incomplete_details": None if is_whole else {"reason": "max_output_tokens"},
        "output": [message],
        "usage": usage,
    }


def _stream(opening: dict[str, Any], final: dict[str, Any], completion: Completion) -> Iterator[bytes]:
    """Yield the events: created, in progress; item and part added, filled, done; completed (or incomplete)."""
    (message,) = final["output"]
    (part,) = message["content"]
    at_item = {"item_id": message["id"], "output_index": 0}
    at_part = {**at_item, "content_index": 0}
    empty_part = {**part, "text": ""}
    events: list[tuple[str, dict[str, Any]]] = [
        ("created", {"response": opening}),
        ("in_progress", {"response": opening}),
        ("output_item.added", {"output_index": 0, "item": {**message, "status": "in_progress", "content": []}}),
        ("content_part.added", {**at_part, "part": empty_part}),
        *(("output_text.delta", {**at_part, "delta": text, "logprobs": []}) for text in completion.deltas),
        ("output_text.done", {**at_part, "text": completion.text, "logprobs": []}),
        ("content_part.done", {**at_part, "part": part}),
        ("output_item.done", {"output_index": 0, "item": message}),
        (final["status"], {"response": final}),
    ]
    for number, (name, fields) in enumerate(events):
        event = f"response.{name}"
        yield event_frame({"type": event, "sequence_number": number, **fields}, event=event)
