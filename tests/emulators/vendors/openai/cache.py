"""The prompt cache: how many of a prompt's tokens were in an earlier one's beginning.

Source: https://developers.openai.com/api/docs/guides/prompt-caching. It needs no mark: prompts of 1,024 tokens or more
are cached, in steps of 128. Here a prefix ends with a tool or a message, and the number of prefixes is limited, not
their age, so that the counts never depend on the clock.
"""

from collections import OrderedDict
from collections.abc import Sequence
from hashlib import sha256

from .catalogue import Model

_MIN_TOKENS = 1024
_STEP = 128
_MAX_PREFIXES = 10_000


class PromptCache:
    """The beginnings of earlier prompts; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._prefixes: OrderedDict[bytes, None] = OrderedDict()

    def count(self, segments: Sequence[tuple[str, int]], model: Model) -> int:
        """Return how many tokens are read from the cache. A segment is a tool or a message, and its tokens."""
        key, total, cached = model.id.encode(), 0, 0
        for content, tokens in segments:
            key = sha256(key + content.encode("utf-8", "surrogatepass")).digest()
            total += tokens
            if total < _MIN_TOKENS:
                continue
            if key in self._prefixes:
                cached = total
            self._prefixes[key] = None
            self._prefixes.move_to_end(key)
        while len(self._prefixes) > _MAX_PREFIXES:
            self._prefixes.popitem(last=False)
        # The last token is always read anew.
        return min(cached, total - 1) // _STEP * _STEP if cached else 0
