"""The prompt cache: which of a prompt's tokens were read from it, and which were written to it.

As https://platform.claude.com/docs/en/build-with-claude/prompt-caching has it: a prefix is written where a block is
marked with `cache_control`, and read when a later prompt begins with the same blocks, looking back up to 20 of them
from its own marks. Prefixes below the model's minimum are not cached. Here they are kept by their number, not for five
minutes, so that the counts never depend on the clock.
"""

from collections import OrderedDict
from hashlib import sha256

from .catalogue import Model
from .requests import Piece

_LOOKED_BACK = 20
_KEPT_PREFIXES = 10_000


class PromptCache:
    """The prefixes that were written, the oldest forgotten first."""

    def __init__(self) -> None:
        self._prefixes: OrderedDict[bytes, None] = OrderedDict()

    def count(self, pieces: list[Piece], model: Model) -> tuple[int, int]:
        """The tokens that are read from the cache, and those that are written to it from now on."""
        keys: list[bytes] = []
        sums: list[int] = []
        for piece in pieces:
            keys.append(sha256((keys[-1] if keys else model.id.encode()) + piece.content.encode()).digest())
            sums.append((sums[-1] if sums else 0) + piece.tokens)
        marks = [at for at, piece in enumerate(pieces) if piece.marked and sums[at] >= model.least_cached_tokens]
        seen = [
            sums[at]
            for mark in marks
            for at in range(max(0, mark - _LOOKED_BACK), mark + 1)
            if keys[at] in self._prefixes
        ]
        for mark in marks:
            self._prefixes[keys[mark]] = None
            self._prefixes.move_to_end(keys[mark])
        while len(self._prefixes) > _KEPT_PREFIXES:
            self._prefixes.popitem(last=False)
        read = max(seen, default=0)
        return read, (sums[marks[-1]] if marks else 0) - read
