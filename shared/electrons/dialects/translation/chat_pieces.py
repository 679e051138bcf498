"""What other servers have in a message, or in a piece of one, of chat completions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from electrons.dialects.translation.chat_conversation import write_arguments
from electrons.upstream.reading import Reader, as_integer, as_list, as_string

REASONING = ("reasoning_content", "reasoning")
"""Where servers have thoughts."""

_TEXT_PARTS = ("text", "output_text")
# By far the most frequent chunk, as OpenAI writes it; its string is handed on as it is. Strings with `\u` are not,
# because that may be half of a surrogate pair.
_TEXT_CHUNK = re.compile(
    r'"choices": ?\[\{"index": ?0, ?"delta": ?\{"content": ?("[^"\\\x00-\x1f]*(?:\\["\\/bfnrt][^"\\\x00-\x1f]*)*")\}, ?'
    r'(?:"logprobs": ?null, ?)?"finish_reason": ?null\}\]'
)
_USAGE = re.compile(r'"usage": ?\{')


def read_text(message: Reader) -> str:
    """Return the text of a message or a delta: a string, or a list of parts, some of which may be thoughts."""
    content = message.document.get("content")
    if isinstance(content, list):
        parts = [Reader(part) for part in content]
        return "".join(part.text("text") for part in parts if part.string("type", default="text") in _TEXT_PARTS)
    return message.text("content") if content is not None else ""


def find_quoted_text(data: str) -> str | None:
    """Return the JSON string of a chunk that has nothing else, as OpenAI writes it; None for any other."""
    found = _TEXT_CHUNK.search(data)
    return found[1] if found and not _USAGE.search(data) else None


class CallPieces:
    """Tells the calls of a stream apart; some servers number none of them, or give all the same number."""

    def __init__(self) -> None:
        self._call: tuple[int, str | None] | None = None

    def read(self, message: Reader) -> Iterator[tuple[Reader, bool]]:
        """Iterate over the pieces of calls in a message or a delta, and whether each begins a call."""
        for position, document in enumerate(as_list(message.document.get("tool_calls"))):
            call = Reader(document)
            function = call.child("function", required=True)
            index = as_integer(call.document.get("index"))
            index = position if index is None else index
            call_id = as_string(call.document.get("id"))
            is_next = self._call is not None and "name" in function and call_id not in (None, self._call[1])
            begins = self._call is None or index != self._call[0] or is_next
            if begins:
                self._call = (index, call_id)
            yield call, begins

    def end(self) -> None:
        """Begin a call with the next piece."""
        self._call = None


def read_piece(function: Reader) -> str:
    """Return the piece of the arguments; some servers have an object instead of its text."""
    arguments = function.document.get("arguments")
    if isinstance(arguments, dict):
        return write_arguments(arguments)
    return arguments if isinstance(arguments, str) else ""
