"""The conversation of chat completions as that of Anthropic's messages."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import from_json

from electrons.dialects.translation.attachments import read_image_url, read_pdf_url
from electrons.dialects.translation.call_ids import fit_call_id
from electrons.dialects.translation.fields import Fields
from electrons.upstream.reading import mend_surrogates

Blocks = list[dict[str, Any]]

DETAIL_LEFT_OUT = "detail of an image was left out"


class ChatConversation:
    """Reads the messages of a request: `system` is the system prompt, `messages` are the turns of both sides.

    Consecutive messages of one side become one, so that the results of all tools are in one message and first in it.
    """

    def __init__(self, request: Fields, warnings: dict[str, None]) -> None:
        """Read the messages. Adds to `warnings`, and raises `RequestError` for what cannot be translated."""
        self.system: Blocks = []
        self.messages: list[dict[str, Any]] = []
        self._warnings = warnings
        for message in request.items("messages"):
            self._add(message)

    def _add(self, message: Fields) -> None:
        match message.string("role"):
            case "system" | "developer":
                self.system += self._read_content(message, ("text",))
            case "user":
                self._say("user", self._read_content(message, ("text", "image_url", "file")))
            case "assistant":
                self._say("assistant", self._read_assistant(message))
            case "tool":
                self._say("user", [self._read_result(message)])
            case _:
                raise message.unsupported("role", "use system, developer, user, assistant or tool")

    def _say(self, role: str, blocks: Blocks) -> None:
        if self.messages and self.messages[-1]["role"] == role:
            self.messages[-1]["content"] += blocks
        elif blocks:
            self.messages.append({"role": role, "content": blocks})

    def _read_assistant(self, message: Fields) -> Blocks:
        if "function_call" in message:
            raise message.unsupported("function_call", "use tool_calls")
        if "audio" in message:
            raise message.unsupported("audio")
        blocks = self._read_content(message, ("text", "refusal")) if "content" in message else []
        if "refusal" in message and (refusal := message.string("refusal")):
            blocks.append({"type": "text", "text": refusal})
        return blocks + [_read_call(call) for call in message.items("tool_calls")]

    def _read_result(self, message: Fields) -> dict[str, Any]:
        content = self._read_content(message, ("text", "image_url"))
        result: dict[str, Any] = {"type": "tool_result", "tool_use_id": fit_call_id(message.string("tool_call_id"))}
        if isinstance(message.document.get("content"), str):
            return {**result, "content": message.document["content"]}
        return {**result, "content": content} if content else result

    def _read_content(self, message: Fields, kinds: tuple[str, ...]) -> Blocks:
        """Return the blocks of a string or of parts, without empty texts, which Anthropic refuses."""
        if "name" in message:
            self._warnings["messages[].name was left out"] = None
        content = message.document.get("content")
        if isinstance(content, str):
            return [{"type": "text", "text": content}] if content else []
        if not isinstance(content, list):
            raise message.wrong("content", "must be a string or a list of parts")
        return [block for part in message.items("content") for block in self._read_part(part, kinds)]

    def _read_part(self, part: Fields, kinds: tuple[str, ...]) -> Iterator[dict[str, Any]]:
        kind = part.string("type")
        if kind not in kinds:
            raise part.unsupported("type", f"use {' or '.join(kinds)} here")
        # Some clients of other gateways mark what Anthropic is to cache.
        mark = part.document.get("cache_control")
        marked = {"cache_control": mark} if isinstance(mark, dict) else {}
        match kind:
            case "image_url":
                image = part.child("image_url")
                if image.document.get("detail") not in (None, "auto"):
                    self._warnings[DETAIL_LEFT_OUT] = None
                yield {"type": "image", "source": read_image_url(image, "url"), **marked}
            case "file":
                file = part.child("file")
                if "file_id" in file:
                    raise file.unsupported("file_id", "send the file in file_data")
                name = file.document.get("filename")
                title = {"title": name} if isinstance(name, str) and name else {}
                yield {"type": "document", "source": read_pdf_url(file, "file_data"), **title, **marked}
            case _:
                if text := part.string(kind):
                    yield {"type": "text", "text": text, **marked}


def _read_call(call: Fields) -> dict[str, Any]:
    if call.document.get("type", "function") != "function":
        raise call.unsupported("type", "use functions")
    function = call.child("function")
    return {
        "type": "tool_use",
        "id": fit_call_id(call.string("id")),
        "name": function.string("name"),
        "input": read_arguments(function),
    }


def read_arguments(function: Fields) -> dict[str, Any]:
    """Return the arguments of a call. Raises `RequestError` for those that Anthropic refuses."""
    text = function.string("arguments")
    try:
        return parse_arguments(text)
    except ValueError:
        problem = "must be a JSON object, because Anthropic takes nothing else"
        raise function.wrong("arguments", problem) from None


def parse_arguments(text: str) -> dict[str, Any]:
    """Return the arguments of a function as the input of a tool. Raises ValueError."""
    # Limits how deep it is nested, so that it can be written again.
    value = from_json(text, allow_inf_nan=False) if text.strip() else {}
    if not isinstance(value, dict):
        raise ValueError("the arguments are not an object")
    return value


def write_arguments(value: Mapping[str, Any]) -> str:
    """Return the input of a tool as the arguments of a function, its keys in the same order. Raises ValueError."""
    try:
        return mend_surrogates(json.dumps(value, ensure_ascii=False, separators=(",", ":")))
    except RecursionError as error:
        raise ValueError("the input is nested too deeply") from error
