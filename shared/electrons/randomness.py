"""Random bytes for the ids of a request.

In a Worker each look for randomness crosses into JavaScript, so they are taken from there some hundred requests ahead.
What has to stay secret (an API key, the name of a file) asks the operating system itself.
"""

from __future__ import annotations

import os

_AHEAD_BYTES = 4096

_ahead = b""  # filled on first use, because a memory snapshot must not hold any


def take_bytes(count: int) -> bytes:
    """Return so many bytes, at most `_AHEAD_BYTES`, that are returned only once."""
    global _ahead  # noqa: PLW0603
    if len(_ahead) < count:
        _ahead = os.urandom(_AHEAD_BYTES)
    taken, _ahead = _ahead[:count], _ahead[count:]
    return taken
