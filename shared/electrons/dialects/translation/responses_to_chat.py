"""OpenAI's Responses with models behind chat completions.

What has no counterpart is refused if it changes the answer, and left out with a warning if it is a hint. Responses are
not stored, so what refers to a stored one is refused.
Format: https://developers.openai.com/api/reference/resources/responses (2026-11).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from electrons.dialects.translation.fields import Fields
from electrons.dialects.translation.protocol import StreamTranslator, Translated
from electrons.dialects.translation.response_answer import ResponseEvents, write_response
from electrons.dialects.translation.responses_conversation import ResponsesConversation
from electrons.dialects.translation.responses_tools import read_response_tools

EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")

_HINTS = ("prompt_cache_key", "prompt_cache_options", "prompt_cache_retention")
_DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "background": (False,),
    "context_management": ([],),
    "conversation": (),
    "moderation": (),
    "previous_response_id": (),
    "prompt": (),
    "top_logprobs": (0,),
}
"""What has no counterpart, with the values that ask for nothing."""

_STATEFUL = ("background", "conversation", "previous_response_id", "prompt")
_TRANSLATED = (
    *("include", "input", "instructions", "max_output_tokens", "metadata", "model", "parallel_tool_calls"),
    *("reasoning", "safety_identifier", "service_tier", "store", "stream", "temperature", "text", "tool_choice"),
    *("tools", "top_p", "truncation", "user"),
)
_IGNORED = ("max_tool_calls", "stream_options")
"""The first counts the vendor's own tools, the second is about padding."""

_LOGPROBS = "message.output_text.logprobs"


class ResponsesToChat:
    """Requests for Responses as requests for chat completions, and the answers back."""

    path = "/v1/chat/completions"

    def translate_request(self, document: dict[str, Any]) -> Translated:
        """See `Translation.translate_request`."""
        return translate_to_chat(document, target="models behind chat completions")

    def translate_response(
        self, document: dict[str, Any], *, request: dict[str, Any], requested_model: str
    ) -> dict[str, Any]:
        """See `Translation.translate_response`."""
        return write_response(document, request=request, requested_model=requested_model)

    def create_stream(self, document: dict[str, Any], requested_model: str) -> StreamTranslator:
        """See `Translation.create_stream`."""
        return ResponseEvents(document, requested_model)


def translate_to_chat(document: dict[str, Any], *, target: str, for_anthropic: bool = False) -> Translated:
    """Return a request for chat completions, which with `for_anthropic` has nothing that Anthropic cannot have."""
    warnings: dict[str, None] = {}
    request = Fields(document, target=target)
    _check_fields(request, warnings)
    conversation = ResponsesConversation(request, warnings, for_anthropic=for_anthropic)
    if not conversation.messages:
        raise request.wrong("input", "must not be empty")
    translated: dict[str, Any] = {"model": document["model"], "messages": conversation.messages}
    if (limit := request.integer("max_output_tokens")) is not None:
        translated["max_completion_tokens"] = limit
    translated |= read_response_tools(request)
    for name in ("temperature", "top_p"):
        if (number := request.number(name)) is not None:
            translated[name] = number
    translated |= _read_labels(request, for_anthropic=for_anthropic)
    translated |= _read_text(request, warnings, for_anthropic=for_anthropic)
    translated |= _read_reasoning(request)
    if request.boolean("stream"):
        translated |= {"stream": True, "stream_options": {"include_usage": True}}
    return Translated(document=translated, warnings=tuple(warnings))


def _check_fields(request: Fields, warnings: dict[str, None]) -> None:
    for name, value in request.document.items():
        if name in _TRANSLATED or name in _IGNORED or value is None:
            continue
        if name in _HINTS:
            warnings[f"{name} was left out"] = None
        elif name not in _DEFAULTS:
            raise request.wrong(name, "is not a field of Responses that this deployment knows")
        elif value not in _DEFAULTS[name]:
            hint = "responses are not stored; send the whole conversation in input" if name in _STATEFUL else ""
            raise request.unsupported(name, hint)
    request.boolean("store")
    if _LOGPROBS in request.strings("include"):
        raise request.unsupported("include", f"leave {_LOGPROBS} out")
    if "truncation" in request and request.string("truncation") != "disabled":
        warnings["truncation was left out"] = None
    if "metadata" in request:
        request.child("metadata")


def _read_labels(request: Fields, *, for_anthropic: bool) -> dict[str, Any]:
    labels: dict[str, Any] = {}
    name = "safety_identifier" if "safety_identifier" in request else "user"
    if name in request:
        labels["user"] = request.string(name)
    if "service_tier" in request:
        tier = request.string("service_tier")
        if tier not in ("auto", "default"):
            raise request.unsupported("service_tier", "use auto or default")
        if for_anthropic:
            labels["service_tier"] = tier
    return labels


def _read_text(request: Fields, warnings: dict[str, None], *, for_anthropic: bool) -> dict[str, Any]:
    if "text" not in request:
        return {}
    text = request.child("text")
    if text.document.get("verbosity") not in (None, "medium"):
        warnings["text.verbosity was left out"] = None
    if "format" not in text:
        return {}
    text_format = text.child("format")
    match text_format.string("type"):
        case "text":
            return {}
        case "json_schema":
            return {"response_format": {"type": "json_schema", "json_schema": _read_schema(text_format)}}
        case "json_object" if not for_anthropic:
            return {"response_format": {"type": "json_object"}}
    raise text_format.unsupported("type", "use json_schema")


def _read_schema(text_format: Fields) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": text_format.string("name"),
        "schema": text_format.child("schema").document,
    }
    if "description" in text_format:
        described["description"] = text_format.string("description")
    if (strict := text_format.boolean("strict")) is not None:
        described["strict"] = strict
    return described


def _read_reasoning(request: Fields) -> dict[str, Any]:
    """Return the effort. The thoughts that a server shows are in the summary, whatever summary was asked for."""
    if "reasoning" not in request or "effort" not in (reasoning := request.child("reasoning")):
        return {}
    effort = reasoning.string("effort")
    if effort not in EFFORTS:
        raise reasoning.wrong("effort", f"must be one of {', '.join(EFFORTS)}")
    return {"reasoning_effort": effort}
