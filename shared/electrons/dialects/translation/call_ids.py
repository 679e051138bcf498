"""Ids of tool calls and of users, and names of tools, where one vendor refuses what the other allows."""

from __future__ import annotations

import hashlib
import re

CALL_ID_LIMIT = 40
"""Characters of an id in OpenAI's requests; Anthropic has no limit."""

TOOL_NAME_LIMIT = 64
"""Characters of a tool's name at OpenAI; Anthropic allows 128."""

USER_ID_LIMIT = 64
"""Characters of a user's id at OpenAI; Anthropic allows 256."""

_DIGEST_CHARACTERS = 16
_FITTING = re.compile(r"[a-zA-Z0-9_-]+")
_UNFITTING = re.compile(r"[^a-zA-Z0-9_-]")


def fit_call_id(call_id: str) -> str:
    """Return the id itself if both vendors take it, otherwise the same one for the same id."""
    return (
        call_id if len(call_id) <= CALL_ID_LIMIT and _FITTING.fullmatch(call_id) else _shorten(call_id, CALL_ID_LIMIT)
    )


def fit_tool_name(name: str) -> str:
    """Return the name itself if OpenAI takes it, otherwise the same one for the same name."""
    return name if len(name) <= TOOL_NAME_LIMIT else _shorten(name, TOOL_NAME_LIMIT)


def fit_user_id(user_id: str) -> str:
    """Return the id itself if OpenAI takes it, otherwise the same one for the same user."""
    return user_id if len(user_id) <= USER_ID_LIMIT else _shorten(user_id, USER_ID_LIMIT)


def _shorten(text: str, limit: int) -> str:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARACTERS]
    return f"{_UNFITTING.sub('_', text[: limit - _DIGEST_CHARACTERS - 1])}_{digest}"
