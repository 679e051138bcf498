"""Anthropic's Messages API.

Wire format: https://platform.claude.com/docs/en/api/messages; streaming: .../build-with-claude/streaming; errors:
.../api/errors; tools: .../agents-and-tools/tool-use/overview; caching: .../build-with-claude/prompt-caching. Version
2023-06-01 is pinned, because it is the one under which the models up to 4.6 still take `temperature` and `top_p`; from
2026-10-21 on these fields exist for no model.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from electrons.capabilities.text import TextCall, TextProvider, TextResult
from electrons.capabilities.turns import Ended, Message, ToolResults, ToolUse, Turn, TurnCall, TurnProvider, UserText
from electrons.errors import ProviderError
from electrons.http import HeaderPairs
from electrons.json_schema.vendors import fit_for_anthropic
from electrons.upstream.errors import classify_error, parse_json_error, parse_retry_after, status_of_code
from electrons.upstream.provider import ProviderRequest
from electrons.upstream.reading import NAME_LIMIT, Reader, UnreadableError, as_object, as_string, load_json

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

# The type of this one is `invalid_request_error`, as of any other 400.
_OUT_OF_CREDIT = re.compile(r"credit balance is too low", re.IGNORECASE)

# Switched off, with the replacement that the vendor names: https://platform.claude.com/docs/en/about-claude/
# model-deprecations (2026-11). Where that one is switched off as well, its own counts.
_RETIRED_MODELS = MappingProxyType(
    {
        **dict.fromkeys(
            (
                *("claude-1", "claude-1.0", "claude-1.1", "claude-1.2", "claude-1.3"),
                *("claude-2", "claude-2.0", "claude-2.1", "claude-3-sonnet-20240229", "claude-3-sonnet-latest"),
                *("claude-3-5-sonnet-20240620", "claude-3-5-sonnet-20241022", "claude-3-5-sonnet-latest"),
                *("claude-3-7-sonnet-20250219", "claude-3-7-sonnet-latest"),
                *("claude-sonnet-4-20250514", "claude-sonnet-4-0"),
            ),
            "claude-sonnet-4-6",
        ),
        **dict.fromkeys(
            (
                *("claude-3-opus-20240229", "claude-3-opus-latest", "claude-opus-4-20250514", "claude-opus-4-0"),
                *("claude-opus-4-1-20250805", "claude-opus-4-1", "claude-mythos-preview"),
            ),
            "claude-opus-4-8",
        ),
        **dict.fromkeys(
            (
                *("claude-instant-1", "claude-instant-1.0", "claude-instant-1.1", "claude-instant-1.2"),
                *("claude-3-haiku-20240307", "claude-3-5-haiku-20241022", "claude-3-5-haiku-latest"),
            ),
            "claude-haiku-4-5",
        ),
    }
)


class AnthropicProvider(TextProvider, TurnProvider):
    """Claude models. Billable input is `input_tokens` and both cache counts; `output_tokens` contains the thinking."""

    name = "anthropic"
    title = "Anthropic"
    base_url = "https://api.anthropic.com"
    model_prefixes = ("claude",)
    retired_models = _RETIRED_MODELS
    dialect = "anthropic"
    enforces_json = True

    def build_headers(self, api_key: str, request_id: str) -> HeaderPairs:
        """Return the key and the pinned version; Anthropic takes no request id of ours."""
        return [("x-api-key", api_key), ("anthropic-version", API_VERSION)]

    def fit(self, call: TextCall, *, explicit: frozenset[str]) -> tuple[TextCall, list[str]]:
        """Leave sampling options out for models after 4.6; those up to 4.6 take temperature or top_p, not both."""
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
        """Build `POST /v1/messages`."""
        document: dict[str, Any] = {
            "model": call.model,
            "max_tokens": call.max_tokens,
            "messages": [{"role": message.role, "content": message.content} for message in call.messages],
        }
        if call.json_schema is not None:
            schema = fit_for_anthropic(call.json_schema)
            document["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
        if call.system_prompt and call.system_prompt.strip():
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
        """Join the text blocks of a message."""
        answer = Reader(document)
        blocks = answer.items("content", _read_text)
        if not blocks:
            _check_empty(answer)
        result = TextResult(
            model=answer.string("model", default="", limit=NAME_LIMIT),
            text="".join(blocks),
            finish_reason=_finish_reason(answer) or "stop",
            warnings=answer.warnings,
        )
        _add_usage(result, answer.child("usage"))
        return result

    def parse_text_event(self, data: str, result: TextResult) -> str:
        """Read one of message_start, content_block_*, message_delta, message_stop, ping, error; others are ignored."""
        document = load_json(data, keep_surrogates=True)
        if document is None:
            return ""
        if not isinstance(document, dict):
            raise UnreadableError("an event is not an object")
        if (piece := _find_piece(document)) is not None:
            return piece
        event = Reader(document, warnings=result.warnings)
        match event.string("type", default=None):
            case "message_start":
                message = event.child("message")
                result.model = message.string("model", default=result.model, limit=NAME_LIMIT)
                _add_usage(result, message.child("usage"))
            case "content_block_start":
                return event.child("content_block").text("text", default="")
            case "content_block_delta":
                delta = event.child("delta", required=True)
                return delta.text("text") if delta.string("type", default="text_delta") == "text_delta" else ""
            case "message_delta":
                _add_usage(result, event.child("usage"))
                result.finish_reason = _finish_reason(event.child("delta")) or result.finish_reason
            case "message_stop":
                result.is_complete = True
            case "error":
                raise self._read_error(document, status=None, headers={})
        return ""

    def fit_turn(self, call: TurnCall) -> tuple[TurnCall, list[str]]:
        """Leave the temperature out for models after 4.6."""
        if call.temperature is None or _TAKES_SAMPLING.fullmatch(call.model):
            return call, []
        return replace(call, temperature=None), [_left_out(call.model, "temperature")]

    def build_turn(self, call: TurnCall) -> ProviderRequest:
        """Build `POST /v1/messages`.

        Each turn sends the conversation again, so it is cached up to two marks: the end of what all conversations
        share (the tools come before the system prompt), and the end of this one, where the next turn continues.
        """
        tools = [
            {"name": tool.name, "description": tool.description, "input_schema": dict(tool.input_schema)}
            for tool in call.tools
        ]
        messages = _build_messages(call.messages)
        document: dict[str, Any] = {
            "model": call.model,
            "max_tokens": call.max_tokens,
            "tools": tools,
            "messages": messages,
        }
        if call.system.strip():
            document["system"] = [{"type": "text", "text": call.system, **_CACHED}]
        if messages and messages[-1]["role"] == "user":
            messages[-1]["content"][-1] |= _CACHED
        if call.temperature is not None:
            document["temperature"] = call.temperature
        return ProviderRequest.json("/v1/messages", document, headers=[])

    def parse_turn(self, document: dict[str, Any]) -> Turn:
        """Read a message: its text blocks, joined, and its tool uses; thinking stays in `raw`."""
        answer = Reader(document)
        blocks = [Reader(block) for block in answer.items("content", _read_block)]
        if not blocks:
            _check_empty(answer)
        tool_uses = tuple(_read_tool_use(block) for block in blocks if block.string("type") == "tool_use")
        ended = _TURN_ENDS.get(answer.string("stop_reason", default=""), "tools" if tool_uses else "end")
        if ended == "tools" and not tool_uses:
            raise UnreadableError("a turn waits for tools that it does not name")
        counted = TextResult(model=answer.string("model", default="", limit=NAME_LIMIT))
        _add_usage(counted, answer.child("usage"))
        return Turn(
            text="".join(block.text("text") for block in blocks if block.string("type") == "text"),
            tool_uses=tool_uses,
            ended=ended,
            model=counted.model,
            input_tokens=counted.input_tokens,
            output_tokens=counted.output_tokens,
            cache_read_tokens=counted.cache_read_tokens,
            cache_write_tokens=counted.cache_write_tokens,
            raw=[block.document for block in blocks],
        )

    def parse_error(self, status: int, headers: dict[str, str], content: bytes) -> ProviderError:
        """Read `{"type": "error", "error": {"type", "message", "details"?: {"error_code"}}, "request_id"}`."""
        return self._read_error(parse_json_error(content), status=status, headers=headers)

    def _read_error(self, document: dict[str, Any], *, status: int | None, headers: dict[str, str]) -> ProviderError:
        """Read an error body, or without a status the event of a stream that has begun."""
        error = as_object(document.get("error"))
        code = as_object(error.get("details")).get("error_code") or error.get("type")
        message = as_string(error.get("message"), limit=None)
        return classify_error(
            message,
            provider=self,
            status=status or status_of_code(code, error.get("type"), default=200),
            code=code,
            request_id=headers.get("request-id") or document.get("request_id"),
            retry_after=parse_retry_after(headers),
            out_of_quota=bool(message and _OUT_OF_CREDIT.search(message)),
        )


def _find_piece(document: dict[str, Any]) -> str | None:
    """Return the text of an event that adds to it, which most do; None for any other."""
    delta = document.get("delta")
    if document.get("type") != "content_block_delta" or type(delta) is not dict or delta.get("type") != "text_delta":
        return None
    text = delta.get("text")
    return text if type(text) is str else None


def _finish_reason(holder: Reader) -> str | None:
    stop_reason = holder.string("stop_reason", default=None, limit=NAME_LIMIT)
    return _FINISH_REASONS.get(stop_reason, stop_reason) if stop_reason else None


def _left_out(model: str, option: str) -> str:
    return f"{model} does not take {option}; it was left out"


def _check_empty(answer: Reader) -> None:
    """Raise `UnreadableError` for a message without content, unless it says how it ended and was counted."""
    if not ("stop_reason" in answer and answer.child("usage").document):
        raise UnreadableError("`content` is empty")


def _add_usage(result: TextResult, usage: Reader) -> None:
    """Take over the counts of a message or of an event: each is the total so far, and some may be missing."""
    cached = result.cache_read_tokens + result.cache_write_tokens
    fresh = usage.integer("input_tokens", default=result.input_tokens - cached)
    result.cache_read_tokens = usage.integer("cache_read_input_tokens", default=result.cache_read_tokens)
    result.cache_write_tokens = usage.integer("cache_creation_input_tokens", default=result.cache_write_tokens)
    result.input_tokens = fresh + result.cache_read_tokens + result.cache_write_tokens
    result.output_tokens = usage.integer("output_tokens", default=result.output_tokens)


def _read_text(block: Reader) -> str:
    return block.text("text") if block.string("type", default="text") == "text" else ""


def _read_block(block: Reader) -> dict[str, Any]:
    """Return a block as it goes back; Anthropic takes the input of a tool as an object only."""
    kind = block.string("type", default="text" if "text" in block else None)
    if kind == "text":
        block.text("text")
    if kind == "tool_use":
        block.string("id"), block.string("name")
        return {**block.document, "input": _read_input(block.document.get("input"))}
    if kind is None:
        raise UnreadableError("a block has no type")
    return {**block.document, "type": kind}


def _read_input(value: object) -> dict[str, Any]:
    """Return the input of a tool use. Some gateways write it as JSON in a string, or leave an empty one out."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return {}
    parsed = load_json(value) if isinstance(value, str) else value
    if not isinstance(parsed, dict):
        raise UnreadableError("the input of a tool use is not an object")
    return parsed


def _read_tool_use(block: Reader) -> ToolUse:
    return ToolUse(id=block.string("id"), name=block.string("name"), input=block.document["input"])


def _build_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return the messages in Anthropic's form; consecutive messages of the user become one."""
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
            return "assistant", [block for block in message.raw if not _is_blank(block)]
        case UserText():
            return "user", [{"type": "text", "text": message.text}] if message.text.strip() else []
        case ToolResults():
            return "user", [
                {"type": "tool_result", "tool_use_id": result.id, "content": result.content}
                | ({"is_error": True} if result.failed else {})
                for result in message.results
            ]


def _is_blank(block: dict[str, Any]) -> bool:
    """Return whether Anthropic refuses a block that a model of its own has written."""
    return block.get("type") == "text" and not str(block.get("text", "")).strip()
