"""The input of Responses as the messages of chat completions."""

from __future__ import annotations

from typing import Any

from electrons.dialects.translation.attachments import read_image_url, read_pdf_url
from electrons.dialects.translation.chat_conversation import DETAIL_LEFT_OUT, read_arguments
from electrons.dialects.translation.fields import Fields

Parts = list[dict[str, Any]]

REASONING_LEFT_OUT = "reasoning items of the input were left out"

_TEXTS = ("input_text", "output_text", "text")
_KINDS = {
    "user": (*_TEXTS, "input_image", "input_file"),
    "system": _TEXTS,
    "developer": _TEXTS,
    "assistant": (*_TEXTS, "refusal"),
}
_SEE_NEXT = "(see the next message)"


class ResponsesConversation:
    """Reads the instructions and the items of a request; `messages` are those of chat completions.

    Text and calls of the assistant that follow each other are one message. Images and files in the output of a tool
    follow in a message of the user, behind all outputs, because a `tool` message has only text there; Anthropic's
    results may have images.
    """

    def __init__(self, request: Fields, warnings: dict[str, None], *, for_anthropic: bool) -> None:
        """Read the request. Adds to `warnings`, and raises `RequestError` for what cannot be translated."""
        self.messages: Parts = []
        self._warnings = warnings
        self._for_anthropic = for_anthropic
        self._moved: Parts = []
        self._sent_ids: set[str] = set()
        if "instructions" in request:
            self._add_text("system", request.string("instructions"))
        content = request.document.get("input")
        if isinstance(content, str):
            self._add_text("user", content)
        elif isinstance(content, list):
            items = list(request.items("input"))
            self._sent_ids = {
                str(item.document.get("id")) for item in items if item.document.get("type") != "item_reference"
            }
            for item in items:
                self._add(item)
            self._end_outputs()
            for message in self.messages:
                if message["role"] == "assistant":
                    message["content"] = "".join(message["content"]) or None
        else:
            raise request.wrong("input", "must be a string or a list of items")

    def _add(self, item: Fields) -> None:
        kind = item.string("type") if "type" in item else "message"
        if kind != "function_call_output":
            self._end_outputs()
        match kind:
            case "message":
                self._add_message(item)
            case "function_call":
                self._add_call(item)
            case "function_call_output":
                self._add_output(item)
            case "reasoning":
                self._warnings[REASONING_LEFT_OUT] = None
            case "item_reference":
                if item.string("id") in self._sent_ids:
                    return  # it is in the conversation already
                if item.string("id").startswith("rs_"):
                    self._warnings[REASONING_LEFT_OUT] = None
                    return
                raise item.unsupported("type", "responses are not stored; send the item itself (`store: false`)")
            case _:
                raise item.unsupported("type", "use messages, function_call and function_call_output")

    def _add_message(self, item: Fields) -> None:
        role = item.string("role")
        if role not in _KINDS:
            raise item.wrong("role", f"must be one of {', '.join(_KINDS)}")
        parts = self._read_parts(item, "content", _KINDS[role])
        if role == "user":
            self._add_user(parts)
        elif text := "".join(part["text"] for part in parts):
            if role == "assistant":
                self._get_answer()["content"].append(text)
            else:
                # Other servers do not know the role `developer`.
                self._add_text("system", text)

    def _add_text(self, role: str, text: str) -> None:
        if text:
            self.messages.append({"role": role, "content": text})

    def _add_user(self, parts: Parts) -> None:
        if len(parts) == 1 and parts[0]["type"] == "text":
            self._add_text("user", parts[0]["text"])
        elif parts:
            self.messages.append({"role": "user", "content": parts})

    def _get_answer(self) -> dict[str, Any]:
        if not self.messages or self.messages[-1]["role"] != "assistant":
            self.messages.append({"role": "assistant", "content": []})
        return self.messages[-1]

    def _add_call(self, item: Fields) -> None:
        arguments = item.string("arguments")
        if self._for_anthropic:
            read_arguments(item)
        function = {"name": item.string("name"), "arguments": arguments or "{}"}
        call = {"id": item.string("call_id"), "type": "function", "function": function}
        self._get_answer().setdefault("tool_calls", []).append(call)

    def _add_output(self, item: Fields) -> None:
        call_id = item.string("call_id")
        parts = self._read_parts(item, "output", _KINDS["user"])
        kept = ("text", "image_url") if self._for_anthropic else ("text",)
        shown = [part for part in parts if part["type"] in kept]
        moved = [part for part in parts if part["type"] not in kept]
        if moved:
            self._moved += [{"type": "text", "text": f"From the output of the call {call_id}:"}, *moved]
        content: Parts | str = shown
        if all(part["type"] == "text" for part in shown):
            content = "\n\n".join(part["text"] for part in shown) or (_SEE_NEXT if moved else "")
        self.messages.append({"role": "tool", "tool_call_id": call_id, "content": content})

    def _end_outputs(self) -> None:
        moved, self._moved = self._moved, []
        self._add_user(moved)

    def _read_parts(self, holder: Fields, name: str, kinds: tuple[str, ...]) -> Parts:
        """Return the parts of a string or a list, without empty texts."""
        content = holder.document.get(name)
        if isinstance(content, str):
            return [{"type": "text", "text": content}] if content else []
        if not isinstance(content, list):
            raise holder.wrong(name, "must be a string or a list of parts")
        parts = (self._read_part(part, kinds) for part in holder.items(name))
        return [part for part in parts if part.get("text") != ""]

    def _read_part(self, part: Fields, kinds: tuple[str, ...]) -> dict[str, Any]:
        kind = part.string("type")
        if kind not in kinds:
            raise part.unsupported("type", f"use {' or '.join(kinds)} here")
        match kind:
            case "input_image":
                return self._read_image(part)
            case "input_file":
                return self._read_file(part)
            case "refusal":
                return {"type": "text", "text": part.string("refusal")}
        return {"type": "text", "text": part.string("text")}

    def _read_image(self, part: Fields) -> dict[str, Any]:
        if "file_id" in part:
            raise part.unsupported("file_id", "send the image in image_url")
        image = {"url": part.string("image_url")}
        detail = part.string("detail") if "detail" in part else "auto"
        if self._for_anthropic:
            read_image_url(part, "image_url")
            if detail != "auto":
                self._warnings[DETAIL_LEFT_OUT] = None
        elif detail != "auto":
            image["detail"] = detail
        return {"type": "image_url", "image_url": image}

    def _read_file(self, part: Fields) -> dict[str, Any]:
        for name in ("file_id", "file_url"):
            if name in part:
                raise part.unsupported(name, "send the file in file_data")
        file = {"file_data": part.string("file_data")}
        if self._for_anthropic:
            read_pdf_url(part, "file_data")
        if "filename" in part:
            file["filename"] = part.string("filename")
        return {"type": "file", "file": file}
