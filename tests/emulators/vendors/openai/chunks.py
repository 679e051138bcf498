"""A completion as a stream of chunks, in the vendor's order."""

from collections.abc import Iterator, Sequence
from typing import Any

from ...vendor import event_frame
from .logprobs import describe_logprobs
from .requests import ChatRequest
from .turns import Call, Reply

_PADDING = "o7Xq2vTzK9mWbR4s"


def stream_chunks(
    request: ChatRequest,
    envelope: dict[str, Any],
    replies: Sequence[tuple[Reply, str]],
    usage: dict[str, Any],
) -> Iterator[bytes]:
    """Yield the chunks: for each choice role, content and finish reason; then the usage if requested; then `[DONE]`.

    `replies` are those of the choices with their finish reasons.
    """
    wants_usage = bool(request.stream_options and request.stream_options.include_usage)
    obfuscates = request.stream_options is None or request.stream_options.include_obfuscation
    chunk = {**envelope, "object": "chat.completion.chunk"}
    no_usage = {"usage": None} if wants_usage else {}

    def frame(index: int, delta: dict[str, Any], finish_reason: str | None = None, logprobs: Any = None) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
        # The vendor's padding is random; here it only has to exist and to hide the sizes.
        padding = {"obfuscation": _PADDING[len(delta.get("content") or "") % len(_PADDING) :]} if obfuscates else {}
        return event_frame({**chunk, "choices": [choice], **no_usage, **padding})

    for index, (reply, finish_reason) in enumerate(replies):
        for number, delta in enumerate(_deltas_of(reply)):
            opening: dict[str, Any] = {} if number else {"role": "assistant", "content": None}
            logprobs = None
            if request.logprobs and delta.get("content"):
                logprobs = {
                    "content": describe_logprobs([delta["content"]], request.top_logprobs or 0),
                    "refusal": None,
                }
            yield frame(index, {**opening, **delta}, None, logprobs)
        yield frame(index, {}, finish_reason)
    if wants_usage:
        yield event_frame({**chunk, "choices": [], "usage": usage})
    yield b"data: [DONE]\n\n"


def _deltas_of(reply: Reply) -> Iterator[dict[str, Any]]:
    """Yield what is new in each chunk. Without text, the first one has the head of the first call."""
    if not reply.calls or reply.text:
        yield {"content": "", "refusal": None}
    for text in reply.deltas:
        yield {"refusal" if reply.refusal else "content": text}
    for number, call in enumerate(reply.calls):
        head = {"refusal": None} if not number and not reply.text else {}
        yield {"tool_calls": [{"index": number, "id": call.id, **_fields(call, "", has_name=True)}], **head}
        for fragment in call.fragments:
            yield {"tool_calls": [{"index": number, **_fields(call, fragment)}]}


def _fields(call: Call, written: str, *, has_name: bool = False) -> dict[str, Any]:
    kind, member = ("custom", "input") if call.is_custom else ("function", "arguments")
    if has_name:
        return {"type": kind, kind: {"name": call.name, member: written}}
    return {kind: {member: written}}
