"""`POST /v1/chat/completions`, plain and streamed."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from ...text import Completion, TextRequest, complete
from ...vendor import Call, Response, event_frame, json_response, stream_response
from .catalogue import MODELS, Model
from .http import serial, usage_headers
from .models import find_model
from .requests import ChatRequest, check_chat, count_input, count_reasoning, parse, text_of

_FINISH_REASONS = {"end": "stop", "length": "length", "stop_sequence": "stop"}
_PADDING = "o7Xq2vTzK9mWbR4s"


def create_chat_completion(call: Call, models: Mapping[str, Model] = MODELS) -> Response:
    """Return one or several completions of the conversation."""
    request = parse(ChatRequest, call.body)
    model = find_model(request.model, models)
    check_chat(request, model)

    limit = request.max_completion_tokens or request.max_tokens
    reasoning = count_reasoning(request.reasoning_effort, limit)
    prompts = [text_of(message.content) for message in request.messages if message.role == "user"]
    system = [text_of(message.content) for message in request.messages if message.role in {"system", "developer"}]
    text_request = TextRequest(
        model.id,
        prompts[-1] if prompts else "",
        instructions="\n".join(system),
        format=json.dumps(request.response_format) if request.response_format else "",
    )
    completions = [
        complete(
            replace(text_request, choice=index),
            max_tokens=None if limit is None else limit - reasoning,
            stop_sequences=[request.stop] if isinstance(request.stop, str) else request.stop or [],
        )
        for index in range(request.n or 1)
    ]
    prompt_tokens = count_input(request)
    completion_tokens = reasoning + sum(completion.tokens for completion in completions)
    usage = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
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
    if request.stream:
        return stream_response(list(_stream(request, envelope, completions, usage)), headers=headers)
    choices: list[dict[str, Any]] = [
        {
            "index": index,
            "message": {"role": "assistant", "content": completion.text, "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": _FINISH_REASONS[completion.stopped_by],
        }
        for index, completion in enumerate(completions)
    ]
    return json_response({**envelope, "choices": choices, "usage": usage}, headers=headers)


def _stream(
    request: ChatRequest, envelope: dict[str, Any], completions: list[Completion], usage: dict[str, Any]
) -> Iterator[bytes]:
    """Yield the chunks: for each choice role, text and finish reason; then the usage if requested; then `[DONE]`."""
    wants_usage = bool(request.stream_options and request.stream_options.include_usage)
    obfuscates = request.stream_options is None or request.stream_options.include_obfuscation
    chunk = {**envelope, "object": "chat.completion.chunk"}
    no_usage = {"usage": None} if wants_usage else {}

    def frame(index: int, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        # The vendor's padding is random; here it only has to exist and to hide the sizes.
        padding = {"obfuscation": _PADDING[len(delta.get("content") or "") % len(_PADDING) :]} if obfuscates else {}
        return event_frame({**chunk, "choices": [choice], **no_usage, **padding})

    for index, completion in enumerate(completions):
        yield frame(index, {"role": "assistant", "content": "", "refusal": None})
        for text in completion.deltas:
            yield frame(index, {"content": text})
        yield frame(index, {}, _FINISH_REASONS[completion.stopped_by])
    if wants_usage:
        yield event_frame({**chunk, "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"
