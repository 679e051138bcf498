"""`POST /v1/responses`, plain and streamed.

The vendor's own tools (web search, code interpreter, ...) are accepted and never called.
"""

import time
from base64 import b64encode
from collections.abc import Sequence
from typing import Any

from ...vendor import Call, Response, json_response, stream_response
from .cache import PromptCache
from .catalogue import Model
from .formats import read_format
from .http import serial, usage_headers
from .logprobs import describe_logprobs
from .models import find_model
from .parsing import parse
from .requests import count_reasoning
from .response_events import stream_events
from .response_requests import (
    Item,
    ResponsesRequest,
    check_items,
    check_request,
    format_of,
    read_turns,
    split_input,
    system_of,
)
from .stored_responses import resolve_items, store
from .tools import read_choice, read_responses_tools
from .turns import Reply, Situation, create_reply

_SUMMARY = "An emulated model does not think; this summary shows where its thoughts would be."
_LOGPROBS = "message.output_text.logprobs"
_cache = PromptCache()


def create_response(call: Call) -> Response:
    """Return the model's response to the input."""
    request = parse(ResponsesRequest, call.body)
    model = find_model(request.model)
    items = resolve_items(request.items, previous=request.previous_response_id)
    check_items(items)
    segments = split_input(request, items)
    input_tokens = sum(tokens for _, tokens in segments)
    check_request(request, model, input_tokens=input_tokens)

    reasoning = count_reasoning(request.effort, request.max_output_tokens)
    situation = _read_situation(
        request, items, model, limit=(request.max_output_tokens or model.max_output) - reasoning
    )
    reply = create_reply(situation)
    output_tokens = reply.tokens + reasoning
    usage = {
        "input_tokens": input_tokens,
        "input_tokens_details": {"cached_tokens": _cache.count(segments, model), "cache_write_tokens": 0},
        "output_tokens": output_tokens,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": input_tokens + output_tokens,
    }
    opening = _build_opening(request, model)
    final = _build_final(opening, _build_output(request, reply, has_reasoning=bool(reasoning)), reply, usage)
    if request.store is not False:
        store(final, items)
    headers = usage_headers(input_tokens + output_tokens)
    if request.stream:
        return stream_response(list(stream_events(opening, final, reply)), headers=headers)
    return json_response(final, headers=headers)


def _read_situation(request: ResponsesRequest, items: Sequence[Item], model: Model, *, limit: int) -> Situation:
    tools = read_responses_tools(request.tools)
    system = system_of(request, items)
    return Situation(
        model=model.id,
        turns=read_turns(items),
        instructions=system,
        format=read_format(format_of(request), param="text.format", texts=[system, *(item.text for item in items)]),
        tools=tools,
        # Unlike Chat Completions, Responses takes both options without tools.
        choice=read_choice(request.tool_choice, tools, has_tools=True, parallel=request.parallel_tool_calls),
        limit=limit,
    )


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
        "previous_response_id": request.previous_response_id,
        "reasoning": {"effort": request.effort, "summary": request.reasoning and request.reasoning.summary},
        "service_tier": "default",
        "store": request.store is not False,
        "temperature": 1.0 if request.temperature is None else request.temperature,
        "text": {"format": {"type": "text"}, "verbosity": "medium", **(request.text or {})},
        "tool_choice": request.tool_choice or "auto",
        "tools": [tool.model_dump(exclude_unset=True) for tool in request.tools or []],
        "top_p": 1.0 if request.top_p is None else request.top_p,
        "truncation": request.truncation or "disabled",
        "usage": None,
    }


def _build_output(request: ResponsesRequest, reply: Reply, *, has_reasoning: bool) -> list[dict[str, Any]]:
    """Return the items: the reasoning if there was an effort, a message, the calls."""
    status = "incomplete" if reply.stopped_by in {"length", "filter"} else "completed"
    output: list[dict[str, Any]] = []
    if has_reasoning:
        shows = request.reasoning and request.reasoning.summary
        summary = [{"type": "summary_text", "text": _SUMMARY}] if shows else []
        secret = b64encode(b"emulated reasoning").decode() if request.store is False else None
        if "reasoning.encrypted_content" in (request.include or []):
            secret = b64encode(b"emulated reasoning").decode()
        output.append(
            {"id": f"rs_emulated{next(serial):020d}", "type": "reasoning", "summary": summary}
            | ({"encrypted_content": secret} if secret else {})
        )
    if reply.text or reply.refusal or not reply.calls:
        part = (
            {"type": "refusal", "refusal": reply.refusal}
            if reply.refusal
            else {"type": "output_text", "text": reply.text, "annotations": [], "logprobs": _logprobs(request, reply)}
        )
        message_id = f"msg_emulated{next(serial):020d}"
        output.append({"id": message_id, "type": "message", "role": "assistant", "status": status, "content": [part]})
    for called in reply.calls:
        kind, member, prefix = (
            ("custom_tool_call", "input", "ctc") if called.is_custom else ("function_call", "arguments", "fc")
        )
        output.append(
            {
                "id": f"{prefix}_emulated{next(serial):020d}",
                "type": kind,
                "status": status,
                "call_id": called.id,
                "name": called.name,
                member: called.written,
            }
        )
    return output


def _logprobs(request: ResponsesRequest, reply: Reply) -> list[dict[str, Any]]:
    wanted = request.top_logprobs or _LOGPROBS in (request.include or [])
    return describe_logprobs(reply.deltas, request.top_logprobs or 0) if wanted else []


def _build_final(
    opening: dict[str, Any], output: list[dict[str, Any]], reply: Reply, usage: dict[str, Any]
) -> dict[str, Any]:
    """Return the response with its output."""
    reason = {"length": "max_output_tokens", "filter": "content_filter"}.get(reply.stopped_by)
    return {
        **opening,
        "status": "incomplete" if reason else "completed",
        "completed_at": None if reason else opening["created_at"],
        "incomplete_details": {"reason": reason} if reason else None,
        "output": output,
        "usage": usage,
    }
