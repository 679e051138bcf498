"""A request in a vendor's format: read as far as the gateway needs it, and passed on as the bytes that came."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import to_json

from electrons.capabilities.text import CHARACTERS_PER_TOKEN, MOST_FOR_ESTIMATE
from electrons.upstream.budgets import USUAL_OUTPUT_TOKENS
from electrons.upstream.reading import as_integer, as_object, load_json
from electrons.usage import Units

FALLBACKS_LIMIT = 8
"""Other models that a request may name."""

_USUAL_OUTPUT_TOKENS = 2000
_MEDIA_TOKENS = 1000
"""About what an image costs; its base64 would count a hundred times as much."""

_LIMITS = ("max_completion_tokens", "max_tokens", "max_output_tokens")
_MEDIA_CHARACTERS = 1024
_BASE64 = re.compile(r"(?:data:[^,]{0,100},)?[A-Za-z0-9+/=_-]{1024,}")
# Tokens of a JSON text as far as its members need: strings, and what opens or closes a level.
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|[{}\[\]]', re.DOTALL)
_MODEL = re.compile(rb'"model"\s*:\s*("[^"\\]*(?:\\.[^"\\]*)*")')


@dataclass(frozen=True, slots=True, kw_only=True)
class _Facts:
    """What is asked about a body."""

    input_tokens: int
    output_limit: int | None
    choices: int
    wants_usage: bool


class VendorRequest(BaseModel):
    """The members that decide where a request goes; all others are the vendor's to check.

    Only the bytes stay in memory, not what they mean.
    """

    # Pydantic's private attributes are slow to make, to set and to get.
    __slots__ = ("_content", "_facts")

    model_config = ConfigDict(extra="ignore", strict=True, hide_input_in_errors=True)

    model: Annotated[str, Field(min_length=1, max_length=256)]
    stream: bool | None = None

    def attach(self, content: bytes, document: dict[str, Any]) -> None:
        """Keep the body as it came, and what is often asked about it."""
        limits = [limit for name in _LIMITS if (limit := as_integer(document.get(name)))]
        has_media = len(content) >= _MEDIA_CHARACTERS and b"base64" in content
        self._content: bytes
        self._facts: _Facts
        facts = _Facts(
            input_tokens=estimate_document(document) if has_media else -(-len(content) // CHARACTERS_PER_TOKEN),
            output_limit=limits[0] if limits else None,
            choices=as_integer(document.get("n")) or 1,
            wants_usage=wants_usage(document),
        )
        object.__setattr__(self, "_content", content)
        object.__setattr__(self, "_facts", facts)

    def __copy__(self) -> Self:
        """Return a copy for `model_copy`; pydantic leaves out what is in a slot."""
        copied = super().__copy__()
        object.__setattr__(copied, "_content", self._content)
        object.__setattr__(copied, "_facts", self._facts)
        return copied

    def let_go(self) -> None:
        """Forget the bytes, once nobody needs them anymore: they may be megabytes."""
        object.__setattr__(self, "_content", b"")

    @property
    def document(self) -> dict[str, Any]:
        """The whole body, read once more."""
        return as_object(load_json(self._content))

    def document_for(self, model: str) -> dict[str, Any]:
        """Return the whole body with another model's name, without members of ours."""
        return {**self.document, "model": model}

    @property
    def content(self) -> bytes:
        """The bytes that came."""
        return self._content

    @property
    def wants_usage(self) -> bool:
        """Whether a stream of chat completions is to report its usage."""
        return self._facts.wants_usage

    def content_for(self, model: str) -> bytes:
        """Return the body's bytes with another model's name in it."""
        content = self._content
        return content if model == self.model else replace_model(content, model)

    def estimate_input(self) -> int:
        """Return about how many tokens the body has."""
        return self._facts.input_tokens

    def estimate_output(self) -> int:
        """Return the most tokens that the answer may have, or a usual number where the caller sets no limit."""
        return self._facts.output_limit or _USUAL_OUTPUT_TOKENS

    def most_units(self, *, has_output: bool = True) -> Units:
        """Return the tokens that a budget reserves: for the output all that may come, or many where it has no limit."""
        facts = self._facts
        output = (facts.output_limit or USUAL_OUTPUT_TOKENS) * facts.choices if has_output else 0
        return Units(MOST_FOR_ESTIMATE * facts.input_tokens, output)


class ChatRequest(VendorRequest):
    """A request for chat completions; `fallbacks` is a member of ours, which no vendor gets."""

    fallbacks: Annotated[list[Annotated[str, Field(max_length=256)]] | None, Field(max_length=FALLBACKS_LIMIT)] = None

    def content_for(self, model: str) -> bytes:
        """Return the body's bytes with another model's name in it, and without `fallbacks`."""
        if self.fallbacks is None:
            return super().content_for(model)
        return json.dumps(self.document_for(model), ensure_ascii=False, separators=(",", ":")).encode()

    def document_for(self, model: str) -> dict[str, Any]:
        """Return the whole body with another model's name, without `fallbacks`."""
        document = super().document_for(model)
        document.pop("fallbacks", None)
        return document


def replace_model(content: bytes, model: str) -> bytes:
    """Return a JSON object with another `model`; no other byte of it changes."""
    name = to_json(model)
    # Most bodies have one member of that name; only for the others it matters how deep it is.
    spans = [found.span(1) for found in _MODEL.finditer(content)]
    if len(spans) > 1:
        spans = _find_models(content)
    if not spans:  # the name of the member is written with escapes
        document = {**as_object(load_json(content)), "model": model}
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    for start, end in reversed(spans):
        content = content[:start] + name + content[end:]
    return content


def wants_usage(document: dict[str, Any]) -> bool:
    """Return whether a stream of chat completions was asked for its usage."""
    return as_object(document.get("stream_options")).get("include_usage") is True


def ask_for_usage(content: bytes) -> bytes:
    """Return a request for chat completions whose stream reports its usage."""
    if b'"stream_options"' in content:
        document = as_object(load_json(content))
        options = {**as_object(document.get("stream_options")), "include_usage": True}
        asking = {**document, "stream_options": options}
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


def estimate_document(value: Any) -> int:
    """Return about how many tokens a JSON value has; a file in base64 counts as an image."""
    if isinstance(value, str):
        if len(value) >= _MEDIA_CHARACTERS and _BASE64.fullmatch(value):
            return _MEDIA_TOKENS
        return -(-len(value) // CHARACTERS_PER_TOKEN)
    if isinstance(value, dict):
        return sum(estimate_document(item) for item in value.values()) + len(value)
    return sum(map(estimate_document, value)) if isinstance(value, list) else 1
