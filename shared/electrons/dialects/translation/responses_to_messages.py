"""OpenAI's Responses with the models of Anthropic: by way of chat completions, in both directions."""

from __future__ import annotations

from typing import Any

from electrons.dialects.translation.chat_answer import (
    KEEP_ALIVE,
    ChatChunks,
    Chunks,
    find_quoted_delta,
    write_chat_completion,
)
from electrons.dialects.translation.chat_to_messages import ChatToMessages
from electrons.dialects.translation.protocol import StreamTranslator, Translated
from electrons.dialects.translation.response_answer import ResponseEvents, write_response
from electrons.dialects.translation.responses_to_chat import translate_to_chat

_NAMES = {"reasoning_effort": "reasoning.effort"}
"""The names of Responses for those of chat completions, in warnings."""


class ResponsesToMessages:
    """Requests for Responses as requests for messages, and the answers back."""

    path = ChatToMessages.path

    def translate_request(self, document: dict[str, Any]) -> Translated:
        """See `Translation.translate_request`."""
        chat = translate_to_chat(document, target="models of Anthropic", for_anthropic=True)
        messages = ChatToMessages().translate_request(chat.document)
        warnings = [*chat.warnings, *(_rename(warning) for warning in messages.warnings)]
        return Translated(document=messages.document, warnings=tuple(warnings))

    def translate_response(
        self, document: dict[str, Any], *, request: dict[str, Any], requested_model: str
    ) -> dict[str, Any]:
        """See `Translation.translate_response`."""
        completion = write_chat_completion(document, requested_model)
        return write_response(completion, request=request, requested_model=requested_model)

    def create_stream(self, document: dict[str, Any], requested_model: str) -> StreamTranslator:
        """See `Translation.create_stream`."""
        return _Stream(document, requested_model)


class _Stream:
    def __init__(self, request: dict[str, Any], requested_model: str) -> None:
        self._chunks = ChatChunks(requested_model, reports_usage=True)
        self._events = ResponseEvents(request, requested_model)

    @property
    def is_complete(self) -> bool:
        return self._chunks.is_complete

    def feed(self, data: str) -> list[str]:
        if self._events.is_saying and not self._chunks.has_half and (quoted := find_quoted_delta(data)):
            return [] if self.is_complete else self._events.add_quoted(quoted)
        return self._write(self._chunks.read(data))

    def finish(self) -> list[str]:
        return self._write(self._chunks.end()) + self._events.finish()

    def _write(self, chunks: Chunks) -> list[str]:
        return [frame for chunk in chunks for frame in (self._events.add_chunk(chunk) if chunk else [KEEP_ALIVE])]


def _rename(warning: str) -> str:
    name, space, rest = warning.partition(" ")
    return f"{_NAMES.get(name, name)}{space}{rest}"
