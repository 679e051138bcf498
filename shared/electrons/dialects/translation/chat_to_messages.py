"""Chat completions with the models of Anthropic.

What Anthropic has no counterpart for is refused if it changes the answer, and left out with a warning if it is a hint.
Formats: https://developers.openai.com/api/reference/resources/chat and https://platform.claude.com/docs/en/api/messages
(2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from electrons.dialects.requests import wants_usage
from electrons.dialects.translation.chat_answer import ChatChunks, write_chat_completion
from electrons.dialects.translation.chat_conversation import ChatConversation
from electrons.dialects.translation.fields import Fields
from electrons.dialects.translation.protocol import StreamTranslator, Translated
from electrons.dialects.translation.tools import read_chat_choice, read_chat_tools
from electrons.json_schema.vendors import fit_for_anthropic

DEFAULT_MAX_TOKENS = 16_384
"""The longest answer for a request without a limit: as much as gpt-4o writes. Anthropic demands a limit."""

BUDGETS = {"low": 2_048, "medium": 8_192, "high": 16_384, "xhigh": 24_576, "max": 32_768}
"""Tokens of thinking for an effort, where a model takes a budget instead of an effort."""

SMALLEST_BUDGET = 1024

_TAKES_BUDGET = re.compile(r"claude-(?:opus|sonnet|haiku)-4-5(?:-\d{8})?")
_EFFORTS = (*BUDGETS, "none", "minimal")

_REFUSED = (*("audio", "function_call", "functions", "logit_bias", "moderation", "top_logprobs", "web_search_options"),)
_HINTS = (
    *("metadata", "prediction", "prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "seed"),
    "verbosity",
)
_DEFAULTS: Mapping[str, tuple[Any, ...]] = {
    "frequency_penalty": (0,),
    "logprobs": (False,),
    "modalities": (["text"],),
    "n": (1,),
    "presence_penalty": (0,),
    "store": (False,),
}
"""What has no counterpart, with the values that ask for nothing."""

_TIERS = {"auto": "auto", "default": "standard_only"}

_TRANSLATED = (
    *("model", "messages", "max_completion_tokens", "max_tokens", "parallel_tool_calls", "reasoning_effort"),
    *("response_format", "safety_identifier", "service_tier", "stop", "stream", "stream_options", "temperature"),
    *("tool_choice", "tools", "top_p", "user"),
)


class ChatToMessages:
    """Requests for chat completions as requests for messages, and the answers back."""

    path = "/v1/messages"

    def translate_request(self, document: dict[str, Any]) -> Translated:
        """See `Translation.translate_request`."""
        warnings: dict[str, None] = {}
        request = Fields(document, target="models of Anthropic")
        _check_fields(request, warnings)
        conversation = ChatConversation(request, warnings)
        translated: dict[str, Any] = {
            "model": document["model"],
            "max_tokens": _read_limit(request),
            "messages": conversation.messages,
        }
        if conversation.system:
            translated["system"] = conversation.system
        tools = read_chat_tools(request)
        if tools:
            translated["tools"] = tools
        if choice := read_chat_choice(request, {tool["name"] for tool in tools}):
            translated["tool_choice"] = choice
        translated |= _read_sampling(request)
        translated |= _read_labels(request)
        output = _read_format(request)
        output |= _read_effort(request, translated, warnings)
        if output:
            translated["output_config"] = output
        if request.boolean("stream"):
            translated["stream"] = True
        return Translated(document=translated, warnings=tuple(warnings))

    def translate_response(
        self, document: dict[str, Any], *, request: dict[str, Any], requested_model: str
    ) -> dict[str, Any]:
        """See `Translation.translate_response`."""
        return write_chat_completion(document, requested_model)

    def create_stream(self, document: dict[str, Any], requested_model: str) -> StreamTranslator:
        """See `Translation.create_stream`."""
        return ChatChunks(requested_model, reports_usage=wants_usage(document))


def _check_fields(request: Fields, warnings: dict[str, None]) -> None:
    for name, value in request.document.items():
        if name in _TRANSLATED or value is None or value in _DEFAULTS.get(name, ()):
            continue
        if name in _HINTS:
            warnings[f"{name} was left out"] = None
        elif name in _REFUSED or name in _DEFAULTS:
            if value not in ({}, [], 0):
                raise request.unsupported(name)
        else:
            raise request.wrong(name, "is not a field of chat completions that this deployment knows")


def _read_limit(request: Fields) -> int:
    newer, older = request.integer("max_completion_tokens"), request.integer("max_tokens")
    if newer and older:
        raise request.wrong("max_tokens", "must not be given together with `max_completion_tokens`")
    return newer or older or DEFAULT_MAX_TOKENS


def _read_sampling(request: Fields) -> dict[str, Any]:
    """Return the sampling options; those with the default value are left out, because most models take no others."""
    sampling: dict[str, Any] = {}
    temperature, top_p = request.number("temperature"), request.number("top_p")
    if temperature is not None and temperature != 1:
        if not 0 <= temperature <= 1:
            raise request.wrong("temperature", "must be from 0 to 1 for models of Anthropic")
        sampling["temperature"] = temperature
    if top_p is not None and top_p != 1:
        sampling["top_p"] = top_p
    if "stop" in request:
        stop = request.document["stop"]
        sequences = [stop] if isinstance(stop, str) else request.strings("stop")
        if not all(sequence.strip() for sequence in sequences):
            raise request.wrong("stop", "must have more than white space for models of Anthropic")
        sampling["stop_sequences"] = sequences
    return sampling


def _read_labels(request: Fields) -> dict[str, Any]:
    labels: dict[str, Any] = {}
    name = "safety_identifier" if "safety_identifier" in request else "user"
    if name in request:
        labels["metadata"] = {"user_id": request.string(name)}
    if "service_tier" in request:
        tier = _TIERS.get(request.string("service_tier"))
        if tier is None:
            raise request.unsupported("service_tier", "use auto or default")
        labels["service_tier"] = tier
    return labels


def _read_format(request: Fields) -> dict[str, Any]:
    if "response_format" not in request:
        return {}
    response_format = request.child("response_format")
    match response_format.string("type"):
        case "text":
            return {}
        case "json_schema":
            schema = response_format.child("json_schema").child("schema").document
            return {"format": {"type": "json_schema", "schema": fit_for_anthropic(schema)}}
    raise response_format.unsupported("type", "use json_schema")


def _read_effort(request: Fields, translated: dict[str, Any], warnings: dict[str, None]) -> dict[str, Any]:
    """Return the effort for `output_config`, and add the thinking to the request.

    Chat completions cannot carry the signed thoughts that belong to a call of a tool, so with tools there are none.
    """
    if "reasoning_effort" not in request:
        return {}
    effort = request.string("reasoning_effort")
    if effort not in _EFFORTS:
        raise request.wrong("reasoning_effort", f"must be one of {', '.join(_EFFORTS)}")
    if effort == "none":
        return {}
    if not _TAKES_BUDGET.fullmatch(translated["model"]):
        if "tools" not in translated and effort != "minimal":
            translated["thinking"] = {"type": "adaptive"}
        return {"effort": "low" if effort == "minimal" else effort}
    # The limit contains the thinking, and has to leave something for the answer.
    budget = min(BUDGETS.get(effort, 0), translated["max_tokens"] * 3 // 4)
    if "tools" in translated or budget < SMALLEST_BUDGET:
        if effort != "minimal":
            warnings["reasoning_effort was left out"] = None
        return {}
    translated["thinking"] = {"type": "enabled", "budget_tokens": budget}
    return {}
