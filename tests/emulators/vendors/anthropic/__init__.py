"""Anthropic: Messages (create, stream, count_tokens) and Models, as api.anthropic.com behaves in November 2026.

Sources: the `anthropic` package 2.12.0 (shapes, model ids, retirement dates), https://platform.claude.com/docs/en/api/
(errors, versioning, rate-limits, streaming), and published error texts. With tools the models work through the scripts
of `tasks.py`; without, they answer with text. Citations and structured output are accepted and change
nothing.
"""

from datetime import UTC, datetime
from itertools import count
from typing import Any

from ...text import count_tokens
from ...vendor import Answer, Call, Headers, Refusal, Route, Vendor, event_frame, json_answer, stream_answer
from .cache import PromptCache
from .catalogue import CATALOGUE, MODELS, Model
from .events import stream_message
from .requests import (
    SIGNATURE,
    VERSIONS,
    WITHOUT_SAMPLING,
    CountTokensRequest,
    InvalidRequestError,
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
from .turns import reply

_THINKING = "An emulated model thinks of nothing, but says so in a block of its own."
_REFUSED = {"type": "refusal", "category": None, "explanation": "The task of an emulated model asked for this."}
_cache = PromptCache()
_serial = count(1)
_ERRORS = {
    400: ("invalid_request_error", "Invalid request."),
    401: ("authentication_error", "invalid x-api-key"),
    402: ("billing_error", "Your credit balance is too low to access the Anthropic API."),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "Not found"),
    409: ("conflict_error", "The request conflicts with the current state of the resource."),
    413: ("request_too_large", "Request exceeds the maximum size"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit."),
    500: ("api_error", "Internal server error"),
    504: ("timeout_error", "The request timed out while processing."),
    529: ("overloaded_error", "Overloaded"),
}


def _base_headers(request_id: str) -> Headers:
    return [
        (b"request-id", request_id.encode()),
        (b"anthropic-organization-id", b"00000000-0000-4000-8000-000000000000"),
        (b"anthropic-workspace-id", b"wrkspc_emulated"),
    ]


def _headers(input_tokens: int = 0, output_tokens: int = 0) -> Headers:
    """Those of every answer of Messages. The limits refill before every request and so never refuse one."""
    headers = _base_headers(f"req_emulated{next(_serial):016d}")
    reset = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    for name, limit, used in (
        (b"requests", 1000, 1),
        (b"input-tokens", 2_000_000, input_tokens),
        (b"output-tokens", 400_000, output_tokens),
        (b"tokens", 2_400_000, input_tokens + output_tokens),
    ):
        # Remaining tokens are rounded to thousands, remaining requests are exact.
        remaining = limit - used if name == b"requests" else round(max(0, limit - used), -3)
        prefix = b"anthropic-ratelimit-" + name
        headers.append((prefix + b"-limit", b"%d" % limit))
        headers.append((prefix + b"-remaining", b"%d" % remaining))
        headers.append((prefix + b"-reset", reset))
    return headers


def _error_body(status: int, message: str | None, code: str | None) -> dict[str, Any]:
    kind, text = _ERRORS.get(status) or _ERRORS[400 if status < 500 else 500]
    error: dict[str, Any] = {"type": kind, "message": message or text}
    if code:
        error["details"] = {"error_code": code}
    return {"type": "error", "error": error}


def error(
    status: int, message: str | None = None, *, code: str | None = None, retry_after: float | None = None
) -> Answer:
    request_id = f"req_emulated{next(_serial):016d}"
    headers = _base_headers(request_id)
    if retry_after is not None:
        headers.append((b"retry-after", f"{retry_after:g}".encode()))
    return json_answer({**_error_body(status, message, code), "request_id": request_id}, status=status, headers=headers)


def error_frame(status: int, message: str | None = None, *, code: str | None = None) -> bytes:
    return event_frame(_error_body(status, message, code), event="error")


def _refuse(message: str, *, status: int = 400) -> Refusal:
    return Refusal(error(status, message))


def authenticate(call: Call) -> None:
    """`x-api-key` wins over `Authorization: Bearer`. Any key will do that does not start with `invalid`."""
    key = call.headers.get("x-api-key")
    bearer = call.headers.get("authorization", "").removeprefix("Bearer ").strip()
    if key is None and not bearer:
        raise _refuse("x-api-key header is required", status=401)
    if key is not None and (not key or key.startswith("invalid")):
        raise _refuse("invalid x-api-key", status=401)
    if key is None and bearer.startswith("invalid"):
        raise _refuse("Invalid bearer token", status=401)
    version = call.headers.get("anthropic-version")
    if version is None:
        raise _refuse("anthropic-version: header is required")
    if version not in VERSIONS:
        raise _refuse(f'anthropic-version: "{version}" is not a valid version')


def _find_model(model_id: str) -> Model:
    model = MODELS.get(model_id)
    if model is None or model.retired:
        raise _refuse(f"model: {model_id}", status=404)
    return model


def _read_messages(call: Call) -> tuple[MessagesRequest, Model]:
    version = call.headers["anthropic-version"]
    try:
        if version == WITHOUT_SAMPLING:
            request = parse(MessagesRequest, call.body)
            model = _find_model(request.model)
        else:
            request = sampled = parse(SampledMessagesRequest, call.body)
            model = _find_model(request.model)
            check_sampling(sampled, model)
        check_conversation(request, model, version)
        check_tools(request, model)
        check_generation(request, model)
    except InvalidRequestError as invalid:
        raise _refuse(str(invalid)) from invalid
    return request, model


def create_message(call: Call) -> Answer:
    request, model = _read_messages(call)
    asked = request.thinking if request.thinking and request.thinking.type in {"enabled", "adaptive"} else None
    # With tools, models that cannot do otherwise think without being asked, and do not show it.
    thinks = asked or (request.tools and not model.takes_thinking("disabled"))
    thinking_tokens = min(count_tokens(_THINKING), request.max_tokens) if thinks else 0
    ids = (f"toolu_emulated{number:016d}" for number in _serial)
    said = reply(request, model, max_tokens=request.max_tokens - thinking_tokens, ids=ids)
    content = said.content
    if thinks:
        shown = _THINKING if asked and asked.display != "omitted" else ""
        content = [{"type": "thinking", "thinking": shown, "signature": SIGNATURE}, *content]
    pieces = split_prompt(request)
    read, written = _cache.count(pieces, model)
    input_tokens, output_tokens = sum(piece.tokens for piece in pieces), said.completion.tokens + thinking_tokens
    message = {
        "id": f"msg_emulated{next(_serial):016d}",
        "type": "message",
        "role": "assistant",
        "model": model.id,
        "content": content,
        "stop_reason": said.stop_reason,
        "stop_sequence": said.completion.stop_sequence,
        "stop_details": _REFUSED if said.stop_reason == "refusal" else None,
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
    # Reads from the cache do not count to the limits.
    headers = _headers(input_tokens - read, output_tokens)
    if request.stream:
        return stream_answer(list(stream_message(message, said)), headers=headers)
    return json_answer(message, headers=headers)


def count_message_tokens(call: Call) -> Answer:
    try:
        request = parse(CountTokensRequest, call.body)
        model = _find_model(request.model)
        check_conversation(request, model, call.headers["anthropic-version"])
        check_tools(request, model)
    except InvalidRequestError as invalid:
        raise _refuse(str(invalid)) from invalid
    return json_answer({"input_tokens": count_input(request)}, headers=_headers())


def list_models(call: Call) -> Answer:
    """Newest first; retired models only with `lifecycle=retired`."""
    stages = call.query.get("lifecycle", []) + call.query.get("lifecycle[]", []) or ["active", "deprecated"]
    models = [item for model in CATALOGUE if (item := model.describe())["lifecycle"] in stages]
    try:
        limit = int(call.query.get("limit", ["20"])[0])
    except ValueError:
        raise _refuse("limit: Input should be a valid integer") from None
    if not 1 <= limit <= 1000:
        raise _refuse("limit: Input should be between 1 and 1000")
    ids = [item["id"] for item in models]
    after, before = (call.query.get(name, [""])[0] for name in ("after_id", "before_id"))
    start = ids.index(after) + 1 if after in ids else 0
    end = ids.index(before) if before in ids else len(ids)
    page = models[max(start, end - limit) : end] if before else models[start : start + limit]
    more = start < end - limit if before else start + limit < len(ids)
    first, last = (page[0]["id"], page[-1]["id"]) if page else (None, None)
    body = {"data": page, "has_more": more, "first_id": first, "last_id": last}
    return json_answer(body, headers=_base_headers(f"req_emulated{next(_serial):016d}"))


def get_model(call: Call) -> Answer:
    model = MODELS.get(call.params["id"])
    if model is None:
        raise _refuse(f"model: {call.params['id']}", status=404)
    return json_answer(model.describe(), headers=_base_headers(f"req_emulated{next(_serial):016d}"))


def unknown_route(call: Call) -> Answer:
    known = {route.path for route in vendor.routes}
    return error(405, "Method Not Allowed") if call.path in known else error(404)


vendor = Vendor(
    name="anthropic",
    routes=(
        Route("POST", "/v1/messages", create_message),
        Route("POST", "/v1/messages/count_tokens", count_message_tokens),
        Route("GET", "/v1/models", list_models),
        Route("GET", "/v1/models/{id}", get_model),
    ),
    authenticate=authenticate,
    error=error,
    error_frame=error_frame,
    unknown_route=unknown_route,
    max_body_bytes=32 * 1024 * 1024,
)
