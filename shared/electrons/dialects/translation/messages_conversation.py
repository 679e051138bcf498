"""The conversation of Anthropic's messages as that of chat completions."""

from __future__ import annotations

from typing import Any

from electrons.dialects.translation.attachments import IMAGE_TYPES, PDF, write_source_url
from electrons.dialects.translation.call_ids import fit_call_id, fit_tool_name
from electrons.dialects.translation.chat_conversation import write_arguments
from electrons.dialects.translation.fields import Fields

Parts = list[dict[str, Any]]

_THOUGHTS = ("thinking", "redacted_thinking")
"""Only the model that signed them can read them."""

_NOTHING = "(no output)"


class MessagesConversation:
    """Reads the messages of a request; `messages` are those of chat completions.

    Consecutive messages of one side are one turn, as they are at Anthropic. In a turn of the user the results of tools
    come first. Their images and documents follow in the user's message, because a `tool` message has only text.
    """

    def __init__(self, request: Fields) -> None:
        """Read the messages. Raises `RequestError` for what cannot be translated."""
        self.messages: Parts = []
        self._role = ""
        self._results: Parts = []
        self._moved: Parts = []
        self._parts: Parts = []
        self._text: list[str] = []
        self._calls: Parts = []
        self._add_system(request, "system")
        for message in request.items("messages"):
            self._add(message)
        if any(self._text) or self._calls:
            raise request.wrong(
                "messages", "must not end with the assistant: models behind chat completions do not continue it"
            )
        self._end_turn()

    def _add(self, message: Fields) -> None:
        role = message.string("role")
        if role not in ("user", "assistant", "system"):
            raise message.wrong("role", "must be user, assistant or system")
        if role != self._role or role == "system":
            self._end_turn()
        self._role = role
        if role == "system":
            self._add_system(message, "content")
            return
        for block in _read_blocks(message, "content"):
            if role == "user":
                self._add_to_user(block)
            else:
                self._add_to_assistant(block)

    def _add_system(self, holder: Fields, name: str) -> None:
        if name not in holder:
            return
        text = "\n\n".join(_read_text(block) for block in _read_blocks(holder, name))
        if text:
            self.messages.append({"role": "system", "content": text})

    def _add_to_user(self, block: Fields) -> None:
        if block.string("type") == "tool_result":
            self._add_result(block)
        else:
            self._parts += _read_part(block)

    def _add_result(self, block: Fields) -> None:
        call_id = fit_call_id(block.string("tool_use_id"))
        parts = [part for inner in _read_blocks(block, "content") for part in _read_part(inner)]
        text = "\n\n".join(part["text"] for part in parts if part["type"] == "text")
        moved = [part for part in parts if part["type"] != "text"]
        if moved:
            self._moved += [{"type": "text", "text": f"From the result of the tool call {call_id}:"}, *moved]
            text = text or "(see the next message)"
        if block.boolean("is_error"):
            text = f"Error: {text or _NOTHING}"
        self._results.append({"role": "tool", "tool_call_id": call_id, "content": text})

    def _add_to_assistant(self, block: Fields) -> None:
        match block.string("type"):
            case "text":
                self._text.append(block.string("text"))
            case "tool_use":
                function = {
                    "name": fit_tool_name(block.string("name")),
                    "arguments": write_arguments(block.child("input").document),
                }
                call = {"id": fit_call_id(block.string("id")), "type": "function", "function": function}
                self._calls.append(call)
            case kind if kind not in _THOUGHTS:
                raise block.unsupported("type")

    def _end_turn(self) -> None:
        text, calls = "".join(self._text), self._calls
        if text or calls:
            answer: dict[str, Any] = {"role": "assistant", "content": text or None}
            self.messages.append({**answer, "tool_calls": calls} if calls else answer)
        parts = self._moved + self._parts
        self.messages += self._results
        if len(parts) == 1 and parts[0]["type"] == "text":
            self.messages.append({"role": "user", "content": parts[0]["text"]})
        elif parts:
            self.messages.append({"role": "user", "content": parts})
        self._results, self._moved, self._parts, self._text, self._calls = [], [], [], [], []


def _read_blocks(holder: Fields, name: str) -> list[Fields]:
    """Return the blocks of a field, a string as one block of text. It may be missing."""
    content = holder.document.get(name)
    if isinstance(content, str):
        return [holder.inner({"type": "text", "text": content}, name)]
    if content is not None and not isinstance(content, list):
        raise holder.wrong(name, "must be a string or a list of blocks")
    return list(holder.items(name))


def _read_text(block: Fields) -> str:
    if block.string("type") != "text":
        raise block.unsupported("type", "use text here")
    return block.string("text")


def _read_part(block: Fields) -> Parts:
    """Return the parts for a block, none for an empty text."""
    match block.string("type"):
        case "text":
            text = block.string("text")
            return [{"type": "text", "text": text}] if text else []
        case "image":
            url = write_source_url(block.child("source"), IMAGE_TYPES)
            return [{"type": "image_url", "image_url": {"url": url}}]
        case "document":
            return _read_document(block)
    raise block.unsupported("type", "use text, image or document")


def _read_document(block: Fields) -> Parts:
    if "citations" in block and block.child("citations").boolean("enabled"):
        raise block.unsupported("citations")
    source = block.child("source")
    title = block.string("title") if "title" in block else ""
    about = [text for text in (title, block.string("context") if "context" in block else "") if text]
    match source.string("type"):
        case "text":
            return [{"type": "text", "text": "\n\n".join([*about, source.string("data")])}]
        case "content":
            parts = [part for inner in _read_blocks(source, "content") for part in _read_part(inner)]
            return [{"type": "text", "text": text} for text in about] + parts
        case "base64":
            file = {"filename": title or "document.pdf", "file_data": write_source_url(source, (PDF,))}
            return [{"type": "text", "text": text} for text in about[bool(title) :]] + [{"type": "file", "file": file}]
    raise source.unsupported("type", "send the document as base64, text or content")
