"""The prompt cache: which of a prompt's tokens were read from it, and which were written to it.

Source: https://platform.claude.com/docs/en/build-with-claude/prompt-caching. A prefix is written where a block is
marked with `cache_control`, and read when a later prompt begins with the same blocks, up to 20 of them before its own
marks. Prefixes below the model's minimum are not cached. The emulator limits the number of prefixes, not their age, so
that the counts never depend on the clock.
"""

from collections import OrderedDict
from hashlib import sha256

from .catalogue import Model
from .requests import Segment

_LOOKBACK_BLOCKS = 20
_MAX_PREFIXES = 10_000


class PromptCache:
    """The prefixes that were written; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._prefixes: OrderedDict[bytes, None] = OrderedDict()

    def count(self, segments: list[Segment], model: Model) -> tuple[int, int]:
        """Return how many tokens are read from the cache and written to it; later prompts can read them."""
        keys: list[bytes] = []
        totals: list[int] = []
        for segment in segments:
            keys.append(sha256((keys[-1] if keys else model.id.encode()) + segment.content.encode()).digest())
            totals.append((totals[-1] if totals else 0) + segment.tokens)
        marks = [at for at, segment in enumerate(segments) if segment.marked and totals[at] >= model.min_cached_tokens]
        hits = [
            totals[at]
            for mark in marks
            for at in range(max(0, mark - _LOOKBACK_BLOCKS), mark + 1)
            if keys[at] in self._prefixes
        ]
        for mark in marks:
            self._prefixes[keys[mark]] = None
            self._prefixes.move_to_end(keys[mark])
        while len(self._prefixes) > _MAX_PREFIXES:
            self._prefixes.popitem(last=False)
        read = max(hits, default=0)
        return read, (totals[marks[-1]] if marks else 0) - read
