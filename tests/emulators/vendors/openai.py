"""OpenAI: Chat Completions (create, stream) and Models, as api.openai.com behaves in November 2026.

Sources: the `openai` package 3.54.0, https://developers.openai.com/api/docs (deprecations, guides/error-codes,
guides/rate-limits) and published error texts. Tools, log probabilities, audio and structured output are accepted and
change nothing: the answer is always text.
"""

import time
from collections.abc import Iterator
from itertools import count
from typing import Any

from ..text import Completion, complete
from ..vendor import Answer, Call, Headers, Refusal, Route, Vendor, event_frame, json_answer, stream_answer
from ._openai_models import MODELS, SHUT_DOWN, Model
from ._openai_requests import ChatRequest, InvalidRequestError, check_chat, count_input, parse, text_of

_REQUESTS_PER_MINUTE = 10_000
_TOKENS_PER_MINUTE = 2_000_000
_REASONING_TOKENS = {"low": 16, "medium": 32, "high": 64, "xhigh": 128, "max": 256}
_FINISH_REASONS = {"end": "stop", "length": "length", "stop_sequence": "stop"}
_PADDING = "o7Xq2vTzK9mWbR4s"
_KEYS_PAGE = "https://platform.openai.com/account/api-keys"
_QUOTA = "You exceeded your current quota, please check your plan and billing details."

# status -> type, code, message
_ERRORS: dict[int, tuple[str, str | None, str]] = {
    400: ("invalid_request_error", None, "Invalid request."),
    401: ("invalid_request_error", "invalid_api_key", f"Incorrect API key provided. You can find it at {_KEYS_PAGE}."),
    403: (
        "invalid_request_error",
        "unsupported_country_region_territory",
        "Country, region, or territory not supported",
    ),
    404: ("invalid_request_error", "model_not_found", "The model does not exist or you do not have access to it."),
    413: ("invalid_request_error", None, "Maximum content size limit exceeded"),
    429: ("requests", "rate_limit_exceeded", "Rate limit reached for requests per min (RPM)."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
    503: ("service_unavailable_error", "server_is_overloaded", "The server is overloaded. Please try again later."),
}
# code -> type, message; those of 429 that are not its usual one
_CODES = {
    "insufficient_quota": ("insufficient_quota", _QUOTA),
    "credit_balance_exhausted": ("insufficient_quota", "Your credit balance is exhausted."),
    "slow_down": ("rate_limit_error", "Please slow down: the request rate rose too fast."),
}
_serial = count(1)


def _base_headers() -> Headers:
    return [
        (b"x-request-id", b"req_emulated%020d" % next(_serial)),
        (b"openai-organization", b"org-emulated"),
        (b"openai-processing-ms", b"1"),
        (b"openai-version", b"2020-10-01"),
    ]


def _headers(tokens: int) -> Headers:
    """Those of an answered request. The limits refill before every request and so never refuse one."""
    return [
        *_base_headers(),
        (b"x-ratelimit-limit-requests", b"%d" % _REQUESTS_PER_MINUTE),
        (b"x-ratelimit-limit-tokens", b"%d" % _TOKENS_PER_MINUTE),
        (b"x-ratelimit-remaining-requests", b"%d" % (_REQUESTS_PER_MINUTE - 1)),
        (b"x-ratelimit-remaining-tokens", b"%d" % max(0, _TOKENS_PER_MINUTE - tokens)),
        (b"x-ratelimit-reset-requests", b"%dms" % (60_000 // _REQUESTS_PER_MINUTE)),
        (b"x-ratelimit-reset-tokens", b"%dms" % (60_000 * tokens // _TOKENS_PER_MINUTE)),
    ]


def _error_body(status: int, message: str | None, code: str | None, param: str | None = None) -> dict[str, Any]:
    kind, usual_code, text = _ERRORS.get(status) or _ERRORS[400 if status < 500 else 500]
    if code in _CODES:
        kind, text = _CODES[code]
    return {"error": {"message": message or text, "type": kind, "param": param, "code": code or usual_code}}


def error(
    status: int, message: str | None = None, *, code: str | None = None, retry_after: float | None = None
) -> Answer:
    headers = _base_headers()
    if retry_after is not None:
        headers.append((b"retry-after", f"{retry_after:g}".encode()))
        headers.append((b"retry-after-ms", b"%d" % (retry_after * 1000)))
    return json_answer(_error_body(status, message, code), status=status, headers=headers)


def error_frame(status: int, message: str | None = None, *, code: str | None = None) -> bytes:
    return event_frame(_error_body(status, message, code))


def _refuse(status: int, message: str, *, param: str | None = None, code: str | None = None) -> Refusal:
    body = {"error": {"message": message, "type": "invalid_request_error", "param": param, "code": code}}
    return Refusal(json_answer(body, status=status, headers=_base_headers()))


def authenticate(call: Call) -> None:
    """`Authorization: Bearer`. Any key will do that does not start with `invalid`."""
    scheme, _, key = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not key.strip():
        message = (
            "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer "
            f"auth (i.e. Authorization: Bearer YOUR_KEY). You can obtain an API key from {_KEYS_PAGE}."
        )
        raise _refuse(401, message)
    if key.startswith("invalid"):
        shown = f"{key[:4]}{'*' * max(1, len(key) - 8)}{key[-4:]}"
        message = f"Incorrect API key provided: {shown}. You can find your API key at {_KEYS_PAGE}."
        raise _refuse(401, message, code="invalid_api_key")


def _find_model(model_id: str) -> Model:
    if model := MODELS.get(model_id):
        return model
    if model_id in SHUT_DOWN:
        deprecations = "https://platform.openai.com/docs/deprecations"
        message = f"The model `{model_id}` has been deprecated, learn more here: {deprecations}"
    else:
        message = f"The model `{model_id}` does not exist or you do not have access to it."
    raise _refuse(404, message, code="model_not_found")


def create_chat_completion(call: Call) -> Answer:
    try:
        request = parse(ChatRequest, call.body)
        model = _find_model(request.model)
        check_chat(request, model)
    except InvalidRequestError as invalid:
        raise _refuse(400, str(invalid), param=invalid.param, code=invalid.code) from invalid

    limit = request.max_completion_tokens or request.max_tokens
    reasoning = _REASONING_TOKENS.get(request.reasoning_effort or "", 0)
    if limit is not None:
        reasoning = min(reasoning, limit)
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
        "id": f"chatcmpl-emulated{next(_serial):020d}",
        "object": "chat.completion",
        "created": int(time.time()),
        "model": model.id,
        "service_tier": "default",
        "system_fingerprint": "fp_emulated",
    }
    headers = _headers(prompt_tokens + completion_tokens)
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
    return json_answer(body, headers=_base_headers())


def get_model(call: Call) -> Answer:
    model_id = call.params["id"]
    return json_answer(_find_model(model_id).describe(model_id), headers=_base_headers())


def unknown_route(call: Call) -> Answer:
    if any(route.path == call.path for route in vendor.routes):
        message = (
            f"Not allowed to {call.method} on {call.path}. (HINT: Perhaps you meant to use a different HTTP method?)"
        )
        return _refuse(405, message, code="method_not_supported").answer
    return _refuse(404, f"Invalid URL ({call.method} {call.path})").answer


vendor = Vendor(
    name="openai",
    routes=(
        Route("POST", "/v1/chat/completions", create_chat_completion),
        Route("GET", "/v1/models", list_models),
        Route("GET", "/v1/models/{id}", get_model),
    ),
    authenticate=authenticate,
    error=error,
    error_frame=error_frame,
    unknown_route=unknown_route,
    max_body_bytes=64 * 1024 * 1024,
)
