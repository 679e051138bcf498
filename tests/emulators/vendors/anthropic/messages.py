"""`POST /v1/messages`, plain and streamed, and `/v1/messages/count_tokens`."""

from ...text import count_tokens
from ...vendor import Call, Response, json_response, stream_response
from .cache import PromptCache
from .catalogue import Model
from .events import stream_message
from .http import serial, usage_headers
from .models import find_model
from .requests import (
    SIGNATURE,
    WITHOUT_SAMPLING,
    CountTokensRequest,
    MessagesRequest,
    SampledMessagesRequest,
    check_conversation,
    check_generation,
    check_sampling,
    count_input,
    parse,
    split_prompt,
)
from .tools import check_tools
from .turns import create_reply

_THINKING = "An emulated model does not think; this block shows where its thoughts would be."
_REFUSED = {"type": "refusal", "category": None, "explanation": "The task requested a refusal of the emulated model."}
_cache = PromptCache()


def create_message(call: Call) -> Response:
    """Return the model's next message."""
    request, model = _parse_messages(call)
    thinking = request.thinking if request.thinking and request.thinking.type in {"enabled", "adaptive"} else None
    # With tools, models that always think do so without a request for it, and do not show it.
    thinks = thinking or (request.tools and not model.takes_thinking("disabled"))
    thinking_tokens = min(count_tokens(_THINKING), request.max_tokens) if thinks else 0
    ids = (f"toolu_emulated{number:016d}" for number in serial)
    reply = create_reply(request, model, max_tokens=request.max_tokens - thinking_tokens, ids=ids)
    content = reply.content
    if thinks:
        shown = _THINKING if thinking and thinking.display != "omitted" else ""
        content = [{"type": "thinking", "thinking": shown, "signature": SIGNATURE}, *content]
    segments = split_prompt(request)
    read, written = _cache.count(segments, model)
    input_tokens = sum(segment.tokens for segment in segments)
    output_tokens = reply.completion.tokens + thinking_tokens
    message = {
        "id": f"msg_emulated{next(serial):016d}",
        "type": "message",
        "role": "assistant",
        "model": model.id,
        "content": content,
        "stop_reason": reply.stop_reason,
        "stop_sequence": reply.completion.stop_sequence,
        "stop_details": _REFUSED if reply.stop_reason == "refusal" else None,
        "usage": {
            "input_tokens": input_tokens - read - written,
            "cache_creation_input_tokens": written,
            "cache_read_input_tokens": read,
            "cache_creation": {"ephemeral_5m_input_tokens": written, "ephemeral_1h_input_tokens": 0},
            "output_tokens": output_tokens,
            "output_tokens_details": {"thinking_tokens": thinking_tokens},
            "service_tier": "standard",
            "inference_geo": request.inference_geo or "global",
        },
    }
    # Tokens that are read from the cache do not count towards the limits.
    headers = usage_headers(input_tokens - read, output_tokens)
    if request.stream:
        return stream_response(list(stream_message(message, reply)), headers=headers)
    return json_response(message, headers=headers)


def count_message_tokens(call: Call) -> Response:
    """Return the input tokens of a request, which is checked like one of Messages."""
    request = parse(CountTokensRequest, call.body)
    model = find_model(request.model)
    check_conversation(request, model, call.headers["anthropic-version"])
    check_tools(request, model)
    return json_response({"input_tokens": count_input(request)}, headers=usage_headers())


def _parse_messages(call: Call) -> tuple[MessagesRequest, Model]:
    version = call.headers["anthropic-version"]
    if version == WITHOUT_SAMPLING:
        request = parse(MessagesRequest, call.body)
        model = find_model(request.model)
    else:
        request = sampled = parse(SampledMessagesRequest, call.body)
        model = find_model(request.model)
        check_sampling(sampled, model)
    check_conversation(request, model, version)
    check_tools(request, model)
    check_generation(request, model)
    return request, model
