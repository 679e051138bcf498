"""Anthropic's Messages API.

Wire format: https://platform.claude.com/docs/en/api/messages; streaming: .../build-with-claude/streaming; errors:
.../api/errors; tools: .../agents-and-tools/tool-use/overview; caching: .../build-with-claude/prompt-caching. Version
2023-06-01 is pinned, because it is the one under which the models up to 4.6 still take `temperature` and `top_p`; from
2026-10-21 on these members exist for no model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from pydantic_core import from_json

from electrons.capabilities.text import TextCall, TextProvider, TextResult
from electrons.capabilities.turns import Ended, Message, ToolResults, ToolUse, Turn, TurnCall, TurnProvider, UserText
from electrons.errors import ProviderError
from electrons.http import HeaderPairs
from electrons.upstream.errors import classify_error, parse_json_error, parse_retry_after
from electrons.upstream.provider import ProviderRequest
from electrons.upstream.reading import as_object, as_text

API_VERSION = "2023-06-01"

_TAKES_SAMPLING = re.compile(r"claude-(opus-4-[56]|sonnet-4-[56]|haiku-4-5)(-\d{8})?")

_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "refusal": "content_filter",
}

_TURN_ENDS: Mapping[str, Ended] = {
    "tool_use": "tools",
    "end_turn": "end",
    "stop_sequence": "end",
    "max_tokens": "length",
    "refusal": "refusal",
    "pause_turn": "pause",
    "model_context_window_exceeded": "context",
}

_CACHED = {"cache_control": {"type": "ephemeral"}}

_SPEND_LIMIT_CODES = {"enforced_spend_limit_reached", "contract_spend_limit_reached"}

_ERROR_STATUS = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "billing_error": 402,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "overloaded_error": 529,
}


class AnthropicProvider(TextProvider, TurnProvider):
    """Claude. Billable input is `input_tokens` and both cache counts; `output_tokens` contains the thinking."""

    name = "anthropic"
    title = "Anthropic"
    base_url = "https://api.anthropic.com"
    model_prefixes = ("claude",)
    retired_models = MappingProxyType(
        {
            # The vendor's replacements: https://platform.claude.com/docs/en/about-claude/model-deprecations (2026-11)
            "claude-sonnet-4-20250514": "claude-sonnet-4-6",
            "claude-sonnet-4-0": "claude-sonnet-4-6",
            "claude-3-7-sonnet-20250219": "claude-sonnet-4-6",
            "claude-opus-4-20250514": "claude-opus-4-8",
            "claude-opus-4-0": "claude-opus-4-8",
            "claude-opus-4-1": "claude-opus-4-8",
            "claude-opus-4-1-20250805": "claude-opus-4-8",
            "claude-3-5-haiku-20241022": "claude-haiku-4-5",
            "claude-3-haiku-20240307": "claude-haiku-4-5",
        }
    )

    def build_headers(self, api_key: str, request_id: str) -> HeaderPairs:
        """`x-api-key` and the pinned version; Anthropic takes no request id of ours."""
        return [("x-api-key", api_key), ("anthropic-version", API_VERSION)]

    def fit(self, call: TextCall, *, explicit: frozenset[str]) -> tuple[TextCall, list[str]]:
        """Models after 4.6 take no sampling options; those up to 4.6 take temperature or top_p, not both."""
        if not _TAKES_SAMPLING.fullmatch(call.model):
            dropped = {"temperature", "top_p"} & explicit
            warnings = [_left_out(call.model, option) for option in sorted(dropped)]
            return replace(call, temperature=None, top_p=None), warnings
        if call.temperature is None or call.top_p is None:
            return call, []
        if "temperature" not in explicit:
            return replace(call, temperature=None), []
        return replace(call, top_p=None), [f"{call.model} takes temperature or top_p, not both; top_p was left out"]

    def build_text(self, call: TextCall, *, stream: bool) -> ProviderRequest:
        """`POST /v1/messages`."""
        document: dict[str, Any] = {
            "model": call.model,
            "max_tokens": call.max_tokens,
            "messages": [{"role": "user", "content": call.prompt}],
        }
        if call.system_prompt:
            document["system"] = call.system_prompt
        if call.temperature is not None:
            document["temperature"] = call.temperature
        if call.top_p is not None:
            document["top_p"] = call.top_p
        if call.stop_sequences:
            document["stop_sequences"] = list(call.stop_sequences)
        if stream:
            document["stream"] = True
        return ProviderRequest.json("/v1/messages", document, headers=[])

    def parse_text(self, document: dict[str, Any]) -> TextResult:
        """The text blocks of a message, joined."""
        usage = document["usage"]
        return TextResult(
            model=document["model"],
            text="".join(block["text"] for block in document["content"] if block["type"] == "text"),
            finish_reason=_finish_reason(document["stop_reason"]),
            **_count_tokens(usage),
        )

    def parse_text_event(self, data: str, result: TextResult) -> str:
        """One of message_start, content_block_*, message_delta, message_stop, ping, error; others are ignored."""
        event = from_json(data)
        match event["type"]:
            case "message_start":
                result.model = event["message"]["model"]
                counted = _count_tokens(event["message"]["usage"])
                result.input_tokens, result.output_tokens = counted["input_tokens"], counted["output_tokens"]
                result.cache_read_tokens = counted["cache_read_tokens"]
                result.cache_write_tokens = counted["cache_write_tokens"]
            case "content_block_delta" if event["delta"]["type"] == "text_delta":
                text: str = event["delta"]["text"]
                return text
            case "message_delta":
                # Usage values are cumulative.
                result.output_tokens = event["usage"]["output_tokens"]
                if event["delta"].get("stop_reason"):
                    result.finish_reason = _finish_reason(event["delta"]["stop_reason"])
            case "error":
                error = event["error"]
                status = _ERROR_STATUS.get(error["type"], 500)
                raise classify_error(error["message"], provider=self, status=status, code=error["type"])
        return ""

    def fit_turn(self, call: TurnCall) -> tuple[TurnCall, list[str]]:
        """Models after 4.6 take no temperature."""
        if call.temperature is None or _TAKES_SAMPLING.fullmatch(call.model):
            return call, []
        return replace(call, temperature=None), [_left_out(call.model, "temperature")]

    def build_turn(self, call: TurnCall) -> ProviderRequest:
        """`POST /v1/messages`.

        Each turn sends the conversation again, so it is cached up to two marks: the end of what all conversations
        share (the tools come before the system prompt), and the end of this one, where the next turn goes on.
        """
        tools = [
            {"name": tool.name, "description": tool.description, "input_schema": dict(tool.input_schema)}
            for tool in call.tools
        ]
        messages = _build_messages(call.messages)
        document: dict[str, Any] = {
            "model": call.model,
            "max_tokens": call.max_tokens,
            "system": [{"type": "text", "text": call.system, **_CACHED}],
            "tools": tools,
            "messages": messages,
        }
        if messages[-1]["role"] == "user":
            messages[-1]["content"][-1] |= _CACHED
        if call.temperature is not None:
            document["temperature"] = call.temperature
        return ProviderRequest.json("/v1/messages", document, headers=[])

    def parse_turn(self, document: dict[str, Any]) -> Turn:
        """The text blocks of a message, joined, and its tool uses; thinking stays in `raw`."""
        content = document["content"]
        tool_uses = tuple(_parse_tool_use(block) for block in content if block["type"] == "tool_use")
        ended = _TURN_ENDS[document["stop_reason"]]
        if ended == "tools" and not tool_uses:
            raise ValueError("a turn waits for tools that it does not name")
        return Turn(
            text="".join(block["text"] for block in content if block["type"] == "text"),
            tool_uses=tool_uses,
            ended=ended,
            model=document["model"],
            raw=content,
            **_count_tokens(document["usage"]),
        )

    def parse_error(self, status: int, headers: dict[str, str], content: bytes) -> ProviderError:
        """`{"type": "error", "error": {"type", "message", "details"?: {"error_code"}}, "request_id"}`."""
        document = parse_json_error(content)
        error = as_object(document.get("error"))
        details = as_object(error.get("details"))
        code = as_text(details.get("error_code")) or as_text(error.get("type"))
        return classify_error(
            error.get("message"),
            provider=self,
            status=status,
            code=code,
            request_id=headers.get("request-id") or as_text(document.get("request_id")),
            retry_after=parse_retry_after(headers),
            out_of_quota=code in _SPEND_LIMIT_CODES,
        )


def _finish_reason(stop_reason: str) -> str:
    return _FINISH_REASONS.get(stop_reason, stop_reason)


def _left_out(model: str, option: str) -> str:
    return f"{model} does not take {option}; it was left out"


def _count_tokens(usage: dict[str, Any]) -> dict[str, int]:
    read = int(usage.get("cache_read_input_tokens") or 0)
    written = int(usage.get("cache_creation_input_tokens") or 0)
    return {
        "input_tokens": int(usage["input_tokens"]) + read + written,
        "output_tokens": int(usage["output_tokens"]),
        "cache_read_tokens": read,
        "cache_write_tokens": written,
    }


def _build_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """The messages in Anthropic's form; what the user says in a row is one message."""
    built: list[dict[str, Any]] = []
    for message in messages:
        role, content = _build_content(message)
        if built and built[-1]["role"] == role:
            built[-1]["content"] += content
        elif content:  # an empty message is refused, but a model may well say nothing
            built.append({"role": role, "content": content})
    return built


def _build_content(message: Message) -> tuple[str, list[dict[str, Any]]]:
    match message:
        case Turn():
            return "assistant", list(message.raw)
        case UserText():
            return "user", [{"type": "text", "text": message.text}]
        case ToolResults():
            return "user", [
                {"type": "tool_result", "tool_use_id": result.id, "content": result.content}
                | ({"is_error": True} if result.failed else {})
                for result in message.results
            ]


def _parse_tool_use(block: dict[str, Any]) -> ToolUse:
    if not isinstance(block["input"], dict):
        raise TypeError("the input of a tool use is no object")
    return ToolUse(id=block["id"], name=block["name"], input=block["input"])
