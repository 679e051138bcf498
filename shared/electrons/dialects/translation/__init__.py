"""Requests and responses of one vendor's format in another's, as pure functions: JSON documents in, JSON documents out.

A translation is found by the route that the caller speaks and the dialect of the model's provider. What cannot be
translated is refused by the name of its field.
"""

from __future__ import annotations

from electrons.dialects.translation.chat_to_messages import ChatToMessages
from electrons.dialects.translation.messages_to_chat import MessagesToChat
from electrons.dialects.translation.protocol import StreamTranslator, Translated, Translation
from electrons.dialects.translation.responses_to_chat import ResponsesToChat
from electrons.dialects.translation.responses_to_messages import ResponsesToMessages
from electrons.routing import Dialect

__all__ = ["TRANSLATIONS", "StreamTranslator", "Translated", "Translation"]

TRANSLATIONS: dict[tuple[str, Dialect], Translation] = {
    ("/v1/chat/completions", "anthropic"): ChatToMessages(),
    ("/v1/messages", "openai"): MessagesToChat(),
    ("/v1/responses", "anthropic"): ResponsesToMessages(),
    ("/v1/responses", "openai"): ResponsesToChat(),
}
"""The translations by the caller's route and the provider's dialect."""
