"""A request in a vendor's format: read as far as the gateway needs it, and passed on as the bytes that came."""

from __future__ import annotations

import json
import re
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from electrons.capabilities.text import CHARACTERS_PER_TOKEN
from electrons.upstream.reading import as_integer, as_object

_USUAL_OUTPUT_TOKENS = 2000
_MEDIA_TOKENS = 1000
"""About what an image costs; its base64 would count a hundred times as much."""

_MEDIA_CHARACTERS = 1024
_BASE64 = re.compile(r"(?:data:[^,]{0,100},)?[A-Za-z0-9+/=_-]{1024,}")
# Tokens of a JSON text as far as its members need: strings, and what opens or closes a level.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]', re.DOTALL)
_MODEL = re.compile(rb'"model"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')


class VendorRequest(BaseModel):
    """The members that decide where a request goes; all others are the vendor's to check."""

    model_config = ConfigDict(extra="allow", strict=True, hide_input_in_errors=True)

    model: Annotated[str, Field(min_length=1, max_length=256)]
    stream: bool | None = None

    _content: bytes = PrivateAttr(default=b"")
    _document: dict[str, Any] = PrivateAttr(default_factory=dict)

    def attach(self, content: bytes, document: dict[str, Any]) -> None:
        """Keep the body as it came, and as JSON."""
        self._content, self._document = content, document

    @property
    def document(self) -> dict[str, Any]:
        """The whole body."""
        return self._document

    def content_for(self, model: str) -> bytes:
        """Return the body's bytes with another model's name in it."""
        return self._content if model == self.model else replace_model(self._content, self._document, model)

    def estimate_input(self) -> int:
        """Return about how many tokens the body has."""
        if len(self._content) < _MEDIA_CHARACTERS or b"base64" not in self._content:
            return -(-len(self._content) // CHARACTERS_PER_TOKEN)
        return _count_tokens(self._document)

    def estimate_output(self) -> int:
        """Return the most tokens that the answer may have, or a usual number where the caller sets no limit."""
        names = ("max_completion_tokens", "max_tokens", "max_output_tokens")
        limits = [limit for name in names if (limit := as_integer(self._document.get(name)))]
        return limits[0] if limits else _USUAL_OUTPUT_TOKENS


def replace_model(content: bytes, document: dict[str, Any], model: str) -> bytes:
    """Return a JSON object with another `model`; no other byte of it changes."""
    name = json.dumps(model).encode()
    spans = [found.span(1) for found in _MODEL.finditer(content)]
    if len(spans) != 1:
        spans = _find_models(content)
    if not spans or any(json.loads(content[start:end]) != document.get("model") for start, end in spans[-1:]):
        # The name of the member is written with escapes.
        return json.dumps({**document, "model": model}, ensure_ascii=False, separators=(",", ":")).encode()
    for start, end in reversed(spans):
        content = content[:start] + name + content[end:]
    return content


def wants_usage(document: dict[str, Any]) -> bool:
    """Return whether a stream of chat completions was asked for its usage."""
    return as_object(document.get("stream_options")).get("include_usage") is True


def ask_for_usage(content: bytes, document: dict[str, Any]) -> bytes:
    """Return a request for chat completions whose stream reports its usage."""
    if "stream_options" in document:
        options = {**as_object(document["stream_options"]), "include_usage": True}
        asking = {**json.loads(content), "stream_options": options}
        return json.dumps(asking, ensure_ascii=False, separators=(",", ":")).encode()
    start = content.index(b"{") + 1
    return b'%b"stream_options":{"include_usage":true},%b' % (content[:start], content[start:])


def _find_models(content: bytes) -> list[tuple[int, int]]:
    """Return where the values of the outermost members called `model` are."""
    spans: list[tuple[int, int]] = []
    depth = 0
    is_name = False
    for token in _TOKEN.finditer(content):
        text = token[0]
        if text in b"{[":
            depth += 1
        elif text in b"}]":
            depth -= 1
        elif is_name:
            spans.append(token.span())
        is_name = depth == 1 and not is_name and text == b'"model"' and _is_name(content, token.end())
    return spans


def _is_name(content: bytes, end: int) -> bool:
    return content[end : end + 64].lstrip().startswith(b":")


def _count_tokens(value: Any) -> int:
    if isinstance(value, str):
        if len(value) >= _MEDIA_CHARACTERS and _BASE64.fullmatch(value):
            return _MEDIA_TOKENS
        return -(-len(value) // CHARACTERS_PER_TOKEN)
    if isinstance(value, dict):
        return sum(_count_tokens(item) for item in value.values()) + len(value)
    return sum(map(_count_tokens, value)) if isinstance(value, list) else 1
