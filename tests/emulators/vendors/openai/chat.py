"""`POST /v1/chat/completions`, plain and streamed."""

import time
from collections.abc import Mapping
from typing import Any

from ...vendor import Call, Response, json_response, stream_response
from .cache import PromptCache
from .catalogue import MODELS, Model
from .chunks import stream_chunks
from .formats import read_format
from .http import serial, usage_headers
from .logprobs import describe_logprobs
from .messages import check_messages, read_turns, split_chat
from .models import find_model
from .parsing import parse
from .requests import ChatRequest, check_chat, count_reasoning, text_of
from .tools import read_chat_tools, read_choice
from .turns import Reply, Situation, create_reply

_FINISH_REASONS = {
    "end": "stop",
    "length": "length",
    "stop_sequence": "stop",
    "calls": "tool_calls",
    "filter": "content_filter",
}
_cache = PromptCache()


def create_chat_completion(call: Call, models: Mapping[str, Model] = MODELS) -> Response:
    """Return one or several completions of the conversation."""
    request = parse(ChatRequest, call.body)
    model = find_model(request.model, models)
    check_messages(request.messages)
    segments = split_chat(request)
    prompt_tokens = sum(tokens for _, tokens in segments)
    check_chat(request, model, input_tokens=prompt_tokens)

    limit = request.max_completion_tokens or request.max_tokens
    reasoning = count_reasoning(request.reasoning_effort, limit)
    situation = _read_situation(request, model, limit=(limit or model.max_output) - reasoning)
    replies = [create_reply(situation, number=number) for number in range(request.n or 1)]
    completion_tokens = reasoning + sum(reply.tokens for reply in replies)
    usage = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {
            "cached_tokens": _cache.count(segments, model),
            "cache_write_tokens": 0,
            "audio_tokens": 0,
        },
        "completion_tokens_details": {
            "reasoning_tokens": reasoning,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
    envelope = {
        "id": f"chatcmpl-emulated{next(serial):020d}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model.id,
        "service_tier": "default",
        "system_fingerprint": "fp_emulated",
    }
    headers = usage_headers(prompt_tokens + completion_tokens)
    finished = [(reply, _finish_reason(reply, request)) for reply in replies]
    if request.stream:
        return stream_response(list(stream_chunks(request, envelope, finished, usage)), headers=headers)
    choices = [
        {
            "index": index,
            "message": _describe_message(reply),
            "logprobs": _describe_logprobs(reply, request),
            "finish_reason": finish_reason,
        }
        for index, (reply, finish_reason) in enumerate(finished)
    ]
    return json_response({**envelope, "choices": choices, "usage": usage}, headers=headers)


def _read_situation(request: ChatRequest, model: Model, *, limit: int) -> Situation:
    tools = read_chat_tools(request.tools)
    choice = read_choice(
        request.tool_choice, tools, has_tools=request.tools is not None, parallel=request.parallel_tool_calls
    )
    texts = [text_of(message.content) for message in request.messages]
    system = [
        text for message, text in zip(request.messages, texts, strict=True) if message.role in {"system", "developer"}
    ]
    return Situation(
        model=model.id,
        turns=read_turns(request.messages),
        instructions="\n".join(system),
        format=read_format(request.response_format, param="response_format", texts=texts),
        tools=tools,
        choice=choice,
        limit=limit,
        stop_sequences=[request.stop] if isinstance(request.stop, str) else request.stop or [],
    )


def _finish_reason(reply: Reply, request: ChatRequest) -> str:
    """Return why the choice ended; the vendor says `stop` when the request named the function to call."""
    is_named = isinstance(request.tool_choice, dict) and request.tool_choice.get("type") == "function"
    return "stop" if reply.stopped_by == "calls" and is_named else _FINISH_REASONS[reply.stopped_by]


def _describe_message(reply: Reply) -> dict[str, Any]:
    message: dict[str, Any] = {
        "role": "assistant",
        "content": None if reply.refusal or (reply.calls and not reply.text) else reply.text,
        "refusal": reply.refusal,
        "annotations": [],
    }
    if reply.calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.written}}
            if call.is_custom
            else {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.written}}
            for call in reply.calls
        ]
    return message


def _describe_logprobs(reply: Reply, request: ChatRequest) -> dict[str, Any] | None:
    if not request.logprobs or not reply.text:
        return None
    return {"content": describe_logprobs(reply.deltas, request.top_logprobs or 0), "refusal": None}
