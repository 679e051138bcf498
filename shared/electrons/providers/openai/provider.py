"""OpenAI: chat completions (`chat.py`), images (`images.py`) and speech (`speech.py`)."""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import ClassVar

from electrons.providers.openai.chat import OpenAICompatibleProvider
from electrons.providers.openai.images import RETIRED_IMAGE_MODELS, OpenAIImages
from electrons.providers.openai.speech import OpenAISpeech

_TAKES_SAMPLING = re.compile(r"(ft:)?(gpt-4o|gpt-4\.1|gpt-4-turbo|gpt-3\.5|chatgpt-4o).*")


# What answered chat completions and is shut down, with the replacement that the vendor names:
# https://developers.openai.com/api/docs/deprecations (2026-11). Where that one is shut down as well, its own counts.
_RETIRED_MODELS = MappingProxyType(
    {
        **dict.fromkeys(
            (
                *("gpt-4", "gpt-4-0314", "gpt-4-0613", "gpt-4-32k", "gpt-4-32k-0314", "gpt-4-32k-0613"),
                *("gpt-4-1106-preview", "gpt-4-0125-preview", "gpt-4-turbo-preview", "gpt-4-vision-preview"),
                *("gpt-4-1106-vision-preview", "gpt-4-turbo", "gpt-4-turbo-2024-04-09"),
                *("gpt-4.5-preview", "gpt-4.5-preview-2025-02-27", "gpt-4o-2024-05-13", "chatgpt-4o-latest"),
                *("gpt-5-chat-latest", "gpt-5.1-chat-latest", "gpt-5.2-chat-latest", "gpt-5.3-chat-latest"),
                *("o1", "o1-2024-12-17", "o1-preview", "o1-preview-2024-09-12", "o1-pro", "o1-pro-2025-03-19"),
                *("o3-mini", "o3-mini-2025-01-31"),
            ),
            "gpt-6.1-sol",
        ),
        **dict.fromkeys(
            (
                *("gpt-3.5-turbo", "gpt-3.5-turbo-0301", "gpt-3.5-turbo-0613", "gpt-3.5-turbo-1106"),
                *("gpt-3.5-turbo-0125", "gpt-3.5-turbo-16k", "gpt-3.5-turbo-16k-0613"),
                *("o1-mini", "o1-mini-2024-09-12", "o4-mini", "o4-mini-2025-04-16"),
            ),
            "gpt-6.1-terra",
        ),
        **dict.fromkeys(
            (
                *("gpt-4.1-nano", "gpt-4.1-nano-2025-04-14", "gpt-4o-search-preview"),
                *("gpt-4o-search-preview-2025-03-11", "gpt-4o-mini-search-preview"),
                "gpt-4o-mini-search-preview-2025-03-11",
            ),
            "gpt-6-luna",
        ),
    }
)


class OpenAIProvider(OpenAICompatibleProvider, OpenAIImages, OpenAISpeech):
    """GPT models for text, images and speech. A bare model name that belongs to no other vendor is OpenAI's."""

    name = "openai"
    title = "OpenAI"
    base_url = "https://api.openai.com/v1"
    model_prefixes = ("",)
    retired_models = MappingProxyType({**_RETIRED_MODELS, **RETIRED_IMAGE_MODELS})
    max_tokens_field = "max_completion_tokens"
    enforces_json = True
    has_responses = True
    has_embeddings = True
    stream_options: ClassVar[dict[str, bool]] = {"include_usage": True, "include_obfuscation": False}

    def takes_sampling(self, model: str) -> bool:
        """Return whether it is an older model: the o-series, gpt-5 and later take no sampling options."""
        return bool(_TAKES_SAMPLING.fullmatch(model))
