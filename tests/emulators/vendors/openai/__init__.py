"""OpenAI: Chat Completions, Responses and Models, as api.openai.com behaves in November 2026.

Sources: the `openai` package 3.54.0, https://developers.openai.com/api/docs (deprecations, guides/error-codes,
guides/rate-limits) and published error texts. Tools, log probabilities, audio and structured output are accepted and
change nothing: the answer is always text.
"""

import time
from collections.abc import Iterator
from typing import Any

from ...text import Completion, complete
from ...vendor import Answer, Call, Route, Vendor, event_frame, json_answer, stream_answer
from .answers import (
    authenticate,
    base_headers,
    error,
    error_frame,
    find_model,
    refuse,
    serial,
    usage_headers,
)
from .catalogue import MODELS
from .images import create_image
from .requests import ChatRequest, InvalidRequestError, check_chat, count_input, count_reasoning, parse, text_of
from .responses import create_response

_FINISH_REASONS = {"end": "stop", "length": "length", "stop_sequence": "stop"}
_PADDING = "o7Xq2vTzK9mWbR4s"


def create_chat_completion(call: Call) -> Answer:
    try:
        request = parse(ChatRequest, call.body)
        model = find_model(request.model)
        check_chat(request, model)
    except InvalidRequestError as invalid:
        raise refuse(400, str(invalid), param=invalid.param, code=invalid.code) from invalid

    limit = request.max_completion_tokens or request.max_tokens
    reasoning = count_reasoning(request.reasoning_effort, limit)
    prompts = [message.content for message in request.messages if message.role == "user"]
    prompt = text_of(prompts[-1]) if prompts else ""
    completions = [
        complete(
            model.id,
            f"{prompt} (choice {index})" if index else prompt,
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
        return stream_answer(list(_stream(request, envelope, completions, usage)), headers=headers)
    choices: list[dict[str, Any]] = [
        {
            "index": index,
            "message": {"role": "assistant", "content": completion.text, "refusal": None, "annotations": []},
            "logprobs": None,
            "finish_reason": _FINISH_REASONS[completion.stopped_by],
        }
        for index, completion in enumerate(completions)
    ]
    return json_answer({**envelope, "choices": choices, "usage": usage}, headers=headers)


def _stream(
    request: ChatRequest, envelope: dict[str, Any], completions: list[Completion], usage: dict[str, Any]
) -> Iterator[bytes]:
    """Chunks: per choice the role, the text, the reason; then, where asked for, the usage; then `[DONE]`."""
    wants_usage = bool(request.stream_options and request.stream_options.include_usage)
    obfuscates = request.stream_options is None or request.stream_options.include_obfuscation
    chunk = {**envelope, "object": "chat.completion.chunk"}
    no_usage = {"usage": None} if wants_usage else {}

    def frame(index: int, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        # The vendor's padding is random; what matters is that it is there and evens out the sizes.
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


def list_models(call: Call) -> Answer:
    body = {"object": "list", "data": [model.describe(model_id) for model_id, model in MODELS.items()]}
    return json_answer(body, headers=base_headers())


def get_model(call: Call) -> Answer:
    model_id = call.params["id"]
    return json_answer(find_model(model_id).describe(model_id), headers=base_headers())


def unknown_route(call: Call) -> Answer:
    if any(route.path == call.path for route in vendor.routes):
        message = (
            f"Not allowed to {call.method} on {call.path}. (HINT: Perhaps you meant to use a different HTTP method?)"
        )
        return refuse(405, message, code="method_not_supported").answer
    return refuse(404, f"Invalid URL ({call.method} {call.path})").answer


vendor = Vendor(
    name="openai",
    base_path="/v1",
    routes=(
        Route("POST", "/v1/chat/completions", create_chat_completion),
        Route("POST", "/v1/responses", create_response),
        Route("POST", "/v1/images/generations", create_image, slow=True),
        Route("GET", "/v1/models", list_models),
        Route("GET", "/v1/models/{id}", get_model),
    ),
    authenticate=authenticate,
    error=error,
    error_frame=error_frame,
    unknown_route=unknown_route,
    max_body_bytes=64 * 1024 * 1024,
)
