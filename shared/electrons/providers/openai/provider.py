"""OpenAI: chat completions (`chat.py`) and images (`images.py`)."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import ClassVar

from electrons.providers.openai.chat import OpenAICompatibleProvider
from electrons.providers.openai.images import OpenAIImages

_TAKES_SAMPLING = re.compile(r"(ft:)?(gpt-4o|gpt-4\.1|gpt-4-turbo|gpt-3\.5|chatgpt-4o).*")


class OpenAIProvider(OpenAICompatibleProvider, OpenAIImages):
    """GPT models for text and images. A bare model name that belongs to no other vendor is OpenAI's."""

    name = "openai"
    title = "OpenAI"
    base_url = "https://api.openai.com/v1"
    model_prefixes = ("",)
    retired_models = MappingProxyType(
        {
            # https://developers.openai.com/api/docs/deprecations (2026-11)
            "dall-e-2": "gpt-image-2",
            "dall-e-3": "gpt-image-2",
            "gpt-image-1": "gpt-image-2",
        }
    )
    max_tokens_field = "max_completion_tokens"
    stream_options: ClassVar[dict[str, bool]] = {"include_usage": True, "include_obfuscation": False}

    def takes_sampling(self, model: str) -> bool:
        """Return whether it is an older model: the o-series, gpt-5 and later take no sampling options."""
        return bool(_TAKES_SAMPLING.fullmatch(model))
