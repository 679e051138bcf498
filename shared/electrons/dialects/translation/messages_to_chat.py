"""Anthropic's messages with models behind chat completions: OpenAI's, and those of compatible servers.

What chat completions have no counterpart for is refused if it changes the answer, and left out with a warning if it is
a hint. Marks of the prompt cache are left out without one: those servers cache by themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from electrons.dialects.requests import estimate_document
from electrons.dialects.translation.call_ids import fit_tool_name, fit_user_id
from electrons.dialects.translation.fields import Fields
from electrons.dialects.translation.message_answer import MessageEvents, write_message
from electrons.dialects.translation.messages_conversation import MessagesConversation
from electrons.dialects.translation.protocol import StreamTranslator, Translated
from electrons.dialects.translation.tools import read_message_choice, read_message_tools
from electrons.json_schema.vendors import is_strict_for_openai
from electrons.upstream.reading import as_list, as_object, as_string

STOPS_LIMIT = 4
"""Stop sequences that OpenAI takes."""

_MEDIUM_BUDGET, _HIGH_BUDGET = 4_096, 16_384
_EFFORTS = ("low", "medium", "high", "xhigh", "max")

_TRANSLATED = (
    *("cache_control", "max_tokens", "messages", "metadata", "model", "output_config", "service_tier"),
    *("stop_sequences", "stream", "system", "temperature", "thinking", "tool_choice", "tools", "top_p"),
)
_DEFAULTS: Mapping[str, tuple[Any, ...]] = {"mcp_servers": ([],), "speed": ("standard",)}
"""What has no counterpart, with the values that ask for nothing."""


class MessagesToChat:
    """Requests for messages as requests for chat completions, and the answers back."""

    path = "/v1/chat/completions"

    def translate_request(self, document: dict[str, Any]) -> Translated:
        """See `Translation.translate_request`."""
        warnings: dict[str, None] = {}
        request = Fields(document, target="models behind chat completions", is_dotted=True)
        _check_fields(request)
        translated: dict[str, Any] = {
            "model": document["model"],
            "messages": MessagesConversation(request).messages,
            "max_completion_tokens": _read_limit(request),
        }
        if tools := read_message_tools(request):
            translated["tools"] = tools
        translated |= read_message_choice(request)
        translated |= _read_sampling(request)
        translated |= _read_labels(request)
        translated |= _read_output(request, warnings)
        if request.boolean("stream"):
            translated |= {"stream": True, "stream_options": {"include_usage": True}}
        return Translated(document=translated, warnings=tuple(warnings))

    def translate_response(
        self, document: dict[str, Any], *, request: dict[str, Any], requested_model: str
    ) -> dict[str, Any]:
        """See `Translation.translate_response`."""
        return write_message(document, requested_model, tool_names=_list_shortened(request))

    def create_stream(self, document: dict[str, Any], requested_model: str) -> StreamTranslator:
        """See `Translation.create_stream`."""
        return MessageEvents(
            requested_model,
            input_estimate=estimate_document(document),
            tool_names=_list_shortened(document),
        )


def _list_shortened(request: dict[str, Any]) -> dict[str, str]:
    """Return the names of tools by their shortened ones."""
    names = (as_string(as_object(tool).get("name")) for tool in as_list(request.get("tools")))
    return {short: name for name in names if name and (short := fit_tool_name(name)) != name}


def _check_fields(request: Fields) -> None:
    for name, value in request.document.items():
        if name in _TRANSLATED or value is None or value in _DEFAULTS.get(name, ()):
            continue
        # Thoughts are left out anyway.
        if name == "context_management" and all(
            edit.string("type").startswith("clear_thinking") for edit in request.child(name).items("edits")
        ):
            continue
        raise request.unsupported(name, "use output_config.format" if name == "output_format" else "")


def _read_limit(request: Fields) -> int:
    limit = request.integer("max_tokens")
    if limit is None:
        raise request.wrong("max_tokens", "is required")
    return limit


def _read_sampling(request: Fields) -> dict[str, Any]:
    """Return the sampling options; those with the default value are left out, because many models take no others."""
    sampling: dict[str, Any] = {}
    for name in ("temperature", "top_p"):
        value = request.number(name)
        if value is not None and value != 1:
            sampling[name] = value
    stops = request.strings("stop_sequences")
    if len(stops) > STOPS_LIMIT:
        raise request.wrong("stop_sequences", f"must have at most {STOPS_LIMIT} items for {request.target}")
    return {**sampling, "stop": stops} if stops else sampling


def _read_labels(request: Fields) -> dict[str, Any]:
    labels: dict[str, Any] = {}
    if "metadata" in request and "user_id" in (metadata := request.child("metadata")):
        labels["user"] = fit_user_id(metadata.string("user_id"))
    if "service_tier" in request:
        tier = request.string("service_tier")
        if tier not in ("auto", "standard_only"):
            raise request.wrong("service_tier", "must be auto or standard_only")
        if tier == "standard_only":
            labels["service_tier"] = "default"
    return labels


def _read_output(request: Fields, warnings: dict[str, None]) -> dict[str, Any]:
    output: dict[str, Any] = {}
    if effort := _read_thinking(request):
        output["reasoning_effort"] = effort
    if "output_config" not in request:
        return output
    config = request.child("output_config")
    for name, value in config.document.items():
        if value is None:
            continue
        match name:
            case "effort":
                output["reasoning_effort"] = config.string("effort")
                if output["reasoning_effort"] not in _EFFORTS:
                    raise config.wrong("effort", f"must be one of {', '.join(_EFFORTS)}")
            case "format":
                output["response_format"] = _read_format(config.child("format"))
            case "task_budget":
                warnings["output_config.task_budget was left out"] = None
            case _:
                raise config.unsupported(name)
    return output


def _read_thinking(request: Fields) -> str | None:
    """Return the effort for a budget of thinking; None where the model decides, or has no thoughts."""
    if "thinking" not in request:
        return None
    thinking = request.child("thinking")
    match thinking.string("type"):
        case "adaptive" | "disabled" | "between_tools":
            return None
        case "enabled":
            budget = thinking.integer("budget_tokens") or 0
            return "low" if budget < _MEDIUM_BUDGET else "medium" if budget < _HIGH_BUDGET else "high"
    raise thinking.wrong("type", "must be enabled, adaptive or disabled")


def _read_format(output_format: Fields) -> dict[str, Any]:
    if output_format.string("type") != "json_schema":
        raise output_format.unsupported("type", "use json_schema")
    schema = output_format.child("schema").document
    described = {"name": "output", "strict": is_strict_for_openai(schema), "schema": schema}
    return {"type": "json_schema", "json_schema": described}
