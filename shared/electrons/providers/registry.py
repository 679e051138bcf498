"""Who a `model` means: `provider:name` is split at the first colon, a bare name goes by its beginning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from electrons.errors import UnknownProviderError
from electrons.providers.base import Provider

P = TypeVar("P", bound=Provider)

RETIRED_MODELS: Mapping[str, str] = {
    # Anthropic's own replacements: https://platform.claude.com/docs/en/about-claude/model-deprecations (2026-11)
    "anthropic:claude-sonnet-4-20250514": "claude-sonnet-4-6",
    "anthropic:claude-sonnet-4-0": "claude-sonnet-4-6",
    "anthropic:claude-3-7-sonnet-20250219": "claude-sonnet-4-6",
    "anthropic:claude-opus-4-20250514": "claude-opus-4-8",
    "anthropic:claude-opus-4-0": "claude-opus-4-8",
    "anthropic:claude-opus-4-1": "claude-opus-4-8",
    "anthropic:claude-opus-4-1-20250805": "claude-opus-4-8",
    "anthropic:claude-3-5-haiku-20241022": "claude-haiku-4-5",
    "anthropic:claude-3-haiku-20240307": "claude-haiku-4-5",
}
"""Names that their vendor has switched off, and what answers for them."""


def resolve_model(model: str, providers: Sequence[P]) -> tuple[P, str]:
    """The provider and its own model name. Raises `UnknownProviderError` that names the providers there are.

    A bare `claude*` is Anthropic's, every other bare name OpenAI's.
    """
    prefix, colon, name = model.partition(":")
    if not colon:
        prefix, name = ("anthropic" if model.lower().startswith("claude") else "openai"), model
    wanted = prefix.strip().lower()
    for provider in providers:
        if provider.name == wanted and name.strip():
            name = name.strip()
            return provider, RETIRED_MODELS.get(f"{wanted}:{name}", name)
    known = [provider.name for provider in providers]
    reason = f"Unknown provider `{prefix}`" if wanted not in known else f"`{model}` names no model"
    raise UnknownProviderError(
        f"{reason}; use `provider:model` with one of: {', '.join(known)}", details={"providers": known}
    )
