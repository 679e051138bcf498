"""OpenAI: chat completions (`chat.py`) and images (`images.py`)."""

from __future__ import annotations

import re
from typing import ClassVar

from electrons.providers.openai.chat import OpenAICompatibleProvider
from electrons.providers.openai.images import RETIRED_IMAGE_MODELS, OpenAIImages

_TAKES_SAMPLING = re.compile(r"(ft:)?(gpt-4o|gpt-4\.1|gpt-4-turbo|gpt-3\.5|chatgpt-4o).*")


class OpenAIProvider(OpenAICompatibleProvider, OpenAIImages):
    """GPT models for text and images. A bare model name that belongs to no other vendor is OpenAI's."""

    name = "openai"
    title = "OpenAI"
    base_url = "https://api.openai.com/v1"
    model_prefixes = ("",)
    retired_models = RETIRED_IMAGE_MODELS
    max_tokens_field = "max_completion_tokens"
    stream_options: ClassVar[dict[str, bool]] = {"include_usage": True, "include_obfuscation": False}

    def takes_sampling(self, model: str) -> bool:
        """Return whether it is an older model: the o-series, gpt-5 and later take no sampling options."""
        return bool(_TAKES_SAMPLING.fullmatch(model))
